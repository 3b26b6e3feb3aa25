"""What the rail tells by itself: mandates, warnings of fraud, refunds made there, words that are newer than we are."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Desk
from kernel import ids
from payments.pursuit import GONE
from payments.states import PaymentMethodKind
from payments.tables import PaymentMethod
from tests.graph.asking import work_off
from tests.graph.test_dunning import days, due, row_of
from tests.graph.test_returns_told import broken, heard
from tests.graph.test_webhook_door import an_event, outcomes, post
from tests.paying import card, control, customer, owed, rail_of, together
from tests.returning import booked, disputed, paid, working
from tests.scenery import Scene

METHOD = "query($id: ID!) { node(id: $id) { ... on PaymentMethod { isDefault revokedAt } } }"
WARNED = """
    query($account: ID!) {
        fraudWarnings(filter: { account: $account }) { nodes { kind refundRecommended payment { id } } }
    }
"""
UNCREDITED = """
    query($account: ID!) {
        uncreditedRefunds(filter: { account: $account }) { nodes { id state reason amount { minor } } }
    }
"""
SHOWN = "__typename ... on Problem { message } ... on Refund { creditNote { total { minor } } reason }"
DAY = 86_400


async def debited(scene: Scene) -> tuple[str, str]:
    """An account from which may be debited, and the permission, at the sandbox."""
    await together(scene.world)
    number = scene.world.number()
    told = {"id": f"pm_known{number}", "customer": await customer(scene), "type": "sepa_debit", "last4": "3000"}
    await control(scene.world, "payment_methods", told)
    await scene.world.put(
        PaymentMethod(
            account_id=scene.number,
            id=number,
            kind=PaymentMethodKind.SEPA_DEBIT,
            brand="sepa",
            last4="3000",
            is_default=True,
            rail_id=told["id"],
            created_at=await scene.world.now(),
        )
    )
    mandate = "select id from sandbox.object where kind = 'mandate' and body ->> 'payment_method' = $1"
    return ids.encode("pm", number), await scene.world.value(mandate, told["id"])


async def readers(scene: Scene, kind: str) -> list[str]:
    """Who gets letters of a kind about the account."""
    asked = "select address from letter where account_id = $1 and kind = $2 order by address"
    return [row["address"] for row in await scene.world.rows(asked, scene.number, kind)]


async def finance_alone_reads(scene: Scene, kind: str) -> bool:
    """Whether there are such letters, and nobody but our Finance gets them."""
    asked = "select email from person p join staff s on s.person_id = p.id where s.desk = 'finance'"
    told_of = set(await readers(scene, kind))
    return bool(told_of) and told_of <= {row["email"] for row in await scene.world.rows(asked)}


async def declines(scene: Scene) -> list[Any]:
    return await scene.world.rows(
        "select decline_code from payment_attempt where account_id = $1 and outcome = 'refused'", scene.number
    )


async def told(scene: Scene, mark: str) -> list[bytes]:
    """What the sandbox has to tell of something, by a word in it."""
    asked: Any = {"limit": 100}
    listed = await rail_of(scene.world).line.v1.events.list_async(asked)
    found = [event.to_dict() async for event in listed.auto_paging_iter()][::-1]
    return [json.dumps(event).encode() for event in found if mark in json.dumps(event)]


async def test_what_may_not_be_debited_any_more_is_seen_and_not_charged(workspace: Scene) -> None:
    method, mandate = await debited(workspace)
    await control(workspace.world, f"mandates/{mandate}/revoke")
    events = [event for event in await told(workspace, mandate) if b"mandate.updated" in event]

    for event in events * 2:
        await post(workspace.world, event)
    await working(workspace)

    shown = (await workspace.world.ask(METHOD, workspace.owner, id=method)).data["node"]
    assert (shown["isDefault"], shown["revokedAt"] is not None) == (False, True)
    refused = await workspace.world.change(
        "payInvoices",
        workspace.owner,
        shows_="__typename ... on Problem { message }",
        invoices=[await owed(workspace)],
        paymentMethod=method,
    )
    assert refused.data["payInvoices"]["message"].startswith("This payment method may not be debited any more")
    told_of = await workspace.world.value(
        "select count(*) from outbox where account_id = $1 and name = 'payment_method.revoked'", workspace.number
    )
    assert told_of == 1
    payer = await workspace.world.value("select email from account where id = $1", workspace.number)
    assert await readers(workspace, "revoked") == [payer]


@pytest.mark.parametrize("seed", [1, 2])
async def test_finance_is_warned_of_fraud_before_it_is_disputed(workspace: Scene, seed: int) -> None:
    of = await paid(workspace, token="pm_card_createIssuerFraudRecord")
    await control(workspace.world, "clock", {"advance": 60})

    await heard(workspace, of, seed)

    warned = (await workspace.world.ask(WARNED, of.finance, account=workspace.account)).data["fraudWarnings"]["nodes"]
    assert warned == [{"kind": "made_with_stolen_card", "refundRecommended": True, "payment": {"id": of.payment}}]
    # Whoever paid may be who has stolen the card.
    mine = (await workspace.world.ask(WARNED, workspace.owner, account=workspace.account)).data
    assert mine["fraudWarnings"]["nodes"] == []
    await work_off(workspace.world)
    assert await finance_alone_reads(workspace, "fraud_warned")


async def test_a_warning_that_nobody_told_us_of_is_found_and_a_refund_settles_it(workspace: Scene) -> None:
    of = await paid(workspace, token="pm_card_createIssuerFraudRecord")
    await control(workspace.world, "clock", {"advance": 60})
    await working(workspace, None)

    before = (await workspace.world.ask(WARNED, of.finance, account=workspace.account)).data["fraudWarnings"]["nodes"]
    await workspace.world.change(
        "refundPayment", of.finance, shows_="__typename", reason_="Fraud.", payment=of.payment, reason="Fraud."
    )
    charge = await workspace.world.value("select charge from payment where id = $1", ids.decode("pay", of.payment))
    for event in await told(workspace, charge):
        await post(workspace.world, event)
    await working(workspace)

    after = (await workspace.world.ask(WARNED, of.finance, account=workspace.account)).data["fraudWarnings"]["nodes"]
    assert [warning["refundRecommended"] for warning in before] == [True]
    assert [warning["refundRecommended"] for warning in after] == [False]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_refund_that_was_made_at_stripe_is_booked_once_and_waits_for_its_credit_note(
    workspace: Scene, seed: int
) -> None:
    of = await paid(workspace)
    intent = await workspace.world.value("select rail_id from payment where id = $1", ids.decode("pay", of.payment))
    given: Any = {"payment_intent": intent, "amount": 1_000, "reason": "duplicate"}
    await rail_of(workspace.world).line.v1.refunds.create_async(given)

    await heard(workspace, of, seed)

    asked = {"account": workspace.account}
    (found,) = (await workspace.world.ask(UNCREDITED, of.finance, **asked)).data["uncreditedRefunds"]["nodes"]
    refunds = [entry for entry in await booked(workspace, of.invoice) if entry[0] == "refund_paid"]
    assert (found["state"], found["reason"], found["amount"]["minor"]) == (
        "SUCCEEDED",
        "It was made at Stripe itself.",
        1_000,
    )
    assert refunds == [("refund_paid", "refunds", "cash", 1_000)]

    other = await workspace.world.change(
        "creditRefund",
        of.finance,
        shows_=SHOWN,
        reason_="So.",
        refund=found["id"],
        reason="Paid twice.",
        amount={"minor": 900, "currency": "USD"},
    )
    credited = await workspace.world.change(
        "creditRefund", of.finance, shows_=SHOWN, reason_="So.", refund=found["id"], reason="Paid twice."
    )
    again = await workspace.world.change(
        "creditRefund", of.finance, shows_=SHOWN, reason_="So.", refund=found["id"], reason="Paid twice."
    )

    assert other.data["creditRefund"]["__typename"] == "RefundNotCredited"
    assert credited.data["creditRefund"] == {
        "__typename": "Refund",
        "creditNote": {"total": {"minor": 1_000}},
        "reason": "Paid twice.",
    }
    assert again.data["creditRefund"]["__typename"] == "PaymentNotRefundable"
    assert (await workspace.world.ask(UNCREDITED, of.finance, **asked)).data["uncreditedRefunds"]["nodes"] == []
    balance = await workspace.world.value(
        "select sum(case when debit = 'refunds' then amount_minor else -amount_minor end) from ledger_transfer"
        " where account_id = $1 and 'refunds' in (debit, credit)",
        workspace.number,
    )
    assert balance == 0
    assert await broken(workspace) == []


async def test_a_dispute_in_a_state_that_is_newer_than_we_are_is_kept_for_somebody_to_look_at(
    workspace: Scene,
) -> None:
    of = await paid(workspace, token="pm_card_createDispute")
    await control(workspace.world, "clock", {"advance": 60})
    charge = await workspace.world.value("select charge from payment where id = $1", ids.decode("pay", of.payment))
    events = [json.loads(event) for event in await told(workspace, charge)]
    (opened,) = [event for event in events if event["type"] == "charge.dispute.created"]
    opened["id"] = f"evt_{random.getrandbits(64):x}"
    opened["data"]["object"]["status"] = "arbitration_under_way"

    await post(workspace.world, json.dumps(opened).encode())
    await working(workspace)

    # The rail is looked at as well, and knows another status.
    (row,) = await workspace.world.rows("select state from dispute where account_id = $1", workspace.number)
    assert row["state"] == "needs_response"
    assert await outcomes(workspace, json.dumps(opened).encode()) == ("applied", 0)


async def test_an_event_that_is_not_as_we_know_it_is_tried_again_and_then_left(workspace: Scene) -> None:
    dispute = await disputed(workspace)
    body = json.loads(an_event(type="charge.dispute.updated"))
    rail_id = await workspace.world.value("select rail_id from dispute where id = $1", ids.decode("dispute", dispute))
    body["data"]["object"] = {"id": rail_id, "object": "dispute", "status": "lost"}
    event = json.dumps(body).encode()

    await post(workspace.world, event)
    await working(workspace)
    first = await outcomes(workspace, event)
    for _ in range(5):
        await working(workspace, timedelta(hours=2))

    assert first == (None, 1)
    assert await outcomes(workspace, event) == ("left to reconciliation", 4)


async def test_a_payout_moves_forward_whatever_comes_first(workspace: Scene) -> None:
    payout = f"po_{random.getrandbits(64):x}"
    states = ["pending", "in_transit", "paid", "failed"]
    shown = {"id": payout, "object": "payout", "amount": 500, "currency": "usd", "automatic": True, "created": 1}
    events = [
        an_event(type="payout.updated", data={"object": shown | {"status": state, "arrival_date": 2}})
        for state in random.Random(5).sample(states * 2, k=8)
    ]

    for event in events:
        await post(workspace.world, event)
    await working(workspace)

    assert await workspace.world.value("select state from rail_payout where rail_id = $1", payout) == "failed"


async def test_a_card_that_expires_soon_says_so(workspace: Scene) -> None:
    method = await card(workspace)
    asked = "query($id: ID!) { node(id: $id) { ... on PaymentMethod { expiresSoon } } }"
    later = (await workspace.world.ask(asked, workspace.owner, id=method)).data["node"]["expiresSoon"]
    now = await workspace.world.now()
    ends = "update payment_method set expires_on = $2 where id = $1"
    await workspace.world.run(ends, ids.decode("pm", method), f"{now - timedelta(days=31):%Y-%m}")

    soon = (await workspace.world.ask(asked, workspace.owner, id=method)).data["node"]["expiresSoon"]

    assert (later, soon) == (False, True)


async def test_a_subscription_says_what_it_alone_is_charged_by(workspace: Scene) -> None:
    subscription = await workspace.subscription()
    method = await card(workspace, default=False)
    asked = "query($id: ID!) { node(id: $id) { ... on Subscription { paymentMethod { id } } } }"
    sub = ids.encode("sub", subscription.id)
    before = (await workspace.world.ask(asked, workspace.owner, id=sub)).data["node"]

    await workspace.world.change(
        "choosePaymentMethod", workspace.owner, shows_="__typename", paymentMethod=method, subscription=sub
    )

    after = (await workspace.world.ask(asked, workspace.owner, id=sub)).data["node"]
    assert (before, after) == ({"paymentMethod": None}, {"paymentMethod": {"id": method}})


async def test_a_customer_that_was_deleted_at_stripe_is_made_anew_and_the_methods_are_gone(workspace: Scene) -> None:
    method = await card(workspace)
    known = await customer(workspace)
    await rail_of(workspace.world).line.v1.customers.delete_async(known)
    (event,) = [event for event in await told(workspace, known) if b'"customer.deleted"' in event]

    await post(workspace.world, event)
    await post(workspace.world, event)
    await working(workspace)

    gone = "select detached_at is not null as gone, is_default from payment_method where id = $1"
    (row,) = await workspace.world.rows(gone, ids.decode("pm", method))
    assert (row["gone"], row["is_default"]) == (True, False)
    assert (
        await workspace.world.value("select rail_id from rail_customer where account_id = $1", workspace.number) is None
    )


async def test_a_customer_that_was_deleted_and_nobody_told_us_ends_in_another_card(workspace: Scene) -> None:
    method = await card(workspace)
    await rail_of(workspace.world).line.v1.customers.delete_async(await customer(workspace))

    invoice = await due(workspace)
    await days(workspace, 2)

    row = await row_of(workspace, invoice)
    shown = (await workspace.world.ask(METHOD, await workspace.world.person("s", desk=Desk.SUPPORT), id=method)).data
    assert (row["course"], row["decline_code"], len(await declines(workspace))) == ("never", GONE, 1)
    assert shown["node"]["isDefault"] is False


async def test_a_card_that_was_let_go_at_stripe_and_nobody_told_us_is_not_tried_again(workspace: Scene) -> None:
    await card(workspace)
    known = await workspace.world.value("select rail_id from payment_method where account_id = $1", workspace.number)
    await rail_of(workspace.world).line.v1.payment_methods.detach_async(known)

    invoice = await due(workspace)
    await days(workspace, 3)

    row = await row_of(workspace, invoice)
    assert (row["decline_code"], len(await declines(workspace))) == (GONE, 1)
    assert row["course"] == "never"


async def test_a_card_that_its_bank_has_renewed_is_known_by_its_new_date(workspace: Scene) -> None:
    method = await card(workspace)
    known = await workspace.world.value("select rail_id from payment_method where id = $1", ids.decode("pm", method))
    renewed = (await rail_of(workspace.world).line.v1.payment_methods.retrieve_async(known)).to_dict()
    renewed["card"] |= {"exp_month": 11, "exp_year": 2039, "last4": "7777"}
    event = an_event(type="payment_method.automatically_updated", data={"object": renewed})

    await post(workspace.world, event)
    await post(workspace.world, event)
    await working(workspace)

    asked = "query($id: ID!) { node(id: $id) { ... on PaymentMethod { last4 expiresOn } } }"
    assert (await workspace.world.ask(asked, workspace.owner, id=method)).data["node"] == {
        "last4": "7777",
        "expiresOn": "2039-11",
    }
