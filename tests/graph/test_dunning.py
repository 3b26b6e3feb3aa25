"""What follows an unpaid invoice, lived through day by day against the rail's sandbox."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from auth.policy import Desk
from kernel import ids
from tests.graph.asking import DAY, work_off
from tests.paying import card, charges, invoice_state
from tests.scenery import Scene

EMPTY = "pm_sandbox_declines_insufficient_funds"
STOLEN = "pm_sandbox_declines_stolen_card"


async def due(scene: Scene, **owes: Any) -> str:
    """An invoice that became final just now, and was charged by itself."""
    invoice = await scene.invoice(**owes)
    await final(scene, invoice)
    return invoice


async def final(scene: Scene, invoice: str) -> None:
    await scene.world.run(
        "insert into outbox (id, account_id, at, name, payload, request_id) values ($1, $2, $3, $4, $5::jsonb, '')",
        scene.world.number(),
        scene.number,
        await scene.world.now(),
        "invoice.finalized",
        json.dumps({"account_id": scene.number, "invoice": ids.decode("inv", invoice)}),
    )
    await work_off(scene.world, charging=True)


async def days(scene: Scene, number: int) -> None:
    """Live through so many days, with a worker that looks twice a day."""
    for _ in range(2 * number):
        await scene.world.advance(DAY / 2)
        await work_off(scene.world, charging=True)


async def told(scene: Scene, prefix: str = "invoice.") -> list[str]:
    rows = await scene.world.rows(
        "select name from outbox where account_id = $1 and name like $2 order by id", scene.number, f"{prefix}%"
    )
    return [row["name"] for row in rows if row["name"] != "invoice.finalized"]


async def row_of(scene: Scene, invoice: str) -> Any:
    (row,) = await scene.world.rows("select * from invoice_dunning where id = $1", ids.decode("inv", invoice))
    return row


async def standing(scene: Scene, subscription: int) -> tuple[str, bool]:
    """The state of a subscription, and whether it gives access."""
    (row,) = await scene.world.rows(
        "select state, access_taken(account_id, id) as taken from subscription where id = $1", subscription
    )
    return row["state"], not row["taken"]


async def test_what_was_not_covered_is_charged_again_on_its_day_and_all_is_well(workspace: Scene) -> None:
    await card(workspace, EMPTY)
    subscription = await workspace.subscription(workspace.world.catalog.team)
    invoice = await due(workspace, subscription=subscription)
    begun = await row_of(workspace, invoice)
    behind = await standing(workspace, subscription.id)
    await card(workspace)

    await days(workspace, 2)

    assert (begun["course"], begun["decline_reason"], begun["reminders"]) == ("schedule", "insufficient_funds", 1)
    assert behind == ("past_due", True)
    assert [charge["status"] for charge in await charges(workspace)] == ["succeeded", "failed"]
    assert await invoice_state(workspace, invoice) == ("paid", 4000)
    assert (await row_of(workspace, invoice))["state"] == "settled"
    assert await standing(workspace, subscription.id) == ("active", True)


async def test_a_card_that_counts_as_stolen_is_never_charged_again_and_its_seats_are_released(workspace: Scene) -> None:
    await card(workspace, STOLEN)
    pool = await workspace.pool(3)
    await workspace.seat(pool, workspace.owner)
    number = await workspace.world.value(
        "select subscription_id from license_pool where id = $1", ids.decode("pool", pool)
    )
    invoice = await workspace.invoice()
    await workspace.world.run(
        "update invoice set subscription_id = $2 where id = $1", ids.decode("inv", invoice), number
    )
    await final(workspace, invoice)

    await days(workspace, 15)
    without_access = await standing(workspace, number)
    await days(workspace, 7)

    assert len(await charges(workspace)) == 1
    assert without_access == ("past_due", False)
    assert (await row_of(workspace, invoice))["reminders"] == 5
    assert await invoice_state(workspace, invoice) == ("uncollectible", 0)
    assert (await standing(workspace, number))[0] == "canceled"
    held = "select count(*) from assignment where account_id = $1 and state in ('invited', 'active', 'suspended')"
    assert await workspace.world.value(held, workspace.number) == 0


async def test_a_bank_that_asks_the_payer_is_not_asked_again_without_them(workspace: Scene) -> None:
    await card(workspace, "pm_card_authenticationRequired")

    invoice = await due(workspace)
    await days(workspace, 4)

    assert (await row_of(workspace, invoice))["course"] == "ask"
    assert len(await charges(workspace)) <= 1
    assert (await told(workspace))[:2] == ["invoice.dunning_started", "invoice.reminded"]


async def test_a_new_card_is_charged_at_once(workspace: Scene) -> None:
    await card(workspace, STOLEN)
    invoice = await due(workspace)
    good = await card(workspace, default=False)

    await workspace.world.change("choosePaymentMethod", workspace.owner, shows_="__typename", paymentMethod=good)
    await work_off(workspace.world, charging=True)

    assert await invoice_state(workspace, invoice) == ("paid", 4000)
    assert (await row_of(workspace, invoice))["state"] == "settled"


async def test_another_card_that_is_not_charged_for_it_changes_nothing(workspace: Scene) -> None:
    await card(workspace, STOLEN)
    invoice = await due(workspace)
    stolen = await workspace.world.value("select id from payment_method where account_id = $1", workspace.number)

    await workspace.world.change(
        "choosePaymentMethod",
        workspace.owner,
        shows_="__typename",
        paymentMethod=await card(workspace, default=False),
        subscription=ids.encode("sub", (await workspace.subscription(workspace.world.catalog.team)).id),
    )
    await work_off(workspace.world, charging=True)

    assert len(await charges(workspace)) == 1
    row = await row_of(workspace, invoice)
    assert (row["course"], row["declined_method_id"]) == ("never", stolen)


async def test_the_networks_limit_holds_over_all_accounts_and_puts_the_charge_off(workspace: Scene) -> None:
    await card(workspace, EMPTY)
    invoice = await due(workspace)
    await tried(workspace, 19)

    await days(workspace, 5)
    held = await row_of(workspace, invoice)

    assert len(await charges(workspace)) == 1
    assert held["state"] == "running"


async def tried(scene: Scene, times: int) -> None:
    """Let a card have been declined so often just now."""
    await scene.world.run(
        "insert into payment_attempt (account_id, id, payment_id, number, payment_method_id, state, outcome,"
        " fingerprint, brand, created_at, sent_at, answered_at, sends)"
        " select account_id, id + n * 1000000007::bigint, payment_id, number + n, payment_method_id, state, outcome,"
        " fingerprint, brand, created_at, sent_at, answered_at, sends from payment_attempt, generate_series(1, $2) n"
        " where account_id = $1",
        scene.number,
        times,
    )


async def test_an_invoice_that_is_sent_is_reminded_of_after_its_due_date_and_never_charged(workspace: Scene) -> None:
    await card(workspace)
    invoice = await workspace.invoice()
    number = ids.decode("inv", invoice)
    later = await workspace.world.now() + 3 * DAY
    await workspace.world.run(
        "update invoice set collection = 'send_invoice', due_at = $2 where id = $1", number, later
    )
    await final(workspace, invoice)

    await days(workspace, 3)
    early = await told(workspace)
    await days(workspace, 2)

    assert early == ["invoice.dunning_started"]
    assert await told(workspace) == ["invoice.dunning_started", "invoice.reminded"]
    assert await charges(workspace) == []


SEEN = """
    query($id: ID!) { node(id: $id) { ... on Invoice { dunning {
        state course nextAttemptAt declineReason reminders steps { at what } declinedMethod { last4 }
    } } } }
