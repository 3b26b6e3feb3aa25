"""Dunning: what follows an invoice that is not paid, step by step, until it is or is given up.

A schedule is data of the catalog. It says, for each class of decline, on which day
the payment method is charged again and on which the customer is reminded; how long
the customer keeps access; and what becomes of the subscription in the end. Days are
those of the account's time zone, at one hour of the day; hours are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum

from kernel.time import Anchor, Interval, zone


class Course(StrEnum):
    """Which steps an unpaid invoice takes: those of the last decline's class, or those of one that is sent."""

    NEVER = "never"
    """The payment method is not charged again; the customer is asked for another."""

    ASK = "ask"
    """The customer has something to do first, or has no payment method."""

    SCHEDULE = "schedule"
    """The payment method is charged again, on days to come."""

    TECHNICAL = "technical"
    """The payment method is charged again, within hours at first."""

    SENT = "sent"
    """The invoice was sent to be paid by its due date, and nothing is charged."""


CHARGING = frozenset({Course.SCHEDULE, Course.TECHNICAL})
"""The courses on which a payment method is charged by itself."""


class StepKind(StrEnum):
    """What a step does."""

    REMIND = "remind"
    """The customer is told what is owed, and what to do."""

    CHARGE = "charge"
    """The payment method is charged again."""

    TAKE_ACCESS = "take_access"
    """The customer can't use what was not paid, until it is."""

    END = "end"
    """It is given up."""


class EndState(StrEnum):
    """What becomes of it when all was in vain."""

    CANCELED = "canceled"
    """The subscription is canceled, its seats are released, and the invoice is given up."""

    UNPAID = "unpaid"
    """The subscription stays without access, and the invoice is still owed."""

    UNCOLLECTIBLE = "uncollectible"
    """The invoice is given up; the subscription goes on."""


@dataclass(frozen=True, slots=True, order=True)
class Delay:
    """How long after its start a step comes: so many days of the calendar, or so many hours."""

    days: int = 0
    hours: int = 0

    def after(self, start: datetime, time_zone: str, hour: int) -> datetime:
        """The instant; a day begins at `hour` on the account's clock, and never before the start."""
        if self.hours or not self.days:
            return start + timedelta(hours=self.hours)
        local = start.astimezone(zone(time_zone)).date()
        at = Anchor(datetime.combine(local, time(hour)), time_zone).boundary(self.days, Interval.DAY)
        return max(start, at)

    @property
    def says(self) -> str:
        """As it is written: "4h" or "3d"."""
        return f"{self.hours}h" if self.hours else f"{self.days}d"


def delay(written: str) -> Delay:
    """The delay that "4h" or "3d" says."""
    count = int(written[:-1])
    return Delay(hours=count) if written.endswith("h") else Delay(days=count)


@dataclass(frozen=True, slots=True)
class Steps:
    """When a course charges, and when it reminds."""

    charge: tuple[Delay, ...] = ()
    remind: tuple[Delay, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """What follows an unpaid invoice, under a name."""

    key: str
    courses: Mapping[Course, Steps] = field(hash=False)
    end_after: Delay
    end: EndState
    access: Delay | None = None
    """When access is taken; None keeps it until the end."""

    hour: int = 9
    """The hour of the day at which steps of a day are taken."""

    @property
    def says(self) -> str:
        """In one line: "7 charges, given up after 21d: canceled"."""
        charges = len(self.courses.get(Course.SCHEDULE, Steps()).charge)
        access = f"access until {self.access.says}" if self.access else "access until the end"
        return f"{charges} charges, {access}, {self.end} after {self.end_after.says}"

    def __str__(self) -> str:
        return self.says


def _days(*days: int) -> tuple[Delay, ...]:
    return tuple(Delay(days=day) for day in days)


_ASKED = Steps(remind=(Delay(), *_days(3, 7, 14, 20)))

STANDARD = Schedule(
    key="standard",
    courses={
        Course.NEVER: _ASKED,
        Course.ASK: _ASKED,
        Course.SCHEDULE: Steps(_days(1, 3, 5, 7, 10, 14, 18), (Delay(), *_days(5, 10, 20))),
        Course.TECHNICAL: Steps((Delay(hours=2), Delay(hours=12), *_days(2, 3, 5, 7, 10, 14, 18)), _days(2, 10, 20)),
        Course.SENT: Steps(remind=_days(1, 7, 14, 20)),
    },
    end_after=Delay(days=21),
    end=EndState.CANCELED,
    access=Delay(days=14),
)
"""What holds where the catalog says nothing: eight tries in less than three weeks, and two weeks of access."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that will be done, unless the invoice is paid before."""

    at: datetime
    kind: StepKind


_ORDER = (StepKind.CHARGE, StepKind.REMIND, StepKind.TAKE_ACCESS, StepKind.END)
"""Of steps at one instant, the one that may bring the money comes first."""


def steps(schedule: Schedule, course: Course, start: datetime, time_zone: str) -> list[Step]:
    """Every step of a course, in order, up to its end. `start` is when the invoice was due."""
    known = schedule.courses.get(course, Steps())
    charges = known.charge if course in CHARGING else ()

    def at(delay: Delay) -> datetime:
        return delay.after(start, time_zone, schedule.hour)

    end = Step(at(schedule.end_after), StepKind.END)
    planned = [Step(at(delay), StepKind.CHARGE) for delay in charges]
    planned += [Step(at(delay), StepKind.REMIND) for delay in known.remind]
    if schedule.access:
        planned.append(Step(at(schedule.access), StepKind.TAKE_ACCESS))
    return [*sorted((step for step in planned if step.at < end.at), key=order), end]


def ahead(planned: Iterable[Step], taken_until: datetime | None) -> list[Step]:
    """The steps that are not taken yet: those after the last instant whose steps were."""
    return [step for step in planned if taken_until is None or step.at > taken_until]


def due(planned: Sequence[Step], taken_until: datetime | None, now: datetime) -> list[StepKind]:
    """What to do now, each kind once, however many of them were missed; nothing but the end, once it has come."""
    kinds = {step.kind for step in ahead(planned, taken_until) if step.at <= now}
    return [StepKind.END] if StepKind.END in kinds else [kind for kind in _ORDER if kind in kinds]


def order(step: Step) -> tuple[datetime, int]:
    """By which steps are put in order."""
    return step.at, _ORDER.index(step.kind)
