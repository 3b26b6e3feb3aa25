"""Paying invoices: once each, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Desk
from gateway import verification
from kernel import ids
from tests.graph.asking import logged, work_off
from tests.paying import authenticate, card, charges, control, invoice_state, owed, rail_of
from tests.scenery import Asker, Scene, opened

SHOWS = """
    __typename
    ... on Payment {
        id state declineCode declineReason reference amount { minor } requiresAction { clientSecret }
        parts { state amount { minor } invoice { id } }
    }
    ... on Problem { message }
"""


async def paid(scene: Scene, *invoices: str, as_: Asker = None, name: str = "payInvoices", **input_: Any) -> Any:
    reply = await scene.world.change(
        name, as_ or scene.owner, shows_=SHOWS, reason_="Because.", invoices=list(invoices), **input_
    )
    return reply.data[name]


async def checked(scene: Scene, payment: str) -> Any:
    reply = await scene.world.change("checkPayment", scene.owner, shows_="id state declineCode", payment=payment)
    return reply.data["checkPayment"]


async def successes(scene: Scene) -> list[int]:
    return [charge["amount"] for charge in await charges(scene) if charge["status"] == "succeeded"]


async def fault(scene: Scene, operation: str, kind: str, **rule: Any) -> None:
    await control(scene.world, "faults", {"operation": operation, "fault": kind, "times": 0} | rule)


async def mended(scene: Scene) -> None:
    await control(scene.world, "faults", verb="DELETE")


@pytest.fixture
async def invoice(workspace: Scene) -> str:
    await card(workspace)
    return await owed(workspace, 1200, 3400)


async def test_an_invoice_is_paid_by_the_default_card_and_booked(workspace: Scene, invoice: str) -> None:
    payment = await paid(workspace, invoice)
    await work_off(workspace.world, charging=True)

    assert (payment["state"], payment["amount"], payment["requiresAction"]) == ("SUCCEEDED", {"minor": 4600}, None)
    assert payment["parts"] == [{"state": "OPEN", "amount": {"minor": 4600}, "invoice": {"id": invoice}}]
    assert await successes(workspace) == [4600]
    assert await invoice_state(workspace, invoice) == ("paid", 4600)
    booked = await workspace.world.rows(
        "select t.debit, t.credit, t.amount_minor from ledger_entry e join ledger_transfer t on t.entry_id = e.id"
        " and t.account_id = e.account_id where e.account_id = $1 and e.kind = 'payment_received'",
        workspace.number,
    )
    assert [tuple(row) for row in booked] == [("cash", "receivable", 4600)]


async def test_who_paid_from_where_with_what_is_kept(workspace: Scene, invoice: str) -> None:
    await paid(workspace, invoice)

    (row,) = await workspace.world.rows("select * from payment where account_id = $1", workspace.number)
    assert (row["person_id"], row["ip"]) == (workspace.owner.number, "127.0.0.1")
    assert row["device"].startswith("python-httpx2/")
    intent = await rail_of(workspace.world).intents.look(row["rail_id"], urgent=True)
    assert intent.metadata == {
        "gw_installation": rail_of(workspace.world).installation,
        "gw_account": workspace.account,
        "gw_payment": ids.encode("pay", row["id"]),
        "gw_invoice": invoice,
    }


async def test_several_invoices_are_paid_at_once(workspace: Scene, invoice: str) -> None:
    other = await owed(workspace, 500)

    payment = await paid(workspace, invoice, other)
    await work_off(workspace.world, charging=True)

    assert payment["amount"]["minor"] == 5100
    assert await successes(workspace) == [5100]
    assert await invoice_state(workspace, invoice) == ("paid", 4600)
    assert await invoice_state(workspace, other) == ("paid", 500)


async def test_an_invoice_is_paid_in_parts(workspace: Scene, invoice: str) -> None:
    await paid(workspace, invoice, amount=1000)
    early = await paid(workspace, invoice)
    await work_off(workspace.world, charging=True)
    between = await invoice_state(workspace, invoice)

    rest = await paid(workspace, invoice)
    await work_off(workspace.world, charging=True)

    assert early["message"] == ("A payment of 10.00 USD is under way already: it is succeeded. Wait for its outcome.")
    assert between == ("open", 1000)
    assert rest["amount"]["minor"] == 3600
    assert await invoice_state(workspace, invoice) == ("paid", 4600)
    assert sorted(await successes(workspace)) == [1000, 3600]


async def test_a_bank_that_asks_the_payer_is_answered_on_their_page(workspace: Scene) -> None:
    await card(workspace, "pm_card_authenticationRequired")
    invoice = await owed(workspace)

    payment = await paid(workspace, invoice)
    await authenticate(workspace, payment["id"])
    done = await checked(workspace, payment["id"])

    assert payment["state"] == "REQUIRES_ACTION"
    assert payment["requiresAction"]["clientSecret"].startswith("pi_")
    assert done["state"] == "SUCCEEDED"
    assert await successes(workspace) == [4000]


async def test_a_payer_may_name_a_new_card_on_their_page(workspace: Scene) -> None:
    invoice = await owed(workspace)

    payment = await paid(workspace, invoice, onPage=True)
    number = ids.decode("pay", payment["id"])
    intent = await workspace.world.value("select rail_id from payment where id = $1", number)
    given: Any = {"payment_method": "pm_card_visa", "return_url": "https://shop.example/done"}
    await rail_of(workspace.world).line.v1.payment_intents.confirm_async(intent, given)

    assert payment["state"] == "REQUIRES_ACTION"
    assert (await checked(workspace, payment["id"]))["state"] == "SUCCEEDED"


async def test_without_any_method_it_is_told_what_to_do(workspace: Scene) -> None:
    refused = await paid(workspace, await owed(workspace))

    assert refused["message"].startswith("This payment method is missing: none was named, and the account has no")
    assert await logged(workspace) == []


async def test_a_declined_payment_is_tried_again_by_another_card_on_the_same_intent(workspace: Scene) -> None:
    await card(workspace, "pm_sandbox_declines_insufficient_funds")
    invoice = await owed(workspace)

    declined = await paid(workspace, invoice)
    good = await card(workspace)
    again = await paid(workspace, invoice, paymentMethod=good)

    assert (declined["state"], declined["declineReason"]) == ("FAILED", "insufficient_funds")
    assert (again["id"], again["state"]) == (declined["id"], "SUCCEEDED")
    assert [charge["status"] for charge in await charges(workspace)] == ["succeeded", "failed"]
    attempts = await workspace.world.rows(
        "select number, outcome, decline_reason from payment_attempt where account_id = $1 order by number",
        workspace.number,
    )
    assert [tuple(row) for row in attempts] == [(1, "declined", "insufficient_funds"), (2, "succeeded", None)]


async def test_a_stolen_card_is_told_to_staff_alone(workspace: Scene) -> None:
    await card(workspace, "pm_sandbox_declines_stolen_card")
    payment = await paid(workspace, await owed(workspace))
    staff = await workspace.world.person("support", desk=Desk.SUPPORT)

    seen = await workspace.world.ask(
        "query($id: ID!) { node(id: $id) { ... on Payment { declineReason } } }", staff, id=payment["id"]
    )

    assert payment["declineReason"] == "generic_decline"
    assert seen.data["node"]["declineReason"] == "stolen_card"


async def test_another_amount_replaces_a_payment_that_was_declined(workspace: Scene) -> None:
    await card(workspace, "pm_sandbox_declines_do_not_honor")
    invoice = await owed(workspace)
    declined = await paid(workspace, invoice)
    good = await card(workspace)

    part = await paid(workspace, invoice, paymentMethod=good, amount=1500)

    former = ids.decode("pay", declined["id"])
    (row,) = await workspace.world.rows("select state, rail_id from payment where id = $1", former)
    assert (part["state"], row["state"]) == ("SUCCEEDED", "canceled")
    assert (await rail_of(workspace.world).intents.look(row["rail_id"], urgent=True)).status == "canceled"
    assert await successes(workspace) == [1500]


async def test_a_payment_that_went_through_after_all_is_not_paid_again(workspace: Scene) -> None:
    await card(workspace, "pm_card_authenticationRequired")
    invoice = await owed(workspace)
    waiting = await paid(workspace, invoice)
    good = await card(workspace)
    await authenticate(workspace, waiting["id"])

    second = await paid(workspace, invoice, paymentMethod=good, amount=1500)

    assert second["state"] == "CANCELED"
    assert await successes(workspace) == [4000]
    await work_off(workspace.world, charging=True)
    assert await invoice_state(workspace, invoice) == ("paid", 4000)


LOST = ["error_before", "error_after", "drop_before", "drop_after", "truncate", "bad_gateway"]


async def test_a_rail_that_is_away_for_days_is_waited_for(fresh_database_url: str) -> None:
    async with opened(fresh_database_url) as world:
        workspace = await world.workspace()
        await card(workspace)
        await fault(workspace, "*", "drop_before")
        payment = await paid(workspace, await owed(workspace, 1200, 3400))
        for hours in (1, 10, 20, 30):
            await work_off(world, later=timedelta(hours=hours), charging=True)
        await mended(workspace)

        await work_off(world, later=timedelta(hours=32), charging=True)

        assert payment["state"] == "CREATED"
        assert await successes(workspace) == [4600]


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("operation", ["payment_intents.create", "payment_intents.confirm"])
async def test_a_lost_answer_is_found_out_and_never_paid_twice(
    workspace: Scene, invoice: str, operation: str, kind: str
) -> None:
    await fault(workspace, operation, kind)
    payment = await paid(workspace, invoice)
    refused = await paid(workspace, invoice)
    await mended(workspace)

    for minutes in (1, 4, 20, 100, 200):
        await work_off(workspace.world, later=timedelta(minutes=minutes), charging=True)

    assert payment["state"] == ("UNKNOWN" if operation.endswith("confirm") else "CREATED")
    assert refused["__typename"] == "PaymentUnderWay"
    assert await successes(workspace) == [4600]
    assert await invoice_state(workspace, invoice) == ("paid", 4600)


async def test_a_storm_of_throttling_delays_and_loses_nothing(workspace: Scene, invoice: str) -> None:
    await fault(workspace, "payment_intents.*", "rate_limit")
    payment = await paid(workspace, invoice)
    await mended(workspace)

    await work_off(workspace.world, later=timedelta(minutes=20), charging=True)

    assert payment["state"] == "CREATED"
    assert await successes(workspace) == [4600]


async def test_ten_requests_at_once_pay_once(workspace: Scene, invoice: str) -> None:
    came = await asyncio.gather(*(paid(workspace, invoice) for _ in range(10)))

    assert sorted(payment["__typename"] for payment in came) == ["Payment", *["PaymentUnderWay"] * 9]
    assert await successes(workspace) == [4600]


async def test_an_invoice_that_becomes_final_is_charged_by_itself(workspace: Scene) -> None:
    await card(workspace)
    bought = await workspace.world.change(
        "createLicensePool", workspace.owner, workspace=workspace.id, price=workspace.world.catalog.team.price, seats=2
    )

    await work_off(workspace.world, charging=True)

    assert bought.data
    assert await successes(workspace) == [8000]
    (row,) = await workspace.world.rows("select state, paid_minor from invoice where account_id = $1", workspace.number)
    assert tuple(row) == ("paid", 8000)


async def test_the_fee_is_booked_when_it_is_known(workspace: Scene, invoice: str) -> None:
    await paid(workspace, invoice)
    await control(workspace.world, "clock", {"advance": 5})

    await work_off(workspace.world, later=timedelta(minutes=5), charging=True)

    booked = await workspace.world.rows(
        "select t.debit, t.credit, t.amount_minor from ledger_entry e join ledger_transfer t on t.entry_id = e.id"
        " and t.account_id = e.account_id where e.account_id = $1 and e.kind = 'fee_charged'",
        workspace.number,
    )
    assert [tuple(row) for row in booked] == [("fees", "cash", 163)]


async def test_finance_records_what_came_to_the_bank(workspace: Scene) -> None:
    invoice = await owed(workspace)
    finance = await workspace.world.person("finance", desk=Desk.FINANCE)

    payment = await paid(
        workspace, invoice, as_=finance, name="recordPayment", source="BANK_TRANSFER", reference="Line  7", amount=1500
    )
    await work_off(workspace.world, charging=True)

    assert (payment["state"], payment["reference"]) == ("SUCCEEDED", "Line 7")
    assert await invoice_state(workspace, invoice) == ("open", 1500)
    assert (
        await workspace.world.value(
            "select debit from ledger_transfer where account_id = $1 and credit = 'receivable'", workspace.number
        )
        == "bank"
    )


@pytest.mark.parametrize(
    ("asked", "kind"),
    [({"amount": 4601}, "MoreThanOwed"), ({"amount": 49}, "AmountNotChargeable")],
)
async def test_what_can_not_be_paid_is_refused_and_changes_nothing(
    workspace: Scene, invoice: str, asked: dict[str, Any], kind: str
) -> None:
    before = await logged(workspace)

    assert (await paid(workspace, invoice, **asked))["__typename"] == kind

    assert await logged(workspace) == before
    assert await charges(workspace) == []


async def test_a_card_that_the_rail_lost_fails_the_payment_with_a_reason(workspace: Scene) -> None:
    gone = await workspace.payment_method()

    payment = await paid(workspace, await owed(workspace), paymentMethod=gone)

    assert (payment["state"], payment["declineCode"]) == ("FAILED", "payment_method_detached")


async def test_everything_still_verifies(workspace: Scene, invoice: str) -> None:
    await paid(workspace, invoice, amount=1000)
    await work_off(workspace.world, charging=True)

    report = await verification.report(workspace.world.url)

    broken = [check for check in report["checks"] if "payment" in str(check).lower() and check.get("breaches")]
    assert broken == []
