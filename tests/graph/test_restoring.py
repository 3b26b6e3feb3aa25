"""Restoring seats: a workspace that lost its subscription, or took too many seats back, has its people sit again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from auth.policy import Role
from kernel import ids
from seats import bringing_back
from seats.restoring import Sat
from seats.seating import Loss, SeatState
from tests.graph.asking import DAY, counted, logged, said, state_of, work_off
from tests.graph.crowd import evidence
from tests.graph.test_endings import behind
from tests.scenery import Scene, Somebody

TOLD = "restored pool { id } people { email outcome seat { state source pool { id } } former { id } }"
SHOWN = f"__typename ... on SeatsRestored {{ {TOLD} }} ... on Problem {{ message }}"
PREVIEW = f"query ($satIn: ID!, $pool: ID) {{ previewRestore(satIn: $satIn, pool: $pool) {{ {TOLD} }} }}"


async def restore(scene: Scene, sat_in: str, pool: str) -> Any:
    """What came of restoring."""
    reply = await scene.world.change("restoreSeats", scene.owner, shows_=SHOWN, satIn=sat_in, pool=pool)
    return reply.data["restoreSeats"]


async def foresee(scene: Scene, sat_in: str, pool: str | None = None, by: Somebody | None = None) -> Any:
    """Who would sit again."""
    reply = await scene.world.ask(PREVIEW, by or scene.owner, satIn=sat_in, pool=pool)
    return reply.data["previewRestore"]


async def seated(scene: Scene, seats: int = 3, people: int = 3) -> tuple[str, list[Somebody], list[str]]:
    """A pool with members in it, one after the other."""
    pool = await scene.pool(seats)
    members = [await scene.join() for _ in range(people)]
    return pool, members, [await scene.seat(pool, who) for who in members]


def outcomes(told: Any) -> list[tuple[str, str]]:
    return [(one["email"], one["outcome"]) for one in told["people"]]


async def test_whoever_sat_when_a_subscription_ended_sits_again_in_the_pool_that_comes_after_it(
    workspace: Scene,
) -> None:
    ended, people, seats = await seated(workspace)
    invited = (await said(workspace, "releaseSeat", seat=seats[2]))["state"]
    await workspace.seat(ended, "asked@example.test")
    await said(workspace, "cancelSubscription", subscription=await behind(workspace, ended), at="NOW")
    await work_off(workspace.world)
    foreseen = await foresee(workspace, ended)
    pool = await workspace.pool(2)
    told = await foresee(workspace, ended, pool)
    before = len(await logged(workspace))

    answer = await restore(workspace, ended, pool)

    emails = [one.email for one in people[:2]]
    assert invited == "RELEASED"
    assert outcomes(foreseen) == outcomes(told) == outcomes(answer) == [(email, "RESTORED") for email in emails]
    assert (foreseen["pool"], told["pool"], answer["restored"]) == (None, {"id": pool}, 2)
    assert [one["former"]["id"] for one in answer["people"]] == seats[:2]
    assert [one["seat"] for one in answer["people"]] == [
        {"state": "ACTIVE", "source": "MANUAL", "pool": {"id": pool}}
    ] * 2
    assert [await state_of(workspace, seat) for seat in seats[:2]] == [("released", "subscription ended")] * 2
    assert await counted(workspace, pool) == (2, 2)
    assert (await logged(workspace))[before:] == ["seat.assigned"] * 2


async def test_as_many_sit_as_there_is_room_for_and_the_others_once_there_is_more(workspace: Scene) -> None:
    ended, people, _ = await seated(workspace)
    await workspace.ended(ended)
    pool = await workspace.pool(2)
    foreseen = await foresee(workspace, ended, pool)

    first = await restore(workspace, ended, pool)
    before = await evidence(workspace)
    full = await restore(workspace, ended, pool)
    unchanged = await evidence(workspace) == before
    await workspace.world.run("update license_pool set purchased = 3 where id = $1", ids.decode("pool", pool))
    again = await restore(workspace, ended, pool)

    emails = [one.email for one in people]
    assert outcomes(foreseen) == outcomes(first)
    assert outcomes(first) == list(zip(emails, ["RESTORED", "RESTORED", "NO_SEAT_LEFT"], strict=True))
    assert outcomes(full) == list(zip(emails, ["ALREADY_SEATED", "ALREADY_SEATED", "NO_SEAT_LEFT"], strict=True))
    assert unchanged
    assert outcomes(again) == list(zip(emails, ["ALREADY_SEATED", "ALREADY_SEATED", "RESTORED"], strict=True))
    assert await counted(workspace, pool) == (3, 3)


async def test_whoever_left_was_suspended_or_sits_already_is_told_apart(workspace: Scene) -> None:
    ended, (left, here, fine), _ = await seated(workspace, seats=4)
    held = await workspace.join()
    await workspace.seat(ended, held, SeatState.SUSPENDED)
    await workspace.seat(ended, await workspace.join(), SeatState.WAITLISTED)
    await workspace.ended(ended)
    pool = await workspace.pool(4)
    await workspace.seat(pool, here)
    await workspace.world.run(
        "update member set state = 'removed', removed_at = joined_at where account_id = $1 and person_id = $2",
        workspace.number,
        left.number,
    )

    answer = await restore(workspace, ended, pool)

    assert answer["restored"] == 1
    assert outcomes(answer) == [
        (left.email, "NOT_A_MEMBER"),
        (here.email, "ALREADY_SEATED"),
        (fine.email, "RESTORED"),
        (held.email, "SUSPENDED"),
    ]
    assert await counted(workspace, pool) == (2, 2)


async def test_whoever_lost_a_seat_they_did_not_use_has_it_again_for_seven_days(workspace: Scene) -> None:
    pool, people, seats = await seated(workspace, seats=2, people=2)
    for seat, ago in zip(seats, [6 * DAY, 7 * DAY], strict=True):
        await workspace.reclaimed(seat, ago=ago)

    answer = await restore(workspace, pool, pool)

    assert outcomes(answer) == [(people[0].email, "RESTORED")]
    assert await counted(workspace, pool) == (1, 1)


@pytest.mark.parametrize("reason", list(Loss))
async def test_what_somebody_decided_is_no_loss_whatever_they_write(workspace: Scene, reason: Loss) -> None:
    pool, people, (first, second, _) = await seated(workspace)
    # They sat for a while.
    await workspace.world.run(
        "update assignment set since = since - interval '1 hour' where account_id = $1", workspace.number
    )
    await said(workspace, "releaseSeat", seat=first, reason=reason.value)
    await workspace.reclaimed(second)
    await work_off(workspace.world)

    told = await foresee(workspace, pool, pool)
    answer = await restore(workspace, pool, pool)

    assert await state_of(workspace, first) == ("released", reason.value)
    assert outcomes(told) == outcomes(answer) == [(people[1].email, "RESTORED")]
    assert await counted(workspace, pool) == (2, 2)
    mailed = "select address from letter where account_id = $1 and kind in ('seat_gone', 'seat_reclaimed')"
    assert [row["address"] for row in await workspace.world.rows(mailed, workspace.number)] == []


async def test_seats_that_wait_for_nobody_any_more_are_foreseen_as_free(workspace: Scene) -> None:
    ended, people, _ = await seated(workspace)
    await workspace.ended(ended)
    pool = await workspace.pool(3)
    for name in ("late", "later"):
        await workspace.seat(pool, f"{name}@example.test")
        await workspace.invitation(f"{name}@example.test", sent=await workspace.world.now() - 8 * DAY)
    await workspace.seat(pool, "asked@example.test")
    await workspace.invitation("asked@example.test")

    told = await foresee(workspace, ended, pool)
    answer = await restore(workspace, ended, pool)

    emails = [one.email for one in people]
    assert outcomes(told) == list(zip(emails, ["RESTORED", "RESTORED", "NO_SEAT_LEFT"], strict=True))
    assert outcomes(answer) == outcomes(told)
    assert await counted(workspace, pool) == (3, 3)


async def test_nobody_is_invited_whose_address_changes_at_that_moment(
    workspace: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, people, _ = await seated(workspace)
    await workspace.ended(ended)
    pool, look = await workspace.pool(3), bringing_back.lost

    async def changing(*told: Any) -> list[Sat]:
        found = await look(*told)
        await workspace.world.run("update person set email = 'new.' || email where id = $1", people[0].number)
        await workspace.world.run("update person set email = 'no address' where id = $1", people[1].number)
        return found

    monkeypatch.setattr(bringing_back, "lost", changing)
    answer = await restore(workspace, ended, pool)

    assert outcomes(answer) == [(one.email, "RESTORED") for one in people]
    assert await counted(workspace, pool) == (3, 3)
    assert await workspace.world.value("select count(*) from invitation where account_id = $1", workspace.number) == 0


async def test_who_was_restored_and_then_released_on_purpose_is_not_restored_again(workspace: Scene) -> None:
    ended, people, _ = await seated(workspace)
    await workspace.ended(ended)
    pool = await workspace.pool(3)
    (first, *_) = (await restore(workspace, ended, pool))["people"]
    seat = await workspace.world.value(
        "select id from assignment where pool_id = $1 and person_id = $2", ids.decode("pool", pool), people[0].number
    )
    # They sat for a while.
    await workspace.world.run("update assignment set since = since - interval '1 hour' where id = $1", seat)
    await said(workspace, "releaseSeat", seat=ids.encode("seat", seat))

    again = await restore(workspace, ended, pool)

    assert first["email"] == people[0].email
    assert outcomes(again) == [(one.email, "ALREADY_SEATED") for one in people[1:]]
    assert await counted(workspace, pool) == (2, 2)


async def test_a_lost_seat_is_restored_once_and_not_in_a_second_pool_too(workspace: Scene) -> None:
    ended, people, _ = await seated(workspace)
    await workspace.ended(ended)
    pool, other = await workspace.pool(2), await workspace.pool(3)
    await restore(workspace, ended, pool)
    # The first sat for a while, and was released on purpose.
    seat = await workspace.world.value(
        "update assignment set since = since - interval '1 hour' where pool_id = $1 and person_id = $2 returning id",
        ids.decode("pool", pool),
        people[0].number,
    )
    await said(workspace, "releaseSeat", seat=ids.encode("seat", seat))

    needed, told = await foresee(workspace, ended), await foresee(workspace, ended, other)
    answer = await restore(workspace, ended, other)

    assert outcomes(needed) == outcomes(told) == outcomes(answer)
    assert outcomes(answer) == [(people[1].email, "ALREADY_SEATED"), (people[2].email, "RESTORED")]
    assert await counted(workspace, pool) == (1, 1)
    assert await counted(workspace, other) == (1, 1)


async def test_two_who_restore_lost_seats_by_two_pools_at_once_seat_everybody_once(workspace: Scene) -> None:
    ended, people, _ = await seated(workspace)
    await workspace.ended(ended)
    pools = [await workspace.pool(3), await workspace.pool(3)]

    answers = await asyncio.gather(*(restore(workspace, ended, pool) for pool in pools))

    restored = [email for answer in answers for email, outcome in outcomes(answer) if outcome == "RESTORED"]
    assert sorted(restored) == sorted(one.email for one in people)
    assert sorted([await counted(workspace, pool) for pool in pools]) == [(0, 0), (3, 3)]


async def test_a_seat_that_was_kept_when_it_was_lost_counts_as_suspended_by_nobody(workspace: Scene) -> None:
    ended, people, seats = await seated(workspace)
    await workspace.world.run(
        "update assignment set state = 'suspended', suspended_at = since, kept_since = since,"
        " kept_until = since + interval '9 days' where id = $1",
        ids.decode("seat", seats[0]),
    )
    await workspace.ended(ended)

    answer = await restore(workspace, ended, await workspace.pool(3))

    assert outcomes(answer) == [(one.email, "RESTORED") for one in people]


@pytest.mark.parametrize(("days", "restored"), [(29, 1), (30, 0)])
async def test_what_a_subscription_took_is_restored_for_30_days(workspace: Scene, days: int, restored: int) -> None:
    ended, _, _ = await seated(workspace, people=1)
    await workspace.ended(ended, ago=days * DAY)
    pool = await workspace.pool(1)

    assert (await foresee(workspace, ended, pool))["restored"] == restored
    assert (await restore(workspace, ended, pool))["restored"] == restored
    assert await counted(workspace, pool) == (restored, restored)


async def test_from_several_sides_at_once_everybody_sits_once(workspace: Scene) -> None:
    ended, _, _ = await seated(workspace)
    await workspace.ended(ended)
    pool = await workspace.pool(2)

    came = await asyncio.gather(*(restore(workspace, ended, pool) for _ in range(4)))

    assert sum(one["restored"] for one in came) == 2
    assert await counted(workspace, pool) == (2, 2)


async def test_a_closed_pool_seats_nobody_again(workspace: Scene) -> None:
    ended, _, _ = await seated(workspace)
    await workspace.ended(ended)
    before = await evidence(workspace)

    answer = await restore(workspace, ended, ended)

    assert answer["__typename"] == "PoolClosed"
    assert await evidence(workspace) == before


async def test_the_pools_are_of_one_workspace(workspace: Scene) -> None:
    ended, _, _ = await seated(workspace)
    await workspace.ended(ended)
    pool, theirs = await workspace.pool(3), await (await workspace.world.workspace(roles=[Role.OWNER])).pool(3)
    before = await evidence(workspace)

    replies = [
        await workspace.world.change("restoreSeats", workspace.owner, shows_=SHOWN, satIn=sat_in, pool=into)
        for sat_in, into in [(theirs, pool), (ended, theirs)]
    ]
    replies += [
        await workspace.world.ask(PREVIEW, workspace.owner, satIn=sat_in, pool=into)
        for sat_in, into in [(theirs, None), (ended, theirs)]
    ]

    assert [reply.code for reply in replies] == ["NOT_FOUND"] * 4
    assert await evidence(workspace) == before


async def test_whoever_sees_no_people_is_told_of_none(workspace: Scene) -> None:
    ended, _, _ = await seated(workspace)
    await workspace.ended(ended)

    replies = [
        await workspace.world.ask(PREVIEW, workspace.members[role], satIn=ended)
        for role in (Role.BILLING_ADMIN, Role.SEAT_ADMIN)
    ]

    assert [reply.code for reply in replies] == ["FORBIDDEN", None]


async def offered(scene: Scene) -> list[tuple[str, str, str]]:
    """The letters that offer to restore seats: of which kind, to whom, and what about."""
    rows = await scene.world.rows(
        "select kind, address, about from letter where account_id = $1 and kind in ('seats_ended', 'seats_reclaimed')"
        " order by address, id",
        scene.number,
    )
    return [(row["kind"], row["address"], row["about"]) for row in rows]


def givers(scene: Scene) -> list[str]:
    """Whoever gives seats, by their addresses."""
    return sorted(scene.members[role].email for role in (Role.OWNER, Role.ADMIN, Role.SEAT_ADMIN))


async def test_whoever_gives_seats_hears_once_that_those_of_a_subscription_can_be_restored(workspace: Scene) -> None:
    pool, people, _ = await seated(workspace)
    await said(workspace, "cancelSubscription", subscription=await behind(workspace, pool), at="NOW")
    await work_off(workspace.world)
    first = await offered(workspace)
    # Another pool that the same subscription paid for.
    other, closed = await workspace.pool(1), "select closed_at from license_pool where id = $1"
    await workspace.seat(other, people[0])
    await workspace.ended(other)
    number, also = ids.decode("pool", pool), ids.decode("pool", other)
    same = "(select subscription_id from license_pool where id = $2)"
    await workspace.world.run(f"update license_pool set subscription_id = {same} where id = $1", also, number)
    await workspace.world.run(
        "insert into outbox (id, account_id, at, name, payload, request_id)"
        " values ($1, $2, now(), 'pool.closed', jsonb_build_object('pool', $3::bigint), 'r')",
        workspace.world.number(),
        workspace.number,
        also,
    )

    await work_off(workspace.world)

    until = "select min((told -> 'until' ->> 'instant')::timestamptz) from letter where account_id = $1 and kind = $2"
    subscription = await behind(workspace, pool)
    assert first == [("seats_ended", email, subscription) for email in givers(workspace)]
    assert await offered(workspace) == first
    ended_at = await workspace.world.value(closed, number)
    assert await workspace.world.value(until, workspace.number, "seats_ended") == ended_at + 30 * DAY


async def test_nobody_hears_of_seats_that_nobody_lost(workspace: Scene) -> None:
    pool = await workspace.pool(3)
    await workspace.seat(pool, "asked@example.test")

    await said(workspace, "cancelSubscription", subscription=await behind(workspace, pool), at="NOW")
    await work_off(workspace.world)

    assert await offered(workspace) == []
