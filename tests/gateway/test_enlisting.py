"""What the people of a scene pay with, at the sandbox: it exists there, and behaves by its last digits."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from gateway import enlisting, seeding
from gateway.rails import rail
from gateway.settings import Settings
from kernel import database
from kernel.money import Money
from payments.rail.errors import Declined
from payments.rail.intents import body_of
from payments.rail.opening import Rail
from tests.databases import own_database

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
KNOWN = "select count(*) from payment_method where fingerprint is not null"


def told(**more: Any) -> Settings:
    """The settings of a test."""
    return Settings.model_validate({"SEATGRAPH_ENV": "test", "SEATGRAPH_SECRET": "s" * 32} | more)


@pytest.fixture(scope="module")
async def url(server: str) -> AsyncIterator[str]:
    async with own_database(server, "enlisted") as own:
        await seeding.demo(own, NOW)
        yield own


@pytest.fixture
async def connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    async with database.connected(url) as connected:
        yield connected


async def charged(connection: asyncpg.Connection, paying: Rail, email: str, last4: str, amount: Money) -> str:
    """What comes of charging somebody's instrument when nobody is there."""
    row = await connection.fetchrow(
        "select m.rail_id, c.rail_id as customer from payment_method m join account a on a.id = m.account_id"
        " join rail_customer c on c.account_id = a.id where a.email = $1 and m.last4 = $2",
        email,
        last4,
    )
    made = await paying.intents.create(body_of(amount, row["customer"], {}, ""), key=f"{email}-made", urgent=True)
    try:
        answer = await paying.intents.confirm(
            made.id, row["rail_id"], key=f"{email}-sent", off_session=True, urgent=True
        )
    except Declined as declined:
        return str(declined.decline.reason)
    return answer.status


async def test_without_the_sandbox_nobody_is_told(url: str, connection: asyncpg.Connection) -> None:
    said: list[str] = []

    await enlisting.enlist(told(STRIPE_SECRET_KEY=SecretStr("sk_test_theirs")), url, NOW, said.append)

    assert (said, await connection.fetchval(KNOWN)) == ([], 0)


async def test_a_sandbox_that_does_not_answer_is_told_at_the_next_start(
    url: str, connection: asyncpg.Connection
) -> None:
    said: list[str] = []

    await enlisting.enlist(told(STRIPE_API_BASE="http://127.0.0.1:9"), url, NOW, said.append)

    assert said[-1].startswith("It was not told everything")
    assert await connection.fetchval(KNOWN) == 0


async def test_what_a_scene_began_goes_on_and_is_paid_or_declined(url: str, connection: asyncpg.Connection) -> None:
    said: list[str] = []
    await enlisting.enlist(told(), url, NOW, said.append)
    again: list[str] = []
    await enlisting.enlist(told(), url, NOW + timedelta(days=1), again.append)

    async with rail(told(), url) as paying:
        assert paying
        ada = await charged(connection, paying, "ada@example.com", "4242", Money(2000, "USD"))
        grace = await charged(connection, paying, "grace@example.com", "3000", Money(2000, "EUR"))
        katherine = await charged(connection, paying, "katherine@example.com", "9995", Money(2000, "USD"))

    assert (ada, grace, katherine) == ("succeeded", "processing", "insufficient_funds")
    assert (len(said), again) == (1, [])
    looks = await connection.fetch("select distinct brand from payment_method")
    assert {row["brand"] for row in looks} == {"visa", "mastercard", "jcb", "sepa"}
