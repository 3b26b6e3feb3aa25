"""The seller: who issues invoices, under which prefix, and which taxes it charges where."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from billing.tax import Party, Rate, applicable

FILE = Path(__file__).resolve().parent.parent / "catalog" / "company" / "seller.toml"


@dataclass(frozen=True, slots=True)
class DatedRate:
    """What a country takes on a category, from a day on."""

    country: str
    category: str
    since: date
    percent: Fraction
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Seller:
    """The legal entity that sells."""

    name: str
    prefix: str
    """What its numbers begin with: SG-2026-000001."""

    address: tuple[str, ...]
    country: str
    vat_id: str | None
    rates: Sequence[DatedRate]
    former: Sequence[tuple[date, Seller]] = ()
    """What it was called and where it was before it moved: until which day, and how, the latest first."""

    @property
    def categories(self) -> frozenset[str]:
        """The tax categories that are known anywhere."""
        return frozenset({"standard", *(rate.category for rate in self.rates)})

    def as_of(self, moment: datetime) -> Seller:
        """The seller as it was at an instant, for what was issued then says so for ever."""
        earlier = [then for until, then in self.former if moment.date() < until]
        return earlier[-1] if earlier else self

    def rate(self, country: str, vat_id: str | None, now: datetime, category: str = "standard") -> Rate:
        """The tax on a category sold to somebody there; none where no rate is known."""
        known = [
            rate
            for rate in self.rates
            if (rate.country, rate.category) == (country, category) and rate.since <= now.date()
        ]
        newest = max(known, key=lambda rate: rate.since, default=None)
        plain = Rate(newest.percent, category, newest.inclusive) if newest else Rate(Fraction(0), category)
        return applicable(plain, Party(self.country, self.vat_id), Party(country, vat_id))


@lru_cache(maxsize=1)
def seller() -> Seller:
    """The seller of this installation, from `catalog/company/seller.toml`."""
    return read(FILE.read_text())


def read(text: str) -> Seller:
    """A seller from the text of its file."""
    told = tomllib.loads(text)
    rates = tuple(_rate(rate) for rate in told.get("rates", ()))
    now = _named(told, rates)
    before = [(each["until"], _named({**told, **each}, rates)) for each in told.get("former", ())]
    return replace(now, former=tuple(sorted(before, key=itemgetter(0), reverse=True)))


def _named(told: Mapping[str, Any], rates: Sequence[DatedRate]) -> Seller:
    return Seller(
        told["name"], told["prefix"], tuple(told["address"]), told["country"], told.get("vat_id") or None, rates
    )


def _rate(told: Mapping[str, object]) -> DatedRate:
    since = told["since"]
    assert isinstance(since, date), "a rate begins on a day"
    return DatedRate(
        str(told["country"]),
        str(told.get("category", "standard")),
        since,
        Fraction(str(told["percent"])),
        bool(told.get("inclusive")),
    )
