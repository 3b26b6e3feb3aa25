"""Tampering: whoever edits an audit chain past every rule is told of by name."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import asyncpg
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernel import audit, database
from tests.scenery import Scene


def _of(scene: Scene, breach: audit.Breach) -> bool:
    return f" {scene.number}" in breach.row


@asynccontextmanager
async def tampering(scene: Scene) -> AsyncIterator[asyncpg.Connection]:
    """A transaction of somebody whom no trigger stops, undone in the end."""
    async with scene.world.owner.acquire() as lent:
        transaction = lent.transaction()
        await transaction.start()
        try:
            await lent.execute("set local session_replication_role = replica")
            yield cast("asyncpg.Connection", lent)
        finally:
            await transaction.rollback()


async def _breaches(scene: Scene, connection: asyncpg.Connection) -> list[tuple[str, str]]:
    found = [breach async for breach in audit.breaches(connection) if _of(scene, breach) or "seal" in breach.row]
    return [(breach.row, breach.reason) for breach in found]


async def _renamed(scene: Scene, times: int = 4) -> None:
    for number in range(times):
        reply = await scene.world.change("renameWorkspace", scene.owner, workspace=scene.id, name=f"Name {number}")
        assert reply.codes == []


EDITS = {
    "id": "id + 1000000000",
    "at": "at + interval '1 microsecond'",
    "action": "overlay(action placing 'W' from 1 for 1)",
    "subject": "overlay(subject placing 'W' from 1 for 1)",
    "subject_id": "subject_id + 1",
    "before": """jsonb_set(before, '{name}', '"name 1"')""",
    "after": """jsonb_set(after, '{name}', '"name 2"')""",
    "actor": "'Person'",
    "person_id": "person_id + 1",
    "impersonator_id": "1",
    "token": "overlay(token placing 'S' from 1 for 1)",
    "ip": "'127.0.0.2'",
    "request_id": "request_id || ' '",
    "reason": "''",
    "hash": "set_byte(hash, 0, get_byte(hash, 0) # 1)",
}
MOVES = {"account_id": "1", "seq": "seq + 1000000"}


async def test_there_is_an_edit_of_every_column(workspace: Scene) -> None:
    columns = await workspace.world.rows(
        "select column_name from information_schema.columns where table_name = 'audit_record'"
    )

    assert {row["column_name"] for row in columns} == {*EDITS, *MOVES}


@pytest.mark.parametrize(("column", "edit"), EDITS.items())
async def test_an_edited_record_is_named(column: str, edit: str, workspace: Scene) -> None:
    await _renamed(workspace)

    async with tampering(workspace) as connection:
        clean = await _breaches(workspace, connection)
        edited = f"update audit_record set {column} = {edit} where account_id = $1 and seq = 3"
        assert await connection.execute(edited, workspace.number) == "UPDATE 1"
        found = await _breaches(workspace, connection)

    row = f"audit_record {workspace.number}"
    after = [(f"{row}/4", "was changed after it was written")] if column == "hash" else []
    assert clean == []
    assert found == [(f"{row}/3", "was changed after it was written"), *after]


@pytest.mark.parametrize(("column", "edit"), MOVES.items())
async def test_a_record_that_was_moved_is_missed(column: str, edit: str, workspace: Scene) -> None:
    await _renamed(workspace)

    async with tampering(workspace) as connection:
        moved = f"update audit_record set {column} = {edit} where account_id = $1 and seq = 3"
        assert await connection.execute(moved, workspace.number) == "UPDATE 1"
        found = await _breaches(workspace, connection)

    assert found[0] == (f"audit_record {workspace.number}/3", "is missing")


async def test_a_record_removed_from_the_middle_is_missed(workspace: Scene) -> None:
    await _renamed(workspace)

    async with tampering(workspace) as connection:
        await connection.execute("delete from audit_record where account_id = $1 and seq = 2", workspace.number)
        found = await _breaches(workspace, connection)

    assert found == [(f"audit_record {workspace.number}/2", "is missing")]


async def test_two_records_that_changed_places_are_named(workspace: Scene) -> None:
    await _renamed(workspace)

    async with tampering(workspace) as connection:
        for place, other in ((2, 99), (3, 2), (99, 3)):
            moved = "update audit_record set seq = $3 where account_id = $1 and seq = $2"
            await connection.execute(moved, workspace.number, place, other)
        found = await _breaches(workspace, connection)

    assert (f"audit_record {workspace.number}/2", "was changed after it was written") in found


async def test_a_tail_that_was_cut_disagrees_with_the_head(workspace: Scene) -> None:
    await _renamed(workspace)

    async with tampering(workspace) as connection:
        await connection.execute("delete from audit_record where account_id = $1 and seq > 2", workspace.number)
        found = await _breaches(workspace, connection)

    assert found == [(f"audit_head {workspace.number}", "stands at 4, the chain ends at 2")]


async def test_a_chain_without_its_head_is_named(workspace: Scene) -> None:
    await _renamed(workspace)

    async with tampering(workspace) as connection:
        await connection.execute("delete from audit_head where account_id = $1", workspace.number)
        found = await _breaches(workspace, connection)

    assert found == [(f"audit_head {workspace.number}", "is missing")]


_CUT = """
    update audit_head h set seq = r.seq, hash = r.hash from audit_record r
    where h.account_id = $1 and r.account_id = $1 and r.seq = 2
