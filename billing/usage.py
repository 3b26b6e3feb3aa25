"""Usage: reports of use taken in batches, and taken back by records of their own.

A batch is one transaction, one audit record and one statement, however many reports
it has. A report that was recorded before is told as a duplicate and counts once; a
refused one keeps no other from being recorded, unless the client wants all or none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from billing import events, metering, usage_queries
from billing.metered import opens
from billing.metering import GRACE, MOST_EVENTS, Holding, Refused, Report, Taken, UsageOutcome
from billing.usage_queries import Known
from kernel.errors import InvalidInput, NotFound, Problem
from kernel.events import Event
from kernel.rows import plain
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one report."""

    place: int
    """Its place in the batch, counted from 0."""

    key: str
    outcome: UsageOutcome
    message: str | None = None
    """Why it was refused, or that it is a duplicate."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of a batch."""

    recorded: int
    duplicates: int
    refused: int
    results: list[Result]


@dataclass(eq=False)
class UsageClosed(Problem):
    """The period that a report belongs to is billed for good."""

    says = "The period of this report is closed, so it can't be voided any more. {advice}"
    advice: str
    """What to do instead."""


class Place(NamedTuple):
    """What makes a report the same one, whoever sends it again: its meter's number, its instant and its key."""

    meter_id: int
    at: datetime
    key: str


@dataclass(frozen=True, slots=True)
class _Judged:
    """A batch: what is refused and why, and what counts and where, by place in the batch."""

    reports: Sequence[Report]
    refused: dict[int, str]
    taken: dict[int, tuple[Place, Taken]]


async def record(work: Work, account_id: int, reports: Sequence[Report], *, whole: bool = False) -> Batch:
    """Record what an account has used. With `whole`, either all reports count or none does. Raises InvalidInput."""
    if not 1 <= len(reports) <= MOST_EVENTS:
        raise InvalidInput(f"A batch holds 1 to {MOST_EVENTS:,} events; {len(reports):,} were sent.")
    known = await usage_queries.meters(work.fetch)
    holdings = await _holdings(work, account_id, known)

    judged = _judged(reports, holdings, known, work.now)

    if whole and judged.refused:
        return _withheld(judged)
    first: dict[Place, int] = {}
    for number, (place, _) in judged.taken.items():
        first.setdefault(place, number)
    new = await _written(work, account_id, [judged.taken[number] for number in first.values()])
    again = {number for number, (place, _) in judged.taken.items() if place not in new or first[place] != number}
    results = _told(judged)
    results += await _again(work, account_id, judged, again)
    recorded = (number for number in judged.taken if number not in again)
    return _batch([*results, *(Result(number, reports[number].key, UsageOutcome.RECORDED) for number in recorded)])


async def void(work: Work, account_id: int, meter: str, at: datetime, key: str) -> Batch:
    """Take one report back with a record that says the opposite. Raises InvalidInput, NotFound, or UsageClosed."""
    if not (metering.sayable(meter) and metering.sayable(key)):
        raise InvalidInput(f"A meter and a key are 1 to {metering.LONGEST_KEY} printable characters.")
    known = await usage_queries.meters(work.fetch)
    place = Place(known[meter].id if meter in known else 0, at, key)
    found = (await usage_queries.recorded(work, account_id, [place])).get(place)
    if found is None or key.startswith(metering.VOID):
        raise NotFound("No such report was recorded: say its meter, its instant and its key exactly.")
    held = (await _holdings(work, account_id, known)).get(meter, ())
    if not any(one.subscription_id == found["subscription_id"] and one.opens <= at for one in held):
        raise UsageClosed("Write a credit note for what it cost.")
    batch_id = work.new_id()
    if not await usage_queries.add_void(work, batch_id, account_id, found, metering.VOID + key):
        again = "This was voided before, so nothing was changed."
        return Batch(0, 1, 0, [Result(0, key, UsageOutcome.DUPLICATE, again)])
    await _add_batch(work, account_id, batch_id, [at], events.UsageVoided(account_id, batch_id))
    return Batch(1, 0, 0, [Result(0, key, UsageOutcome.RECORDED)])


