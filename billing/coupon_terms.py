"""Coupons as the catalog lists them: what each takes off, from what, and the codes that grant it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

from billing.localized import Localized
from billing.pricing import plain
from kernel.money import exponent

LASTING = ("percent", "amounts", "periods")
"""What a coupon takes off, and how often: it stays, once somebody redeemed it."""


@dataclass(frozen=True, slots=True)
class ListedCode:
    """A code that grants a coupon to whoever knows it: how often, to whom, and until when."""

    code: str
    most: int | None = None
    """How often it may be used, by all accounts together; None for any number of times."""

    first_time: bool = False
    """Whether only an account that was never billed may use it."""

    expires_at: datetime | None = None
    archived: bool = False
    redeemed: int = field(default=0, compare=False)
    """How often it was used, which only the database knows."""

    def __str__(self) -> str:
        return ", ".join(self._terms()) or "for everybody"

    def _terms(self) -> Iterator[str]:
        if self.most is not None:
            yield f"{self.most:,} {'time' if self.most == 1 else 'times'}"
        if self.first_time:
            yield "for new customers"
        if self.expires_at:
            yield f"until {self.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class ListedCoupon:
    """What its codes grant: a percentage, or minor units by currency. Codes are in order, and so are currencies."""

    key: str
    name: Localized
    percent: Fraction | None = None
    amounts: tuple[tuple[str, int], ...] | None = None
    periods: int | None = None
    """For how many billing periods; None for as long as the subscription runs."""

    plans: tuple[str, ...] | None = None
    """The keys of the plans that it takes something off; None for all."""

    codes: tuple[ListedCode, ...] = ()
    archived: bool = False

    def __str__(self) -> str:
        lasts = "for good" if self.periods is None else f"for {told(self, 'periods')}"
        codes = ", ".join(code.code for code in self.codes if not code.archived)
        return f"{self.off} off {told(self, 'plans')} {lasts}, with {codes or 'no code'}"

    @property
    def off(self) -> str:
        """What it takes off: "20 percent", "5.00 EUR or 5.00 USD"."""
        if self.percent is not None:
            return f"{plain(self.percent)} percent"
        return " or ".join(_amount(currency, minor) for currency, minor in self.amounts or ())

    @property
    def redeemed(self) -> int:
        """How often all its codes together were used."""
        return sum(code.redeemed for code in self.codes)


def told(coupon: ListedCoupon, term: str) -> str:
    """One of a coupon's terms as a sentence tells it."""
    match getattr(coupon, term):
        case None:
            return {"plans": "every plan", "periods": "all periods"}.get(term, "nothing")
        case Localized() as name:
            return str(name)
        case int(periods):
            return f"{periods:,} {'period' if periods == 1 else 'periods'}"
        case Fraction() | tuple() if term in {"percent", "amounts"}:
            return coupon.off
        case plans:
            return ", ".join(plans) or "no plan"


def _amount(currency: str, minor: int) -> str:
    digits = exponent(currency)
    return f"{plain(Fraction(minor, 10**digits), digits)} {currency}"
