"""Discrepancies: what differs from Stripe's balance is mended where that is safe, and else kept for a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Desk
from kernel import ids
from payments.states import PaymentSource
from tests.graph.test_reconciliation import HOUR, MINUTE, later, reconciled
from tests.paying import control, rail_of
from tests.returning import Paid, paid, working
from tests.scenery import Scene


async def found(scene: Scene) -> list[tuple[Any, ...]]:
    """What was found to differ of a workspace: kind, subject, what is at risk, and what became of it."""
    rows = await scene.world.rows(
        "select kind, subject, risk_minor, currency, state from discrepancy where account_id = $1"
        " order by found_at, id",
        scene.number,
    )
    return [tuple(row) for row in rows]


async def plant(scene: Scene, of: Paid, change: str) -> None:
    """Change a payment past every rule."""
    number = ids.decode("pay", of.payment)
    await scene.world.run(f"update payment set {change} where id = $1", number)


async def cash(scene: Scene) -> dict[str, int]:
    """What the books say lies at Stripe of a workspace, by currency."""
    rows = await scene.world.rows(
        "select currency, sum(case when debit = 'cash' then amount_minor else -amount_minor end)::bigint as minor"
        " from ledger_transfer where account_id = $1 and (debit = 'cash' or credit = 'cash') group by currency",
        scene.number,
    )
    return {row["currency"]: row["minor"] for row in rows if row["minor"]}


async def moved(scene: Scene) -> dict[str, int]:
    """What moved at Stripe of a workspace, by currency."""
    rows = await scene.world.rows(
        "select currency, sum(net_minor)::bigint as minor from balance_movement where account_id = $1"
        " group by currency",
        scene.number,
    )
    return {row["currency"]: row["minor"] for row in rows if row["minor"]}


async def test_a_whole_life_leaves_nothing_to_find(workspace: Scene) -> None:
    of = await paid(workspace, 4_000)
    asked = {"payment": of.payment, "amount": {"minor": 1_000, "currency": "USD"}, "reason": "They asked."}
    await workspace.world.change("refundPayment", of.finance, shows_="__typename", reason_="R", **asked)
    await paid(workspace, 2_000, token="pm_card_createDispute")
    await later(workspace, HOUR)

    await reconciled(workspace)

    assert await found(workspace) == []
    assert await cash(workspace) == await moved(workspace) == {"USD": 4_000 - 146 - 1_000 - 88 - 1_500}


async def test_what_went_through_and_was_not_told_is_mended(workspace: Scene) -> None:
    of = await paid(workspace, 4_000)
    await later(workspace, MINUTE)
    await reconciled(workspace)
    await plant(workspace, of, "state = 'processing', settled_at = null, seen = '{}'")

    row = await reconciled(workspace)

    state = await workspace.world.value("select state from payment where id = $1", ids.decode("pay", of.payment))
    assert state == "succeeded"
    assert await found(workspace) == [("state", "payment", 4_000, "USD", "mended")]
    assert row.mended >= 1


PLANTED = [
    ("charge = 'ch_never'", "missing_there", 4_000),
    ("amount_minor = 4100", "amount", 100),
    ("fee_minor = 100", "fee", 46),
    ("fee_minor = 146, fee_currency = 'EUR'", "fee", 146),
]


@pytest.mark.parametrize(("change", "kind", "risk"), PLANTED)
async def test_what_looking_does_not_mend_is_kept_for_a_person(
    workspace: Scene, change: str, kind: str, risk: int
) -> None:
    of = await paid(workspace, 4_000)
    await later(workspace, MINUTE)
    await reconciled(workspace)
    if kind == "missing_there":
        await workspace.world.run("delete from balance_movement where account_id = $1", workspace.number)
    await plant(workspace, of, change)
    await later(workspace, timedelta(hours=30))

    await reconciled(workspace)

    assert (kind, "payment", risk, "USD", "open") in await found(workspace)


async def test_a_difference_that_is_gone_is_closed_by_the_next_comparison(workspace: Scene) -> None:
    of = await paid(workspace, 4_000)
    await later(workspace, MINUTE)
    await reconciled(workspace)
    await plant(workspace, of, "amount_minor = 4100")
    await reconciled(workspace)

    await plant(workspace, of, "amount_minor = 4000")
    await reconciled(workspace)

    assert await found(workspace) == [("amount", "payment", 100, "USD", "mended")]


async def test_what_nobody_of_ours_made_is_an_orphan(workspace: Scene) -> None:
    given: Any = {
        "amount": 9_900,
        "currency": "usd",
        "confirm": True,
        "payment_method": "pm_card_visa",
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }
    made = await rail_of(workspace.world).line.v1.payment_intents.create_async(given)
    await later(workspace, MINUTE)

    await reconciled(workspace)

    (row,) = await workspace.world.rows(
        "select d.kind, d.risk_minor, d.state from discrepancy d join balance_movement m on m.rail_id = d.reference"
        " where m.source = $1",
        made.latest_charge,
    )
    assert tuple(row) == ("orphan", 9_900 - 317, "open")


async def test_an_invoice_that_was_paid_twice_is_found(workspace: Scene) -> None:
    of = await paid(workspace, 4_000)
    await later(workspace, MINUTE)
    again = await paid(workspace, 4_000, source=PaymentSource.BANK_TRANSFER)
    await workspace.world.run(
        "update payment_part set invoice_id = $2, applied_minor = 0 where payment_id = $1",
        ids.decode("pay", again.payment),
        ids.decode("inv", of.invoice),
    )

    await reconciled(workspace)

    assert ("double", "payment", 4_000, "USD", "open") in await found(workspace)


async def test_a_payout_that_does_not_add_up_is_found(workspace: Scene) -> None:
    await paid(workspace, 4_000_000, token="pm_card_bypassPending")
    await later(workspace, MINUTE)
    (payout, *_) = await control(workspace.world, "payouts", {"arrive": True})
    await reconciled(workspace)
    await workspace.world.run(
        "update rail_payout set amount_minor = amount_minor + 54 where rail_id = $1", payout["id"]
    )

    await reconciled(workspace)

    (row,) = await workspace.world.rows(
        "select kind, subject, risk_minor, state from discrepancy where reference = $1", payout["id"]
    )
    assert tuple(row) == ("amount", "payout", 54, "open")


async def test_books_that_say_something_else_are_found(workspace: Scene) -> None:
    await paid(workspace, 4_000)
    await later(workspace, MINUTE)
    await reconciled(workspace)
    entry = workspace.world.number()
    await workspace.world.run(
        "insert into ledger_entry (account_id, id, at, kind, subject, subject_id)"
        " values ($1, $2, now(), 'fee_charged', 'invoice', 1)",
        workspace.number,
        entry,
    )
    await workspace.world.run(
        "insert into ledger_transfer values ($1, $2, $3, 'cash', 'fees', 'USD', 46)",
        workspace.number,
        workspace.world.number(),
        entry,
    )

    await reconciled(workspace)

    assert await found(workspace) == [("amount", "account", 46, "USD", "open")]


async def test_what_goes_back_goes_at_the_rate_of_its_day(workspace: Scene) -> None:
    await control(workspace.world, "settings", {"settlement": {"usd": ["eur", "0.9"]}})
    of = await paid(workspace, 4_000)
    await later(workspace, MINUTE)
    await reconciled(workspace)
    await control(workspace.world, "settings", {"settlement": {"usd": ["eur", "0.8"]}})
    asked = {"payment": of.payment, "amount": {"minor": 1_000, "currency": "USD"}, "reason": "They asked."}
    await workspace.world.change("refundPayment", of.finance, shows_="__typename", reason_="R", **asked)
    await working(workspace)
    await later(workspace, MINUTE)

    await reconciled(workspace)

    await control(workspace.world, "settings", {"settlement": {}})
    assert await found(workspace) == []
    assert await cash(workspace) == await moved(workspace) == {"EUR": 3_600 - 131 - 800}


SHOWN = "id kind subject action state resolution resolvedBy { id } risk { minor text } account { id } payment { id }"
LISTED = f"""query($account: ID, $state: [DiscrepancyState!]) {{
  discrepancies(filter: {{account: $account, state: $state}}, orderBy: {{field: RISK, direction: DESC}}) {{
    totalCount edges {{ node {{ {SHOWN} }} }} }} }}"""


async def test_finance_sees_what_differs_and_says_how_it_was_dealt_with(workspace: Scene) -> None:
    of = await paid(workspace, 4_000)
    await later(workspace, MINUTE)
    await reconciled(workspace)
    await plant(workspace, of, "amount_minor = 4100")
    await reconciled(workspace)
    world = workspace.world

    seen = (await world.ask(LISTED, of.finance, account=workspace.account, state=["OPEN"])).data["discrepancies"]
    (found_,) = [edge["node"] for edge in seen["edges"]]
    resolved = await world.change(
        "resolveDiscrepancy",
        of.finance,
        shows_=f"... on Discrepancy {{ {SHOWN} }}",
        reason_="Booked.",
        discrepancy=found_["id"],
        reason="Booked by hand.",
    )
    await reconciled(workspace)

    assert (found_["kind"], found_["subject"], found_["risk"]["text"]) == ("AMOUNT", "PAYMENT", "1.00 USD")
    assert (found_["account"]["id"], found_["payment"]["id"]) == (workspace.account, of.payment)
    done = resolved.data["resolveDiscrepancy"]
    assert (done["state"], done["resolution"], done["resolvedBy"]["id"]) == (
        "RESOLVED",
        "Booked by hand.",
        of.finance.id,
    )
    assert await found(workspace) == [("amount", "payment", 100, "USD", "resolved")]


async def test_what_was_resolved_is_found_again_when_another_amount_is_at_risk(workspace: Scene) -> None:
    of = await paid(workspace, 4_000)
    await later(workspace, MINUTE)
    await reconciled(workspace)
    await plant(workspace, of, "amount_minor = 4100")
    await reconciled(workspace)
    number = await workspace.world.value("select id from discrepancy where account_id = $1", workspace.number)
    asked = {"discrepancy": ids.encode("discrepancy", number), "reason": "Known."}
    await workspace.world.change("resolveDiscrepancy", of.finance, reason_="Known.", **asked)

    await plant(workspace, of, "amount_minor = 4200")
    await reconciled(workspace)

    assert await found(workspace) == [
        ("amount", "payment", 100, "USD", "resolved"),
        ("amount", "payment", 200, "USD", "open"),
    ]


async def test_what_is_over_is_not_resolved_again(workspace: Scene) -> None:
    finance = await workspace.world.person("finance", desk=Desk.FINANCE)
    asked = {"discrepancy": await workspace.discrepancy(), "reason": "Known."}
    await workspace.world.change("resolveDiscrepancy", finance, reason_="Known.", **asked)
    before = await workspace.world.rows("select * from discrepancy where account_id = $1", workspace.number)

    shown = "__typename ... on Problem { message }"
    again = await workspace.world.change("resolveDiscrepancy", finance, shows_=shown, reason_="Known.", **asked)

    assert again.data["resolveDiscrepancy"] == {
        "__typename": "DiscrepancyEnded",
        "message": "This discrepancy is resolved already. There is nothing left to resolve.",
    }
    assert await workspace.world.rows("select * from discrepancy where account_id = $1", workspace.number) == before


async def test_the_money_at_risk_is_summed_and_counted_for_monitors(workspace: Scene) -> None:
    finance = await workspace.world.person("finance", desk=Desk.FINANCE)
    document = "{ moneyAtRisk { kind count risk { minor currency } } }"

    async def fees() -> tuple[int, int]:
        told = (await workspace.world.ask(document, finance)).data["moneyAtRisk"]
        each = [row for row in told if row["kind"] == "FEE" and row["risk"]["currency"] == "USD"]
        return (each[0]["count"], each[0]["risk"]["minor"]) if each else (0, 0)

    count, minor = await fees()
    await workspace.discrepancy()

    assert await fees() == (count + 1, minor + 46)
    open_ = await workspace.world.value("select count(*) from discrepancy where state = 'open'")
    figures = (await workspace.world.client.get("/metrics")).text
    assert f"seatgraph_open_discrepancies {open_:.1f}" in figures


async def test_a_refund_that_was_made_at_stripe_itself_is_found_in_the_balance_alone(workspace: Scene) -> None:
    of = await paid(workspace, 4_000)
    await later(workspace, MINUTE)
    await reconciled(workspace)
    intent = await workspace.world.value("select rail_id from payment where id = $1", ids.decode("pay", of.payment))
    given: Any = {"payment_intent": intent, "amount": 1_000}
    made = await rail_of(workspace.world).line.v1.refunds.create_async(given)
    # The rail has forgotten its events, so that nothing but the balance tells of it.
    about = "update sandbox.object set created = 0 where kind = 'event' and strpos(body::text, $1) > 0"
    await workspace.world.run(about, intent)
    await later(workspace, MINUTE)

    await reconciled(workspace)

    (row,) = await workspace.world.rows(
        "select state, amount_minor, booked, rail_id from refund where account_id = $1", workspace.number
    )
    assert tuple(row) == ("succeeded", 1_000, True, made.id)
    assert await found(workspace) == []
    assert await cash(workspace) == await moved(workspace) == {"USD": 4_000 - 146 - 1_000}
