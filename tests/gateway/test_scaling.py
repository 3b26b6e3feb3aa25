"""Scaling: many accounts at once, and every invariant holds."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest
from sqlmodel import select

from auth import queries
from billing import fact_queries, timeline
from billing import facts as facts_of
from billing.tables import Subscription
from gateway import seeding, verification
from gateway.scaling import AlreadyScaled, scale
from gateway.scaling.traits import WANTED
from kernel import database
from kernel.errors import Conflict, InvalidInput
from kernel.id_blocks import IdBlocks
from kernel.work import Work
from tests.databases import own_database

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
COUNT = 200


@pytest.fixture(scope="module")
async def url(server: str) -> AsyncIterator[str]:
    async with own_database(server, "scaled") as own:
        await scale(own, COUNT, NOW, chunk=64)
        yield own


@pytest.fixture
async def connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    async with database.connected(url) as connected:
        yield connected


async def test_every_invariant_holds(url: str) -> None:
    report = await verification.report(url)

    assert [check for check in report["checks"] if check["broken"]] == []


async def test_the_engine_would_have_billed_the_same(url: str) -> None:
    engine = database.engine(url, role=None, pool_size=0)
    work = Work(engine, NOW, ids=IdBlocks())
    left = []
    for subscription in await work.all(select(Subscription)):
        facts = await fact_queries.facts(work, subscription)
        issued_lines = facts_of.issued(await fact_queries.issued(work, subscription.account_id, subscription.id))
        left += timeline.bill(facts_of.agreement(facts), issued_lines, now=NOW)
    await work.close()
    await engine.dispose()

    assert left == []


async def test_there_are_as_many_accounts_as_were_asked_for(connection: asyncpg.Connection) -> None:
    kinds = await connection.fetch("select kind, count(*) from account group by kind order by kind")

    assert [tuple(row) for row in kinds] == [("person", 196), ("workspace", 4)]


async def test_exactly_one_workspace_has_ten_thousand_seats(connection: asyncpg.Connection) -> None:
    sizes = [row["purchased"] for row in await connection.fetch("select purchased from license_pool")]

    assert [size for size in sizes if size > 200] == [10_000]
    assert min(sizes) >= 5


async def test_everybody_has_what_they_have_after_a_year(connection: asyncpg.Connection) -> None:
    counts = {
        table: await connection.fetchval(f"select count(*) from {table}")
        for table in ("subscription", "payment_method", "invoice", "line_item", "payment")
    }

    assert counts["subscription"] == counts["payment_method"] == COUNT
    assert 3 * COUNT < counts["invoice"] < 7 * COUNT
    assert counts["invoice"] < counts["line_item"] < 3 * counts["invoice"]
    assert counts["payment"] > counts["invoice"] * 0.9


async def test_nothing_lies_after_now_and_numbers_follow_time(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch("select number, issued_at, paid_at from invoice order by number")

    assert [row["issued_at"] for row in rows] == sorted(row["issued_at"] for row in rows)
    assert max(row["paid_at"] or row["issued_at"] for row in rows) <= NOW


async def test_a_scaled_person_can_be_recognized(url: str, connection: asyncpg.Connection) -> None:
    owner = await connection.fetchval("select person_id from member where role = 'owner' limit 1")
    engine = database.engine(url, role=None, pool_size=0)
    work = Work(engine, NOW, ids=IdBlocks())

    standing = await queries.standing(work, owner)
    await work.close()
    await engine.dispose()

    assert standing is not None
    assert "owner" in standing["roles"]


async def test_a_database_is_scaled_once(url: str) -> None:
    before = (await verification.report(url))["counted"]

    with pytest.raises(AlreadyScaled, match="scaled before"):
        await scale(url, COUNT, NOW)

    assert (await verification.report(url))["counted"] == before


async def test_very_few_accounts_are_no_scale(url: str) -> None:
    with pytest.raises(InvalidInput, match="100 accounts or more"):
        await scale(url, 99, NOW)


async def test_a_scale_goes_on_where_a_demo_ended_and_tells_how_far_it_is(fresh_database_url: str) -> None:
    told: list[tuple[int, int]] = []
    await seeding.demo(fresh_database_url, NOW)

    done = await scale(fresh_database_url, 100, NOW, lambda *so_far: told.append(so_far))

    assert told[-1][0] == told[-1][1]
    assert done.total == sum(done.rows.values()) > 100
    assert "rows in" in done.says
    assert (await verification.report(fresh_database_url))["ok"]


async def test_the_same_seed_makes_the_same_accounts(url: str, fresh_database_url: str) -> None:
    await scale(fresh_database_url, COUNT, NOW)

    assert await _fingerprint(fresh_database_url) == await _fingerprint(url)


async def test_a_catalog_without_a_price_that_is_needed_is_refused(fresh_database_url: str) -> None:
    await seeding.stocked(fresh_database_url, NOW)
    async with database.connected(fresh_database_url) as connection:
        await connection.execute("alter table price disable trigger immutable")
        await connection.execute(
            "delete from price where currency = 'JPY' and plan_id = (select id from plan where key = 'pro')"
        )

        with pytest.raises(Conflict, match="sells no pro by the month in JPY"):
            await scale(fresh_database_url, COUNT, NOW)

        assert await connection.fetchval("select count(*) from account") == 0


def test_accounts_buy_what_our_catalog_sells() -> None:
    assert {plan for plan, _, _ in WANTED} == {"free", "pro", "max", "enterprise_pro", "enterprise_max"}


async def _fingerprint(url: str) -> list[tuple[object, ...]]:
    async with database.connected(url) as connection:
        rows = await connection.fetch(
            "select a.email, a.name, a.country, s.state, s.anchor, i.number, i.state, i.total_minor, i.paid_at"
            " from account a join subscription s on s.account_id = a.id"
            " left join invoice i on i.account_id = a.id order by a.email, i.number"
        )
    return [tuple(row) for row in rows]
