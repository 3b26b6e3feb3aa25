"""What tests of billing speak of: prices, months, and books that remember what was billed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from billing import price_rules
from billing.agreement import Agreement, Step
from billing.lines import Issued, Line
from billing.periods import anniversary
from billing.pricing import Price
from billing.timeline import bill
from kernel.money import Money, rounded
from kernel.time import Interval, Period


def span(start: str, end: str) -> Period:
    return Period(instant(start), instant(end))


def instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


JUNE = span("2024-06-01", "2024-07-01")
MONTHLY = Agreement((anniversary(JUNE.start, Interval.MONTH),))


def day(number: int) -> datetime:
    """The midnight that begins a day of June."""
    return JUNE.start + timedelta(days=number - 1)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def minor(major: str) -> int:
    return rounded(Fraction(major) * 100)


def flat(amount: str | int, currency: str = "USD", **terms: Any) -> Price:
    rule = price_rules.read({"model": "flat", "amount": amount})
    return Price(f"flat-{amount}-{sorted(terms.items())}", currency, rule, **terms)


def per_unit(amount: str | int, currency: str = "USD", **terms: Any) -> Price:
    rule = price_rules.read({"model": "per_unit", "amount": amount})
    return Price(f"unit-{amount}-{sorted(terms.items())}", currency, rule, **terms)


def tiered(model: str, tiers: Sequence[dict[str, Any]], currency: str = "USD", **terms: Any) -> Price:
    rule = price_rules.read({"model": model, "tiers": list(tiers)})
    return Price(f"{model}-{tiers}-{sorted(terms.items())}", currency, rule, **terms)


class Books:
    """An agreement and all lines that were billed for it, as the tables would keep them."""

    def __init__(self, agreement: Agreement) -> None:
        self.agreement = agreement
        self.issued: list[Issued] = []

    def change(self, item: str, at: datetime, price: Price | None, quantity: int = 1) -> list[Line]:
        """Record a step, and bill it at once."""
        self.agreement = self.agreement.stepped(item, Step(at, price, quantity))
        return self.run(at)

    def run(self, now: datetime) -> list[Line]:
        """Bill what is due, and remember it."""
        lines = bill(self.agreement, self.issued, now=now)
        self.issued += [Issued(len(self.issued) + place, line) for place, line in enumerate(lines)]
        return lines

    @property
    def net(self) -> int:
        """What all lines together came to."""
        return sum(entry.line.net.minor for entry in self.issued)


def nets(lines: Sequence[Line]) -> list[int]:
    return [line.net.minor for line in lines]


def exactly(number: Fraction | int) -> str:
    """A terminating fraction as a plain decimal, as cases write theirs."""
    number = Fraction(number)
    return f"{(Decimal(number.numerator) / Decimal(number.denominator)).normalize():f}"
