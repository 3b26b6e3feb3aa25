"""Metering: what a meter counts, and which reports of use it takes.

A report is taken as it was said or refused in one sentence; it is never bent into
shape. Its quantity is an exact decimal. The instant is the client's own and part of
what makes a report the same one, so a retry says the very same instant and key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum

import orjson

from billing.rating import Aggregation

GRACE = timedelta(days=3)
"""How long after its period has ended usage is still taken. It is billed with the next invoice."""

AHEAD = timedelta(minutes=5)
"""How far a client's clock may be ahead of ours."""

MOST_EVENTS = 1_000
LONGEST_KEY = 100
MOST_PROPERTIES = 20
LARGEST_PROPERTIES = 2_048
"""In bytes, as JSON."""

VOID = "~"
"""What the key of a record begins with that takes another one back; no report's does."""

_DIGITS, _PLACES = 12, 9
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_PLAIN = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)
_SAME = "This was recorded before, so it is not counted again."
_SHAPE = f"up to {_DIGITS} digits before the point and {_PLACES} after it, such as 1 or 0.25"


class UsageOutcome(StrEnum):
    """What became of a reported use."""

    RECORDED = "recorded"
    """It counts."""

    DUPLICATE = "duplicate"
    """It was recorded before, and counts once."""

    REFUSED = "refused"
    """It can't count; the sentence says why."""

    WITHHELD = "withheld"
    """It would count, but others of an all-or-nothing batch were refused."""


@dataclass(frozen=True, slots=True)
class Meter:
    """What is counted, and how many reports become one quantity.

    `value` names the property that holds a report's quantity, where that is not the
    report's own. `distinct` names the one whose different values a unique count counts.
    """

    key: str
    aggregation: Aggregation = Aggregation.SUM
    value: str | None = None
    distinct: str | None = None
    group_by: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        """The meter in a few words: "sum of tokens by model"."""
        of = self.distinct or self.value
        by = f" by {', '.join(self.group_by)}" if self.group_by else ""
        return f"{self.aggregation}{f' of {of}' if of else ''}{by}"

    def __str__(self) -> str:
        return self.says


@dataclass(frozen=True, slots=True)
class Report:
    """One use, as a client says it. `quantity` is whatever was written there."""

    key: str
    meter: str
    at: datetime | None
    """None where none was said, or what was said is no instant."""

    quantity: object = 1
    subscription_id: int | None = None
    properties: object = None


@dataclass(frozen=True, slots=True)
class Holding:
    """That a subscription counts a meter's use, from and until when; before `opens` its periods are closed."""

    subscription_id: int
    meter: Meter
    since: datetime
    until: datetime | None
    opens: datetime

    def covers(self, at: datetime) -> bool:
        """Whether the subscription counted at an instant."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Taken:
    """A report that counts: to which subscription, how much, and the value that a unique count looks at."""

    report: Report
    holding: Holding
    at: datetime
    quantity: Decimal
    subject: str | None
    properties: str | None
    """As JSON."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A report that can't count, and the sentence that says why and what to do."""

    report: Report
    says: str


def judged(report: Report, holdings: Mapping[str, Sequence[Holding]], now: datetime) -> Taken | Refused:
    """What is to be done with a report; `holdings` are those of the account, by meter."""
    at = report.at
    if at is None or at.tzinfo is None:
        return Refused(report, "An event says when it was, with its offset: 2026-01-31T00:00:00Z.")
    wrong = _misread(report)
    if at > now + AHEAD:
        wrong = f"It is dated {_told(at)}, which is yet to come. Check the clock that dates it."
    held = holdings.get(report.meter, ())
    if wrong is None and not held:
        known = ", ".join(sorted(holdings)) or "none yet"
        wrong = f'This account has no meter "{report.meter[:63]}". Meters it has: {known}.'
    if wrong:
        return Refused(report, wrong)
    found = _holding(report, at, held)
    if isinstance(found, str):
        return Refused(report, found)
    return _counted(report, at, found)


