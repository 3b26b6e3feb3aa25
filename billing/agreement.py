"""The facts of a subscription that money follows from.

Steps say from which instant an item is so many of a price. Trials, pauses and
the end take items off the bill. An agreement is a value: what-if is `replace`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from billing.discounts import Discount
from billing.periods import Cycle
from billing.pricing import Price
from billing.rating import Usage
from kernel.time import Period

_EVER = datetime.max.replace(tzinfo=UTC)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Step:
    """From `at` on, an item is so many of a price; of no price, it is off."""

    at: datetime
    price: Price | None
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Item:
    """One thing on a subscription, and its steps. Of two at one instant, the later in the list counts."""

    key: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which nothing is charged, until it is resumed."""

    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """All facts of one subscription.

    What lies after `now` is not a fact yet, except `ended_at`: an agreed end
    counts at once, so that no time beyond it is charged.
    """

    cycles: tuple[Cycle, ...]
    items: tuple[Item, ...] = ()
    trial_until: datetime | None = None
    pauses: tuple[Pause, ...] = ()
    ended_at: datetime | None = None
    discounts: tuple[Discount, ...] = ()
    usage: tuple[Usage, ...] = ()
    paid_stays: bool = False
    """Whether what was charged for the time after the end is kept, and not given back."""

    def stepped(self, item: str, step: Step) -> Agreement:
        """These facts and one more step of an item, which may be a new one."""
        known = {entry.key: entry.steps for entry in self.items}
        known[item] = (*known.get(item, ()), step)
        return replace(self, items=tuple(Item(key, steps) for key, steps in known.items()))


def history(item: Item, agreement: Agreement, now: datetime) -> list[Step]:
    """The item's states in order, as far as they are facts at `now`; one without a price is off."""
    steps = sorted((step for step in item.steps if step.at <= now), key=lambda step: step.at)
    off = _off(agreement, now)
    moments = {step.at for step in steps} | {edge for span in off for edge in (span.start, span.end)}
    return [_state(moment, steps, off) for moment in sorted(moments - {_EVER})]


def _off(agreement: Agreement, now: datetime) -> list[Period]:
    """When nothing is charged: on trial, while paused, after the end."""
    begun = [pause for pause in agreement.pauses if pause.start <= now]
    off = [Period(pause.start, pause.end if pause.end and pause.end <= now else _EVER) for pause in begun]
    if agreement.trial_until:
        off.append(Period(_NEVER, agreement.trial_until if agreement.trial_until <= now else _EVER))
    if agreement.ended_at:
        off.append(Period(agreement.ended_at, _EVER))
    return off


def _state(moment: datetime, steps: Sequence[Step], off: Sequence[Period]) -> Step:
    past = [step for step in steps if step.at <= moment]
    if not past or any(moment in span for span in off):
        return Step(moment, None, 0)
    return replace(past[-1], at=moment)