"""


async def _sealed(scene: Scene, connection: asyncpg.Connection, number: int = 1) -> int:
    """Seal what moved; the seal's number, which is above all before and otherwise the one given."""
    assert await audit.seal(connection, number, await scene.world.now())
    found: int = await connection.fetchval("select max(id) from audit_seal")
    return found


async def test_a_tail_cut_together_with_its_head_disagrees_with_the_seal(workspace: Scene) -> None:
    await _renamed(workspace)

    async with tampering(workspace) as connection:
        await _sealed(workspace, connection)
        await connection.execute("delete from audit_record where account_id = $1 and seq > 2", workspace.number)
        await connection.execute(_CUT, workspace.number)
        found = await _breaches(workspace, connection)

    assert found == [(f"audit_record {workspace.number}/4", "was sealed and is missing")]


async def test_a_chain_written_anew_disagrees_with_the_seal(workspace: Scene) -> None:
    await _renamed(workspace)

    async with tampering(workspace) as connection:
        await _sealed(workspace, connection)
        records = await connection.fetch(
            "select * from audit_record where account_id = $1 order by seq", workspace.number
        )
        await connection.execute("delete from audit_record where account_id = $1", workspace.number)
        await connection.execute("delete from audit_head where account_id = $1", workspace.number)
        for record in records:
            forged = {**dict(record), "ip": "10.0.0.1"}
            origin = audit.Origin(
                **{name: forged[name] for name in audit.Origin.__dataclass_fields__ if name in forged}
            )
            entry = {name: forged[name] for name in audit.Entry.__dataclass_fields__ if name in forged}
            told = {name: json.loads(entry[name]) if entry[name] else None for name in ("before", "after")}
            await audit.append(connection, [audit.Entry(**{**entry, **told}, origin=origin)])
        found = await _breaches(workspace, connection)

    assert found == [(f"audit_record {workspace.number}/4", "differs from what was sealed")]


@pytest.mark.parametrize(
    "edit",
    [
        "at = at + interval '1 microsecond'",
        "heads = jsonb_set(heads, array[$2::text, '0'], '3')",
        "heads = heads - $2::text",
        "hash = set_byte(hash, 31, get_byte(hash, 31) # 1)",
    ],
)
async def test_an_edited_seal_is_named(edit: str, workspace: Scene) -> None:
    await _renamed(workspace)

    async with tampering(workspace) as connection:
        number = await _sealed(workspace, connection)
        clean = await _breaches(workspace, connection)
        edited = f"update audit_seal set {edit} where id = $1 and $2::text is not null"
        assert await connection.execute(edited, number, str(workspace.number)) == "UPDATE 1"
        found = await _breaches(workspace, connection)

    assert clean == []
    assert (f"audit_seal {number}", "was changed after it was written") in found


