"""At once: a seat is written in the round trip that commits, unless what was decided on has moved by then."""

from __future__ import annotations

import json

import pytest

from auth import queries as people
from kernel import ids
from kernel.calls import literal
from kernel.work import Work
from seats import operations, queries, wanting
from seats.seating import SeatSource
from tests.scene import Scene, Somebody
from tests.seats.racing import Act, Racers, assign, figures, release, remove, resize, transfer


def meanwhile(racers: Racers, scene: Scene, act: Act, other: Act, *, settled: bool = False) -> Act:
    """An act, and another one that is done by somebody else before the first commits, or goes on."""

    async def both(work: Work) -> None:
        await act(work)
        assert await racers.act(scene, other) == "done"
        if settled:
            await queries.overage(work, scene.number)

    return both


async def told(scene: Scene, pool: str) -> list[tuple[str, str]]:
    """What the audit log tells of the seats of a pool, and whose they are; the oldest first."""
    rows = await scene.world.rows(
        "select r.action, a.email from audit_record r join assignment a on a.account_id = r.account_id"
        " and a.id = r.subject_id where r.subject = 'seat' and a.pool_id = $1 order by r.seq",
        ids.decode("pool", pool),
    )
    return [(row["action"], row["email"]) for row in rows]


@pytest.mark.parametrize("settled", [False, True])
async def test_who_finds_the_last_seat_taken_at_the_commit_is_refused(
    racers: Racers, workspace: Scene, settled: bool
) -> None:
    pool = await workspace.pool(1)
    first, second = await workspace.join(), await workspace.join()
    other = assign(workspace, pool, second.email)

    came = await racers.act(
        workspace, meanwhile(racers, workspace, assign(workspace, pool, first.email), other, settled=settled)
    )

    assert came == "PoolExhausted"
    assert await figures(racers.world, pool) == (1, 1, 1, 1)
    assert await told(workspace, pool) == [("seat.assigned", second.email)]


@pytest.mark.parametrize("settled", [False, True])
async def test_who_is_seated_by_somebody_else_meanwhile_has_a_seat_already(
    racers: Racers, workspace: Scene, settled: bool
) -> None:
    pool, member = await workspace.pool(3), await workspace.join()
    act = assign(workspace, pool, member.email)

    came = await racers.act(workspace, meanwhile(racers, workspace, act, act, settled=settled))

    assert came == "AlreadySeated"
    assert await figures(racers.world, pool) == (3, 1, 1, 1)
    assert await told(workspace, pool) == [("seat.assigned", member.email)]


@pytest.mark.parametrize("settled", [False, True])
async def test_who_is_removed_meanwhile_is_asked_to_come_to_the_very_seat(
    racers: Racers, workspace: Scene, settled: bool
) -> None:
    pool, member = await workspace.pool(3), await workspace.join()
    given: list[int] = []

    async def act(work: Work) -> None:
        number = ids.decode("pool", pool)
        given.append((await operations.assign(work, workspace.number, number, member.email, SeatSource.MANUAL)).id)

    came = await racers.act(workspace, meanwhile(racers, workspace, act, remove(workspace, member), settled=settled))

    rows = await racers.world.rows("select state, person_id from assignment where id = $1", given[0])
    assert came == "done"
    assert [tuple(row) for row in rows] == [("invited", None)]
    assert await figures(racers.world, pool) == (3, 1, 1, 1)
    assert await told(workspace, pool) == [("seat.assigned", member.email)]


@pytest.mark.parametrize("settled", [False, True])
async def test_a_seat_that_is_freed_meanwhile_is_freed_once(racers: Racers, workspace: Scene, settled: bool) -> None:
    pool, member = await workspace.pool(3), await workspace.join()
    act = release(workspace, await workspace.seat(pool, member))
    before = await told(workspace, pool)

    came = await racers.act(workspace, meanwhile(racers, workspace, act, act, settled=settled))

    assert came == "SeatNotHeld"
    assert await figures(racers.world, pool) == (3, 0, 0, 0)
    assert await told(workspace, pool) == [*before, ("seat.released", member.email)]


