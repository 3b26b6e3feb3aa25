"""Seats on paper: who sat in the seats that the lines of an invoice bill, as it stood when the invoice was issued.

An invoice is the same whenever it is printed again, so what happened afterwards is not
on it. It comes from where the graph has it: whoever sees what is billed and not who
sits reads how many people sat there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from billing.paper.seated import Sat, Seated
from billing.states import LineKind
from billing.tables import LineItem
from kernel.time import Period
from kernel.work import Work
from seats import sitting_queries
from seats.occupancy import Places, Sitting, sat_in
from seats.sitting_queries import Asked, Sitter

_BILLED = {LineKind.CHARGE, LineKind.RESTORED}
NAMED = 50
"""How many lines of a document name people; those after them say how many there were."""

_MOMENT = timedelta(microseconds=1)


async def seated(work: Work, lines: Sequence[LineItem], at: datetime) -> Seated:
    """Who sat there until an instant, by line; lines that bill no seats are left out."""
    asked = {
        line.id: Asked(line.account_id, line.item_id, Period(line.period_start, line.period_end))
        for line in lines
        if line.item_id is not None and line.kind in _BILLED and line.period_start < line.period_end
    }
    # Lines of one item and span are asked once: they are parts of one pool.
    known = list(dict.fromkeys(asked.values()))
    found = dict(zip(known, await sitting_queries.sitters(work, known), strict=True)) if known else {}
    told = {
        line.id: _sat(line, sitters, at)
        for line in lines
        if line.id in asked and (sitters := found[asked[line.id]]) is not None
    }
    named = set(list(told)[:NAMED])
    return {line: sat if line in named else [replace(one, who=None) for one in sat] for line, sat in told.items()}


def _sat(line: LineItem, sitters: Sequence[Sitter], at: datetime) -> list[Sat]:
    """Everybody in the order in which they sat down; of who still sits, since when they have the seat."""
    # Whoever sits at the very instant of a bill that is made ahead sits there.
    until = min(line.period_end, max(at, line.period_start) + _MOMENT)
    span = Period(line.period_start, until)
    places = Places(line.above or 0, line.quantity, span)
    spells = sat_in(places, [Sitting(one.seat_id, one.since, one.until) for one in sitters])
    people = {one.seat_id: one for one in sitters}
    sat = []
    for spell in spells:
        one, still = people[spell.number], spell.span.end == until < line.period_end
        since, gone = (one.since, None) if still else (spell.span.start, spell.span.end)
        sat.append(Sat(one.seat_id, one.email, since, gone))
    return sat