"""


async def test_the_steps_ahead_are_shown_and_a_customer_is_not_told_what_a_thief_would_like_to_know(
    workspace: Scene,
) -> None:
    await card(workspace, STOLEN)
    invoice = await due(workspace)
    staff = await workspace.world.person("support", desk=Desk.SUPPORT)

    mine = (await workspace.world.ask(SEEN, workspace.owner, id=invoice)).data["node"]["dunning"]
    theirs = (await workspace.world.ask(SEEN, staff, id=invoice)).data["node"]["dunning"]

    assert (mine["state"], mine["course"], mine["nextAttemptAt"], mine["reminders"]) == ("RUNNING", "NEVER", None, 1)
    whats = [step["what"] for step in mine["steps"]]
    assert whats == ["REMIND", "REMIND", "REMIND", "TAKE_ACCESS", "REMIND", "END"]
    assert (mine["declineReason"], theirs["declineReason"]) == ("generic_decline", "stolen_card")


async def test_the_next_charge_is_told_ahead(workspace: Scene) -> None:
    await card(workspace, EMPTY)
    invoice = await due(workspace)

    shown = (await workspace.world.ask(SEEN, workspace.owner, id=invoice)).data["node"]["dunning"]

    assert shown["nextAttemptAt"] == next(step["at"] for step in shown["steps"] if step["what"] == "CHARGE")


async def test_a_worker_that_was_away_for_a_week_charges_once(workspace: Scene) -> None:
    await card(workspace, EMPTY)
    await due(workspace)

    await workspace.world.advance(timedelta(days=8))
    await work_off(workspace.world, charging=True)

    assert len(await charges(workspace)) == 2


async def test_nothing_is_given_up_while_money_is_on_its_way(workspace: Scene) -> None:
    await card(workspace, STOLEN)
    invoice = await due(workspace)
    under_way = "update payment set state = $2 where account_id = $1"
    await workspace.world.run(under_way, workspace.number, "processing")
    await days(workspace, 23)
    waiting = await invoice_state(workspace, invoice)

    await workspace.world.run(under_way, workspace.number, "failed")
    await days(workspace, 2)

    assert waiting == ("open", 0)
    assert await invoice_state(workspace, invoice) == ("uncollectible", 0)
