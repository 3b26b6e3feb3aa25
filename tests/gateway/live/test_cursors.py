"""A follower who comes back is told what they missed, once and in its order."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from gateway.live.feed import KEPT, MOST_WAITING
from kernel import ids, pages
from tests.gateway.live.speaking import INVOICES, SEATS, Served, Speaker, begun, following, happened, speaking
from tests.scenery import Scene, World


async def told(speaker: Speaker, how_many: int) -> list[str]:
    """What happened, in the order in which it is told."""
    return [(await speaker.change())["event"] for _ in range(how_many)]


async def first_cursor(door: Served, scene: Scene, invoice: str) -> str:
    """The cursor of a change that was told."""
    async with following(door, scene.owner, INVOICES, account=scene.account) as speaker:
        await begun(scene)
        await happened(scene, "invoice.drafted", {"invoice": ids.decode("inv", invoice)})
        return str((await speaker.change())["cursor"])


async def test_what_happened_while_nobody_listened_is_told_first(door: Served, workspace: Scene) -> None:
    invoice = await workspace.invoice()
    cursor = await first_cursor(door, workspace, invoice)
    about = {"invoice": ids.decode("inv", invoice)}
    for name in ("invoice.finalized", "invoice.part_paid"):
        await happened(workspace, name, about)

    async with following(door, workspace.owner, INVOICES, account=workspace.account, after=cursor) as speaker:
        missed = await told(speaker, 2)
        await happened(workspace, "invoice.paid", about)
        live = await told(speaker, 1)

    assert missed + live == ["invoice.finalized", "invoice.part_paid", "invoice.paid"]


async def test_a_burst_of_any_size_is_told_whole_and_in_its_order(door: Served, workspace: Scene) -> None:
    invoice = await workspace.invoice()
    burst = 3 * MOST_WAITING

    async with following(door, workspace.owner, INVOICES, account=workspace.account) as speaker:
        await begun(workspace)
        await many(workspace, invoice, burst)
        names = await told(speaker, burst)
        await happened(workspace, "invoice.paid", {"invoice": ids.decode("inv", invoice)})
        last = await told(speaker, 1)

    assert names == [f"invoice.e{place}" for place in range(burst)]
    assert last == ["invoice.paid"]


async def test_transactions_that_overlap_are_told_in_the_order_of_their_commits(door: Served, workspace: Scene) -> None:
    pool = await workspace.pool(20)

    async with following(door, workspace.owner, SEATS, workspace=workspace.id) as speaker:
        await begun(workspace)
        await asyncio.gather(
            *(
                workspace.world.change("assignSeat", workspace.owner, pool=pool, email=f"p{place}@example.test")
                for place in range(8)
            )
        )
        seats = [(await speaker.change())["seat"]["id"] for _ in range(8)]

    logged = await workspace.world.rows(
        "select subject_id from audit_record where account_id = $1 and action = 'seat.assigned' order by seq",
        workspace.number,
    )
    assert seats == [ids.encode("seat", row["subject_id"]) for row in logged]


async def test_the_cursor_of_another_stream_is_refused(door: Served, world: World, workspace: Scene) -> None:
    other = await world.workspace()
    cursor = await first_cursor(door, other, await other.invoice())

    async with speaking(door) as speaker:
        await speaker.greet(workspace.owner)
        await speaker.subscribe("1", INVOICES, account=workspace.account, after=cursor)
        of_another_account = await speaker.refusal()
        await speaker.subscribe("1", SEATS, workspace=workspace.id, after=cursor)
        of_another_kind = await speaker.refusal()

    assert of_another_account == of_another_kind
    assert of_another_account[0] == "INVALID_INPUT"
    assert "another list" in of_another_account[1]


@pytest.mark.parametrize("place", [0, -1, 2**64 - 1, "7", None, 1.5])
async def test_a_cursor_that_was_made_up_is_refused(door: Served, workspace: Scene, place: object) -> None:
    cursor = pages.write(f"Invoice:{workspace.number}", (place,))

    async with speaking(door) as speaker:
        await speaker.greet(workspace.owner)
        await speaker.subscribe("1", INVOICES, account=workspace.account, after=cursor)
        refusal = await speaker.refusal()

    assert refusal[0] == "INVALID_INPUT"


@pytest.mark.parametrize("cursor", ["", "x", "é" * 50, "A" * 5_000, "bm9uc2Vuc2U"])
async def test_nonsense_for_a_cursor_is_refused(door: Served, workspace: Scene, cursor: str) -> None:
    async with speaking(door) as speaker:
        await speaker.greet(workspace.owner)
        await speaker.subscribe("1", INVOICES, account=workspace.account, after=cursor)
        refusal = await speaker.refusal()

    assert refusal[0] == "INVALID_INPUT"


async def test_a_cursor_that_is_too_old_says_what_to_do(door: Served, workspace: Scene) -> None:
    cursor = await first_cursor(door, workspace, await workspace.invoice())
    await workspace.world.run(
        "update outbox set delivered_at = delivered_at - $2::interval where account_id = $1",
        workspace.number,
        KEPT + timedelta(hours=1),
    )

    async with speaking(door) as speaker:
        await speaker.greet(workspace.owner)
        await speaker.subscribe("1", INVOICES, account=workspace.account, after=cursor)
        old = await speaker.refusal()
        await workspace.world.run("delete from outbox where account_id = $1", workspace.number)
        await speaker.subscribe("1", INVOICES, account=workspace.account, after=cursor)
        forgotten = await speaker.refusal()

    assert old == forgotten
    assert old[0] == "INVALID_INPUT"
    assert "Ask how things are now, and follow without 'after'." in old[1]


async def test_a_listener_that_lost_its_connection_misses_nothing(door: Served, workspace: Scene) -> None:
    invoice = await workspace.invoice()

    async with following(door, workspace.owner, INVOICES, account=workspace.account) as speaker:
        await begun(workspace)
        cut = await workspace.world.value(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where datname = current_database() and application_name = 'seatgraph-live'"
        )
        await happened(workspace, "invoice.paid", {"invoice": ids.decode("inv", invoice)})
        names = await told(speaker, 1)

    assert cut == 1
    assert names == ["invoice.paid"]


async def many(scene: Scene, invoice: str, how_many: int) -> None:
    """A burst of events of one invoice, in one transaction."""
    await scene.world.run(
        "insert into outbox (id, account_id, at, name, payload, request_id, delivered_at)"
        " select $1 + n, $2, $3, 'invoice.e' || n, jsonb_build_object('invoice', $4::bigint), 'test', $3"
        " from generate_series(0, $5 - 1) n",
        min(scene.world.number() for _ in range(how_many)),
        scene.number,
        await scene.world.now(),
        ids.decode("inv", invoice),
        how_many,
    )
