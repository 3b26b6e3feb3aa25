"""Who sat in the seats of a line, in notes that stay few however many they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.paper.writing import Hand, plain
from billing.tables import LineItem
from kernel.time import Period

MOST = 10
"""How many people a line names; the graph lists all of them."""

Seated = Mapping[int, Sequence["Sat"]]
"""Who sat there, by the number of the line."""

NOBODY: Seated = {}
"""Of documents that bill no seats."""


@dataclass(frozen=True, slots=True)
class Sat:
    """Somebody in a seat of a line, from when until when; `until` is None for who sat there still."""

    seat: int
    who: str | None
    """Their address, if the reader may see who sits."""

    since: datetime
    until: datetime | None = None


def notes(hand: Hand, line: LineItem, sat: Sequence[Sat]) -> list[str]:
    """How many people sat there, and below it who and when; nothing where nobody did."""
    if not sat:
        return []
    named = [one for one in sat if one.who]
    shown, rest = named[:MOST], {one.seat for one in named[MOST:]} - {one.seat for one in named[:MOST]}
    more = [hand.says("and_more", count=hand.number(len(rest)))] if rest else []
    return [hand.people(len({one.seat for one in sat})), *(_told(hand, line, one) for one in shown), *more]


def _told(hand: Hand, line: LineItem, one: Sat) -> str:
    who = plain(one.who or "")
    if one.until is None:
        return f"{who} {hand.says('since', date=hand.short_day(one.since))}"
    if (one.since, one.until) == (line.period_start, line.period_end):
        return who
    return f"{who} {hand.span(Period(one.since, one.until))}"
