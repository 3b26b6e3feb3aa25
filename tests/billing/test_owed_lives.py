"""Random lives: whatever happens in whatever order, the books balance and every invoice explains itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import changes, closing, credit_notes, invoices
from billing.credit_notes import Wish
from billing.states import CreditDestination
from kernel.errors import Problem
from kernel.money import Money
from tests.billing.living import Life, Open, lives

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 40 * 24)),
        st.tuples(st.just("renew"), st.just(0)),
        st.tuples(st.just("seats"), st.integers(1, 300)),
        st.tuples(st.just("plan"), st.sampled_from(["enterprise_pro", "enterprise_max"])),
        st.tuples(st.just("interval"), st.sampled_from(["month", "year"])),
        st.tuples(st.just("pause"), st.just(0)),
        st.tuples(st.just("resume"), st.just(0)),
        st.tuples(
            st.just("credit"), st.tuples(st.integers(0, 9), st.integers(1, 200_000), st.sampled_from(CreditDestination))
        ),
        st.tuples(st.just("credit all"), st.tuples(st.integers(0, 9), st.sampled_from(CreditDestination))),
        st.tuples(st.just("credit line"), st.tuples(st.integers(0, 9), st.integers(1, 3), st.integers(1, 50_000))),
        st.tuples(st.just("void"), st.integers(0, 9)),
        st.tuples(st.just("pay"), st.tuples(st.integers(0, 9), st.integers(1, 100))),
        st.tuples(st.just("grant"), st.integers(1, 20_000)),
        st.tuples(st.just("abandon"), st.integers(0, 9)),
    ),
    min_size=3,
    max_size=14,
)


@pytest.fixture
async def opened(fresh_database_url: str) -> AsyncIterator[Open]:
    async with lives(fresh_database_url) as opened:
        yield opened


@dataclass(slots=True)
class Calendar:
    """When the next life begins: on a 31 January after the one before, for the books of all are closed in order."""

    last: Life | None = None

    async def begin(self, opened: Open, country: str) -> Life:
        """Another life, after the one before."""
        start = START.replace(year=self.last.now.year + 1) if self.last else START
        self.last = await opened(start, country=country)
        return self.last


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@given(STEPS, st.sampled_from([("DE", "EUR"), ("US", "USD"), ("JP", "JPY")]))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
async def test_whatever_happens_the_books_balance_and_invoices_explain_themselves(
    opened: Open, fresh_database_url: str, calendar: Calendar, steps: list[tuple[str, Any]], place: tuple[str, str]
) -> None:
    country, currency = place
    life = await calendar.begin(opened, country)
    life.known = {"plan": "enterprise_pro", "interval": "month", "currency": currency}
    await life.subscribe("enterprise_pro", currency, 5)
    await _step(life, "renew", 0)
    await life.assert_sound()

    for kind, value in steps:
        before = await life.balances()
        try:
            await _step(life, kind, value)
        except Problem:
            assert await life.balances() == before
        await closing.sweep(fresh_database_url, life.now, life.blocks)
        await life.assert_sound()

    ledger, schedule = await life.recognize(currency)
    assert ledger == schedule
    await life.assert_sound()


async def _step(life: Life, kind: str, value: Any) -> None:
    match kind:
        case "wait":
            life.now += timedelta(hours=value)
        case "renew":
            due = await life.one(
                "select due_at from subscription_clock where subscription_id = $1", life.subscription_id
            )
            life.now = max(life.now, due)
            await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))
        case "seats":
            await _change(life, quantity=value)
        case "plan" | "interval":
            life.known[kind] = value
            await _change(life, price_id=await _price(life))
        case "pause":
            await life.do(lambda work, account: changes.pause(work, account, life.subscription_id, None))
        case "resume":
            await life.do(lambda work, account: changes.resume(work, account, life.subscription_id))
        case "grant":
            amount = Money(value, life.known["currency"])
            await life.do(lambda work, account: credit_notes.grant(work, account.id, amount))
        case _:
            await _to_invoice(life, kind, value)


async def _change(life: Life, **wanted: Any) -> None:
    """A change costs what its preview said."""
    wish = changes.Wish(life.item_id, **wanted)
    told = await life.do(lambda work, account: changes.preview(work, account, life.subscription_id, wish))
    _, invoice = await life.do(lambda work, account: changes.change(work, account, life.subscription_id, wish))
    assert (told.document.total.minor if told.document else None) == (invoice.total_minor if invoice else None)


async def _price(life: Life) -> int:
    return await life.price(life.known["plan"], life.known["currency"], life.known["interval"])


async def _to_invoice(life: Life, kind: str, value: Any) -> None:
    numbers = await life.numbers()
    place = (value[0] if isinstance(value, tuple) else value) % len(numbers)
    number, currency = numbers[place], life.known["currency"]
    match kind:
        case "void":
            await life.do(lambda work, account: invoices.void(work, account, number))
        case "abandon":
            await life.do(lambda work, account: invoices.abandon(work, account, number))
        case "pay":
            found = await life.invoice(number)
            left = found["total_minor"] - found["credit_minor"] - found["paid_minor"]
            left -= found["credited_minor"] - found["returned_minor"]
            if found["state"] == "open":
                await life.pay(number, max(1, left * value[1] // 100))
        case "credit":
            await _credit(life, number, Wish(value[2], Money(value[1], currency)))
        case "credit all":
            await _credit(life, number, Wish(value[1]))
        case "credit line":
            wish = Wish(CreditDestination.CUSTOMER_CREDIT, lines={value[1]: Money(value[2], currency)})
            try:
                await _credit(life, number, wish)
            except Exception as refusal:
                if "has no line" not in str(refusal):
                    raise


async def _credit(life: Life, number: int, wish: Wish) -> None:
    """A credit note is what its preview said, and exactly what was asked for."""
    told = await life.do(lambda work, account: credit_notes.preview(work, account.id, number, wish))
    total = told.total.minor
    note = await life.do(lambda work, account: credit_notes.issue(work, account, number, wish, "Sorry."))
    assert note.total_minor == total
    if wish.amount:
        assert total == wish.amount.minor
