"""Reconciliation at the command line: told to people and to monitors, and refused in a sentence."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway import reconciling
from gateway.rails import rail
from gateway.settings import Settings
from kernel import database
from kernel.errors import InvalidInput, Unavailable
from tests.gateway.running import run

SECRET = "as long as a secret has to be, and no longer"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home without a database of its own."""
    return tmp_path / "home"


def told(**more: Any) -> Settings:
    """The settings of a test."""
    return Settings.model_validate({"SEATGRAPH_ENV": "test", "SEATGRAPH_SECRET": SECRET} | more)


async def an_orphan(url: str) -> str:
    """A charge at the sandbox of a database that nobody of ours made."""
    given: Any = {
        "amount": 9_900,
        "currency": "usd",
        "confirm": True,
        "payment_method": "pm_card_visa",
        "capture_method": "automatic",
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }
    async with rail(told(), url) as ours:
        assert ours
        made = await ours.line.v1.payment_intents.create_async(given)
    return str(made.latest_charge)


async def test_what_differs_is_told_with_what_mends_it(home: Path, fresh_database_url: str) -> None:
    charge = await an_orphan(fresh_database_url)

    first = run(home, "reconcile", "--json", DATABASE_URL=fresh_database_url, SEATGRAPH_SECRET=SECRET)
    again = run(home, "reconcile", DATABASE_URL=fresh_database_url, SEATGRAPH_SECRET=SECRET)

    outcome = json.loads(first.stdout)
    assert (first.returncode, again.returncode) == (0, 0)
    assert (outcome["complete"], outcome["stage"], outcome["open"], outcome["found"]) == (True, "done", 1, 1)
    (orphan,) = outcome["discrepancies"]
    assert (orphan["kind"], orphan["subject"]) == ("orphan", "movement")
    assert orphan["risk"] == {"minor": 9_900 - 317, "currency": "USD"}
    async with database.connected(fresh_database_url) as owner:
        assert await owner.fetchval("select source from balance_movement") == charge
    assert again.stdout.startswith("Compared 1 movements, 0 payouts, 0 payments; 0 events had been missed, 0 disc")
    assert orphan["action"] in again.stdout


async def test_nothing_to_pay_with_is_told_in_a_sentence(fresh_database_url: str) -> None:
    production = told(SEATGRAPH_ENV="production", SEATGRAPH_SECRET=SecretStr("s" * 32))

    with pytest.raises(Unavailable, match="STRIPE_SECRET_KEY is not set"):
        await reconciling.reconcile(production, fresh_database_url, None, None, shown=False, tell=print)


async def test_a_span_that_is_still_to_come_is_refused(fresh_database_url: str) -> None:
    ahead = datetime.now(UTC) + timedelta(days=2)

    with pytest.raises(InvalidInput, match="A span begins before it ends, and ends by now"):
        await reconciling.reconcile(told(), fresh_database_url, ahead, None, shown=False, tell=print)

    async with database.connected(fresh_database_url) as owner:
        assert await owner.fetchval("select count(*) from reconciliation") == 0
