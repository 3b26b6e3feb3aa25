"""Kept seats: whoever a directory deactivates for a while finds their seat again, where it was told to keep it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from kernel import ids
from seats.keeping import LATE
from seats.seating import SeatState
from tests.graph.asking import DAY, counted, logged, said, told, work_off
from tests.graph.crowd import evidence
from tests.graph.scim.talking import Talk, talking
from tests.graph.scim.test_users import membership, off, on, seat
from tests.scenery import Scene, Somebody

SHOWN = "... on Directory { keepsDays } ... on Problem { message }"


async def keeping(scene: Scene, days: int = 30, *, seats: int = 1) -> tuple[Talk, str]:
    """A directory that keeps seats, and the pool that they are of."""
    talk = await talking(scene, seats=seats)
    changed = await scene.world.change(
        "changeDirectory", scene.owner, shows_=SHOWN, directory=talk.directory, keepsDays=days
    )
    assert changed.data["changeDirectory"] == {"keepsDays": days}
    pool = await scene.world.value(
        "select pool_id from directory where id = $1", ids.decode("directory", talk.directory)
    )
    return talk, ids.encode("pool", pool)


async def seat_row(talk: Talk, user: str) -> Any:
    """The last seat of a user."""
    rows = await talk.scene.world.rows(
        "select * from assignment where person_id = $1 order by since desc, id desc limit 1",
        (await talk.entry(user))["person_id"],
    )
    return rows[0]


async def somebody(talk: Talk, name: str = "grace") -> Somebody:
    """Somebody at an address of the domain who signs in by themselves."""
    return await talk.scene.world.person(name, email=talk.address(name))


async def test_whoever_comes_back_in_time_has_their_seat_again(workspace: Scene) -> None:
    talk, pool = await keeping(workspace)
    grace = await somebody(talk)
    user = (await talk.user("grace"))["id"]
    first = await seat_row(talk, user)

    await off(talk, user)
    away, taken = await seat_row(talk, user), await counted(workspace, pool)
    out = await workspace.world.ask("{ viewer { kind } }", grace)
    gone = await membership(talk, user)
    second = await talk.user("second")
    await on(talk, user)
    back = await seat_row(talk, user)

    assert (away["id"], away["state"]) == (first["id"], "suspended")
    assert away["kept_until"] - away["kept_since"] == 30 * DAY
    assert (taken, gone, out.code) == ((1, 1), ("member", "removed"), "UNAUTHENTICATED")
    assert seat(second) == "waitlisted"
    assert (back["id"], back["state"], back["kept_until"], back["suspended_at"]) == (first["id"], "active", None, None)
    assert await membership(talk, user) == ("member", "active")
    assert await counted(workspace, pool) == (1, 1)


async def test_who_is_not_back_in_time_makes_room_for_whoever_waits(workspace: Scene) -> None:
    talk, pool = await keeping(workspace)
    user = (await talk.user("grace"))["id"]
    await off(talk, user)
    second = (await talk.user("second"))["id"]

    await work_off(workspace.world, later=30 * DAY - timedelta(hours=1))
    early = await seat_row(talk, user)
    await work_off(workspace.world, later=30 * DAY + timedelta(hours=1))
    late, served = await seat_row(talk, user), await seat_row(talk, second)

    assert early["state"] == "suspended"
    assert (late["state"], late["release_reason"]) == ("released", LATE)
    assert served["state"] == "active"
    assert await counted(workspace, pool) == (1, 1)


async def test_without_being_told_so_a_directory_keeps_nothing(workspace: Scene) -> None:
    talk, pool = await keeping(workspace)
    await workspace.world.change("changeDirectory", workspace.owner, directory=talk.directory, keepsDays=0)
    user = (await talk.user("grace"))["id"]

    await off(talk, user)

    assert (await seat_row(talk, user))["state"] == "released"
    assert await counted(workspace, pool) == (0, 0)


async def test_an_entry_that_is_taken_out_frees_what_was_kept(workspace: Scene) -> None:
    talk, pool = await keeping(workspace, seats=2)
    away, here = (await talk.user("away"))["id"], (await talk.user("here"))["id"]
    await off(talk, away)

    gone = [await talk.say("DELETE", f"/Users/{user}") for user in (away, here)]

    assert [reply.status_code for reply in gone] == [204, 204]
    assert [(await seat_row(talk, user))["state"] for user in (away, here)] == ["released", "released"]
    assert await counted(workspace, pool) == (0, 0)


async def test_a_seat_that_an_admin_suspended_before_stays_so(workspace: Scene) -> None:
    talk, _ = await keeping(workspace)
    user = (await talk.user("grace"))["id"]
    number = ids.encode("seat", (await seat_row(talk, user))["id"])
    await said(workspace, "suspendSeat", seat=number)
    await off(talk, user)

    await on(talk, user)

    back = await seat_row(talk, user)
    assert (back["state"], back["kept_until"]) == ("suspended", None)
    told = [action for action in await logged(workspace) if action.startswith("seat.")]
    assert told[-3:] == ["seat.suspended", "seat.keeping_changed", "seat.keeping_changed"]
    assert told.count("seat.suspended") == 1
    assert (await said(workspace, "resumeSeat", seat=number))["state"] == "ACTIVE"


async def test_a_kept_seat_is_freed_or_handed_on_and_nobody_resumes_it(workspace: Scene) -> None:
    talk, pool = await keeping(workspace, seats=2)
    users = [(await talk.user(name))["id"] for name in ("one", "two")]
    for user in users:
        await off(talk, user)
    first, second = [ids.encode("seat", (await seat_row(talk, user))["id"]) for user in users]
    before = await evidence(workspace)

    resumed = await said(workspace, "resumeSeat", seat=first)
    unchanged = await evidence(workspace) == before
    freed = await said(workspace, "releaseSeat", seat=first)
    handed = await said(workspace, "transferSeat", seat=second, email=workspace.owner.email)

    assert resumed == {
        "__typename": "SeatNotHeld",
        "message": (
            "This seat is kept for somebody who left, so this can't be done with it."
            " It is theirs again when they are back. Release it, or wait."
        ),
    }
    assert unchanged
    assert (freed["state"], handed["state"]) == ("RELEASED", "ACTIVE")
    assert await counted(workspace, pool) == (1, 1)


async def test_whoever_has_another_seat_by_then_keeps_that_one(workspace: Scene) -> None:
    talk, pool = await keeping(workspace, seats=2)
    user = (await talk.user("grace"))["id"]
    await off(talk, user)
    invited = await said(workspace, "assignSeat", pool=pool, email=talk.address("grace"))
    meanwhile = await counted(workspace, pool)

    await on(talk, user)

    rows = await workspace.world.rows(
        "select state, release_reason from assignment where account_id = $1 order by state", workspace.number
    )
    assert (invited["state"], meanwhile) == ("INVITED", (2, 2))
    assert [tuple(row) for row in rows] == [("active", None), ("released", "has a seat now")]
    assert await counted(workspace, pool) == (1, 1)


@pytest.mark.parametrize("days", [-1, 91])
async def test_seats_are_kept_for_90_days_at_most(workspace: Scene, days: int) -> None:
    directory = await workspace.directory()
    before = await evidence(workspace)

    reply = await told(workspace, "changeDirectory", directory=directory, keepsDays=days)

    assert reply.code == "INVALID_INPUT"
    assert await evidence(workspace) == before


@pytest.mark.parametrize("kept", ["90 days 1 second", "0 days"])
async def test_postgresql_keeps_no_seat_for_longer_than_90_days_either(workspace: Scene, kept: str) -> None:
    pool = await workspace.pool(1)
    seat = await workspace.seat(pool, await workspace.join(), SeatState.SUSPENDED)
    sql = "update assignment set kept_since = now(), kept_until = now() + interval '{}' where id = $1"

    with pytest.raises(asyncpg.CheckViolationError):
        await workspace.world.run(sql.format(kept), ids.decode("seat", seat))

    await workspace.world.run(sql.format("90 days"), ids.decode("seat", seat))
