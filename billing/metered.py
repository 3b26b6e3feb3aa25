"""Metered items: in which stretches of time their use is counted together, and billed.

A metered item has no steps and is never prorated: from when it is there until it is
taken off, each billing period has one stretch, at whose end the whole quantity is
rated. What is reported late, within the grace, is stated again with the next bill;
the timeline takes off what was billed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from billing import periods
from billing.agreement import Agreement
from billing.catalog import ListPrice
from billing.metering import GRACE
from billing.periods import Cycle
from billing.spans import without
from kernel.time import Period

_INSTANT = timedelta(microseconds=1)
_EVER = datetime.max.replace(tzinfo=UTC)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MeteredItem:
    """An item whose quantity a meter counts, from and until when it is on the subscription."""

    key: str
    price: ListPrice
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span in which an item's use is one quantity, and the parts of it that count."""

    item: MeteredItem
    span: Period
    counted: tuple[Period, ...]


def over(
    agreement: Agreement, items: Sequence[MeteredItem], at: datetime, again: datetime | None = None
) -> list[Stretch]:
    """The stretches to state on a bill at an instant: those that are over, unless an earlier bill settled them.

    The bill before this one was made no earlier than the last period began. What was
    closed by then could not change since, but for what is asked for `again` from an instant on.
    """
    if not items:
        return []
    current = periods.span_at(agreement.cycles, at)
    before = periods.span_at(agreement.cycles, current.start - _INSTANT)
    since = min(before.start - GRACE, again or _EVER)
    stretches = _stretches(agreement, items, at, since, until=at)
    # Where nothing counts, because it is paused all along, nothing is due either: no minimum, and no flat fee.
    return [stretch for stretch in stretches if stretch.counted]


def running(agreement: Agreement, items: Sequence[MeteredItem], at: datetime) -> list[Stretch]:
    """The stretches that an instant falls into."""
    return [stretch for stretch in _stretches(agreement, items, at, at) if at in stretch.span]


def opens(cycles: Sequence[Cycle], now: datetime) -> datetime:
    """From when on usage is taken still: periods that ended longer ago than the grace are closed."""
    if now - GRACE < cycles[0].since:
        return _NEVER
    return periods.span_at(cycles, now - GRACE).start


def _stretches(
    agreement: Agreement, items: Sequence[MeteredItem], at: datetime, since: datetime, *, until: datetime = _EVER
) -> Iterator[Stretch]:
    """The stretches of periods that began by an instant; none that ended before `since`, or ends after `until`."""
    paused = [Period(pause.start, max(pause.end or _EVER, pause.start)) for pause in agreement.pauses]
    # A trial costs nothing, whatever is used.
    opens_at, closes_at = agreement.trial_until or _NEVER, agreement.ended_at or _EVER
    for period in periods.spans(agreement.cycles, at, since):
        first, last = max(period.start, opens_at), min(period.end, closes_at)
        for item in items:
            start, end = max(first, item.since), min(last, item.until) if item.until else last
            if start < end and since < end <= until:
                span = Period(start, end)
                yield Stretch(item, span, tuple(without([span], paused)) if paused else (span,))
