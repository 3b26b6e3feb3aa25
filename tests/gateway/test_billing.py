"""The billing run at the command line: told, stopped, gone on with, and refused."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from billing import changes
from gateway import playing
from gateway.billing import Bar
from tests.billing.living import Life, Open, lives
from tests.billing.running import assert_whole, many
from tests.gateway.running import run, running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home without a database of its own."""
    return tmp_path / "home"


@pytest.fixture
async def opened(fresh_database_url: str) -> AsyncIterator[Open]:
    async with lives(fresh_database_url) as made:
        yield made


async def assert_billed(people: list[Life]) -> None:
    """Insist that every period up to today has one invoice."""
    for life in people:
        spans: list[asyncpg.Record] = await life.owner.fetch(
            "select period_start, period_end from invoice where account_id = $1 order by period_start", life.account_id
        )
        assert [row["period_end"] for row in spans[:-1]] == [row["period_start"] for row in spans[1:]]
        assert await life.one(
            "select period_start <= now() and now() < period_end from subscription where id = $1", life.subscription_id
        )
        assert spans[-1]["period_end"] > await life.one("select now()")
    await assert_whole(people[0])


async def test_everything_that_is_due_is_billed_and_told(opened: Open, home: Path, fresh_database_url: str) -> None:
    people = await many(opened, 5)
    stuck, late = people[:2]
    await stuck.owner.execute("update subscription set limit_minor = 1999 where id = $1", stuck.subscription_id)
    await late.do(lambda work, account: changes.pause(work, account, late.subscription_id, None))

    told = run(home, "bill", "--json", DATABASE_URL=fresh_database_url)
    again = run(home, "bill", DATABASE_URL=fresh_database_url)

    (outcome,) = [json.loads(told.stdout)]
    missed = len(await people[2].numbers()) - 1
    assert (told.returncode, again.returncode) == (0, 0)
    assert outcome["complete"]
    assert outcome["amounts"] == [{"currency": "USD", "minor": outcome["invoices"] * 20_00}]
    assert outcome["invoices"] == 3 * missed > 3
    assert outcome["skipped"] == {"paused": missed}
    assert [held["reason"] for held in outcome["held"]] == ["20.00 USD is above the contract's 19.99 USD."]
    assert again.stdout.startswith("Billed 0 periods in ")
    assert "20.00 USD is above the contract's 19.99 USD." in again.stdout
    await assert_billed(people[2:])


async def test_a_scheduled_change_is_made_with_the_period_it_waits_for(
    opened: Open, home: Path, fresh_database_url: str
) -> None:
    (life,) = await many(opened, 1, "volume")
    wish = changes.Wish(life.item_id, quantity=3)
    await life.do(lambda work, account: changes.schedule(work, account, life.subscription_id, wish, None))

    told = run(home, "bill", DATABASE_URL=fresh_database_url)

    assert told.returncode == 0
    assert "Began 1 periods with a scheduled change." in told.stdout
    assert (await life.invoice((await life.numbers())[-1]))["subtotal_minor"] == 300_00
    await assert_billed([life])


async def test_a_run_that_is_told_to_stop_goes_on_with_the_same_command(
    opened: Open, home: Path, fresh_database_url: str
) -> None:
    people = await many(opened, 40)
    here = {"DATABASE_URL": fresh_database_url}

    with running(home, "bill", "--workers", "2", first="stderr", **here) as billing:
        status, _ = billing.stop(signal.SIGINT)
    again = run(home, "bill", "--workers", "2", **here)

    assert status == 1
    assert again.returncode == 0
    await assert_billed(people)


async def test_what_is_not_due_yet_is_not_billed(opened: Open, home: Path, fresh_database_url: str) -> None:
    (life,) = await many(opened, 1)

    refused = run(home, "bill", "--until", "2999-01-01", DATABASE_URL=fresh_database_url)
    early = run(home, "bill", "--until", "2026-02-01T00:00:00Z", DATABASE_URL=fresh_database_url)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.endswith("what is due later is billed when it is due.\n")
    assert early.stdout.startswith("Billed 0 periods in ")
    assert len(await life.numbers()) == 1


async def test_a_run_goes_on_beside_whoever_plays_stripe(opened: Open, home: Path, fresh_database_url: str) -> None:
    people = await many(opened, 1)

    async with playing.played(fresh_database_url):
        told = run(home, "bill", DATABASE_URL=fresh_database_url)

    assert (told.returncode, told.stderr.count("Error")) == (0, 0)
    await assert_billed(people)


def test_a_bar_counts_no_chunks_before_they_are_planned(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar(shown=True):
        pass

    shown = capsys.readouterr().err
    assert "planning" in shown
    assert "None" not in shown
