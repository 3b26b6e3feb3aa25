"""Add-ons are dropped by themselves: with the period that is paid, or at once where the plan gives the rest back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from billing.pricing import Decrease
from kernel import ids
from tests.graph.crowd import evidence
from tests.graph.dropping import added, extra, with_add_on
from tests.graph.test_changes import Life, lines, pooled, subscribed
from tests.graph.test_previews import ELEVEN_DAYS, _at, _clock_put_back
from tests.scenery import Reply, Scene, World

__all__ = ["_clock_put_back"]

ITEMS = """
    query($id: ID!) {
      node(id: $id) { ... on Subscription { plan { key } items { id quantity endedAt } scheduledChanges { id kind } } }
    }
"""


async def _drops(life: Life, **more: Any) -> Reply:
    return await life.sends("dropItem", item=life.known["add_on"], **more)


async def _half_way(life: Life) -> Life:
    start: datetime = await life.world.value("select period_start from subscription where id = $1", life.number)
    end: datetime = await life.world.value("select period_end from subscription where id = $1", life.number)
    return await _at(life, start + (end - start) / 2)


async def test_an_add_on_goes_with_the_period_that_is_paid(world: World) -> None:
    life = await with_add_on(world)

    dropped = (await _drops(life, reason="Nobody needs it.")).data["dropItem"]
    waiting = await life.ask(ITEMS, id=life.id)
    await life.renewed()

    assert (dropped["invoice"], dropped["change"]["state"]) == (None, "PENDING")
    assert dropped["change"]["dueAt"] == dropped["subscription"]["periodEnd"]
    assert [change["kind"] for change in waiting["scheduledChanges"]] == ["DROP"]
    assert await life.totals() == [2000, 5000, 2000]
    left = await life.ask(ITEMS, id=life.id)
    assert left["plan"]["key"] == "t_pro"
    assert [item["endedAt"] is None for item in left["items"]] == [True, False]
    assert left["scheduledChanges"] == []


async def test_a_plan_that_credits_at_once_gives_the_rest_back(world: World) -> None:
    life = await _half_way(await with_add_on(world, Decrease.NOW))
    billed = await life.world.value(
        "select amount_minor from line_item where item_id = $1", ids.decode("item", life.known["add_on"])
    )

    dropped = (await _drops(life, at="NOW")).data["dropItem"]

    ((kind, amount),) = lines(dropped["invoice"])
    assert (kind, dropped["change"]) == ("CREDIT", None)
    assert -(billed // 2) - 1 <= amount <= -(billed // 2) + 1
    assert await life.credit() == -amount


async def test_a_drop_that_waits_is_withdrawn_and_the_add_on_goes_on(world: World) -> None:
    life = await with_add_on(world)
    dropped = (await _drops(life)).data["dropItem"]

    await life.does("withdrawChange", change=dropped["change"]["id"])
    await life.renewed()

    assert await life.totals() == [2000, 5000, 7000]


async def test_a_drop_waits_on_while_its_item_and_others_change_now(world: World) -> None:
    life = await with_add_on(world)
    dropped = (await _drops(life)).data["dropItem"]

    await life.does("changeSubscription", item=life.item, quantity=2)
    changed = await life.does("changeSubscription", item=life.known["add_on"], quantity=2)
    await life.renewed()

    assert [change["id"] for change in changed["subscription"]["scheduledChanges"]] == [dropped["change"]["id"]]
    assert (await life.totals())[-1] == 2000


async def test_of_a_drop_and_a_change_that_wait_for_one_item_the_newer_one_counts(world: World) -> None:
    life = await with_add_on(world)
    add_on, cheaper = life.known["add_on"], world.catalog.max.price

    await _drops(life)
    later = await life.does("changeSubscription", item=add_on, price=cheaper, at="PERIOD_END")
    again = (await _drops(life)).data["dropItem"]
    await life.renewed()

    assert [change["id"] for change in later["subscription"]["scheduledChanges"]] == [later["change"]["id"]]
    assert [change["id"] for change in again["subscription"]["scheduledChanges"]] == [again["change"]["id"]]
    assert (await life.totals())[-1] == 2000


async def test_an_add_on_that_was_dropped_can_be_bought_again(world: World) -> None:
    life = await _half_way(await with_add_on(world, Decrease.NOW))
    await _drops(life, at="NOW")

    await added(life, await extra(world, Decrease.NOW))

    shown = await life.ask(ITEMS, id=life.id)
    assert [item["endedAt"] is None for item in shown["items"]] == [True, False, True]


async def test_an_add_on_goes_at_once_while_nothing_is_paid_for(world: World) -> None:
    life = await with_add_on(world)
    await life.does("pauseSubscription")

    dropped = (await _drops(life, at="NOW")).data["dropItem"]

    assert (dropped["__typename"], dropped["invoice"]) == ("SubscriptionChanged", None)


# Refusals


async def _what_it_is_to(life: Life) -> Reply:
    return await life.sends("dropItem", item=life.item)


async def _what_is_paid(life: Life) -> Reply:
    return await _drops(life, at="NOW")


async def _of_nobody(life: Life) -> Reply:
    return await life.sends("dropItem", item=ids.encode("item", life.world.number()))


async def _too_long_a_reason(life: Life) -> Reply:
    return await _drops(life, reason="x" * 1_001)


@pytest.mark.parametrize(
    ("attempt", "word", "said"),
    [
        (_what_it_is_to, "NotAnAddOn", "cancel the subscription instead"),
        (_what_is_paid, "PaidUntilRenewal", "Drop it at the end of the period."),
        (_of_nobody, "NOT_FOUND", ""),
        (_too_long_a_reason, "INVALID_INPUT", ""),
    ],
)
async def test_what_is_refused_changes_nothing(
    attempt: Callable[[Life], Awaitable[Reply]], word: str, said: str, world: World
) -> None:
    life = await _at(await with_add_on(world), await world.now() + ELEVEN_DAYS)
    before = await _standing(life)

    reply = await attempt(life)

    answer = {} if reply.code else reply.data["dropItem"]
    assert (reply.code or answer["__typename"]) == word
    assert said in answer.get("message", "")
    assert await _standing(life) == before


async def test_what_was_dropped_is_not_dropped_again(world: World) -> None:
    life = await _half_way(await with_add_on(world, Decrease.NOW))
    await _drops(life, at="NOW")
    before = await _standing(life)

    reply = await _drops(life, at="NOW")

    assert reply.code == "INVALID_INPUT"
    assert await _standing(life) == before


async def test_an_add_on_of_a_canceled_subscription_is_over(world: World) -> None:
    life = await with_add_on(world)
    await life.does("cancelSubscription", at="NOW")
    before = await _standing(life)

    reply = await _drops(life)

    assert reply.data["dropItem"]["__typename"] == "SubscriptionOver"
    assert await _standing(life) == before


async def test_the_item_of_a_pool_is_not_dropped(workspace: Scene) -> None:
    life = await pooled(workspace, 2)
    before = await evidence(workspace)

    reply = await life.sends("dropItem", item=life.item)

    assert reply.code == "INVALID_INPUT"
    assert await evidence(workspace) == before


async def test_a_stranger_drops_nothing(world: World) -> None:
    life, other = await with_add_on(world), await subscribed(world, world.catalog.pro)
    before = await _standing(life)

    reply = await other.sends("dropItem", item=life.known["add_on"])

    assert reply.code == "NOT_FOUND"
    assert await _standing(life) == before


async def _standing(life: Life) -> list[Any]:
    """All rows that a drop could touch, but for the time that passes."""
    tables = (
        "subscription",
        "subscription_item",
        "item_step",
        "scheduled_change",
        "invoice",
        "line_item",
        "audit_record",
    )
    mine = [
        await life.world.rows(f"select * from {table} where account_id = $1 order by 1, 2", life.account)
        for table in tables
    ]
    return [dict(row) for rows in mine for row in rows]
