"""The sandbox beside the product: played once for each database, found by whoever needs it."""

from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from gateway import playing
from gateway.rails import installation, rail
from gateway.settings import Settings
from kernel import database
from payments.rail.errors import Misconfigured
from tests.gateway.running import run, running

PRODUCTION = {"SEATGRAPH_ENV": "production"}


def told(**more: Any) -> Settings:
    """The settings of a test."""
    return Settings.model_validate({"SEATGRAPH_ENV": "test", "SEATGRAPH_SECRET": "s" * 32} | more)


async def test_without_a_key_the_rail_leads_to_a_sandbox_of_this_database(fresh_database_url: str) -> None:
    async with rail(told(), fresh_database_url) as ours:
        assert ours
        made = await ours.customers.create("Ada", "ada@example.test", {}, key="c", urgent=True)
    async with rail(told(), fresh_database_url) as ours:
        assert ours

        assert (await ours.customers.look(made.id, urgent=True)).id == made.id


async def test_two_processes_of_one_database_share_one_sandbox(fresh_database_url: str) -> None:
    async with playing.played(fresh_database_url) as first, playing.played(fresh_database_url) as second:
        assert first == second
        async with database.connected(fresh_database_url) as owner:
            assert await playing.found(owner) == first
    async with database.connected(fresh_database_url) as owner:
        assert await playing.found(owner) is None


async def test_production_without_a_key_has_no_rail(fresh_database_url: str) -> None:
    async with rail(told(**PRODUCTION), fresh_database_url) as ours:
        assert ours is None
    async with database.connected(fresh_database_url) as owner:
        assert await owner.fetchval("select to_regnamespace('sandbox') is null")


async def test_a_key_goes_to_the_address_that_is_set(fresh_database_url: str) -> None:
    async with playing.played(fresh_database_url) as address:
        wrong = told(**PRODUCTION, STRIPE_SECRET_KEY=SecretStr("rk_live_wrong"), STRIPE_API_BASE=address)
        async with rail(wrong, fresh_database_url) as ours:
            assert ours
            with pytest.raises(Misconfigured):
                await ours.customers.look("cus_1", urgent=True)


def test_an_installation_is_known_by_its_secret() -> None:
    assert installation(told()) == installation(told())
    assert installation(told()) != installation(told(SEATGRAPH_SECRET="t" * 32))


async def test_the_clock_of_the_product_takes_that_of_the_sandbox_along(
    tmp_path: Path, fresh_database_url: str
) -> None:
    here = {"DATABASE_URL": fresh_database_url, "SEATGRAPH_ENV": "test"}
    async with playing.played(fresh_database_url) as address, httpx2.AsyncClient() as client:
        before = (await client.get(f"{address}/_sandbox/clock")).json()

        async with database.connected(fresh_database_url) as owner:
            await playing.advance(owner, 3600)

        # Either clock tells whole seconds, and one of them may have passed in between.
        moved = (await client.get(f"{address}/_sandbox/clock")).json()["offset"] - before["offset"]
        assert moved in {3599, 3600, 3601}
    assert run(tmp_path, "clock", "advance", "1h", **here).returncode == 0


def test_the_sandbox_is_served_by_itself(tmp_path: Path, fresh_database_url: str) -> None:
    here = {"DATABASE_URL": fresh_database_url, "SEATGRAPH_ENV": "test"}
    with running(tmp_path, "sandbox", "serve", "--port", "0", **here) as started:
        assert started.said.startswith("The sandbox answers at http://127.0.0.1:")
        address = started.said.split()[-1]

        answer = httpx2.get(f"{address}/v1/customers", headers={"authorization": "Bearer sk_test_any"})
        clock = httpx2.get(f"{address}/_sandbox/clock")
        status, _ = started.stop()

    assert (answer.json()["data"], clock.status_code, status) == ([], 200, 0)


def test_production_plays_nothing(tmp_path: Path) -> None:
    refused = run(tmp_path, "sandbox", "serve", SEATGRAPH_ENV="production", SEATGRAPH_SECRET="s" * 32)

    assert refused.returncode == 2
    assert refused.stderr.startswith("The Stripe sandbox is for development and tests")
