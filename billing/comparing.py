"""Comparing: payments and books with what moved at the rail, in pieces; what can be mended is mended first.

What differs is looked at in Stripe and merged, as if a webhook had told of it. Only
what differs still is kept for a person.
"""

from __future__ import annotations

from collections.abc import Sequence

from billing import claims, discrepancies, reconciliation_queries, settling
from billing.discrepancies import Counted
from billing.reconciliation import Claim, DiscrepancyKind, DiscrepancySubject
from billing.reconciliation_queries import Key
from kernel.audit import INSTALLATION
from kernel.work import Work
from payments import moving, tracing
from payments.rail.opening import Rail
from payments.tables import Reconciliation

_AT_ONCE = 100
_FROM_PAYMENTS = "payments:"
"""The place of a page of payments begins so; before them come movements that are about none."""

_MENDED_BY_LOOKING = {
    DiscrepancyKind.MISSING_THERE,
    DiscrepancyKind.STATE,
    DiscrepancyKind.AMOUNT,
    DiscrepancyKind.FEE,
}

Told = tuple[Counted, int, str | None]
"""What was found, how much was compared, and from where the next piece goes on; None when it was the last."""


async def payments(work: Work, rail: Rail, run: Reconciliation) -> Told:
    """Compare one page: first movements that are about no payment, then payments.

    Opens transactions. Raises RailError.
    """
    if run.place is None or not run.place.startswith(_FROM_PAYMENTS):
        return await _unclaimed(work, run)
    account, _, number = run.place.removeprefix(_FROM_PAYMENTS).partition(":")
    keys = await reconciliation_queries.payments(work, run.since, run.until, (int(account), int(number)), _AT_ONCE)
    await work.rest()
    counted = await _payments(work, rail, run.id, keys)
    return counted, len(keys), _place(keys[-1]) if len(keys) == _AT_ONCE else None


async def books(work: Work, run: Reconciliation) -> Told:
    """Compare the books of one page of accounts with what moved of them. Opens transactions."""
    found = await reconciliation_queries.accounts(work, run.since, run.until, int(run.place or 0), _AT_ONCE)
    await settling.settle(work, found)
    unready = await reconciliation_queries.unready(work, found, work.now)
    ready = [account_id for account_id in found if account_id not in unready]
    findings = await claims.books(work, ready)
    await work.rest()
    async with work.transaction():
        await work.bind(INSTALLATION)
        known = await reconciliation_queries.open_of_books(work, ready)
        counted = await discrepancies.record(work, run.id, known, [], findings)
    return counted, 0, str(found[-1]) if len(found) == _AT_ONCE else None


async def _payments(work: Work, rail: Rail, run: int, keys: Sequence[Key]) -> Counted:
    compared = await claims.compare(work, keys)
    await work.rest()
    before = compared.findings
    if await _mend(work, rail, compared):
        compared = await claims.compare(work, keys)
        await work.rest()
    async with work.transaction():
        await work.bind(INSTALLATION)
        known = await reconciliation_queries.open_of(work, keys)
        return await discrepancies.record(work, run, known, before, compared.findings)


async def _mend(work: Work, rail: Rail, compared: claims.Compared) -> bool:
    """Look at what differs and merge it; whether anything was looked at. Raises RailError."""
    by_reference = {claim.reference: claim for claim in compared.claims.values()}
    wanted = {
        finding.told.reference: by_reference[finding.told.reference]
        for finding in compared.findings
        if finding.told.kind in _MENDED_BY_LOOKING and finding.told.reference in by_reference
    }
    for claim in wanted.values():
        await _look(work, rail, claim)
    return bool(wanted)


async def _look(work: Work, rail: Rail, claim: Claim) -> None:
    """Merge what the rail tells of something now, and write down what it says moved."""
    await tracing.trace(work, rail, claim.reference)
    told = await tracing.transactions(rail, claim.reference)
    await moving.keep(work, rail, told)


async def _unclaimed(work: Work, run: Reconciliation) -> Told:
    found, after = await claims.unclaimed(work, run.since, run.until, run.place or "", _AT_ONCE)
    references = {finding.told.reference for finding in found}
    if run.place is None:
        payouts, uneven = await claims.payouts(work, run.since, run.until)
        found += uneven
        references |= {*payouts, *await reconciliation_queries.claimed(work)}
    await work.rest()
    async with work.transaction():
        await work.bind(INSTALLATION)
        subjects = (DiscrepancySubject.MOVEMENT, DiscrepancySubject.PAYOUT)
        known = await reconciliation_queries.open_about(work, subjects, references)
        counted = await discrepancies.record(work, run.id, known, [], found)
    return counted, 0, after or _place((0, 0))


def _place(key: Key) -> str:
    return f"{_FROM_PAYMENTS}{key[0]}:{key[1]}"
