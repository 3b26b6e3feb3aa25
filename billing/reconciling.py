"""Reconciling: a span of time is compared with what the rail says moved, in pieces that anybody may go on with.

First we hear what we had missed, then what moved is written down, payouts are taken
apart, and payments and books are compared with it. Each piece ends in a place that is
committed; two who do the same piece do it twice, and count it once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from billing import comparing
from kernel.errors import InvalidInput
from kernel.work import Work
from payments import catching_up, movement_queries, moving
from payments.rail.errors import RailError
from payments.rail.opening import Rail
from payments.states import ReconciliationStage
from payments.tables import Reconciliation

OVERLAP = timedelta(hours=1)
"""How far a span reaches into the one before."""

NIGHT = 2
"""The hour from which on the worker reconciles, in UTC."""

AT_FIRST = timedelta(days=30)
"""How far the first one looks back where nothing was paid yet: as far as the rail keeps its events."""

_PATIENCE = timedelta(minutes=1)
"""How long the worker waits where the rail did not answer."""

_EVENTS_AT_ONCE = 200
_MOST_APPLIED = 50
"""How many times so many events are applied before something else has its turn."""

log = structlog.get_logger("billing.reconciling")


@dataclass(frozen=True, slots=True)
class Piece:
    """What one piece came to: how much of what was done, and where the next one begins."""

    stage: ReconciliationStage
    place: str | None = None
    counted: dict[str, int] = field(default_factory=dict)


async def begin(
    work: Work, *, nightly: bool, since: datetime | None = None, until: datetime | None = None
) -> Reconciliation:
    """Go on with the reconciliation that is not done, or begin one: from where the last one ended, up to now.

    Opens a transaction. Raises InvalidInput for another span than the one that is not done, or for one to come.
    """
    async with work.transaction():
        known = await movement_queries.unfinished(work, nightly=nightly)
        if known:
            _insist_on_span(known, since, until)
            return known
        start, end = since or await _since(work), until or work.now
        if not start < end <= work.now:
            raise InvalidInput("A span begins before it ends, and ends by now.")
        row = Reconciliation(
            id=work.new_id(), since=start, until=end, nightly=nightly, started_at=work.now, touched_at=work.now
        )
        work.add(row)
        await work.flush()
    return row


async def due(work: Work) -> int | None:
    """The reconciliation that the worker goes on with now; one is begun every night. Opens transactions."""
    known = await movement_queries.unfinished(work, nightly=True)
    last = await movement_queries.began(work)
    await work.rest()
    if known:
        return known.id if known.next_at is None or known.next_at <= work.now else None
    night = work.now.replace(hour=NIGHT, minute=0, second=0, microsecond=0)
    if work.now < night or (last is not None and last >= night):
        return None
    return (await begin(work, nightly=True)).id


async def step(work: Work, rail: Rail, number: int) -> bool:
    """Do one piece; whether another one is left. Opens transactions. Raises RailError."""
    row = await movement_queries.reconciliation(work, number)
    await work.rest()
    if row is None or row.stage is ReconciliationStage.DONE:
        return False
    piece = await _piece(work, rail, row)
    async with work.transaction():
        await movement_queries.advance(work, row, piece.stage, piece.place, piece.counted)
    return piece.stage is not ReconciliationStage.DONE


async def try_step(work: Work, rail: Rail, number: int) -> None:
    """Do one piece, or wait a while where the rail does not answer. Opens transactions."""
    try:
        await step(work, rail, number)
    except RailError as error:
        log.info("reconciliation has to wait", kind=type(error).__name__, says=str(error))
        async with work.transaction():
            await movement_queries.postpone(work, number, work.now + _PATIENCE)


async def _piece(work: Work, rail: Rail, row: Reconciliation) -> Piece:
    """One piece of work on a reconciliation. Raises RailError."""
    match row.stage:
        case ReconciliationStage.EVENTS:
            new, after = await catching_up.page(work, rail, row.since, row.until, row.place)
            if after is None:
                await _apply(work, rail)
            return _page(row.stage, ReconciliationStage.MOVEMENTS, after, events=new)
        case ReconciliationStage.MOVEMENTS:
            moved, after = await moving.page(work, rail, row.since, row.until, row.place)
            return _page(row.stage, ReconciliationStage.PAYOUTS, after, movements=moved)
        case ReconciliationStage.PAYOUTS:
            paid, after = await moving.payouts(work, rail, row.since, row.until, row.place)
            return _page(row.stage, ReconciliationStage.PAYMENTS, after, payouts=paid)
        case ReconciliationStage.PAYMENTS:
            found, compared, place = await comparing.payments(work, rail, row)
            told = {"payments": compared, "found": found.found, "mended": found.mended}
            return _page(row.stage, ReconciliationStage.BOOKS, place, **told)
        case _:
            found, _, place = await comparing.books(work, row)
            return _page(row.stage, ReconciliationStage.DONE, place, found=found.found, mended=found.mended)


def _page(stage: ReconciliationStage, following: ReconciliationStage, after: str | None, **counted: int) -> Piece:
    return Piece(stage if after else following, after, counted)


async def _apply(work: Work, rail: Rail) -> None:
    """Apply what was heard, so that what follows compares with it."""
    for _ in range(_MOST_APPLIED):
        if not await catching_up.apply(work, rail, _EVENTS_AT_ONCE):
            return


async def _since(work: Work) -> datetime:
    reached = await movement_queries.reached(work)
    if reached:
        return reached - OVERLAP
    oldest = await movement_queries.oldest_payment(work)
    return min(oldest or work.now, work.now - AT_FIRST)


def _insist_on_span(known: Reconciliation, since: datetime | None, until: datetime | None) -> None:
    if (since or known.since, until or known.until) != (known.since, known.until):
        raise InvalidInput(
            f"The reconciliation from {known.since:%Y-%m-%dT%H:%M:%SZ} to {known.until:%Y-%m-%dT%H:%M:%SZ}"
            " is not done. Ask for it, or without a span, to go on with it first."
        )
