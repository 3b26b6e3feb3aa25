"""Refunds: a credit note promises, the rail gives back, the books follow."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from auth.policy import Desk
from kernel import ids
from payments.states import PaymentSource
from tests.graph.asking import logged
from tests.paying import control, rail_of
from tests.returning import Paid, booked, paid, working
from tests.scenery import Asker, Scene

REFUND = """
    __typename
    ... on Refund { id state amount { minor } failure creditNote { total { minor } destination } invoice { state } }
    ... on Problem { message }
"""
SEEN = "query($id: ID!) { node(id: $id) { ... on Payment { refunds { state amount { minor } } } } }"
PREVIEW = """
    query($payment: ID!, $amount: AmountInput) {
      previewRefund(payment: $payment, amount: $amount) {
        amount { minor } left { minor } creditNote { total { minor } returned { minor } }
      }
    }
"""


async def refunded(scene: Scene, of: Paid, minor: int | None = None, **more: Any) -> Any:
    amount = {} if minor is None else {"amount": {"minor": minor, "currency": "USD"}}
    asked = {"payment": of.payment, "reason": "They asked."} | amount | more
    reply = await scene.world.change("refundPayment", of.finance, shows_=REFUND, reason_="Because.", **asked)
    return reply.data["refundPayment"]


async def refunds(scene: Scene, of: Paid, as_: Asker = None) -> list[tuple[str, int]]:
    found = (await scene.world.ask(SEEN, as_ or scene.owner, id=of.payment)).data["node"]["refunds"]
    return [(refund["state"], refund["amount"]["minor"]) for refund in found]


async def at_the_rail(scene: Scene, of: Paid) -> list[tuple[str, int]]:
    intent = await scene.world.value("select rail_id from payment where id = $1", ids.decode("pay", of.payment))
    found = [refund async for refund in rail_of(scene.world).refunds.of_intent(intent, urgent=True)]
    return [(refund.status, refund.amount.minor) for refund in found]


async def faulty(scene: Scene, kind: str, times: int = 0) -> None:
    await control(scene.world, "faults", {"operation": "refunds.create", "fault": kind, "times": times})


async def healed(scene: Scene) -> None:
    await control(scene.world, "faults", verb="DELETE")


async def test_part_of_a_payment_goes_back_with_a_credit_note_and_the_books_follow(workspace: Scene) -> None:
    of = await paid(workspace)

    done = await refunded(workspace, of, 1_000)
    await working(workspace)

    assert (done["state"], done["amount"]["minor"], done["failure"]) == ("SUCCEEDED", 1_000, None)
    assert done["creditNote"] == {"total": {"minor": 1_000}, "destination": "REFUNDS"}
    assert await at_the_rail(workspace, of) == [("succeeded", 1_000)]
    assert (await booked(workspace, of.invoice))[-2:] == [
        ("credit_note", "receivable", "refunds", 1_000),
        ("refund_paid", "refunds", "cash", 1_000),
    ]


async def test_a_preview_is_what_goes_back(workspace: Scene) -> None:
    of = await paid(workspace)
    await refunded(workspace, of, 1_000)

    seen = (await workspace.world.ask(PREVIEW, of.finance, payment=of.payment)).data["previewRefund"]
    done = await refunded(workspace, of)

    assert seen == {
        "amount": {"minor": 3_000},
        "left": {"minor": 0},
        "creditNote": {"total": {"minor": 3_000}, "returned": {"minor": 3_000}},
    }
    assert done["amount"] == seen["amount"]
    assert await refunds(workspace, of) == [("SUCCEEDED", 1_000), ("SUCCEEDED", 3_000)]


async def test_what_stripe_never_had_is_refused_in_a_sentence(workspace: Scene) -> None:
    of = await paid(workspace)
    await workspace.world.run("update payment set rail_id = null where id = $1", ids.decode("pay", of.payment))

    refused = await refunded(workspace, of, 1_000)

    assert refused["__typename"] == "PaymentNotRefundable"
    assert refused["message"].startswith("This payment was never made at Stripe")
    assert await refunds(workspace, of) == []


async def test_a_line_is_given_back(workspace: Scene) -> None:
    of = await paid(workspace, 4_000, 2_500)

    done = await refunded(workspace, of, lines=[{"position": 2, "minor": 2_500}])

    assert (done["state"], done["amount"]["minor"]) == ("SUCCEEDED", 2_500)


async def test_no_more_goes_back_than_was_paid(workspace: Scene) -> None:
    of = await paid(workspace)
    await refunded(workspace, of, 3_000)
    before = await logged(workspace)

    refused = await refunded(workspace, of, 1_001)

    assert refused["__typename"] == "CreditTooHigh"
    assert await refunds(workspace, of) == [("SUCCEEDED", 3_000)]
    assert await logged(workspace) == before


async def test_refunds_at_once_never_give_back_more_than_was_paid(workspace: Scene) -> None:
    of = await paid(workspace)

    done = await asyncio.gather(*(refunded(workspace, of, 1_500) for _ in range(4)))

    assert sorted(each["__typename"] for each in done) == ["CreditTooHigh", "CreditTooHigh", "Refund", "Refund"]
    assert await at_the_rail(workspace, of) == [("succeeded", 1_500), ("succeeded", 1_500)]


async def test_above_the_limit_a_second_person_consents_to_exactly_that(workspace: Scene) -> None:
    of = await paid(workspace, 300_000)
    other = await workspace.world.person("second", desk=Desk.FINANCE)
    amount = {"minor": 250_000, "currency": "USD"}
    asked = {"account": workspace.account, "kind": "CREDIT_NOTE", "amount": amount, "reason": "Sorry."}
    asked |= {"invoice": of.invoice, "destination": "REFUNDS"}

    alone = await refunded(workspace, of, 250_000)
    reply = await workspace.world.change("requestApproval", of.finance, shows_="id", reason_="Because.", **asked)
    approval = reply.data["requestApproval"]["id"]
    early = await refunded(workspace, of, 250_000, approval=approval)
    await workspace.world.change("approve", other, reason_="Because.", approval=approval)
    changed = await refunded(workspace, of, 260_000, approval=approval)
    done = await refunded(workspace, of, 250_000, approval=approval)

    refusals = [each["__typename"] for each in (alone, early, changed)]
    assert refusals == ["SecondPersonNeeded"] * 3
    assert (done["__typename"], await refunds(workspace, of)) == ("Refund", [("SUCCEEDED", 250_000)])


async def test_a_lost_answer_is_found_out_and_nothing_goes_back_twice(workspace: Scene) -> None:
    of = await paid(workspace)
    await faulty(workspace, "drop_after")
    try:
        unsure = await refunded(workspace, of, 1_000)
    finally:
        await healed(workspace)

    await working(workspace, timedelta(minutes=5))

    assert unsure["state"] == "UNKNOWN"
    assert await refunds(workspace, of) == [("SUCCEEDED", 1_000)]
    assert await at_the_rail(workspace, of) == [("succeeded", 1_000)]


async def test_what_never_arrived_is_asked_again_with_the_same_key(workspace: Scene) -> None:
    of = await paid(workspace)
    await faulty(workspace, "drop_before")
    try:
        unsure = await refunded(workspace, of, 1_000)
    finally:
        await healed(workspace)
    nothing = await at_the_rail(workspace, of)

    await working(workspace, timedelta(minutes=5))

    assert (unsure["state"], nothing) == ("UNKNOWN", [])
    assert await at_the_rail(workspace, of) == [("succeeded", 1_000)]


async def test_a_refund_that_fails_after_it_succeeded_is_promised_again(workspace: Scene) -> None:
    of = await paid(workspace, token="pm_card_refundFail")
    done = await refunded(workspace, of, 1_000)
    await working(workspace)
    await control(workspace.world, "clock", {"advance": 8 * 86_400})

    await working(workspace, timedelta(days=8))
    fresh = await workspace.world.person("fresh", desk=Desk.FINANCE)
    again = await workspace.world.change("retryRefund", fresh, shows_=REFUND, reason_="R", refund=done["id"])
    twice = await workspace.world.change("retryRefund", fresh, shows_=REFUND, reason_="R", refund=done["id"])
    await working(workspace)

    assert done["state"] == "SUCCEEDED"
    kinds = [kind for kind, *_ in await booked(workspace, of.invoice)]
    assert kinds[-3:] == ["refund_paid", "refund_returned", "refund_paid"]
    assert again.data["retryRefund"]["state"] == "SUCCEEDED"
    assert twice.data["retryRefund"]["__typename"] == "PaymentNotRefundable"
    assert await refunds(workspace, of, fresh) == [("FAILED", 1_000), ("SUCCEEDED", 1_000)]


async def test_what_came_past_the_rail_goes_back_past_it(workspace: Scene) -> None:
    of = await paid(workspace, source=PaymentSource.BANK_TRANSFER)

    done = await refunded(workspace, of)
    await working(workspace)

    assert (done["state"], done["amount"]["minor"]) == ("SUCCEEDED", 4_000)
    assert (await booked(workspace, of.invoice))[-1] == ("refund_paid", "refunds", "cash", 4_000)


async def test_what_the_rail_refuses_is_still_owed(workspace: Scene) -> None:
    of = await paid(workspace, token="pm_card_createDispute")
    await control(workspace.world, "clock", {"advance": 5 * 86_400})

    refused = await refunded(workspace, of, 1_000)
    await working(workspace)

    assert (refused["state"], refused["failure"]) == ("FAILED", "charge_disputed")
    kinds = [kind for kind, *_ in await booked(workspace, of.invoice)]
    assert "credit_note" in kinds
    assert "refund_paid" not in kinds
