"""Endings: what becomes of pools and seats when the subscription behind them is canceled."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from pgqueuer.core.executors import DatabaseRetryEntrypointExecutor, EntrypointExecutorParameters

from gateway import jobs
from kernel import ids
from tests.graph.asking import DAY, counted, logged, said, state_of, told, work_off
from tests.graph.crowd import evidence
from tests.scenery import Scene

ADA = "ada@example.test"


async def behind(scene: Scene, pool: str) -> str:
    """The subscription that pays for a pool."""
    number = await scene.world.value("select subscription_id from license_pool where id = $1", ids.decode("pool", pool))
    return ids.encode("sub", number)


async def closed(scene: Scene, pool: str) -> bool:
    found: bool = await scene.world.value(
        "select closed_at is not null from license_pool where id = $1", ids.decode("pool", pool)
    )
    return found


async def test_canceling_now_releases_every_seat(workspace: Scene) -> None:
    pool, other = await workspace.pool(3), await workspace.pool(1)
    seats = [
        await workspace.seat(pool, workspace.owner),
        (await said(workspace, "assignSeat", pool=pool, email=ADA))["id"],
    ]
    kept = await workspace.seat(other, workspace.owner)

    answer = await said(workspace, "cancelSubscription", subscription=await behind(workspace, pool), at="NOW")
    await work_off(workspace.world)

    assert answer["state"] == "CANCELED"
    assert answer["cancelAt"] == answer["endedAt"]
    assert [await state_of(workspace, seat) for seat in seats] == [("released", "subscription ended")] * 2
    assert await state_of(workspace, kept) == ("active", None)
    assert (await closed(workspace, pool), await closed(workspace, other)) == (True, False)
    assert await counted(workspace, pool) == (0, 0)
    assert (await logged(workspace))[-4:] == ["subscription.canceled", "seat.released", "seat.released", "pool.closed"]


async def test_an_end_without_pools_leaves_nothing_waiting(workspace: Scene) -> None:
    world, ada = workspace.world, await workspace.world.person()
    shows = "... on Subscription { id }"
    bought = await world.change("subscribe", ada, shows_=shows, account=ada.account, price=world.catalog.pro.price)
    subscription = bought.data["subscribe"]["id"]

    await world.change("cancelSubscription", ada, shows_="__typename", subscription=subscription, at="NOW")
    await work_off(world)

    told = "select count(*) from outbox where account_id = $1"
    account = ids.decode("account", ada.account)
    assert await world.value(told, account) > 1
    assert await world.value(f"{told} and delivered_at is null", account) == 0


async def test_canceling_at_the_end_of_the_period_keeps_the_seats_until_then(workspace: Scene) -> None:
    pool = await workspace.pool(3)
    seat, subscription = await workspace.seat(pool, workspace.owner), await behind(workspace, pool)
    due: datetime = await workspace.world.value(
        "select period_end from subscription where account_id = $1", workspace.number
    )

    answer = await said(workspace, "cancelSubscription", subscription=subscription, reason="Too dear.")
    await work_off(workspace.world, later=27 * DAY)
    before = await state_of(workspace, seat)
    await work_off(workspace.world, later=32 * DAY)

    (row,) = await workspace.world.rows(
        "select state, cancel_at, ended_at, cancel_reason from subscription where account_id = $1", workspace.number
    )
    assert (answer["state"], answer["endedAt"], answer["cancelReason"]) == ("ACTIVE", None, "Too dear.")
    assert before == ("active", None)
    assert tuple(row) == ("canceled", due, due, "Too dear.")
    assert await state_of(workspace, seat) == ("released", "subscription ended")
    assert await closed(workspace, pool)


async def test_what_was_to_end_later_ends_now(workspace: Scene) -> None:
    subscription = await behind(workspace, await workspace.pool(1))
    await said(workspace, "cancelSubscription", subscription=subscription, reason="Too dear.")

    answer = await said(workspace, "cancelSubscription", subscription=subscription, at="NOW")

    assert (answer["state"], answer["cancelReason"]) == ("CANCELED", "Too dear.")
    assert answer["cancelAt"] == answer["endedAt"]


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ("NOW", "NOW", "This subscription is canceled. Subscribe again to go on."),
        ("NOW", "PERIOD_END", "This subscription is canceled. Subscribe again to go on."),
        (
            "PERIOD_END",
            "PERIOD_END",
            "This subscription is to end with its period. Nothing is left to do, or cancel it now.",
        ),
    ],
)
async def test_an_end_is_settled_once(workspace: Scene, first: str, second: str, says: str) -> None:
    subscription = await behind(workspace, await workspace.pool(1))
    await said(workspace, "cancelSubscription", subscription=subscription, at=first)
    before = await evidence(workspace)

    answer = await said(workspace, "cancelSubscription", subscription=subscription, at=second)

    assert answer == {"__typename": "SubscriptionOver", "message": says}
    assert await evidence(workspace) == before


@pytest.mark.parametrize("reason", ["a" * 1_001, "because\x00"])
async def test_a_reason_that_cannot_be_kept_is_refused(workspace: Scene, reason: str) -> None:
    subscription = await behind(workspace, await workspace.pool(1))
    before = await evidence(workspace)

    reply = await told(workspace, "cancelSubscription", subscription=subscription, reason=reason)

    assert reply.code == "INVALID_INPUT"
    assert await evidence(workspace) == before


async def test_working_again_changes_nothing(workspace: Scene) -> None:
    pool = await workspace.pool(1)
    await workspace.seat(pool, workspace.owner)
    await said(workspace, "cancelSubscription", subscription=await behind(workspace, pool), at="NOW")
    await work_off(workspace.world)
    before = await evidence(workspace)

    await workspace.world.run("update outbox set delivered_at = null where account_id = $1", workspace.number)
    await work_off(workspace.world)
    await workspace.world.run("update outbox set delivered_at = at where account_id = $1", workspace.number)

    after = await evidence(workspace)
    assert (await logged(workspace)).count("pool.closed") == 1
    assert len(after) == len(before)


async def test_an_event_that_can_not_be_told_holds_up_no_other(
    workspace: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried_again = jobs._retried

    def patient(told: EntrypointExecutorParameters) -> DatabaseRetryEntrypointExecutor:
        return replace(tried_again(told), initial_delay=jobs.LONGEST_WAIT)

    # However slow the machine is, it is not tried again before we look.
    monkeypatch.setattr(jobs, "_retried", patient)
    pool, world = await workspace.pool(1), workspace.world
    seat = await workspace.seat(pool, workspace.owner)
    await world.run(
        "insert into outbox (id, account_id, at, name, payload, request_id)"
        " values ($1, $2, now(), 'subscription.canceled', '{}', 'r')",
        poison := world.number(),
        workspace.number,
    )

    await said(workspace, "cancelSubscription", subscription=await behind(workspace, pool), at="NOW")
    await work_off(world)

    assert await state_of(workspace, seat) == ("released", "subscription ended")
    tried = "select status::text, attempts from jobs.pgqueuer where convert_from(payload, 'UTF8')::bigint = $1"
    assert [tuple(row) for row in await world.rows(tried, poison)] == [("queued", 1)]
    await world.run("update outbox set delivered_at = at where id = $1", poison)
