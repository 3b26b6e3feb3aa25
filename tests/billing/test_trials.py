"""Trials: they end at the same local time so many days later, and what is chosen on trial counts from then on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auth.tables import Account
from billing import changes, previews
from billing.changes import PriceNotForSubscription, Wish
from kernel.work import Work
from seats import buying
from tests.billing.living import Life, Open, lives

START = datetime(2026, 3, 20, 9, 30, tzinfo=UTC)
BEHIND = datetime(2026, 4, 3, 8, 30, tzinfo=UTC)
"""Fourteen days later at the same time in Berlin, where daylight saving has begun meanwhile."""

SEATS = 5


@pytest.fixture
async def opened(fresh_database_url: str) -> AsyncIterator[Open]:
    async with lives(fresh_database_url) as opened:
        yield opened


@pytest.fixture
async def life(opened: Open) -> Life:
    """A workspace in Berlin that tries five seats at 40.00 a month, or 400.00 a year; without tax."""
    found = await opened(START, country="US", time_zone="Europe/Berlin")
    await found.subscribe("enterprise_pro", quantity=SEATS)
    found.now += timedelta(days=3)
    return found


async def change(life: Life, wish: Wish) -> Any:
    return (await life.do(lambda work, account: changes.change(work, account, life.subscription_id, wish)))[1]


async def to_yearly(life: Life) -> Wish:
    return Wish(life.item_id, price_id=await life.price("enterprise_pro", interval="year"))


async def to_monthly(life: Life) -> Wish:
    return Wish(life.item_id, price_id=await life.price("enterprise_pro"))


async def renewed(life: Life) -> None:
    """Go to the very end of the period, and begin the next one, which costs what was foreseen."""

    async def renew(work: Work, account: Account) -> tuple[Any, Any]:
        told = await previews.renewing(work, account, life.subscription_id)
        return told, await buying.renew(work, account, life.subscription_id)

    life.now = await life.one("select due_at from subscription_clock where subscription_id = $1", life.subscription_id)
    told, made = await life.do(renew)
    assert [told.document.total.minor] == [one.total_minor for one in made]


async def totals(life: Life) -> list[int]:
    return [(await life.invoice(number))["subtotal_minor"] for number in await life.numbers()]


async def period(life: Life) -> tuple[datetime, datetime]:
    row = await life.owner.fetchrow("select * from subscription where id = $1", life.subscription_id)
    assert row is not None
    return row["period_start"], row["period_end"]


async def test_a_trial_ends_at_the_same_local_time(life: Life) -> None:
    assert await period(life) == (START, BEHIND)

    await renewed(life)

    assert await period(life) == (BEHIND, datetime(2026, 5, 3, 8, 30, tzinfo=UTC))
    assert await totals(life) == [200_00]
    await life.assert_sound()


async def test_another_interval_chosen_on_trial_is_that_of_what_is_billed_after_it(life: Life) -> None:
    invoice = await change(life, await to_yearly(life))

    await renewed(life)
    first = await period(life)
    await renewed(life)

    assert invoice is None
    assert first == (BEHIND, datetime(2027, 4, 3, 8, 30, tzinfo=UTC))
    assert await totals(life) == [2000_00, 2000_00]
    assert await life.one("select count(*) from subscription_cycle") == 1
    await life.assert_sound()


async def test_there_and_back_on_trial_leaves_it_as_it_was(life: Life) -> None:
    await change(life, await to_yearly(life))
    life.now += timedelta(days=1)
    await change(life, await to_monthly(life))

    await renewed(life)

    assert await period(life) == (BEHIND, datetime(2026, 5, 3, 8, 30, tzinfo=UTC))
    assert await totals(life) == [200_00]
    await life.assert_sound()


async def test_another_interval_that_waits_for_the_end_of_the_trial_begins_with_it(life: Life) -> None:
    wish = await to_yearly(life)
    await life.do(lambda work, account: changes.schedule(work, account, life.subscription_id, wish, None))

    await renewed(life)

    assert await period(life) == (BEHIND, datetime(2027, 4, 3, 8, 30, tzinfo=UTC))
    assert await totals(life) == [2000_00]
    assert await life.one("select count(*) from subscription_cycle") == 1
    await life.assert_sound()


async def test_a_billing_day_chosen_on_trial_makes_the_first_period_a_share_of_a_whole_one(life: Life) -> None:
    await life.do(lambda work, account: changes.bill_on(work, account, life.subscription_id, 13))
    on_trial = await period(life)

    await renewed(life)
    first = await period(life)
    await renewed(life)

    ends = datetime(2026, 4, 13, 8, 30, tzinfo=UTC)
    assert on_trial == (START, BEHIND)
    assert first == (BEHIND, ends)
    assert await period(life) == (ends, datetime(2026, 5, 13, 8, 30, tzinfo=UTC))
    # Ten days of the 31 days from 13 March 10:30 to 13 April 10:30, one of which has 23 hours.
    assert await totals(life) == [round(200_00 * 240 / (31 * 24 - 1)), 200_00]
    await life.assert_sound()


async def test_nothing_is_chosen_that_would_be_out_of_step_once_what_waits_takes_effect(life: Life) -> None:
    yearly = await to_yearly(life)
    add_on = Wish(None, price_id=await life.price("enterprise_max"))
    await life.do(lambda work, account: changes.schedule(work, account, life.subscription_id, yearly, None))

    with pytest.raises(PriceNotForSubscription, match="what waits"):
        await change(life, add_on)

    assert await life.one("select count(*) from subscription_item") == 1


async def test_an_add_on_that_waits_keeps_the_interval_it_was_chosen_for(life: Life) -> None:
    yearly = await to_yearly(life)
    add_on = Wish(None, price_id=await life.price("enterprise_max"))
    await life.do(lambda work, account: changes.schedule(work, account, life.subscription_id, add_on, None))

    with pytest.raises(PriceNotForSubscription, match="what waits"):
        await life.do(lambda work, account: changes.preview(work, account, life.subscription_id, yearly))
    with pytest.raises(PriceNotForSubscription, match="what waits"):
        await change(life, yearly)

    assert await life.one("select interval from subscription") == "month"
    waiting = await life.one("select id from scheduled_change")
    await life.do(lambda work, account: changes.withdraw(work, account.id, waiting))
    await change(life, yearly)
    assert await life.one("select interval from subscription") == "year"
