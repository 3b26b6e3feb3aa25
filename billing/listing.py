"""Listing: how a price list shows what a quantity costs, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from billing import price_rules
from billing.pricing import plain
from kernel.money import Money, exponent, rounded

_TERMS = {"count", "proration", "timing", "decrease"}
"""What a stored rule says beside the amount; see `catalog_rows`."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a price. `unit` is exact, in major units, for a unit may cost less than a minor one."""

    up_to: int | None
    unit: str
    flat: Money
    size: int | None


def steps(stored: Mapping[str, Any], currency: str) -> list[Step]:
    """The steps of a price as its row has it; a percentage is shown as what a hundred minor units cost."""
    rule = price_rules.read({key: value for key, value in stored.items() if key not in _TERMS})
    digits = exponent(currency)
    return [
        Step(
            up_to=None if tier.up_to is None else int(tier.up_to),
            unit=plain(Fraction(tier.unit) / 10**digits, digits),
            flat=Money(rounded(tier.flat), currency),
            size=None if tier.size is None else int(tier.size),
        )
        for tier in rule.tiers
    ]
