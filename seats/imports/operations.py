"""A long list of people: brought and foreseen, started, seated step by step, stopped, and forgotten after a month.

Every step is a transaction: what came of its lines is written with the seats, so a
worker that is killed has lost nothing and another goes on. Whoever stops a list
waits for no step; one that is being taken then finds it stopped, and is undone. How far
it is meanwhile is told outside of its transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from kernel.audit import Origin
from kernel.rows import plain
from kernel.work import Work
from seats import events, lists
from seats.imports import queries
from seats.imports.queries import Begun
from seats.imports.rules import (
    AT_ONCE,
    OPEN,
    SeatImportBegun,
    SeatImportOver,
    SeatImportPhase,
    SeatImportState,
    TooManySeatImports,
    insist_on_foreseen,
    left_out,
)
from seats.imports.tables import SeatImport
from seats.listing import HARMLESS, Verdict
from seats.lists import Purchase, Wanted
from seats.sheets import Sheet

Reach = Callable[[SeatImportPhase, int], Awaitable[None]]
"""Tells how far the change at hand is: what is done, and through how many lines. Raises StoppedMeanwhile."""


class StoppedMeanwhile(Exception):  # noqa: N818 - what a step finds when it is done, so that it is undone
    """The list was stopped while a step of it was taken."""


@dataclass(frozen=True, slots=True)
class _Taking:
    """A step that is taken."""

    wanted: Wanted
    begun: Begun
    reach: Reach


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a step has come to, beside what it wrote of its lines."""

    at_once: bool
    before: Mapping[str, int]
    """How many of the lines that it told of had which outcome before."""

    told: Sequence[Verdict]
    """What comes of these lines."""

    settled: bool
    """Whether it has come."""

    purchases: Sequence[Purchase] | None = None
    """What was bought; None where it is still to be."""

    failure: str | None = None


async def bring(work: Work, account_id: int, sheet: Sheet, wanted: Wanted, key_id: int | None = None) -> SeatImport:
    """Keep a list, and what would come of each of its lines. Raises TooManySeatImports, or InvalidInput."""
    # Two that are brought at the same time would both count the others alone.
    await work.execute("select pg_advisory_xact_lock(hashtextextended('seat_imports', $1))", account_id)
    open_already = await queries.opened(work, account_id)
    if open_already >= AT_ONCE:
        raise TooManySeatImports(open_already)
    foreseen = await lists.foresee(work, account_id, sheet.rows, wanted)

    row = SeatImport(
        account_id=account_id,
        id=work.new_id(),
        pool_id=wanted.pool_id,
        whole=wanted.whole,
        lines=len(sheet.rows),
        outcomes=dict(Counter(verdict.outcome.value for verdict in foreseen.rows)),
        purchases=[_told(each) for each in foreseen.purchases],
        ignored_columns=list(sheet.ignored),
        notice=sheet.notice,
        created_at=work.now,
        **_behalf(work.origin, key_id),
    )
    work.add(row)
    await work.flush()
    await queries.write(work, row, list(zip(sheet.rows, foreseen.rows, strict=True)))
    work.emit(events.SeatImportBrought(account_id, row.id), row)
    return row


async def start(work: Work, account_id: int, number: int, key_id: int | None = None) -> SeatImport:
    """Let a list be seated for whoever says so. Raises SeatImportBegun."""
    row = await queries.seat_import(work, account_id, number)
    if row.state is not SeatImportState.READY:
        raise SeatImportBegun(row.state.value)
    row.state, row.started_at = SeatImportState.RUNNING, work.now
    for name, value in _behalf(work.origin, key_id).items():
        setattr(row, name, value)
    await work.flush()
    work.emit(events.SeatImportStarted(account_id, row.id), row)
    return row


async def stop(work: Work, account_id: int, number: int) -> SeatImport:
    """Stop a list; what was seated stays. Raises SeatImportOver."""
    row = await queries.seat_import(work, account_id, number)
    if row.state not in OPEN:
        raise SeatImportOver(row.state.value)
    row.state, row.ended_at, row.purchases = SeatImportState.STOPPED, work.now, []
    row.phase, row.tried = None, 0
    await work.flush()
    work.emit(events.SeatImportStopped(account_id, row.id), row)
    return row


async def take_step(work: Work, account_id: int, number: int, wanted: Wanted, reach: Reach) -> bool:
    """Take the next step of a list that runs: judge all of it anew, or seat the next lines. Whether there was one.

    Raises StoppedMeanwhile, BuysMoreThanForeseen, and what `lists.seat` raises; then the transaction is to be undone.
    """
    begun = await queries.claim(work, account_id, number)
    if begun is None:
        return False
    wanted = replace(wanted, pool_id=begun.pool_id, whole=begun.whole)
    step = _seat if begun.judged else _judge
    taken = await step(work, account_id, number, _Taking(wanted, begun, reach))
    await _record(work, account_id, number, taken)
    return True


async def reached(work: Work, account_id: int, number: int, phase: SeatImportPhase, tried: int) -> None:
    """Tell how far a list is that another transaction is at. Raises StoppedMeanwhile."""
    if not await queries.reached(work, account_id, number, phase, tried):
        raise StoppedMeanwhile


