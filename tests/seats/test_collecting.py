"""Collecting: seats are there at once, and every policy asks for the same, only at other times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth.tables import Account
from billing import changes, invoices, previews
from billing.changes import NothingChanges, Wish
from billing.collecting import SeatCollection, collected_at
from billing.invariants import INVARIANTS
from billing.previews import Foreseen
from billing.pricing import Decrease
from billing.subscriptions import CancelAt
from kernel.money import rounded
from kernel.time import Interval
from kernel.work import Work
from tests.seats.paying import SEAT, Buyer, Market, markets

JANUARY = datetime(2024, 1, 10, tzinfo=UTC)
DAY = timedelta(days=1)
POLICIES = list(SeatCollection)
IMMEDIATELY, MONTHLY, AT_RENEWAL = POLICIES


@pytest.fixture
async def market(fresh_database_url: str) -> AsyncIterator[Market]:
    async with markets(fresh_database_url) as made:
        yield made


async def pooled(
    market: Market, collects: SeatCollection, seats: int = 10, now: datetime = JANUARY, **terms: object
) -> Buyer:
    """A workspace with one pool."""
    account = {name: terms.pop(name) for name in ("time_zone", "one_invoice") if name in terms}
    buyer = await market.buyer(now, collects, **account)
    await buyer.buy(await market.price(buyer.life, **terms), seats)  # type: ignore[arg-type]
    return buyer


def part(seats: int, days: int, of: int = 31) -> int:
    """What so many seats cost for so many days of a period."""
    return rounded(Fraction(seats * SEAT * days, of))


async def sound(buyer: Buyer) -> None:
    """Nothing is lost, and every invoice explains itself."""
    await buyer.life.assert_sound()


async def test_seats_that_are_collected_immediately_have_an_invoice_of_their_own(market: Market) -> None:
    buyer = await pooled(market, IMMEDIATELY)
    await buyer.until(JANUARY + 10 * DAY)
    told = await buyer.foresees(15)

    done = await buyer.resize(15)

    assert await buyer.totals() == [10 * SEAT, part(5, 21)]
    assert told.document.subtotal.minor == part(5, 21)
    assert done.collected_at is None
    await sound(buyer)


async def test_seats_that_are_collected_at_renewal_are_on_its_invoice(market: Market) -> None:
    buyer = await pooled(market, AT_RENEWAL)
    await buyer.until(JANUARY + 10 * DAY)
    told = await buyer.foresees(15)
    done = await buyer.resize(15)
    renewal = datetime(2024, 2, 10, tzinfo=UTC)
    before = await buyer.totals()

    await buyer.until(renewal)

    assert await buyer.size() == 15
    assert before == [10 * SEAT]
    assert told.next
    assert (told.lines, told.next.document.subtotal.minor) == ((), part(5, 21) + 15 * SEAT)
    assert told.next.at == done.collected_at == renewal
    assert await buyer.totals() == [10 * SEAT, part(5, 21) + 15 * SEAT]
    assert [line["quantity"] for line in await buyer.lines()] == [15, 15]
    await sound(buyer)


async def test_seats_that_are_collected_monthly_are_on_one_invoice_on_the_first(market: Market) -> None:
    buyer = await pooled(market, MONTHLY)
    await buyer.buy(await market.price(buyer.life, interval=Interval.YEAR), 3)
    await buyer.until(JANUARY + 10 * DAY)
    seen = await buyer.foresees(15)
    told = await buyer.resize(15)
    await buyer.until(JANUARY + 15 * DAY)
    await buyer.resize(5, pool=1)
    first = datetime(2024, 2, 1, tzinfo=UTC)

    await buyer.until(first + DAY)

    assert told.collected_at == first
    assert seen.lines == ()
    assert seen.next
    assert seen.next.next
    assert (seen.next.at, seen.next.document.subtotal.minor) == (first, part(5, 21))
    assert (seen.next.next.at, seen.next.next.document.subtotal.minor) == (JANUARY + 31 * DAY, 15 * SEAT)
    assert await buyer.totals() == [10 * SEAT, 3 * SEAT, part(5, 21) + part(2, 351, of=366)]
    assert (await buyer.days())[-1] == first
    assert [line["subscription_id"] for line in await buyer.lines()] == [
        await buyer.subscription(0),
        await buyer.subscription(1),
    ]
    await sound(buyer)


async def test_the_first_of_the_month_is_where_the_account_lives(market: Market) -> None:
    buyer = await pooled(market, MONTHLY, time_zone="America/New_York")
    await buyer.until(JANUARY + 10 * DAY)

    told = await buyer.resize(15)
    await buyer.until(datetime(2024, 2, 1, 5, tzinfo=UTC))

    assert told.collected_at == datetime(2024, 2, 1, 5, tzinfo=UTC)
    assert (await buyer.days())[-1] == told.collected_at


def test_a_renewal_that_comes_first_collects_what_is_collected_monthly() -> None:
    renewal = datetime(2024, 1, 25, tzinfo=UTC)

    assert collected_at(MONTHLY, JANUARY, renewal, "UTC") == renewal
    assert collected_at(MONTHLY, JANUARY, renewal + 30 * DAY, "Europe/Berlin") == datetime(2024, 1, 31, 23, tzinfo=UTC)
    assert collected_at(IMMEDIATELY, JANUARY, renewal, "UTC") == JANUARY


async def test_two_months_of_one_outage_are_collected_together_and_once(market: Market) -> None:
    buyer = await pooled(market, MONTHLY, interval=Interval.YEAR)
    await buyer.resize(15)

    buyer.life.now = datetime(2024, 3, 5, tzinfo=UTC)
    await buyer.work_off()
    await buyer.work_off()

    assert await buyer.totals() == [10 * SEAT, 5 * SEAT]
    await sound(buyer)


@pytest.mark.parametrize("collects", POLICIES)
async def test_ten_then_five_then_fifteen_bill_five_more(market: Market, collects: SeatCollection) -> None:
    buyer = await pooled(market, collects)
    await buyer.until(JANUARY + 10 * DAY)

    fewer = await buyer.resize(5)
    await buyer.resize(15)
    await buyer.until(datetime(2024, 2, 10, tzinfo=UTC))

    assert (fewer.pool.purchased, fewer.invoice, fewer.collected_at) == (10, None, None)
    assert sum(await buyer.totals()) == 10 * SEAT + part(5, 21) + 15 * SEAT
    await sound(buyer)


@pytest.mark.parametrize("collects", POLICIES)
@pytest.mark.parametrize("credit", [False, True])
async def test_canceling_bills_what_was_bought_and_not_billed_yet(
    market: Market, collects: SeatCollection, *, credit: bool
) -> None:
    buyer = await pooled(market, collects)
    await buyer.until(JANUARY + 10 * DAY)
    await buyer.resize(15)
    await buyer.until(JANUARY + 20 * DAY)

    await buyer.cancel(credit=credit)

    used = 10 * SEAT - part(10, 11) + part(5, 21) - part(5, 11)
    assert abs(sum(await buyer.totals()) - (used if credit else 10 * SEAT + part(5, 21))) <= credit
    await sound(buyer)


async def test_a_subscription_that_ends_with_its_period_bills_what_waited_for_a_renewal(market: Market) -> None:
    buyer = await pooled(market, AT_RENEWAL)
    await buyer.until(JANUARY + 10 * DAY)
    await buyer.resize(15)
    await buyer.cancel(CancelAt.PERIOD_END)

    await buyer.until(datetime(2024, 2, 11, tzinfo=UTC))

    assert await buyer.totals() == [10 * SEAT, part(5, 21)]
    await sound(buyer)


async def test_a_voided_invoice_is_asked_for_again_with_the_next(market: Market) -> None:
    buyer = await pooled(market, MONTHLY)
    await buyer.until(JANUARY + 10 * DAY)
    await buyer.resize(15)
    await buyer.until(datetime(2024, 2, 1, tzinfo=UTC))
    number = (await buyer.life.numbers())[-1]

    await buyer.life.do(lambda work, account: invoices.void(work, account, number))
    between = await buyer.totals()
    await buyer.until(datetime(2024, 2, 10, tzinfo=UTC))

    assert between == [10 * SEAT]
    assert await buyer.totals() == [10 * SEAT, part(5, 21) + 15 * SEAT]
    await sound(buyer)


@pytest.mark.parametrize("after", POLICIES)
async def test_another_policy_loses_nothing_of_what_waits(market: Market, after: SeatCollection) -> None:
    buyer = await pooled(market, AT_RENEWAL)
    await buyer.until(JANUARY + 10 * DAY)
    await buyer.resize(15)

    await buyer.collects(after)
    await buyer.until(JANUARY + 11 * DAY)
    await buyer.resize(16)
    await buyer.until(datetime(2024, 2, 10, tzinfo=UTC))

    waited = part(5, 21) + part(1, 20)
    days = await buyer.days()
    assert sum(await buyer.totals()) == 10 * SEAT + waited + 16 * SEAT
    assert (
        days[1]
        == {
            IMMEDIATELY: JANUARY + 11 * DAY,
            MONTHLY: datetime(2024, 2, 1, tzinfo=UTC),
            AT_RENEWAL: datetime(2024, 2, 10, tzinfo=UTC),
        }[after]
    )
    await sound(buyer)


async def test_another_plan_bills_what_waits_with_its_difference(market: Market) -> None:
    buyer = await pooled(market, AT_RENEWAL)
    item = await buyer.life.one("select subscription_item_id from license_pool where id = $1", buyer.pools[0])
    dearer = await market.price(buyer.life, amount=2 * SEAT)
    number = await buyer.subscription()
    await buyer.until(JANUARY + 10 * DAY)
    await buyer.resize(15)
    await buyer.until(JANUARY + 11 * DAY)

    await buyer.life.do(lambda work, account: changes.change(work, account, number, Wish(item, price_id=dearer)))

    assert await buyer.totals() == [10 * SEAT, part(5, 1) - part(10, 20) + part(2 * 15, 20)]
    await sound(buyer)


async def test_seats_given_back_are_credited_at_once_where_the_plan_says_so(market: Market) -> None:
    buyer = await pooled(market, IMMEDIATELY, decrease=Decrease.NOW)
    await buyer.until(JANUARY + 10 * DAY)
    told = await buyer.foresees(6)

    done = await buyer.resize(6)

    assert done.pool.purchased == 6
    assert await buyer.totals() == [10 * SEAT, told.document.subtotal.minor]
    assert abs(told.document.subtotal.minor + part(4, 21)) <= 1
    await sound(buyer)


async def test_only_free_seats_are_given_back_at_once_and_the_rest_at_renewal(market: Market) -> None:
    buyer = await pooled(market, IMMEDIATELY, decrease=Decrease.NOW)
    await buyer.until(JANUARY + 30 * DAY)
    for place in range(8):
        await buyer.seat(f"ada{place}@example.test")

    told = await buyer.foresees(5)
    done = await buyer.resize(5)
    await buyer.until(JANUARY + 40 * DAY)

    assert (done.pool.purchased, done.waiting.quantity if done.waiting else None) == (8, 5)
    assert await buyer.totals() == [10 * SEAT, told.document.subtotal.minor, 8 * SEAT]
    assert abs(told.document.subtotal.minor + part(2, 1)) <= 1
    await sound(buyer)


@pytest.mark.parametrize("collects", [MONTHLY, AT_RENEWAL])
async def test_credits_are_netted_with_what_waits(market: Market, collects: SeatCollection) -> None:
    buyer = await pooled(market, collects, decrease=Decrease.NOW)
    await buyer.until(JANUARY + 10 * DAY)

    await buyer.resize(15)
    await buyer.resize(10)
    told = await buyer.life.one(
        "select unbilled_since from subscription_clock where subscription_id = $1", await buyer.subscription()
    )
    await buyer.until(datetime(2024, 2, 10, tzinfo=UTC))

    assert told is None
    assert await buyer.totals() == [10 * SEAT, 10 * SEAT]


async def test_as_many_seats_as_there_are_change_nothing(market: Market) -> None:
    buyer = await pooled(market, MONTHLY)

    with pytest.raises(NothingChanges):
        await buyer.resize(10)

    assert await buyer.totals() == [10 * SEAT]


async def test_two_admins_who_buy_at_once_buy_one_after_the_other(market: Market) -> None:
    buyer = await pooled(market, AT_RENEWAL)
    await buyer.until(JANUARY + 10 * DAY)

    await asyncio.gather(*(buyer.resize(seats) for seats in (12, 15, 14, 11)))
    size = await buyer.size()
    await buyer.until(datetime(2024, 2, 10, tzinfo=UTC))

    assert size == 15
    assert abs(sum(await buyer.totals()) - 10 * SEAT - part(5, 21) - await buyer.size() * SEAT) <= 2
    await sound(buyer)


async def test_a_renewal_that_is_overdue_is_billed_before_seats_are_bought_in_its_period(market: Market) -> None:
    buyer = await pooled(market, AT_RENEWAL)
    buyer.life.now = JANUARY + 35 * DAY

    done = await buyer.resize(15)
    await buyer.work_off()

    assert done.collected_at == datetime(2024, 3, 10, tzinfo=UTC)
    assert sum(await buyer.totals()) == 20 * SEAT
    await sound(buyer)


async def test_what_waits_and_is_forgotten_is_found(market: Market) -> None:
    buyer = await pooled(market, AT_RENEWAL)
    await buyer.resize(15)
    number = await buyer.subscription()
    (check,) = [known for known in INVARIANTS if "waits to be billed" in known.name]

    await buyer.life.owner.execute(
        "update subscription_clock set unbilled_since = $2 where subscription_id = $1", number, JANUARY - DAY
    )
    late = await buyer.life.owner.fetch(check.sql)
    await buyer.life.owner.execute("update subscription set state = 'canceled', ended_at = now() where id = $1", number)
    over = await buyer.life.owner.fetch(check.sql)

    assert len(late) == len(over) == 1


# What any policy asks for


CHANGES = st.lists(st.tuples(st.integers(1, 20 * 24), st.integers(1, 30)), min_size=1, max_size=5)
WORLDS = st.sampled_from(
    [
        ("USD", "UTC", datetime(2024, 1, 31, tzinfo=UTC)),
        ("JPY", "Asia/Tokyo", datetime(2024, 2, 29, 15, tzinfo=UTC)),
        ("KWD", "America/New_York", datetime(2024, 3, 9, 6, 30, tzinfo=UTC)),
        ("EUR", "Europe/Berlin", datetime(2024, 10, 5, 22, tzinfo=UTC)),
    ]
)


@given(CHANGES, WORLDS, st.sampled_from(Decrease), st.sampled_from([Interval.MONTH, Interval.YEAR]))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
async def test_every_policy_asks_for_the_same_over_a_life(
    market: Market,
    steps: list[tuple[int, int]],
    place: tuple[str, str, datetime],
    decrease: Decrease,
    interval: Interval,
) -> None:
    currency, zone, start = place
    sums, lines = {}, 0
    for collects in POLICIES:
        buyer = await pooled(
            market, collects, 7, start, time_zone=zone, currency=currency, decrease=decrease, interval=interval
        )
        for hours, seats in steps:
            buyer.life.now += timedelta(hours=hours)
            await buyer.work_off()
            if seats != await buyer.size() or await buyer.life.one(
                "select count(*) from scheduled_change where account_id = $1 and state = 'pending'",
                buyer.life.account_id,
            ):
                await buyer.resize(seats)
        buyer.life.now += timedelta(days=400)
        await buyer.work_off()
        sums[collects] = sum(await buyer.totals())
        lines += await buyer.life.one("select count(*) from line_item where account_id = $1", buyer.life.account_id)
        await sound(buyer)

    assert max(sums.values()) - min(sums.values()) <= lines
    if decrease is Decrease.AT_RENEWAL:
        assert len(set(sums.values())) == 1


# A preview of an end


@pytest.mark.parametrize("at", list(CancelAt))
async def test_a_preview_of_an_end_shows_what_is_owed(market: Market, at: CancelAt) -> None:
    buyer = await pooled(market, AT_RENEWAL)
    await buyer.until(JANUARY + 10 * DAY)
    await buyer.resize(15)
    number = await buyer.subscription()

    async def foreseen(work: Work, account: Account) -> Foreseen:
        billed = await previews.canceling(work, account, number, at, credit=False)
        return await previews.foreseen(work, account, billed)

    told = await buyer.life.do(foreseen)
    await buyer.cancel(at)
    await buyer.until(JANUARY + 31 * DAY)

    owed = told if at is CancelAt.NOW else told.next
    assert owed
    assert await buyer.totals() == [10 * SEAT, owed.document.subtotal.minor] == [10 * SEAT, part(5, 21)]
    await sound(buyer)