async def _sealed_thrice(scene: Scene, connection: asyncpg.Connection, *numbers: int) -> list[int]:
    seals = []
    for place, number in enumerate(numbers):
        moved = "insert into audit_head values ($1, 1, $2)"
        await connection.execute(moved, scene.world.number(), bytes([place]) * 32)
        seals.append(await _sealed(scene, connection, number))
    return seals


async def test_a_seal_taken_out_breaks_the_next_one(workspace: Scene) -> None:
    async with tampering(workspace) as connection:
        seals = await _sealed_thrice(workspace, connection, 1, 2, 3)
        clean = await _breaches(workspace, connection)
        await connection.execute("delete from audit_seal where id = $1", seals[1])
        found = await _breaches(workspace, connection)

    assert clean == []
    assert found == [(f"audit_seal {seals[2]}", "was changed after it was written")]


async def test_seals_of_processes_whose_numbers_cross_are_no_breach(workspace: Scene) -> None:
    async with tampering(workspace) as connection:
        last = await connection.fetchval("select coalesce(max(id), 0) from audit_seal")
        seals = await _sealed_thrice(workspace, connection, last + 20, last + 10, last + 20)
        found = await _breaches(workspace, connection)

    assert (seals, found) == ([last + 20, last + 21, last + 22], [])


async def test_a_chain_that_grows_while_it_is_verified_is_no_breach(workspace: Scene) -> None:
    world = workspace.world
    await _renamed(workspace, times=1)
    edited = "update audit_record set reason = $2 where account_id = $1"

    await world.run(edited, workspace.number, "edited")
    async with database.connected(world.url) as connection:
        verified = audit.breaches(connection)
        found = []
        async for breach in verified:
            if workspace.number == int(breach.row.split()[1].partition("/")[0]):
                found.append(breach.row)
                await _renamed(workspace, times=1)
    await world.run(edited, workspace.number, None)

    assert found == [f"audit_record {workspace.number}/1"]


values = st.none() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.datetimes(timezones=st.just(UTC))
records = st.lists(values | st.dictionaries(st.text(), st.text() | st.integers()), min_size=1, max_size=6)
hashes = st.binary(min_size=32, max_size=32)


@settings(deadline=None)
@given(hashes, records, st.data())
def test_a_digest_tells_every_change_of_a_value(previous: bytes, record: list[Any], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(record) - 1))
    other = data.draw(values)
    assume(other != record[place])
    # An instant and its text in ISO 8601 stand in columns of different types, and never in one place.
    assume(not isinstance(other, datetime | str) or not isinstance(record[place], datetime | str))

    changed = [*record[:place], other, *record[place + 1 :]]

    assert audit.digest(previous, changed) != audit.digest(previous, record)


@settings(deadline=None)
@given(hashes, hashes, records)
def test_a_digest_tells_what_came_before(previous: bytes, other: bytes, record: list[Any]) -> None:
    assume(previous != other)

    assert audit.digest(previous, record) != audit.digest(other, record)


@settings(deadline=None)
@given(hashes, records, records)
def test_a_digest_tells_where_one_value_ends(previous: bytes, record: list[Any], more: list[Any]) -> None:
    assert audit.digest(previous, [*record, *more]) != audit.digest(previous, record)


@settings(deadline=None)
@given(hashes, st.datetimes(timezones=st.just(UTC)), st.integers(1, 10**6))
def test_a_digest_tells_a_microsecond(previous: bytes, at: datetime, by: int) -> None:
    assume(at <= datetime.max.replace(tzinfo=UTC) - timedelta(seconds=2))

    assert audit.digest(previous, [at]) != audit.digest(previous, [at + timedelta(microseconds=by)])