async def fail(work: Work, account_id: int, number: int, failure: str) -> None:
    """End a list that can't go on, and say why; unless it was stopped meanwhile."""
    row = await queries.seat_import(work, account_id, number)
    if row.state is SeatImportState.RUNNING:
        await _end(work, row, failure)


async def forget(work: Work, account_id: int, number: int) -> None:
    """Let the lines of an old list go; one that nobody started ends."""
    row = await queries.seat_import(work, account_id, number)
    if row.state is SeatImportState.READY:
        row = await stop(work, account_id, number)
    row.forgotten = True
    await work.flush()
    await queries.forget(work, account_id, number)


async def _judge(work: Work, account_id: int, number: int, taking: _Taking) -> _Taken:
    """Judge the whole list as things stand now; whoever can't be seated is told of for good."""
    await taking.reach(SeatImportPhase.JUDGING, 0)
    rows = await queries.lines(work, number)
    course = await lists.course(work, account_id, rows, taking.wanted)
    insist_on_foreseen(taking.begun.foreseen, [(each.pool_id, each.bought) for each in course.purchases])
    tried = {row.line for step in course.steps for row in step}
    left = [verdict for verdict in course.rows if verdict.line not in tried]
    before = await queries.tell(work, account_id, number, left, settled=not course.refused)
    failure = left_out(_left_out(course.rows)) if course.refused else None
    purchases = None if course.purchases else ()
    return _Taken(course.at_once, before, left, not course.refused, purchases, failure)


async def _seat(work: Work, account_id: int, number: int, taking: _Taking) -> _Taken:
    """Seat the next lines, or all of them."""
    at_once = taking.begun.at_once
    rows = await queries.lines(work, number, None if at_once else lists.STEP)
    # A step that is soon done is told of when it is.
    reach = partial(taking.reach, SeatImportPhase.SEATING) if at_once else None
    came = await lists.seat(work, account_id, rows, taking.wanted, reach)
    if at_once:
        await taking.reach(SeatImportPhase.RECORDING, len(rows))
    # What is bought bit by bit was foreseen by nobody.
    foreseen = taking.begun.foreseen if at_once else {}
    insist_on_foreseen(foreseen, [(each.pool_id, each.bought) for each in came.purchases])
    before = await queries.tell(work, account_id, number, came.rows, settled=came.done)
    failure = None if came.done else left_out(_left_out(came.rows))
    return _Taken(at_once, before, came.rows, came.done, came.purchases, failure)


async def _record(work: Work, account_id: int, number: int, taken: _Taken) -> None:
    """Write down how far a list is. It is locked last: whoever stops it may have been faster."""
    row = await queries.seat_import(work, account_id, number)
    if row.state is not SeatImportState.RUNNING:
        raise StoppedMeanwhile
    # Counted from what has changed, so that a step costs the same however long the list is.
    row.settled += len(taken.told) if taken.settled else 0
    row.outcomes = _counted(row.outcomes, taken)
    row.judged_at, row.at_once = row.judged_at or work.now, taken.at_once
    row.phase, row.tried = SeatImportPhase.SEATING, 0
    if taken.purchases is not None:
        row.purchases = [_told(each) for each in taken.purchases]
    if taken.failure or row.settled == row.lines:
        await _end(work, row, taken.failure)
    await work.flush()


async def _end(work: Work, row: SeatImport, failure: str | None) -> None:
    row.ended_at, row.failure = work.now, failure
    row.phase, row.tried = None, 0
    row.state = SeatImportState.FAILED if failure else SeatImportState.DONE
    # What a step bought that failed was undone with it.
    row.purchases = [] if failure else row.purchases
    await work.flush()
    ended = events.SeatImportFailed if failure else events.SeatImportDone
    work.emit(ended(row.account_id, row.id), row)


def _counted(before: Mapping[str, int], taken: _Taken) -> dict[str, int]:
    """How many lines have which outcome from now on."""
    counts = Counter(before)
    counts.subtract(taken.before)
    counts.update(verdict.outcome.value for verdict in taken.told)
    return {outcome: counts[outcome] for outcome in sorted(counts) if counts[outcome]}


def _left_out(told: Sequence[Verdict]) -> int:
    return sum(verdict.outcome not in HARMLESS for verdict in told)


def _behalf(origin: Origin, key_id: int | None) -> dict[str, Any]:
    return {
        "actor": origin.actor,
        "person_id": origin.person_id,
        "key_id": key_id,
        "token": origin.token,
        "reason": origin.reason,
    }


def _told(each: Purchase) -> dict[str, Any]:
    made = each.resized or each.quote
    assert made is not None, "seats are bought, or foreseen to be"
    invoice = each.resized.invoice if each.resized else None
    return {
        "pool_id": each.pool_id,
        "bought": each.bought,
        "minor": each.cost.minor,
        "currency": each.cost.currency,
        "collected_at": plain(made.collected_at),
        "invoice_id": invoice.id if invoice else None,
    }
