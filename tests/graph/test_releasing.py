"""Fewer seats than are taken: who goes is the workspace's choice, told before, and decided when it takes effect."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from auth.policy import Role
from kernel import ids
from seats.seating import SeatState
from tests.graph.asking import DAY, counted, logged, state_of, work_off
from tests.graph.crowd import evidence
from tests.graph.test_changes import Life, pooled
from tests.scenery import Scene, Somebody

PREVIEW = """
    query ($pool: ID!, $seats: Int) {
      previewRelease(pool: $pool, seats: $seats) {
        policy wanted at tooMany remaining going { reason lastUsedAt seat { id } }
      }
    }
"""
SEAT = "__typename ... on Seat { protectedAt } ... on Problem { message }"


async def choose(scene: Scene, decrease: str = "AUTO_RELEASE") -> Any:
    """What becomes of seats that are too many, from now on."""
    reply = await scene.world.change(
        "changeDecrease", scene.owner, shows_="id decrease", workspace=scene.id, decrease=decrease
    )
    return reply.data["changeDecrease"]


async def used(scene: Scene, who: Somebody, ago: timedelta) -> None:
    """Somebody used the workspace so long ago."""
    sql = "update member set last_used_at = $3 where account_id = $1 and person_id = $2"
    await scene.world.run(sql, scene.number, who.number, await scene.world.now() - ago)


async def taken(scene: Scene, life: Life) -> tuple[list[Somebody], list[str]]:
    """Four people in seats: who came yesterday, who came a month ago, who never came, and one who is invited."""
    people = [await scene.join() for _ in range(3)]
    seats = [await scene.seat(life.pool, who) for who in people]
    await used(scene, people[0], DAY)
    await used(scene, people[1], 30 * DAY)
    await scene.invitation("asked@example.test", sent=await scene.world.now())
    return people, [*seats, await scene.seat(life.pool, "asked@example.test")]


async def shown(scene: Scene, pool: str, seats: int | None = None, by: Any = None) -> Any:
    """Which seats would go."""
    reply = await scene.world.ask(PREVIEW, by or scene.owner, pool=pool, seats=seats)
    return reply.data["previewRelease"]


async def purchased(scene: Scene, pool: str) -> int:
    """How many seats a pool has."""
    found: int = await scene.world.value("select purchased from license_pool where id = $1", ids.decode("pool", pool))
    return found


async def _letters(scene: Scene) -> list[tuple[str, str]]:
    """The letters about its seats: of which kind, and to whom."""
    rows = await scene.world.rows(
        "select kind, address from letter where account_id = $1 and kind = any($2) order by id",
        scene.number,
        ["decrease_kept", "decrease_releases", "seat_gone"],
    )
    return [(row["kind"], row["address"]) for row in rows]


async def test_a_workspace_keeps_who_sits_unless_it_says_otherwise(workspace: Scene) -> None:
    life = await pooled(workspace, 5)
    _, seats = await taken(workspace, life)
    await life.does("changeSeats", pool=life.pool, seats=2)

    told = await shown(workspace, life.pool)
    await life.renewed()

    assert (told["policy"], told["tooMany"], told["remaining"], told["going"]) == ("KEEP_PAID", 2, 4, [])
    # Only the invitation has run out meanwhile, as any does.
    assert [(await state_of(workspace, seat))[0] for seat in seats[:3]] == ["active"] * 3
    assert await counted(workspace, life.pool) == (3, 3)


async def test_those_go_who_were_foreseen_when_fewer_seats_take_effect(workspace: Scene) -> None:
    life = await pooled(workspace, 5)
    _, seats = await taken(workspace, life)
    protected = await workspace.seat(life.pool, await workspace.join())
    await workspace.world.change("protectSeat", workspace.owner, shows_=SEAT, seat=protected)
    await choose(workspace)
    await life.does("changeSeats", pool=life.pool, seats=2)

    told = await shown(workspace, life.pool)
    await life.renewed()

    assert (told["wanted"], told["tooMany"], told["remaining"]) == (2, 3, 2)
    assert [(one["seat"]["id"], one["reason"]) for one in told["going"]] == [
        (seats[3], "INVITED"),
        (seats[2], "NEVER_USED"),
        (seats[1], "USED_LEAST_RECENTLY"),
    ]
    assert told["at"] is not None
    states = [(await state_of(workspace, seat))[0] for seat in [*seats, protected]]
    assert states == ["active", "released", "released", "released", "active"]
    assert (await state_of(workspace, seats[1]))[1] == (await state_of(workspace, seats[2]))[1] == "fewer seats"
    assert (await purchased(workspace, life.pool), await counted(workspace, life.pool)) == (2, (2, 2))
    assert (await life.totals())[-1] == 2 * 4000


async def test_who_comes_back_before_it_takes_effect_keeps_the_seat(workspace: Scene) -> None:
    life = await pooled(workspace, 4)
    people, seats = await taken(workspace, life)
    await choose(workspace)
    await life.does("changeSeats", pool=life.pool, seats=1)
    foreseen = [one["seat"]["id"] for one in (await shown(workspace, life.pool))["going"]]

    seen = await workspace.world.ask("query ($id: ID!) { workspace(id: $id) { name } }", people[2], id=workspace.id)
    assert seen.codes == []
    await used(workspace, people[0], 60 * DAY)
    await life.renewed()

    assert foreseen == [seats[3], seats[2], seats[1]]
    assert [(await state_of(workspace, seat))[0] for seat in seats[:3]] == ["released", "released", "active"]
    assert await counted(workspace, life.pool) == (1, 1)


async def test_owners_and_protected_seats_stay_and_are_billed(workspace: Scene) -> None:
    life = await pooled(workspace, 3)
    seats = [await workspace.seat(life.pool, who) for who in (workspace.owner, await workspace.join())]
    await workspace.world.change("protectSeat", workspace.owner, shows_=SEAT, seat=seats[1])
    await choose(workspace)
    await life.does("changeSeats", pool=life.pool, seats=1)

    await life.renewed()

    assert [(await state_of(workspace, seat))[0] for seat in seats] == ["active", "active"]
    assert (await purchased(workspace, life.pool), (await life.totals())[-1]) == (2, 2 * 4000)


async def test_seats_that_go_are_not_given_to_who_waits(workspace: Scene) -> None:
    life = await pooled(workspace, 2)
    for _ in range(2):
        await workspace.seat(life.pool, await workspace.join())
    waits = await workspace.seat(life.pool, await workspace.join(), SeatState.WAITLISTED)
    await choose(workspace)
    await life.does("changeSeats", pool=life.pool, seats=1)

    await life.renewed()

    assert (await state_of(workspace, waits))[0] == "waitlisted"
    assert (await purchased(workspace, life.pool), await counted(workspace, life.pool)) == (1, (1, 1))


async def test_whoever_looks_after_a_pool_is_told_every_day_before(workspace: Scene) -> None:
    life = await pooled(workspace, 3)
    for _ in range(3):
        await workspace.seat(life.pool, await workspace.join())
    await choose(workspace)
    await life.does("changeSeats", pool=life.pool, seats=1)
    await work_off(workspace.world)
    none = await _letters(workspace)
    soon = await workspace.world.now() + 3 * DAY
    await workspace.world.run("update scheduled_change set due_at = $2 where account_id = $1", workspace.number, soon)

    await work_off(workspace.world)
    once = await _letters(workspace)
    await life.later(DAY + timedelta(minutes=1))

    assert none == []
    told = {workspace.members[role].email for role in (Role.OWNER, Role.ADMIN, Role.SEAT_ADMIN, Role.BILLING_ADMIN)}
    assert {address for _, address in once} == told
    assert {kind for kind, _ in once} == {"decrease_releases"}
    assert len(await _letters(workspace)) == 2 * len(once)
    assert (await logged(workspace)).count("pool.decrease_announced") == 2


async def test_whoever_lost_a_seat_is_told(workspace: Scene) -> None:
    life = await pooled(workspace, 2)
    gone = await workspace.join()
    await workspace.seat(life.pool, gone)
    await workspace.seat(life.pool, workspace.owner)
    await choose(workspace)
    await life.does("changeSeats", pool=life.pool, seats=1)

    await life.renewed()

    assert ("seat_gone", gone.email) in await _letters(workspace)


async def test_a_preview_names_nobody_to_those_who_see_no_seats(workspace: Scene) -> None:
    life = await pooled(workspace, 3)
    await workspace.seat(life.pool, await workspace.join())
    await choose(workspace)
    before = await evidence(workspace)

    told = await shown(workspace, life.pool, 0, workspace.members[Role.BILLING_ADMIN])
    member = await workspace.world.ask(PREVIEW, workspace.members[Role.MEMBER], pool=life.pool, seats=0)
    wrong = await workspace.world.ask(PREVIEW, workspace.owner, pool=life.pool, seats=-1)

    assert (told["tooMany"], told["remaining"], told["going"], told["at"]) == (1, 0, [], None)
    assert (member.code, wrong.code) == ("NOT_FOUND", "INVALID_INPUT")
    assert await evidence(workspace) == before


async def test_a_seat_is_protected_until_it_is_not(workspace: Scene) -> None:
    pool = await workspace.pool(2)
    seat = await workspace.seat(pool, await workspace.join())

    async def protect(*, protected: bool) -> Any:
        reply = await workspace.world.change(
            "protectSeat", workspace.owner, shows_=SEAT, seat=seat, protected=protected
        )
        return reply.data["protectSeat"]

    kept, free = await protect(protected=True), await protect(protected=False)
    await workspace.world.change("releaseSeat", workspace.owner, shows_="__typename", seat=seat)
    before = await evidence(workspace)
    over = await protect(protected=True)

    assert (kept["protectedAt"] is None, free["protectedAt"]) == (False, None)
    assert over["message"].startswith("This seat is released")
    assert await evidence(workspace) == before


async def test_using_a_workspace_is_remembered_once_a_day(workspace: Scene) -> None:
    who = workspace.members[Role.MEMBER]
    asked = "query ($w: ID!) { workspace(id: $w) { name } }"
    shown = "select last_used_at from member where account_id = $1 and person_id = $2"

    async def last() -> Any:
        return await workspace.world.value(shown, workspace.number, who.number)

    before = await last()
    await workspace.world.ask(asked, who, w=workspace.id)
    first = await last()
    await workspace.world.ask(asked, who, w=workspace.id)
    again = await last()
    await used(workspace, who, 2 * DAY)
    now = await workspace.world.now()
    # A bearer is remembered for a while; another one is recognized anew.
    anew = replace(who, bearer=workspace.world.bearer(who.number, who.session_number, now - timedelta(seconds=7)))
    await workspace.world.ask(asked, anew, w=workspace.id)

    assert before is None
    assert first == again is not None
    assert await last() >= first
