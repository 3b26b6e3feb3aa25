"""Closing: when a day is over, the deferred balance is the unrecognized rest, on every day, whatever happened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import changes, closing, credit_notes, invoices, revenue, revenue_queries
from billing.credit_notes import Wish
from billing.states import CreditDestination
from kernel import database
from kernel.money import Money
from kernel.time import Period
from tests.billing.living import Life, Open, lives

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def url(fresh_database_url: str) -> str:
    return fresh_database_url


@pytest.fixture
async def opened(url: str) -> AsyncIterator[Open]:
    async with lives(url) as made:
        yield made


async def paying(opened: Open, seats: int = 3, **columns: object) -> Life:
    """An account whose trial is over and whose first month is billed."""
    life = await opened(START, **columns)
    await life.subscribe("enterprise_pro", quantity=seats)
    life.now += 14 * DAY
    await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))
    return life


async def closed(url: str, life: Life) -> int:
    """Every day that is over is closed; how many books were."""
    return await closing.sweep(url, life.now, life.blocks)


async def days(life: Life, since: date, until: date) -> list[revenue_queries.Day]:
    return await life.do(lambda work, account: revenue_queries.schedule(work, account.id, "EUR", since, until))


async def entries(life: Life) -> list[tuple[date, int]]:
    rows = await life.owner.fetch(
        "select e.day, case when t.credit = 'revenue' then t.amount_minor else -t.amount_minor end as minor"
        " from ledger_entry e join ledger_transfer t on t.entry_id = e.id"
        " where e.account_id = $1 and e.day is not null order by e.day, e.id",
        life.account_id,
    )
    return [(row["day"], row["minor"]) for row in rows]


async def test_each_day_that_is_over_is_booked_once_and_sums_to_the_month(url: str, opened: Open) -> None:
    life = await paying(opened)
    (number,) = await life.numbers()
    subtotal = (await life.invoice(number))["subtotal_minor"]

    life.now += 3 * DAY
    first = await closed(url, life)
    again = await closed(url, life)
    life.now += 40 * DAY
    rest = [await closed(url, life), await closed(url, life)]

    booked = await entries(life)
    assert (first, again) == (3, 0)
    assert rest[1] == 0
    assert [day for day, _ in booked] == [date(2026, 3, 15) + place * DAY for place in range(31)]
    assert sum(minor for _, minor in booked) == subtotal
    assert "deferred_revenue" not in await life.balances()
    await life.assert_sound()


async def test_the_books_say_of_every_day_what_the_schedule_says(url: str, opened: Open) -> None:
    life = await paying(opened)
    life.now += 10 * DAY
    await closed(url, life)

    told = await days(life, date(2026, 3, 10), date(2026, 3, 28))

    assert [day.booked for day in told[:15]] == [day.deferred for day in told[:15]]
    assert [day.booked for day in told[15:]] == [None] * 4
    assert told[5].deferred.minor > 0


async def test_the_books_of_a_day_stay_open_for_an_hour(url: str, opened: Open) -> None:
    life = await paying(opened, time_zone="America/New_York")
    midnight = datetime(2026, 3, 16, 4, tzinfo=UTC)

    life.now = midnight + timedelta(minutes=59)
    early = await closed(url, life)
    life.now = midnight + timedelta(minutes=60)

    assert (early, await closed(url, life)) == (0, 1)
    assert [day for day, _ in await entries(life)] == [date(2026, 3, 15)]


async def test_a_credit_note_in_between_changes_the_days_after_it_alone(url: str, opened: Open) -> None:
    life = await paying(opened)
    (number,) = await life.numbers()
    life.now += 5 * DAY
    await closed(url, life)
    before = await entries(life)

    wish = Wish(CreditDestination.CUSTOMER_CREDIT, Money(1_000, "EUR"))
    await life.do(lambda work, account: credit_notes.issue(work, account, number, wish, "Sorry."))
    life.now += 5 * DAY
    await closed(url, life)
    told = await days(life, date(2026, 3, 20), date(2026, 3, 24))

    assert (await entries(life))[: len(before)] == before
    assert [day.booked for day in told] == [day.deferred for day in told]
    await life.assert_sound()


async def test_an_invoice_that_is_voided_leaves_nothing_deferred(url: str, opened: Open) -> None:
    life = await paying(opened)
    (number,) = await life.numbers()
    life.now += 5 * DAY
    await closed(url, life)

    await life.do(lambda work, account: invoices.void(work, account, number))
    life.now += 5 * DAY
    await closed(url, life)

    assert await life.balances() == {}
    assert await life.one("select due_at from recognition_clock where account_id = $1", life.account_id) is None
    await life.assert_sound()


async def test_a_clock_that_rests_goes_on_with_the_next_invoice(url: str, opened: Open) -> None:
    life = await paying(opened)
    life.now += 40 * DAY
    for _ in range(2):
        await closed(url, life)
    resting = await life.one("select due_at from recognition_clock where account_id = $1", life.account_id)

    await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))
    life.now += 2 * DAY
    await closed(url, life)

    told = await days(life, life.now.date() - 2 * DAY, life.now.date() - DAY)
    assert resting is None
    assert [day.booked for day in told] == [day.deferred for day in told]
    assert told[-1].deferred.minor > 0
    await life.assert_sound()


async def test_books_that_were_open_for_months_are_closed_to_the_last_day_that_is_over(url: str, opened: Open) -> None:
    # The first month has as many days as are closed at once, and at their end nothing is deferred.
    life = await paying(opened)
    for length in (31, 30):
        life.now += length * DAY
        await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))
    life.now += 10 * DAY

    await closed(url, life)

    told = await days(life, date(2026, 3, 15), life.now.date() - DAY)
    assert [day.booked for day in told] == [day.deferred for day in told]
    assert told[-1].deferred.minor > 0
    await life.assert_sound()


async def test_what_is_written_late_is_counted_by_the_next_closing(url: str, opened: Open) -> None:
    life = await paying(opened)
    life.now += 2 * DAY
    midnight = life.now.replace(hour=0, minute=0)
    async with life.work() as (work, account):
        work.now = midnight - timedelta(minutes=1)
        wish = changes.Wish(life.item_id, quantity=9)
        await changes.change(work, account, life.subscription_id, wish)
        await closed(url, life)

    life.now += DAY
    await closed(url, life)

    (day,) = await days(life, midnight.date(), midnight.date())
    assert day.booked == day.deferred
    await life.assert_sound()


async def test_another_time_zone_leaves_the_books_right(url: str, opened: Open) -> None:
    life = await paying(opened)
    life.now += 2 * DAY
    await closed(url, life)

    for zone in ("Pacific/Auckland", "Pacific/Honolulu"):
        await life.owner.execute("update account set time_zone = $2 where id = $1", life.account_id, zone)
        life.now += 3 * DAY
        await closed(url, life)
        local = (life.now - timedelta(hours=12)).date() - DAY
        (day,) = await days(life, local - DAY, local - DAY)
        assert day.booked is not None
        await life.assert_sound()

    life.now += 40 * DAY
    for _ in range(2):
        await closed(url, life)
    assert "deferred_revenue" not in await life.balances()
    await life.assert_sound()


async def test_many_accounts_are_closed_by_two_workers_at_once_each_day_once(url: str, opened: Open) -> None:
    accounts = [await paying(opened, seats) for seats in range(1, 8)]
    now = accounts[0].now + 4 * DAY

    done = await asyncio.gather(*(closing.sweep(url, now, life.blocks, chunk=2) for life in accounts[:3]))

    assert sum(done) == 7 * 4
    for life in accounts:
        assert [day for day, _ in await entries(life)] == [date(2026, 3, 15) + place * DAY for place in range(4)]
    await accounts[0].assert_sound()


async def test_a_closing_that_breaks_off_leaves_the_books_as_they_were(url: str, opened: Open) -> None:
    life = await paying(opened)
    life.now += 3 * DAY
    await life.owner.execute("alter table recognition_clock add constraint broken check (through is null)")

    with pytest.raises(asyncpg.CheckViolationError):
        await closed(url, life)

    assert await entries(life) == []
    await life.owner.execute("alter table recognition_clock drop constraint broken")
    assert await closed(url, life) == 3
    await life.assert_sound()


SPANS = st.tuples(st.integers(0, 3 * 365 * 86_400), st.timedeltas(timedelta(0), timedelta(days=400)))
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kathmandu")


ASKED = st.tuples(st.integers(-(10**13), 10**13), SPANS, st.sampled_from(ZONES), st.integers(-3, 403))


@given(st.lists(ASKED, max_size=20))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
async def test_postgresql_recognizes_what_we_do(
    url: str, asked: list[tuple[int, tuple[int, timedelta], str, int]]
) -> None:
    starts = [START + timedelta(seconds=seconds) for _, (seconds, _), *_ in asked]
    spans = [Period(start, start + length) for start, (_, (_, length), *_) in zip(starts, asked, strict=True)]
    through = [start.date() + after * DAY for start, (*_, after) in zip(starts, asked, strict=True)]

    async with database.connected(url) as connection:
        told = await connection.fetch(
            "select revenue_earned(a, s, e, z, d) as minor from"
            " unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::date[]) as t(a, s, e, z, d)",
            [minor for minor, *_ in asked],
            [span.start for span in spans],
            [span.end for span in spans],
            [zone for *_, zone, _ in asked],
            through,
        )

    assert [row["minor"] for row in told] == [
        revenue.recognized(Money(minor, "EUR"), span, day, zone).minor
        for (minor, _, zone, _), span, day in zip(asked, spans, through, strict=True)
    ]
