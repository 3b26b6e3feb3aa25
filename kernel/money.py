"""Money: whole minor units of one currency, and the one law of rounding.

Inside a computation shares are exact fractions. An amount is rounded once, half
away from zero, when it becomes a line that a person can read. A split hands out
the leftover units by largest remainder, so that the parts sum to the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache

from iso4217 import Currency

from kernel.errors import InvalidInput


def rounded(amount: Fraction | int) -> int:
    """Round to a whole number, half away from zero (LAW 2)."""
    return _divided(amount.numerator, amount.denominator)


def _divided(top: int, bottom: int) -> int:
    whole = (2 * abs(top) + bottom) // (2 * bottom)
    return whole if top >= 0 else -whole


@lru_cache(maxsize=512)
def exponent(currency: str) -> int:
    """How many digits the minor unit has: USD 2, JPY 0, KWD 3. Raises InvalidInput."""
    try:
        digits = Currency(currency).exponent
    except ValueError:
        raise InvalidInput(f"{currency!r} is not an ISO 4217 currency code.") from None
    if digits is None:
        raise InvalidInput(f"{currency} has no minor unit and can't be billed in.")
    return int(digits)


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """A signed amount in minor units of an ISO 4217 currency: Money(20_00, "USD")."""

    minor: int
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._like(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._like(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.minor), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._like(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._like(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def times(self, share: Fraction | int) -> Money:
        """The amount times an exact share, rounded once."""
        # Without making the exact product, which takes four times as long.
        return Money(_divided(self.minor * share.numerator, share.denominator), self.currency)

    def split(self, weights: Sequence[Fraction | int]) -> list[Money]:
        """Divide by weight into parts that sum to the whole; the split of -x mirrors that of x.

        Leftover units go to the largest remainders, the first of equals first.
        Raises InvalidInput when the weights are negative or sum to nothing.
        """
        total = sum((Fraction(weight) for weight in weights), Fraction(0))
        if total <= 0 or min(weights) < 0:
            raise InvalidInput("An amount is split by weights that are not negative and not all zero.")
        exact = [abs(self.minor) * Fraction(weight) / total for weight in weights]
        parts = [share.numerator // share.denominator for share in exact]
        left = abs(self.minor) - sum(parts)
        by_remainder = sorted(range(len(parts)), key=lambda place: parts[place] - exact[place])
        for place in by_remainder[:left]:
            parts[place] += 1
        sign = -1 if self.minor < 0 else 1
        return [Money(sign * part, self.currency) for part in parts]

    @property
    def text(self) -> str:
        """The amount in major units, for people and logs: "20.00 USD", "500 JPY"."""
        digits = exponent(self.currency)
        whole, rest = divmod(abs(self.minor), 10**digits)
        sign = "-" if self.minor < 0 else ""
        return f"{sign}{whole}.{rest:0{digits}} {self.currency}" if digits else f"{sign}{whole} {self.currency}"

    def _like(self, other: Money) -> int:
        assert self.currency == other.currency, f"{self.currency} and {other.currency} don't add up"
        return other.minor


@cache
def _by_exponent() -> dict[int, list[str]]:
    """The currencies by how many digits their minor unit has, the usual two first."""
    found: dict[int, list[str]] = {2: []}
    for currency in Currency:
        if currency.exponent is not None:
            found.setdefault(int(currency.exponent), []).append(str(currency.code))
    return found


def text_expression(minor: str, currency: str) -> str:
    """The SQL of `Money.text` from the SQL of its parts; it fails for what is no currency of ours."""
    cases = ""
    for digits, codes in _by_exponent().items():
        unit = f"{Decimal(1).scaleb(-digits):f}"
        named = ", ".join(f"'{code}'" for code in sorted(codes))
        cases += f" when {currency} in ({named}) then ({minor} * {unit})::text"
    return f"case{cases} else {currency}::int::text end || ' ' || {currency}"


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum, which is zero of the currency when there is nothing to sum."""
    minor = 0
    for amount in amounts:
        assert amount.currency == currency, f"{amount.currency} and {currency} don't add up"
        minor += amount.minor
    return Money(minor, currency)
