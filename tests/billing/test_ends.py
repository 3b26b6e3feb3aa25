"""Ends: what is billed when a subscription is over, and what is given back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from billing import previews
from billing.subscriptions import CancelAt, cancel, end_due
from tests.billing.living import Life, Open, lives
from tests.billing.running import START, due, price, subscribe


@pytest.fixture
async def opened(fresh_database_url: str) -> AsyncIterator[Open]:
    async with lives(fresh_database_url) as made:
        yield made


async def billed(life: Life) -> list[tuple[str, int]]:
    """Kind and amount of every line, the oldest first."""
    rows = await life.owner.fetch(
        "select kind, amount_minor from line_item where account_id = $1 order by id", life.account_id
    )
    return [(row["kind"], row["amount_minor"]) for row in rows]


@pytest.mark.parametrize(
    ("name", "credit", "lines"),
    [
        ("flat", False, [("charge", 20_00)]),
        ("flat", True, [("charge", 20_00), ("credit", -10_00)]),
        ("after", False, [("charge", 7_50)]),
        ("after", True, [("charge", 7_50)]),
    ],
)
async def test_an_end_now_bills_what_was_used_and_gives_back_only_if_asked(
    opened: Open, *, name: str, credit: bool, lines: list[tuple[str, int]]
) -> None:
    life = await opened(START, country="US")
    await subscribe(life, await price(life, name))
    life.now = START + (await due(life) - START) / 2

    now, number = CancelAt.NOW, life.subscription_id
    seen = await life.do(lambda work, account: previews.canceling(work, account, number, now, credit=credit))
    before = await billed(life)
    await life.do(lambda work, account: cancel(work, account.id, number, now, None, credit=credit))

    foreseen = seen.document.lines if seen.document else ()
    assert await billed(life) == lines
    assert [(drafted.line.kind.value, drafted.line.amount.minor) for drafted in foreseen] == lines[len(before) :]
    await life.assert_sound()


async def test_what_is_billed_afterwards_is_billed_when_the_last_period_is_over(opened: Open) -> None:
    life = await opened(START, country="US")
    await subscribe(life, await price(life, "after"))
    end = await due(life)
    await life.do(lambda work, account: cancel(work, account.id, life.subscription_id, CancelAt.PERIOD_END, None))

    life.now = end + timedelta(days=3)
    await life.do(lambda work, account: end_due(work, account.id, life.subscription_id))

    assert await billed(life) == [("charge", 15_00)]
    assert await life.one("select created_at from invoice where account_id = $1", life.account_id) == end
    await life.assert_sound()