def same(known: tuple[Decimal, str | None, int], again: Taken) -> str | None:
    """Why a report of the same key and instant is not the one that was recorded; None if it is."""
    if known == (again.quantity, again.subject, again.holding.subscription_id):
        return None
    return (
        f"This key was recorded before, with a quantity of {known[0].normalize():f}, and that stays."
        " Void it, and report under another key."
    )


def repeated() -> str:
    """What is told of a report that was recorded before."""
    return _SAME


def quantity_of(written: object) -> Decimal | None:
    """An exact decimal as somebody wrote it, or None for what is none: too long, not finite, or not a number."""
    if isinstance(written, bool) or not isinstance(written, int | str | Decimal):
        return None
    if isinstance(written, str) and not _NUMBER.fullmatch(written):
        return None
    try:
        number = Decimal(written)
    except (InvalidOperation, ValueError):
        return None
    # An exponent such as that of 1e400 is looked at before any digit of it is written out.
    if not number.is_finite() or abs(number.adjusted()) > _DIGITS + _PLACES:
        return None
    text = f"{number.normalize():f}"
    return Decimal(text) if _PLAIN.fullmatch(text) else None


def sayable(text: str) -> bool:
    """Whether a text may be a key, or the name of a meter."""
    return 1 <= len(text) <= LONGEST_KEY and text.isprintable()


def _misread(report: Report) -> str | None:
    """What is wrong with a report by itself."""
    key = report.key
    if not sayable(key) or key.startswith(VOID):
        return f"A key is 1 to {LONGEST_KEY} printable characters and doesn't begin with {VOID}, such as a UUID."
    properties = _properties(report)
    if properties is None or len(properties) > MOST_PROPERTIES:
        return f"Properties are up to {MOST_PROPERTIES} texts, numbers or truths by name, none inside another."
    if properties and len(_written(properties).encode()) > LARGEST_PROPERTIES:
        return f"Properties are up to {LARGEST_PROPERTIES:,} bytes of JSON. Send what is counted by, and no more."
    if "\\u0000" in _written(properties):
        return "Text can't hold the NUL character."
    return None


def _properties(report: Report) -> dict[str, object] | None:
    """A report's properties, or None for what are none: nested ones, or no names."""
    given = {} if report.properties is None else report.properties
    if not isinstance(given, Mapping):
        return None
    plain = all(isinstance(value, str | int | float | Decimal | None) for value in given.values())
    return dict(given) if plain and all(isinstance(name, str) for name in given) else None


def _holding(report: Report, at: datetime, held: Sequence[Holding]) -> Holding | str:
    """Which subscription a report counts to, or why none."""
    if report.subscription_id is not None:
        held = [holding for holding in held if holding.subscription_id == report.subscription_id]
    covering = [holding for holding in held if holding.covers(at)]
    if not covering:
        return f"No subscription of this account counted {report.meter} at {_told(at)}. Check the instant."
    if len({holding.subscription_id for holding in covering}) > 1:
        return f"More than one subscription counts {report.meter}. Say which, with `subscription`."
    found = covering[-1]
    if at < found.opens:
        days = GRACE.days
        return f"Its period is closed: usage is taken until {days} days after its period. Bill it with an invoice."
    return found


def _counted(report: Report, at: datetime, holding: Holding) -> Taken | Refused:
    meter, properties = holding.meter, _properties(report) or {}
    written = properties.get(meter.value) if meter.value else report.quantity
    quantity = quantity_of(written)
    if quantity is None:
        what = f"The property {meter.value}" if meter.value else "A quantity"
        return Refused(report, f"{what} is an exact number of {_SHAPE}.")
    if quantity < 0 and meter.aggregation is not Aggregation.WEIGHTED:
        return Refused(report, "A quantity is not below zero. To take a report back, void it.")
    subject = properties.get(meter.distinct) if meter.distinct else None
    if meter.distinct and (subject is None or subject == ""):
        return Refused(report, f"The meter {meter.key} counts the different {meter.distinct}: say it in `properties`.")
    said = None if subject is None else str(subject)
    return Taken(report, holding, at, quantity, said, _written(properties) if properties else None)


def _written(properties: Mapping[str, object]) -> str:
    return orjson.dumps(dict(properties), default=str).decode()


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S%z}".replace("+0000", "Z")
