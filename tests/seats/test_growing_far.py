"""Growing far: what a pool buys by itself is asked for at once where its period began with far fewer seats."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.tables import Account
from billing.collecting import SeatCollection, grown_far
from kernel.work import Work
from seats import bulk, foreseeing, growing
from seats.growing import Bought
from tests.seats.paying import SEAT, Buyer, Market, markets
from tests.seats.test_collecting import AT_RENEWAL, DAY, JANUARY, MONTHLY, part, pooled, sound

NEXT = JANUARY + DAY
"""When 30 of the 31 days of a period are left."""


@pytest.fixture
async def market(fresh_database_url: str) -> AsyncIterator[Market]:
    async with markets(fresh_database_url) as made:
        yield made


async def growing_pool(market: Market, collects: SeatCollection, seats: int) -> Buyer:
    """A workspace that buys what is missing, with one full pool, a day later."""
    buyer = await pooled(market, collects, seats)
    await buyer.life.owner.execute("update workspace set overage = 'buy' where id = $1", buyer.life.account_id)
    await seat(buyer, "first", seats)
    await buyer.until(NEXT)
    return buyer


def people(name: str, count: int) -> list[str]:
    return [f"{name}{number}@grow.test" for number in range(count)]


async def seat(buyer: Buyer, name: str, count: int) -> Bought | None:
    """Seat so many people; what was bought for them."""

    async def act(work: Work, account: Account) -> Bought | None:
        growth = await growing.allowed(work, account.id, buyer.pools[0])
        await bulk.assign_all(work, account.id, buyer.pools[0], people(name, count), growth)
        return growth.bought if growth else None

    return await buyer.life.do(act)


async def anew(buyer: Buyer, moment: datetime) -> None:
    """Let the period end, and whoever was invited not come."""
    buyer.life.now = moment
    await buyer.work_off()


async def foreseen(buyer: Buyer, name: str, count: int) -> foreseeing.Seating:
    """What seating them would come to."""
    return await buyer.life.do(
        lambda work, account: foreseeing.assigning(work, account, buyer.pools[0], people(name, count))
    )


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_pool_has_grown_far_by_20_seats_or_when_it_has_doubled(began_with: int, more: int) -> None:
    assert grown_far(began_with, began_with + more) is (more >= min(20, began_with))


@pytest.mark.parametrize(("collects", "seats", "more"), [(MONTHLY, 10, 10), (AT_RENEWAL, 30, 20)])
async def test_a_pool_that_grows_far_by_itself_is_billed_at_once(
    market: Market, collects: SeatCollection, seats: int, more: int
) -> None:
    buyer = await growing_pool(market, collects, seats)
    told = await foreseen(buyer, "more", more)

    bought = await seat(buyer, "more", more)

    assert bought
    assert told.quote
    assert (told.quote.collected_at, bought.resized.collected_at) == (None, None)
    assert told.cost == bought.cost
    assert await buyer.totals() == [seats * SEAT, bought.cost.minor] == [seats * SEAT, part(more, 30)]
    await sound(buyer)


@pytest.mark.parametrize(("seats", "more"), [(10, 9), (30, 19)])
async def test_a_seat_fewer_is_billed_when_the_account_chose(market: Market, seats: int, more: int) -> None:
    buyer = await growing_pool(market, AT_RENEWAL, seats)
    told = await foreseen(buyer, "more", more)

    bought = await seat(buyer, "more", more)

    assert bought
    assert told.quote
    assert told.quote.collected_at == bought.resized.collected_at == datetime(2024, 2, 10, tzinfo=UTC)
    assert await buyer.totals() == [seats * SEAT]
    await sound(buyer)


async def test_what_somebody_buys_is_billed_when_the_account_chose(market: Market) -> None:
    buyer = await growing_pool(market, AT_RENEWAL, 10)
    told = await buyer.foresees(50)

    done = await buyer.resize(50)

    assert told.lines == ()
    assert done.collected_at == datetime(2024, 2, 10, tzinfo=UTC)
    assert await buyer.totals() == [10 * SEAT]
    await sound(buyer)


async def test_what_was_owed_before_is_on_that_invoice(market: Market) -> None:
    buyer = await growing_pool(market, AT_RENEWAL, 10)
    await buyer.resize(15)
    await buyer.until(NEXT + DAY)

    bought = await seat(buyer, "more", 10)

    assert bought
    assert bought.cost.minor == part(5, 29)
    assert await buyer.totals() == [10 * SEAT, part(5, 30) + part(5, 29)]
    await sound(buyer)


async def test_each_period_begins_anew(market: Market) -> None:
    buyer = await growing_pool(market, AT_RENEWAL, 2)
    await seat(buyer, "more", 1)
    await anew(buyer, datetime(2024, 2, 11, tzinfo=UTC))
    assert await seat(buyer, "first", 2) is None
    assert await seat(buyer, "more", 1) is None

    later = await seat(buyer, "third", 2)
    at_once = await seat(buyer, "fourth", 1)

    assert later
    assert at_once
    assert later.resized.collected_at == datetime(2024, 3, 10, tzinfo=UTC)
    assert (at_once.resized.collected_at, at_once.resized.invoice is None) == (None, False)
    await sound(buyer)
