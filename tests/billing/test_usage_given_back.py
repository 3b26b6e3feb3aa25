"""Usage that is corrected and credited, on one invoice and another: nothing is given back twice, or lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import changes, credit_notes, invoices, subscriptions, usage
from billing.credit_notes import Wish
from billing.crediting import Counted, CreditTooHigh, corrected
from billing.invoices import InvoiceCorrected
from billing.lines import Issued
from billing.metering import GRACE, Report
from billing.rating import Usage
from billing.run import crew
from billing.states import CreditDestination
from billing.subscriptions import CancelAt
from billing.tables import CreditNote
from billing.timeline import bill
from kernel.money import Money
from tests.billing.living import Life, Open, lives
from tests.billing.world import JUNE, MONTHLY, nets, per_unit, usd

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def opened(fresh_database_url: str) -> AsyncIterator[Open]:
    async with lives(fresh_database_url) as opened:
        yield opened


@pytest.fixture
async def life(opened: Open) -> Life:
    """A customer who was billed 10.00 and VAT for 3,000 searches, an hour ago."""
    found = await opened(START)
    await found.subscribe("api")
    await report(found, "a", 3000)
    await renew(found)
    found.now += HOUR
    return found


async def report(life: Life, key: str, quantity: int) -> None:
    told = [Report(key, "searches", START, quantity)]
    await life.do(lambda work, account: usage.record(work, account.id, told))


async def void(life: Life, key: str) -> None:
    await life.do(lambda work, account: usage.void(work, account.id, "searches", START, key))


async def renew(life: Life) -> None:
    due = await life.one("select due_at from subscription_clock where subscription_id = $1", life.subscription_id)
    life.now = max(life.now, due)
    await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))


async def credit(life: Life, minor: int | None) -> CreditNote:
    number = (await life.numbers())[0]
    amount = None if minor is None else Money(minor, "EUR")
    wish = Wish(CreditDestination.CUSTOMER_CREDIT, amount)
    return await life.do(lambda work, account: credit_notes.issue(work, account, number, wish, "An outage."))


async def totals(life: Life) -> list[Any]:
    return [(await life.invoice(number))["total_minor"] for number in await life.numbers("state <> 'void'")]


@pytest.mark.parametrize(
    ("credited", "asked"),
    [(None, [11_90]), (5_95, [11_90, -5_95]), (7_00, [11_90, -4_90])],
)
async def test_what_was_credited_before_is_not_given_back_once_more(
    life: Life, credited: int | None, asked: list[int]
) -> None:
    await credit(life, credited)

    await void(life, "a")
    await renew(life)
    await renew(life)

    assert await totals(life) == asked
    await life.assert_sound()


async def test_what_was_given_back_can_not_be_credited_as_well(life: Life) -> None:
    await report(life, "b", 1000)
    await void(life, "a")
    await renew(life)

    with pytest.raises(CreditTooHigh):
        await credit(life, 1)

    # The first thousand cost nothing, so nothing is left of what was billed.
    assert await totals(life) == [11_90, -11_90]
    await life.assert_sound()


async def test_what_is_left_after_a_correction_can_be_credited(life: Life) -> None:
    await report(life, "b", 2000)
    await void(life, "a")
    await renew(life)

    note = await credit(life, None)

    assert await totals(life) == [11_90, -5_95]
    assert (note.subtotal_minor, note.tax_minor) == (5_00, 95)
    await life.assert_sound()


async def test_an_invoice_whose_usage_was_given_back_is_not_taken_back_as_well(life: Life) -> None:
    await void(life, "a")
    await renew(life)
    number = (await life.numbers())[0]

    with pytest.raises(InvoiceCorrected):
        await life.do(lambda work, account: invoices.void(work, account, number))

    assert await totals(life) == [11_90, -11_90]


async def test_usage_of_what_has_ended_is_asked_for_again_once_its_invoice_is_taken_back(opened: Open) -> None:
    life = await opened(START)
    await life.subscribe("api")
    await report(life, "a", 3000)
    life.now += HOUR
    await life.do(
        lambda work, account: subscriptions.cancel(work, account.id, life.subscription_id, CancelAt.NOW, None)
    )
    (last,) = await life.numbers()

    await life.do(lambda work, account: invoices.void(work, account, last))
    await life.assert_sound()
    life.now += GRACE
    await life.do(lambda work, account: subscriptions.settle_usage(work, account.id, life.subscription_id))

    assert await totals(life) == [11_90]
    await life.assert_sound()


@pytest.mark.parametrize("in_a_run", [False, True])
async def test_usage_of_an_invoice_that_is_taken_back_long_after_is_asked_for_again(life: Life, in_a_run: bool) -> None:
    first = (await life.numbers())[0]
    for _ in range(3):
        await renew(life)
    life.now += HOUR
    await life.do(lambda work, account: invoices.void(work, account, first))
    before = await totals(life)

    if in_a_run:
        life.now = await life.one("select due_at from subscription_clock")
        await crew.bill(life.url, until=life.now, now=life.now)
    else:
        await renew(life)
    life.now += HOUR
    await renew(life)

    assert (before, await totals(life)) == ([], [11_90])
    await life.assert_sound()


def counted(number: int, net: int, tax: int = 0, given: int = 0) -> Counted:
    return Counted(number, usd(net), usd(tax), usd(given))


def test_a_correction_is_of_the_newest_lines_that_have_anything_left() -> None:
    lines = [counted(1, 100, 19), counted(2, 20, 4, given=15), counted(3, -50, -10)]

    assert corrected(lines) == {2: (usd(5), usd(1)), 1: (usd(45), usd(9))}


MOVES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), min_size=1, max_size=8)


@given(MOVES)
def test_never_is_more_given_back_than_was_billed(moves: list[tuple[int, int]]) -> None:
    """Each move corrects the quantity, and then credits as much of a wish as is left of the lines."""
    price, issued = per_unit("7"), list[Issued]()
    for quantity, wish in moves:
        agreed = replace(MONTHLY, usage=(Usage("calls", price, JUNE, quantity),))
        lines = bill(agreed, issued, now=JUNE.end)
        issued += [Issued(len(issued) + place, line, usd(0)) for place, line in enumerate(lines)]
        issued = _credited(issued, wish)

        kept = sum(nets([one.line for one in issued])) - sum(map(_given, issued))
        assert kept >= 0
        if not any(map(_given, issued)):
            assert kept == 7 * quantity


def _credited(issued: list[Issued], wish: int) -> list[Issued]:
    """The same once up to so much is credited, of the oldest lines first."""
    moved = corrected([counted(one.id, one.line.net.minor, given=_given(one)) for one in issued]) if issued else {}
    told, rest = [], wish
    for one in issued:
        back = moved[one.id][0].minor if one.id in moved else 0
        more = max(0, min(one.line.net.minor - _given(one) - back, rest))
        rest -= more
        told.append(replace(one, adjusted=usd(_given(one) + more)))
    return told


def _given(one: Issued) -> int:
    return one.adjusted.minor if one.adjusted else 0
