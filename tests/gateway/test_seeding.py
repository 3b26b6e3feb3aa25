"""The demo scene: believable, complete, and the same however often it is put on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from auth.policy import Desk, Role
from auth.tables import MemberState
from billing import dunning_queries
from gateway import seeding, verification
from gateway.catalog import FOLDER, read
from kernel import database
from kernel.id_blocks import IdBlocks
from kernel.work import Work
from seats.seating import InvitationState, SeatState
from tests.databases import own_database

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
async def url(server: str) -> AsyncIterator[str]:
    async with own_database(server, "demo") as own:
        await seeding.demo(own, NOW)
        yield own


@pytest.fixture
async def connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    async with database.connected(url) as connected:
        yield connected


async def _words(connection: asyncpg.Connection, statement: str) -> set[Any]:
    return {row[0] for row in await connection.fetch(statement)}


async def test_every_invariant_holds(url: str) -> None:
    report = await verification.report(url)

    assert [check for check in report["checks"] if check["broken"]] == []


async def test_a_second_time_changes_nothing(url: str) -> None:
    before = (await verification.report(url))["counted"]

    first, second = await seeding.demo(url, NOW), await seeding.demo(url, NOW + timedelta(days=40))

    assert first == second
    assert (await verification.report(url))["counted"] == before


async def test_a_seat_is_in_every_state(connection: asyncpg.Connection) -> None:
    assert await _words(connection, "select state from assignment") == set(SeatState)


async def test_a_member_has_every_role(connection: asyncpg.Connection) -> None:
    assert await _words(connection, "select role from member where state = 'active'") == set(Role)
    assert await _words(connection, "select state from member") == set(MemberState)


async def test_an_invitation_was_answered_in_every_way(connection: asyncpg.Connection) -> None:
    assert await _words(connection, "select state from invitation") == set(InvitationState)


async def test_northwind_has_forty_members_and_two_pools_of_different_plans(connection: asyncpg.Connection) -> None:
    members = await connection.fetchval("select count(*) from member where state = 'active'")
    pools = await connection.fetch(
        "select plan.key, purchased - assigned as free from license_pool pool join plan on plan.id = pool.plan_id"
        " order by plan.key"
    )

    assert members == 40
    assert [tuple(pool) for pool in pools] == [("enterprise_max", 0), ("enterprise_pro", 2)]


async def test_each_desk_of_ours_has_somebody(connection: asyncpg.Connection) -> None:
    desks = await connection.fetch("select p.email, s.desk from staff s join person p on p.id = s.person_id")

    assert {(row["email"], row["desk"]) for row in desks} == {(f"{desk}@seatgraph.example", desk) for desk in Desk}


async def test_four_people_pay_for_themselves_in_three_currencies(connection: asyncpg.Connection) -> None:
    running = await connection.fetch(
        "select a.email, p.key, s.interval, s.currency from subscription s join account a on a.id = s.account_id"
        " join plan p on p.id = s.plan_id where a.kind = 'person' and s.state = 'active' order by a.email, p.key"
    )

    assert [tuple(row) for row in running] == [
        ("ada@example.com", "api", "month", "USD"),
        ("ada@example.com", "pro", "month", "USD"),
        ("alan@example.com", "free", "month", "JPY"),
        ("grace@example.com", "max", "year", "EUR"),
        ("katherine@example.com", "pro", "month", "USD"),
    ]


async def test_a_year_of_invoices_is_paid_late_open_and_prorated(connection: asyncpg.Connection) -> None:
    invoices = await connection.fetch(
        "select v.state, v.tax_minor, v.issued_at, a.country from invoice v join account a on a.id = v.account_id"
    )
    payments = await _words(connection, "select state from payment")
    prorated = await connection.fetch("select formula from line_item where formula like '% s'")

    assert {row["state"] for row in invoices} == {"paid", "open"}
    assert min(row["issued_at"] for row in invoices) < NOW - timedelta(days=360)
    taxed = {(row["country"], row["tax_minor"] > 0) for row in invoices}
    assert taxed == {("US", False), ("DE", True), ("JP", True), ("NL", True)}
    assert payments == {"succeeded", "failed"}
    assert len(prorated) == 3


async def test_what_is_unpaid_follows_the_schedule_of_its_plan(url: str, connection: asyncpg.Connection) -> None:
    rows = await connection.fetch(
        "select v.account_id, v.id from invoice v join subscription s on s.id = v.subscription_id"
        " join plan p on p.id = s.plan_id where p.key = 'enterprise_pro' and v.state = 'open'"
    )
    owner = database.engine(url, role=None, pool_size=0)
    work = Work(owner, NOW, ids=IdBlocks())
    schedules = {await dunning_queries.schedule_of(work, *row) for row in rows}
    await work.close()
    await owner.dispose()

    assert schedules == {"enterprise"}


async def test_invoice_numbers_follow_time(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch("select number, issued_at from invoice order by issued_at, number")

    assert [row["number"] for row in rows] == sorted(row["number"] for row in rows)
    assert rows[-1]["number"].startswith("SG-2026-0000")


async def test_the_audit_tells_who_did_it_and_when(connection: asyncpg.Connection) -> None:
    told = await connection.fetch(
        "select r.action, r.actor, r.at, p.email, r.before ->> 'state' as was, r.after ->> 'state' as became"
        " from audit_record r join assignment a on a.id = r.subject_id join person p on p.id = r.person_id"
        " where r.subject = 'seat' and a.email = 'luca.moretti@northwind.example' order by r.seq"
    )
    backwards = await connection.fetchval(
        "select count(*) from (select at < lag(at) over (partition by account_id order by seq) as back"
        " from audit_record) as steps where back"
    )

    owner = "ines.marques@northwind.example"
    assert [(row["action"], row["actor"], row["email"], row["was"], row["became"]) for row in told] == [
        ("seat.assigned", "person", owner, None, "active"),
        ("seat.suspended", "person", owner, "active", "suspended"),
    ]
    assert told[1]["at"] == NOW - timedelta(days=15)
    assert backwards == 0


async def test_plans_that_a_database_knows_stay_as_they_are(fresh_database_url: str) -> None:
    await seeding.stocked(fresh_database_url, NOW)
    async with database.connected(fresh_database_url) as connection:
        await connection.execute("update plan set archived_at = $1, position = 7 where key = 'free'", NOW)

        await seeding.stocked(fresh_database_url, NOW)

        kept = await connection.fetchrow("select position, archived_at from plan where key = 'free'")
        assert kept is not None
        assert tuple(kept) == (7, NOW)
        assert await connection.fetchval("select count(*) from plan") == len(read(FOLDER).plans)