async def test_a_seat_that_is_freed_meanwhile_is_handed_on_to_nobody(racers: Racers, workspace: Scene) -> None:
    pool, member, other = await workspace.pool(3), await workspace.join(), await workspace.join()
    seat = await workspace.seat(pool, member)
    act = transfer(workspace, seat, other.email)

    came = await racers.act(workspace, meanwhile(racers, workspace, act, release(workspace, seat)))

    assert came == "SeatNotHeld"
    assert await figures(racers.world, pool) == (3, 0, 0, 0)


def change(pool: str) -> Act:
    """Change how many seats a pool has, past the clock of its subscription."""

    async def act(work: Work) -> None:
        await work.execute("update license_pool set purchased = purchased + 1 where id = $1", ids.decode("pool", pool))

    return act


def want(scene: Scene, pool: str, who: Somebody) -> Act:
    """Wait for a seat of a full pool."""

    async def act(work: Work) -> None:
        await people.workspace(work, scene.number, lock=True)
        number = ids.decode("pool", pool)
        await wanting.want(work, scene.number, number, (who.number, who.email), SeatSource.SCIM)

    return act


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize(
    ("moved", "before", "figures_then"),
    [("full", 2, (4, 2, 2, 2)), ("waited for", 2, (4, 3, 3, 3)), ("resized", 3, (4, 1, 1, 1))],
)
async def test_a_pool_that_moves_meanwhile_is_resized_and_told_of_once(
    racers: Racers, workspace: Scene, moved: str, before: int, figures_then: tuple[int, ...], *, settled: bool
) -> None:
    pool, member = await workspace.pool(2), await workspace.join()
    await workspace.seat(pool, workspace.owner)
    if moved == "waited for":
        await workspace.seat(pool, await workspace.join())
    other = {
        "full": assign(workspace, pool, member.email),
        "waited for": want(workspace, pool, member),
        "resized": change(pool),
    }[moved]

    came = await racers.act(workspace, meanwhile(racers, workspace, resize(workspace, pool, 4), other, settled=settled))

    told = await workspace.world.rows(
        "select before, after from audit_record where account_id = $1 and action = 'pool.resized'", workspace.number
    )
    paid = (
        "select quantity from subscription_item i join license_pool p on p.subscription_item_id = i.id where p.id = $1"
    )
    assert came == "done"
    assert [(json.loads(row["before"]), json.loads(row["after"])) for row in told] == [
        ({"purchased": before}, {"purchased": 4})
    ]
    assert await figures(racers.world, pool) == figures_then
    assert await workspace.world.value(paid, ids.decode("pool", pool)) == 4


async def test_what_is_written_last_is_there_for_whoever_asks_in_the_same_change(
    racers: Racers, workspace: Scene
) -> None:
    pool, member, other = await workspace.pool(3), await workspace.join(), await workspace.join()
    seen: list[int] = []

    async def act(work: Work) -> None:
        number = ids.decode("pool", pool)
        seat = await operations.assign(work, workspace.number, number, member.email, SeatSource.MANUAL)
        await operations.transfer(work, workspace.number, seat.id, other.email)
        seen.append((await queries.pool(work, workspace.number, number)).assigned)

    came = await racers.act(workspace, act)

    assert came == "done"
    assert seen == [1]
    assert await figures(racers.world, pool) == (3, 1, 1, 1)
    assert await told(workspace, pool) == [
        ("seat.assigned", member.email),
        ("seat.released", member.email),
        ("seat.assigned", other.email),
    ]


@pytest.mark.parametrize(
    "text", ["", "it's", "back\\slash", "both \\' at once", '{"a": "\\u00e9\\n"}', "ä €", "$1; --"]
)
async def test_a_text_in_the_words_of_a_statement_says_but_itself(racers: Racers, text: str) -> None:
    for conforming in ("on", "off"):
        await racers.world.run(f"set standard_conforming_strings = {conforming}")

        assert await racers.world.value(f"select {literal(text)}") == text

    await racers.world.run("reset standard_conforming_strings")
