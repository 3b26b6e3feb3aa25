"""Usage on a real database: counted alike in any order, billed once, and explained from what was recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import changes, subscriptions, usage, usage_queries
from billing.catalog import ListPrice
from billing.metered import MeteredItem, Stretch
from billing.metering import GRACE, Report, UsageOutcome
from billing.price_rules import read
from billing.pricing import TIMES
from billing.rating import Aggregation, Event, measured
from billing.subscriptions import CancelAt
from kernel.errors import InvalidInput, NotFound
from kernel.time import Period
from tests.billing.living import Life, lives

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
Open = Callable[..., Awaitable[Life]]


@pytest.fixture
async def opened(fresh_database_url: str) -> AsyncIterator[Open]:
    async with lives(fresh_database_url) as opened:
        yield opened


@pytest.fixture
async def life(opened: Open) -> Life:
    """A customer of the API plan, which costs nothing but what is used."""
    found = await opened(START)
    await found.subscribe("api")
    return found


async def report(life: Life, *reports: Report, whole: bool = False) -> usage.Batch:
    return await life.do(lambda work, account: usage.record(work, account.id, reports, whole=whole))


def searches(key: str, at: datetime, quantity: Any = 1, **said: Any) -> Report:
    return Report(key, "searches", at, quantity, **said)


async def renew(life: Life) -> None:
    """Let the period end, and bill it."""
    due = await life.one("select due_at from subscription_clock where subscription_id = $1", life.subscription_id)
    life.now = max(life.now, due)
    await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))


async def totals(life: Life) -> list[int]:
    return [(await life.invoice(number))["subtotal_minor"] for number in await life.numbers("state <> 'void'")]


def outcomes(batch: usage.Batch) -> list[str]:
    return [result.outcome.value for result in batch.results]


async def test_usage_is_billed_in_arrears_and_explains_itself(life: Life) -> None:
    life.now += 5 * HOUR
    await report(life, searches("a", START + HOUR, 1500), searches("b", START + 3 * HOUR, "500"))

    await renew(life)

    assert await totals(life) == [5_00]
    (line,) = await life.owner.fetch("select * from line_item where account_id = $1", life.account_id)
    assert (line["kind"], line["quantity"]) == ("usage", 2000)
    assert line["formula"] == f"1000 {TIMES} 0.00 + 1000 {TIMES} 0.005"
    (number,) = await life.numbers()
    told = await life.explained(number)
    assert told.agrees
    assert [fact.says for fact in told.lines[0].facts] == ["the first of 2 events, 2000 in all", "the last of them"]


async def test_late_usage_is_a_difference_on_the_next_invoice_and_both_explain_themselves(life: Life) -> None:
    await report(life, searches("a", START, 2000))
    await renew(life)

    life.now += GRACE - HOUR
    late = await report(life, searches("late", life.now - GRACE - 2 * HOUR, 1000))
    await life.assert_sound()
    await renew(life)

    assert outcomes(late) == ["recorded"]
    assert await totals(life) == [5_00, 5_00]
    await life.assert_sound()


async def test_once_the_grace_is_over_a_period_is_closed(life: Life) -> None:
    end = await life.one("select due_at from subscription_clock where subscription_id = $1", life.subscription_id)
    await renew(life)
    life.now = end + GRACE

    batch = await report(life, searches("late", end - HOUR), searches("good", end))

    assert outcomes(batch) == ["refused", "recorded"]
    assert "Its period is closed" in str(batch.results[0].message)


async def test_a_retry_counts_once_and_a_key_that_says_something_else_is_refused(life: Life) -> None:
    await report(life, searches("a", START, "0.1"), searches("b", START, "0.2"))

    again = await report(
        life, searches("a", START, "0.10"), searches("b", START, "0.3"), searches("c", START), searches("c", START)
    )

    assert outcomes(again) == ["duplicate", "refused", "recorded", "duplicate"]
    assert "with a quantity of 0.2, and that stays" in str(again.results[1].message)
    assert await life.one("select sum(quantity) from usage_event") == Decimal("1.3")


async def test_all_or_none_records_nothing_when_one_is_refused(life: Life) -> None:
    batch = await report(life, searches("a", START), searches("b", START, "NaN"), whole=True)

    assert outcomes(batch) == ["withheld", "refused"]
    assert await life.one("select count(*) from usage_event") == 0
    assert await life.one("select count(*) from usage_batch") == 0
    assert await life.one("select count(*) from outbox where name = 'usage.recorded'") == 0


async def test_a_batch_holds_a_thousand_events(life: Life) -> None:
    with pytest.raises(InvalidInput):
        await report(life)
    with pytest.raises(InvalidInput):
        await report(life, *(searches(str(number), START) for number in range(1001)))

    assert (await report(life, *(searches(str(number), START) for number in range(1000)))).recorded == 1000


async def test_a_void_takes_a_report_back_once_and_deletes_nothing(life: Life) -> None:
    await report(life, searches("a", START, 3000), searches("b", START, 1500))

    voided = await life.do(lambda work, account: usage.void(work, account.id, "searches", START, "a"))
    again = await life.do(lambda work, account: usage.void(work, account.id, "searches", START, "a"))
    await renew(life)

    assert (outcomes(voided), outcomes(again)) == (["recorded"], ["duplicate"])
    assert await life.one("select count(*) from usage_event") == 3
    assert await totals(life) == [2_50]
    with pytest.raises(NotFound):
        await life.do(lambda work, account: usage.void(work, account.id, "searches", START, "none"))
    await life.assert_sound()


async def test_a_void_within_the_grace_gives_back_what_was_billed(life: Life) -> None:
    await report(life, searches("a", START, 3000))
    await renew(life)
    life.now += HOUR

    await life.do(lambda work, account: usage.void(work, account.id, "searches", START, "a"))
    await renew(life)

    assert await totals(life) == [10_00, -10_00]
    await life.assert_sound()


async def test_a_void_of_what_is_billed_for_good_is_refused(life: Life) -> None:
    await report(life, searches("a", START, 3000))
    await renew(life)
    life.now += GRACE

    with pytest.raises(usage.UsageClosed):
        await life.do(lambda work, account: usage.void(work, account.id, "searches", START, "a"))

    assert await life.one("select count(*) from usage_event") == 1


async def test_the_end_of_a_subscription_bills_its_usage_and_what_comes_late_once_more(life: Life) -> None:
    life.now += timedelta(days=5)
    await report(life, searches("a", START, 2000))

    await life.do(
        lambda work, account: subscriptions.cancel(work, account.id, life.subscription_id, CancelAt.NOW, None)
    )
    ended = life.now
    life.now += HOUR
    late = await report(life, searches("late", ended - HOUR, 1000), searches("after", ended))
    life.now = ended + GRACE
    closed = await report(life, searches("too late", ended - HOUR))
    await life.do(lambda work, account: subscriptions.settle_usage(work, account.id, life.subscription_id))

    assert (outcomes(late), outcomes(closed)) == (["recorded", "refused"], ["refused"])
    assert await totals(life) == [5_00, 5_00]
    assert await life.one("select held from subscription_clock") == "ended"
    await life.assert_sound()


async def test_two_batches_with_the_same_keys_at_once_count_once(life: Life) -> None:
    reports = [searches(str(number), START + number * timedelta(seconds=1)) for number in range(200)]

    batches = await asyncio.gather(*(report(life, *(reports if turn % 2 else reports[::-1])) for turn in range(4)))

    assert sum(batch.recorded for batch in batches) == 200
    assert sum(batch.duplicates for batch in batches) == 600
    assert await life.one("select count(*) from usage_event") == 200


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 700), st.decimals(0, 1000, places=3)), max_size=25),
    st.randoms(use_true_random=False),
)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
async def test_any_order_any_repetition_and_any_batches_come_to_the_same_bill(
    opened: Open, told: list[tuple[int, int, Decimal]], chance: Any
) -> None:
    by_key = {str(key): searches(str(key), START + hours * HOUR, quantity) for key, hours, quantity in told}
    reports = [*by_key.values(), *chance.sample(list(by_key.values()), len(by_key) // 2)]
    chance.shuffle(reports)
    straight, shuffled = await opened(START), await opened(START)
    for life in (straight, shuffled):
        await life.subscribe("api")
        life.now += timedelta(days=27)
    known = [one for one in by_key.values() if one.at and one.at < START + timedelta(days=28)]

    for one in known:
        await report(straight, one)
    while reports:
        size = chance.randint(1, 10)
        await report(shuffled, *reports[:size])
        reports = reports[size:]
    for life in (straight, shuffled):
        await renew(life)

    assert await totals(straight) == await totals(shuffled)
    await shuffled.assert_sound()


PRICE = ListPrice("t", "USD", read({"model": "per_unit", "amount": "1"}), meter="t")
SPAN = Period(datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC))  # Berlin's short day
EVENTS = st.lists(
    st.builds(
        Event,
        st.integers(0, 99).map(str),
        st.integers(-5, 30).map(lambda hours: SPAN.start + hours * HOUR),
        st.decimals(0, 1000, places=4),
        st.sampled_from(["ada", "grace", "katherine"]),
    ),
    max_size=20,
    unique_by=lambda event: event.id,
)


@given(EVENTS, st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
async def test_postgresql_measures_what_the_rules_do(life: Life, events: Sequence[Event], data: st.DataObject) -> None:
    voided = [event for event in events if data.draw(st.booleans())]
    valid = [event for event in events if event not in voided]
    await _write(life, events, voided)

    for aggregation in Aggregation:
        stretch = Stretch(MeteredItem("1", replace(PRICE, meter=f"t_{aggregation}"), SPAN.start), SPAN, (SPAN,))
        asked = [(life.account_id, 1, stretch)]
        async with life.work() as (work, _):
            known = await usage_queries.meters(work.fetch)
            (found,), seen = await usage_queries.readings(work.fetch, asked, known)
            (again,), _ = await usage_queries.readings(work.fetch, asked, known, seen)
        assert found == again

        before = sum((Fraction(event.value) for event in valid if event.at < SPAN.start), Fraction(0))
        opening = before if aggregation is Aggregation.WEIGHTED else 0
        assert found.quantity == measured(valid, aggregation, SPAN, opening), aggregation
        assert found.events == sum(event.at in SPAN for event in valid)


async def test_a_level_counts_for_as_long_as_nothing_is_paused(life: Life) -> None:
    day = [SPAN.start + number * HOUR for number in range(24)]
    events = [Event("a", day[0] - HOUR, 6), Event("b", day[4], 10), Event("c", day[10], -4)]
    counted = (Period(day[0], day[6]), Period(day[12], SPAN.end))
    await _write(life, events, [])
    stretch = Stretch(MeteredItem("1", replace(PRICE, meter="t_weighted"), SPAN.start), SPAN, counted)

    async with life.work() as (work, _):
        known = await usage_queries.meters(work.fetch)
        (found,), _ = await usage_queries.readings(work.fetch, [(life.account_id, 1, stretch)], known)

    # Six for four hours, sixteen for two, and twelve for the eleven after the pause, of the 23 hours of that day.
    assert found.quantity == Fraction(6 * 4 + 16 * 2 + 12 * 11, 23)
    assert found.events == 1


async def _write(life: Life, events: Sequence[Event], voided: Sequence[Event]) -> None:
    owner = life.owner
    await owner.execute("truncate usage_event, usage_batch; select usage_months('2026-03-01Z', '2026-04-01Z')")
    await owner.execute(
        "insert into usage_batch (account_id, id, recorded_at, events, first_at, last_at)"
        " values ($1, 1, now(), 1, now(), now())",
        life.account_id,
    )
    for aggregation in Aggregation:
        meter = await owner.fetchval(
            "with made as (insert into meter (key, aggregation, distinct_value) values ($1, $2, $3)"
            " on conflict do nothing returning id) select id from made union select id from meter where key = $1",
            f"t_{aggregation}",
            aggregation.value,
            "who" if aggregation is Aggregation.UNIQUE else None,
        )
        rows = [(event, event.id, Decimal(event.value)) for event in events]
        rows += [(event, f"~{event.id}", -Decimal(event.value)) for event in voided]
        await owner.executemany(
            "insert into usage_event"
            " (account_id, meter_id, at, key, subscription_id, batch_id, quantity, subject, voids)"
            " values ($1, $2, $3, $4, 1, 1, $5, $6, left($4, 1) = '~')",
            [(life.account_id, meter, event.at, key, value, event.subject) for event, key, value in rows],
        )


async def test_a_month_is_made_when_it_is_needed_and_nobody_reaches_it_but_through_its_table(life: Life) -> None:
    assert await life.one("select to_regclass('usage_event_2026_01')") is None

    await report(life, searches("a", START))

    assert await life.one("select count(*) from usage_event_2026_01") == 1
    assert await life.one("select usage_months('2026-01-01Z', '2026-01-31Z')") == 0
    assert await life.one("select relrowsecurity from pg_class where relname = 'usage_event_2026_01'")
    assert not await life.one("select has_table_privilege('seatgraph_app', 'usage_event_2026_01', 'select')")


async def test_a_change_of_plan_bills_what_was_used_until_then(life: Life) -> None:
    life.now += timedelta(days=3)
    await report(life, searches("a", START, 2000))
    wish = changes.Wish(life.item_id, await life.price("enterprise_pro"))
    told = await life.do(lambda work, account: changes.preview(work, account, life.subscription_id, wish))

    _, invoice = await life.do(lambda work, account: changes.change(work, account, life.subscription_id, wish))
    life.now += HOUR
    after = await report(life, searches("b", life.now))

    assert told.document is not None
    assert invoice is not None
    assert told.document.total.minor == invoice.total_minor
    assert [line.line.amount.minor for line in told.document.lines if line.line.kind == "usage"] == [5_00]
    assert outcomes(after) == [UsageOutcome.REFUSED]
    assert await life.one("select count(*) from subscription_item where ended_at is not null") == 3
    await life.assert_sound()