def _judged(
    reports: Sequence[Report], holdings: dict[str, list[Holding]], known: dict[str, Known], now: datetime
) -> _Judged:
    judged = _Judged(reports, {}, {})
    for number, report in enumerate(reports):
        one = metering.judged(report, holdings, now)
        if isinstance(one, Refused):
            judged.refused[number] = one.says
        else:
            judged.taken[number] = Place(known[report.meter].id, one.at, report.key), one
    return judged


async def _written(work: Work, account_id: int, taken: Sequence[tuple[Place, Taken]]) -> set[Place]:
    """Write reports that may be there already; the places of those that were not."""
    if not taken:
        return set()
    instants = [place.at for place, _ in taken]
    await usage_queries.make_months(work, min(instants), max(instants))
    batch_id = work.new_id()
    new = {Place(*row) for row in await usage_queries.record(work, account_id, batch_id, taken)}
    if new:
        event = events.UsageRecorded(account_id, batch_id)
        await _add_batch(work, account_id, batch_id, [place.at for place in new], event)
    return new


async def _add_batch(work: Work, account_id: int, batch_id: int, instants: Sequence[datetime], event: Event) -> None:
    """Write that reports came together, and tell it."""
    span, count = (min(instants), max(instants)), len(instants)
    await usage_queries.add_batch(work, account_id, batch_id, span=span, events=count)
    told = {"events": count, "first_at": plain(span[0]), "last_at": plain(span[1])}
    work.emit(event, before=None, after=told)


async def _again(work: Work, account_id: int, judged: _Judged, again: Collection[int]) -> list[Result]:
    """What is told of reports whose key is there already: duplicates, unless they say something else."""
    if not again:
        return []
    rows = await usage_queries.recorded(work, account_id, list({judged.taken[number][0] for number in again}))
    results = []
    for number in again:
        place, one = judged.taken[number]
        row = rows[place]
        other = metering.same((row["quantity"], row["subject"], row["subscription_id"]), one)
        outcome = UsageOutcome.REFUSED if other else UsageOutcome.DUPLICATE
        results.append(Result(number, one.report.key, outcome, other or metering.repeated()))
    return results


async def _holdings(work: Work, account_id: int, known: dict[str, Known]) -> dict[str, list[Holding]]:
    """What an account's subscriptions count, by meter."""
    held: dict[str, list[Holding]] = {}
    cycles = await usage_queries.cycles(work, account_id)
    opened = {number: opens(known_, work.now) for number, known_ in cycles.items()}
    for row in await usage_queries.metered(work, account_id, work.now - GRACE):
        number = row["subscription_id"]
        holding = Holding(number, known[row["meter"]].meter, row["since"], row["until"], opened[number])
        held.setdefault(row["meter"], []).append(holding)
    return held


def _withheld(judged: _Judged) -> Batch:
    says = "Not recorded, because other events of this batch are refused and all or none were wanted."
    keys = [report.key for report in judged.reports]
    rest = (Result(number, keys[number], UsageOutcome.WITHHELD, says) for number in judged.taken)
    return _batch([*_told(judged), *rest])


def _told(judged: _Judged) -> list[Result]:
    """The refused ones, each with its sentence."""
    keys = [report.key for report in judged.reports]
    return [Result(number, keys[number], UsageOutcome.REFUSED, says) for number, says in judged.refused.items()]


def _batch(results: list[Result]) -> Batch:
    counts = {outcome: sum(result.outcome is outcome for result in results) for outcome in UsageOutcome}
    return Batch(
        counts[UsageOutcome.RECORDED],
        counts[UsageOutcome.DUPLICATE],
        counts[UsageOutcome.REFUSED],
        sorted(results, key=lambda result: result.place),
    )
