"""Bounds: what billing doesn't believe, and leaves to a person (LAW 33)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kernel.money import Money, exponent

FILE = Path(__file__).resolve().parent.parent / "catalog" / "company" / "bounds.toml"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of anything is believed without a person."""

    lines: int
    """Lines of one subscription in a day."""

    leap: int
    """How many times what the period before came to."""

    small: int
    """Major units that are believed, whatever came before."""


@lru_cache(maxsize=1)
def believed() -> Bounds:
    """The bounds of this installation, from `catalog/company/bounds.toml`."""
    return Bounds(**{name: int(value) for name, value in tomllib.loads(FILE.read_text()).items()})


def doubt(total: Money, lines: int, before: int, limit: int | None, bounds: Bounds) -> str | None:
    """Why an invoice has to be looked at first; None for one that looks right.

    `lines` counts its lines and those of the day before it, `before` is what the last
    period came to and `limit` what the contract allows, both in minor units. Where
    `before` is 0, nothing came before, or what is billed was asked for.
    """
    if lines > bounds.lines:
        return f"{lines} lines in a day; {bounds.lines} are believed."
    if limit is not None and total.minor > limit:
        return f"{total.text} is above the contract's {Money(limit, total.currency).text}."
    if max(before * bounds.leap, bounds.small * 10 ** exponent(total.currency)) < total.minor and before > 0:
        return f"{total.text} is more than {bounds.leap} times the {Money(before, total.currency).text} before."
    return None
