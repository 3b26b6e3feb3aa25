"""One invoice: subscriptions of an account that fall due on one day are billed together, where it wants that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from billing import invoices
from billing.collecting import SeatCollection
from kernel.time import Interval
from tests.seats.paying import SEAT, Buyer, Market, markets

JANUARY = datetime(2024, 1, 10, 9, tzinfo=UTC)
FEBRUARY = datetime(2024, 2, 10, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def market(fresh_database_url: str) -> AsyncIterator[Market]:
    async with markets(fresh_database_url) as made:
        yield made


async def two_pools(market: Market, *, apart: timedelta = 6 * HOUR, second: str = "USD", **account: object) -> Buyer:
    """A workspace with two pools, bought some hours apart."""
    buyer = await market.buyer(JANUARY, **{"one_invoice": True, **account})  # type: ignore[arg-type]
    await buyer.buy(await market.price(buyer.life), 10)
    buyer.life.now += apart
    await buyer.buy(await market.price(buyer.life, currency=second), 3)
    return buyer


async def at(buyer: Buyer, moment: datetime) -> None:
    """What is due at a moment is done."""
    buyer.life.now = moment
    await buyer.work_off()


async def test_two_subscriptions_that_are_due_on_one_day_are_billed_when_the_later_is(market: Market) -> None:
    buyer = await two_pools(market)

    await at(buyer, FEBRUARY + HOUR)
    between = await buyer.totals()
    await at(buyer, FEBRUARY + 6 * HOUR)

    assert between == [10 * SEAT, 3 * SEAT]
    assert await buyer.totals() == [10 * SEAT, 3 * SEAT, 13 * SEAT]
    assert [(line["subscription_id"], line["amount_minor"]) for line in await buyer.lines()] == [
        (await buyer.subscription(0), 10 * SEAT),
        (await buyer.subscription(1), 3 * SEAT),
    ]
    assert (await buyer.life.invoice((await buyer.life.numbers())[-1]))["subscription_id"] is None
    await buyer.life.assert_sound()


async def test_each_has_its_own_invoice_unless_the_account_wants_one(market: Market) -> None:
    buyer = await two_pools(market, one_invoice=False)

    await at(buyer, FEBRUARY + 6 * HOUR)

    assert await buyer.totals() == [10 * SEAT, 3 * SEAT, 10 * SEAT, 3 * SEAT]


async def test_two_currencies_are_two_invoices_and_do_not_wait_for_each_other(market: Market) -> None:
    buyer = await two_pools(market, second="JPY")

    await at(buyer, FEBRUARY + HOUR)
    between = await buyer.totals()
    await at(buyer, FEBRUARY + 6 * HOUR)

    assert between == [10 * SEAT, 3 * SEAT, 10 * SEAT]
    assert await buyer.totals() == [10 * SEAT, 3 * SEAT, 10 * SEAT, 3 * SEAT]
    await buyer.life.assert_sound()


async def test_a_day_is_one_where_the_account_lives(market: Market) -> None:
    """At nine in the morning and ten in the evening it is the same day in London, and not in Tokyo."""
    london = await two_pools(market, apart=13 * HOUR, time_zone="Europe/London")
    tokyo = await two_pools(market, apart=13 * HOUR, time_zone="Asia/Tokyo")

    for buyer in (london, tokyo):
        await at(buyer, FEBRUARY + 13 * HOUR)

    assert (await london.totals())[2:] == [13 * SEAT]
    assert (await tokyo.totals())[2:] == [10 * SEAT, 3 * SEAT]


async def test_months_that_were_missed_have_an_invoice_each(market: Market) -> None:
    buyer = await two_pools(market)

    await at(buyer, datetime(2024, 4, 20, tzinfo=UTC))

    assert await buyer.totals() == [10 * SEAT, 3 * SEAT, 13 * SEAT, 13 * SEAT, 13 * SEAT]
    await buyer.life.assert_sound()


async def test_taxes_are_rounded_once_on_the_whole_invoice(market: Market) -> None:
    buyer = await market.buyer(JANUARY, one_invoice=True, country="DE")
    for _ in range(2):
        await buyer.buy(await market.price(buyer.life, amount=8), 1)

    await at(buyer, FEBRUARY)

    rows = [await buyer.life.invoice(number) for number in await buyer.life.numbers()]
    assert [(row["subtotal_minor"], row["tax_minor"]) for row in rows] == [(8, 2), (8, 2), (16, 3)]
    await buyer.life.assert_sound()


async def test_a_void_invoice_of_several_is_asked_for_again_of_each(market: Market) -> None:
    buyer = await two_pools(market)
    await at(buyer, FEBRUARY + 6 * HOUR)
    number = (await buyer.life.numbers())[-1]

    await buyer.life.do(lambda work, account: invoices.void(work, account, number))
    await at(buyer, FEBRUARY + timedelta(days=30))

    assert await buyer.totals() == [10 * SEAT, 3 * SEAT, 26 * SEAT]
    await buyer.life.assert_sound()


async def test_one_that_ends_keeps_nobody_waiting(market: Market) -> None:
    buyer = await two_pools(market)
    await buyer.cancel(pool=1)

    await at(buyer, FEBRUARY)

    assert await buyer.totals() == [10 * SEAT, 3 * SEAT, 10 * SEAT]
    await buyer.life.assert_sound()


async def test_seats_that_wait_for_a_renewal_are_on_the_one_invoice_too(market: Market) -> None:
    buyer = await two_pools(market, seat_collection=SeatCollection.AT_RENEWAL.value)
    await buyer.resize(5, pool=1)

    await at(buyer, FEBRUARY + 6 * HOUR)

    assert await buyer.totals() == [10 * SEAT, 3 * SEAT, 2 * SEAT + 15 * SEAT]
    await buyer.life.assert_sound()


async def test_workers_that_race_make_one_invoice(market: Market) -> None:
    buyer = await two_pools(market)
    buyer.life.now = FEBRUARY + 6 * HOUR

    await asyncio.gather(*(buyer.work_off() for _ in range(4)))

    assert await buyer.totals() == [10 * SEAT, 3 * SEAT, 13 * SEAT]
    await buyer.life.assert_sound()


async def test_a_year_and_a_month_meet_once_a_year(market: Market) -> None:
    buyer = await market.buyer(JANUARY, one_invoice=True)
    await buyer.buy(await market.price(buyer.life), 1)
    await buyer.buy(await market.price(buyer.life, interval=Interval.YEAR), 2)

    await at(buyer, datetime(2025, 1, 10, 9, tzinfo=UTC))

    assert await buyer.totals() == [SEAT, 2 * SEAT, *([SEAT] * 11), 3 * SEAT]
    await buyer.life.assert_sound()
