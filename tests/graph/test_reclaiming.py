"""Seats that nobody uses: foreseen, announced, taken back, and kept by whoever comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from auth.policy import Role
from kernel import ids
from seats.seating import SeatState
from tests.graph.asking import DAY, counted, logged, state_of, work_off
from tests.graph.crowd import evidence
from tests.graph.test_releasing import used
from tests.scenery import Scene, Somebody

PREVIEW = """
    query ($workspace: ID!, $days: Int) {
      previewReclaim(workspace: $workspace, afterDays: $days) {
        afterDays count seats { step noticedAt lastUsedAt seat { id email } }
      }
    }
"""


async def choose(scene: Scene, days: int | None = 30) -> Any:
    """After how many days seats are taken back, from now on."""
    reply = await scene.world.change(
        "changeReclaim", scene.owner, shows_="id reclaimAfterDays", workspace=scene.id, afterDays=days
    )
    return reply.data["changeReclaim"]


async def sitting(scene: Scene, pool: str, who: Somebody, ago: timedelta) -> str:
    """The seat that somebody has had for a year, who last used the workspace so long ago."""
    seat = await scene.seat(pool, who)
    sql = "update assignment set since = since - interval '365 days' where id = $1"
    await scene.world.run(sql, ids.decode("seat", seat))
    await used(scene, who, ago)
    return seat


async def shown(scene: Scene, days: int | None = None, by: Any = None) -> Any:
    """Whose seats would be taken back."""
    reply = await scene.world.ask(PREVIEW, by or scene.owner, workspace=scene.id, days=days)
    return reply.data["previewReclaim"]


async def mailed(scene: Scene) -> list[tuple[str, str]]:
    """The letters about unused seats: of which kind, and to whom."""
    rows = await scene.world.rows(
        "select kind, address from letter where account_id = $1 and kind in ('seat_unused', 'seat_reclaimed')"
        " order by created_at, id",
        scene.number,
    )
    return [(row["kind"], row["address"]) for row in rows]


async def pass_by(scene: Scene, by: timedelta) -> None:
    """As if so much time had passed, for the seats of this workspace alone, and the worker did what is due."""
    await scene.world.run(
        "update member set last_used_at = last_used_at - $2::interval where account_id = $1", scene.number, by
    )
    await scene.world.run(
        "update assignment set reclaim_noticed_at = reclaim_noticed_at - $2::interval,"
        " reclaim_at = reclaim_at - $2::interval, reclaim_reminded_at = reclaim_reminded_at - $2::interval"
        " where account_id = $1",
        scene.number,
        by,
    )
    await work_off(scene.world)


async def test_a_seat_that_nobody_uses_is_taken_back_after_two_letters(workspace: Scene) -> None:
    pool, idle, busy = await workspace.pool(3), await workspace.join(), await workspace.join()
    unused = await sitting(workspace, pool, idle, 90 * DAY)
    kept = await sitting(workspace, pool, busy, 2 * DAY)
    waits = await workspace.seat(pool, await workspace.join(), SeatState.WAITLISTED)
    await workspace.seat(pool, await workspace.join())
    await choose(workspace)

    await work_off(workspace.world)
    first = (await state_of(workspace, unused))[0], await mailed(workspace)
    await pass_by(workspace, 10 * DAY)
    between = (await state_of(workspace, unused))[0], await mailed(workspace)
    await pass_by(workspace, DAY)
    reminded = await mailed(workspace)
    await pass_by(workspace, 3 * DAY + timedelta(minutes=1))

    letter = ("seat_unused", idle.email)
    assert first == ("active", [letter]) == between
    assert reminded == [letter, letter]
    assert await state_of(workspace, unused) == ("released", "reclaimed")
    assert (await state_of(workspace, kept))[0] == (await state_of(workspace, waits))[0] == "active"
    assert await mailed(workspace) == [letter, letter, ("seat_reclaimed", idle.email)]
    assert await counted(workspace, pool) == (3, 3)
    assert (await logged(workspace)).count("seat.reclaim_announced") == 2
    assert (await logged(workspace)).count("seat.released") == 1


async def test_whoever_gives_seats_hears_once_a_day_that_they_can_be_restored(workspace: Scene) -> None:
    pool, other = await workspace.pool(2), await workspace.pool(1)
    for where in (pool, pool, other):
        await sitting(workspace, where, await workspace.join(), 90 * DAY)
    await choose(workspace)

    await work_off(workspace.world)
    for by in (11 * DAY, 3 * DAY + timedelta(minutes=1)):
        await pass_by(workspace, by)

    offered = await workspace.world.rows(
        "select address, about, (told -> 'until' ->> 'instant')::timestamptz as until from letter"
        " where account_id = $1 and kind = 'seats_reclaimed' order by address",
        workspace.number,
    )
    first = await workspace.world.value(
        "select min(released_at) from assignment where account_id = $1 and loss = 'reclaimed'", workspace.number
    )
    givers = sorted(workspace.members[role].email for role in (Role.OWNER, Role.ADMIN, Role.SEAT_ADMIN))
    assert [row["address"] for row in offered] == givers
    assert {row["about"] for row in offered} == {f"{workspace.id}/{first:%Y-%m-%d}"}
    assert all(timedelta(0) <= row["until"] - first - 7 * DAY < timedelta(minutes=10) for row in offered)


async def test_whoever_comes_back_keeps_the_seat(workspace: Scene) -> None:
    pool, idle = await workspace.pool(1), await workspace.join()
    seat = await sitting(workspace, pool, idle, 90 * DAY)
    await choose(workspace)
    await work_off(workspace.world)
    await pass_by(workspace, 11 * DAY)

    await workspace.world.ask("query ($id: ID!) { workspace(id: $id) { name } }", idle, id=workspace.id)
    await pass_by(workspace, timedelta(0))
    answer = await shown(workspace)

    assert (await state_of(workspace, seat))[0] == "active"
    assert (answer["count"], answer["seats"]) == (0, [])
    assert (await logged(workspace))[-1] == "seat.reclaim_forgotten"
    told = "select reclaim_at from assignment where id = $1"
    assert await workspace.world.value(told, ids.decode("seat", seat)) is None


async def test_the_preview_tells_whose_seats_and_why_and_changes_nothing(workspace: Scene) -> None:
    pool = await workspace.pool(5)
    idle, busy, protected = [await workspace.join() for _ in range(3)]
    unused = await sitting(workspace, pool, idle, 90 * DAY)
    await sitting(workspace, pool, busy, DAY)
    await sitting(workspace, pool, workspace.owner, 90 * DAY)
    left = await sitting(workspace, pool, protected, 90 * DAY)
    await workspace.world.run("update assignment set protected_at = since where id = $1", ids.decode("seat", left))
    await used(workspace, workspace.owner, 90 * DAY)
    before = await evidence(workspace)

    off, told = await shown(workspace), await shown(workspace, 30)

    assert off == {"afterDays": None, "count": 0, "seats": []}
    assert (told["afterDays"], told["count"]) == (30, 1)
    (one,) = told["seats"]
    assert (one["seat"]["id"], one["step"], one["noticedAt"]) == (unused, "NOTICE", None)
    assert one["lastUsedAt"] is not None
    assert await evidence(workspace) == before


async def test_a_workspace_that_wants_it_no_more_forgets_what_it_announced(workspace: Scene) -> None:
    pool, idle = await workspace.pool(1), await workspace.join()
    seat = await sitting(workspace, pool, idle, 90 * DAY)
    await choose(workspace)
    await work_off(workspace.world)

    answer = await choose(workspace, None)
    await pass_by(workspace, 60 * DAY)

    assert answer["reclaimAfterDays"] is None
    assert (await state_of(workspace, seat))[0] == "active"
    assert (await logged(workspace))[-1] == "seat.reclaim_forgotten"


async def test_whose_seat_was_taken_back_may_be_seated_again(workspace: Scene) -> None:
    pool, idle = await workspace.pool(1), await workspace.join()
    await sitting(workspace, pool, idle, 90 * DAY)
    await choose(workspace)
    await work_off(workspace.world)
    await pass_by(workspace, 11 * DAY)
    await pass_by(workspace, 4 * DAY)

    shows = "__typename ... on Seat { state }"
    reply = await workspace.world.change("assignSeat", workspace.owner, shows_=shows, pool=pool, email=idle.email)
    await work_off(workspace.world)

    assert reply.data["assignSeat"] == {"__typename": "Seat", "state": "ACTIVE"}
    assert await counted(workspace, pool) == (1, 1)


async def test_days_that_are_none_and_people_who_may_not_change_nothing(workspace: Scene) -> None:
    before = await evidence(workspace)

    async def code(who: Any, days: int) -> str | None:
        reply = await workspace.world.change("changeReclaim", who, shows_="id", workspace=workspace.id, afterDays=days)
        return reply.code

    codes = [await code(workspace.owner, days) for days in (13, 731)]
    codes += [await code(workspace.members[role], 30) for role in (Role.SEAT_ADMIN, Role.BILLING_ADMIN, Role.MEMBER)]
    seen = await workspace.world.ask(PREVIEW, workspace.members[Role.BILLING_ADMIN], workspace=workspace.id, days=30)

    assert codes == ["INVALID_INPUT"] * 2 + ["FORBIDDEN"] * 3
    assert seen.code == "FORBIDDEN"
    assert await evidence(workspace) == before
