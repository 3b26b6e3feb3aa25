"""Discrepancies: what was found to differ, kept until it is mended or a person has dealt with it.

They belong to the installation: its audit chain tells of them, and only our own staff see them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from billing import events, reconciliation, reconciliation_queries, tables
from billing.reconciliation import DiscrepancyEnded, DiscrepancyKind, DiscrepancyState, DiscrepancySubject
from kernel.audit import INSTALLATION
from kernel.errors import InvalidInput
from kernel.work import Work

LONGEST_REASON = 1_000

Identity = tuple[DiscrepancyKind, DiscrepancySubject, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference, with whose it is."""

    told: reconciliation.Discrepancy
    account_id: int | None = None
    payment_id: int | None = None

    @property
    def identity(self) -> Identity:
        """By which it is found again."""
        return self.told.kind, self.told.subject, self.told.reference


@dataclass(frozen=True, slots=True)
class Counted:
    """How many are new, and how many are gone."""

    found: int = 0
    mended: int = 0


async def record(
    work: Work, run: int, known: Iterable[tables.Discrepancy], before: Iterable[Finding], now: Iterable[Finding]
) -> Counted:
    """Write down what differs: `before` we tried to mend it, and `now`; what is `known` and differs no more is mended.

    The caller's transaction is bound to the installation.
    """
    standing = {finding.identity: finding for finding in now}
    gone = [finding for finding in before if finding.identity not in standing]
    rows = {(row.kind, row.subject, row.reference): row for row in known}
    for identity, row in rows.items():
        if identity in standing:
            _see(work, row, standing.pop(identity).told)
        else:
            _mend(work, row)
    new = [await _write(work, run, finding) for finding in standing.values()]
    mended = [await _write(work, run, each) for each in gone if each.identity not in rows]
    for written in filter(None, mended):
        _mend(work, written)
    await work.flush()
    over = sum(identity not in {finding.identity for finding in now} for identity in rows)
    return Counted(sum(row is not None for row in (*new, *mended)), over + sum(row is not None for row in mended))


async def resolve(work: Work, number: int, reason: str, person_id: int | None) -> tables.Discrepancy:
    """Say how a difference was dealt with. Raises NotFound, InvalidInput or DiscrepancyEnded."""
    row = await reconciliation_queries.discrepancy(work, number)
    if row.state is not DiscrepancyState.OPEN:
        raise DiscrepancyEnded(row.state.value)
    if not 1 <= len(reason.strip()) <= LONGEST_REASON or "\x00" in reason:
        raise InvalidInput(f"Say how it was dealt with in 1 to {LONGEST_REASON:,} characters.")
    row.state, row.ended_at = DiscrepancyState.RESOLVED, work.now
    row.resolution, row.resolved_by = reason.strip(), person_id
    await work.flush()
    work.emit(events.DiscrepancyResolved(INSTALLATION, row.id), row)
    return row


async def _write(work: Work, run: int, finding: Finding) -> tables.Discrepancy | None:
    """A new row, or None where a person has dealt with the very same before."""
    told = finding.told
    if await reconciliation_queries.settled_before(work, *finding.identity, told.risk.minor):
        return None
    await work.reserve(1)
    row = tables.Discrepancy(
        id=work.new_id(),
        reconciliation_id=run,
        kind=told.kind,
        subject=told.subject,
        reference=told.reference,
        account_id=finding.account_id,
        payment_id=finding.payment_id,
        currency=told.risk.currency,
        risk_minor=told.risk.minor,
        here=told.here,
        there=told.there,
        found_at=work.now,
        seen_at=work.now,
    )
    work.add(row)
    await work.flush()
    work.emit(events.DiscrepancyFound(INSTALLATION, row.id), row)
    return row


def _see(work: Work, row: tables.Discrepancy, told: reconciliation.Discrepancy) -> None:
    """It is there still; how much is at risk may have changed."""
    row.seen_at = work.now
    row.currency, row.risk_minor, row.here, row.there = told.risk.currency, told.risk.minor, told.here, told.there


def _mend(work: Work, row: tables.Discrepancy) -> None:
    row.state, row.ended_at, row.seen_at = DiscrepancyState.MENDED, work.now, work.now
    work.emit(events.DiscrepancyMended(INSTALLATION, row.id), row)
