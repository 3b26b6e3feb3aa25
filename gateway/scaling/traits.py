"""Traits: who the account at a place is, where it lives and what it buys, always the same for one seed.

Nothing is remembered of an account but its place: traits are read off a hash of it, so
that a million accounts need no more memory than one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b

from kernel.time import Anchor, Interval, Period

MONTHS = 12
"""How many months the accounts go back."""

EVERY = 50
"""Of so many accounts, one is a workspace's."""

LARGEST = 10_000
"""The seats of the one workspace that is much larger than all others."""

STAYED = 3
"""How many months those stay who cancel."""

DOMAIN = "scale.example"

_BILLING_DAYS = timedelta(days=28)


class Standing(StrEnum):
    """How an account does."""

    GOOD = "good"
    LATE = "late"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Home:
    """A country, its currency and its language."""

    country: str
    currency: str
    locale: str


HOMES: Sequence[Home] = (
    *(Home("US", "USD", "en"),) * 11,
    *(Home("DE", "EUR", "de"),) * 2,
    *(Home("FR", "EUR", "fr"),) * 2,
    Home("ES", "EUR", "es"),
    Home("NL", "EUR", "en"),
    *(Home("GB", "GBP", "en"),) * 2,
    Home("JP", "JPY", "ja"),
)
"""One in twenty each."""

_PLANS: Sequence[tuple[str, Interval]] = (
    *(("pro", Interval.MONTH),) * 12,
    *(("pro", Interval.YEAR),) * 2,
    *(("max", Interval.MONTH),) * 3,
    ("max", Interval.YEAR),
    *(("free", Interval.MONTH),) * 2,
)
_SEAT_PLANS: Sequence[tuple[str, Interval]] = (
    *(("enterprise_pro", Interval.MONTH),) * 13,
    *(("enterprise_max", Interval.MONTH),) * 7,
)

WANTED = frozenset((plan, interval, home.currency) for plan, interval in {*_PLANS, *_SEAT_PLANS} for home in HOMES)
"""Every plan, interval and currency that somebody buys."""

FIRST_NAMES = (
    *("Ada", "Grace", "Alan", "Katherine", "Edsger", "Barbara", "Dennis", "Margaret", "Ken", "Radia"),
    *("Niklaus", "Frances", "Donald", "Hedy", "John", "Jean", "Tim", "Shafi", "Leslie", "Sophie"),
)
LAST_NAMES = (
    *("Almeida", "Bauer", "Chen", "Dubois", "Eriksen", "Fischer", "Garcia", "Hughes", "Ivanova", "Jansen"),
    *("Kato", "Lopez", "Moretti", "Novak", "Okafor", "Patel", "Quinn", "Rossi", "Sato", "Tanaka"),
    *("Urban", "Vargas", "Weber", "Xu", "Yilmaz", "Zeman"),
)
WORKSPACES = ("Harbor", "Cedar", "Summit", "Juniper", "Falcon", "Meridian", "Quarry", "Lumen", "Orchard", "Tundra")
TRADES = ("Robotics", "Foods", "Logistics", "Health", "Studios", "Energy", "Textiles", "Research", "Press", "Optics")


@dataclass(frozen=True, slots=True)
class Traits:
    """Everything about an account that is not counted by others."""

    place: int
    dice: int
    """Sixty-four bits that nothing else is read off."""

    home: Home
    plan: str
    interval: Interval
    seats: int
    """How many a workspace has; 0 for a person."""

    began: int
    """The month in which it began, counted from the oldest."""

    offset: timedelta
    """How far into a month its periods begin; it grows with the place, and so do invoice numbers with time."""

    standing: Standing
    method: str

    @property
    def is_workspace(self) -> bool:
        """Whether it pays for a workspace."""
        return self.seats > 0

    @property
    def name(self) -> str:
        """What the account is called."""
        if self.is_workspace:
            return f"{_of(WORKSPACES, self.dice)} {_of(TRADES, self.dice >> 8)} {self.place // EVERY + 1}"
        return f"{_of(FIRST_NAMES, self.dice)} {_of(LAST_NAMES, self.dice >> 8)}"

    @property
    def email(self) -> str:
        """Where its invoices go."""
        return f"invoices{self.place}@{DOMAIN}" if self.is_workspace else address(self.place)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The months that a scale goes through: the first of each, and of a few after."""

    now: datetime
    firsts: tuple[datetime, ...]

    @classmethod
    def until(cls, now: datetime) -> Calendar:
        """The months that end with the one of `now`."""
        first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        anchor = Anchor(first.replace(tzinfo=None))
        return cls(now, tuple(anchor.boundary(month - MONTHS + 1, Interval.MONTH) for month in range(2 * MONTHS + 1)))

    def start(self, traits: Traits, month: int) -> datetime:
        """When a period of the account begins in a month."""
        return self.firsts[month] + traits.offset

    def period(self, traits: Traits, month: int) -> Period:
        """The period of the account that begins in a month."""
        length = MONTHS if traits.interval is Interval.YEAR else 1
        return Period(self.start(traits, month), self.start(traits, month + length))

    def newest(self, traits: Traits) -> int:
        """The month in which its newest period began."""
        if traits.interval is Interval.YEAR:
            return traits.began
        if traits.standing is Standing.CANCELED:
            return traits.began + STAYED - 1
        return MONTHS - 1 if self.start(traits, MONTHS - 1) <= self.now else MONTHS - 2


def traits_at(place: int, count: int, seed: int) -> Traits:
    """The traits of the account at a place of so many."""
    dice = int.from_bytes(blake2b(b"%d/%d" % (seed, place), digest_size=16).digest())
    seats = _seats(place, dice) if place % EVERY == EVERY - 1 else 0
    plans = _SEAT_PLANS if seats else _PLANS
    plan, interval = plans[(dice >> 8) % len(plans)]
    began = (dice >> 16) % (MONTHS - 1)
    return Traits(
        place=place,
        dice=dice >> 64,
        home=HOMES[dice % len(HOMES)],
        plan=plan,
        interval=interval,
        seats=seats,
        began=began,
        offset=_BILLING_DAYS * place // count,
        standing=_standing(dice, plan, leaves=not seats and interval is Interval.MONTH and began + STAYED < MONTHS - 1),
        method="sepa_debit" if (dice >> 40) % 5 == 0 else "card",
    )


def _standing(dice: int, plan: str, *, leaves: bool) -> Standing:
    """One in twenty-five is late, and one in ten of those who may have left has."""
    if plan != "free" and (dice >> 24) % 25 == 0:
        return Standing.LATE
    return Standing.CANCELED if leaves and (dice >> 32) % 10 == 0 else Standing.GOOD


def _seats(place: int, dice: int) -> int:
    """Many small workspaces, few of up to two hundred seats, and the first is the largest of all."""
    if place == EVERY - 1:
        return LARGEST
    share = (dice >> 48) % 1_000
    return 5 + 195 * share * share * share // 10**9


def address(place: int) -> str:
    """The address of the person at a place."""
    return f"p{place}@{DOMAIN}"


def _of(choices: Sequence[str], dice: int) -> str:
    return choices[dice % len(choices)]
