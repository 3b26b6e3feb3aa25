"""Moving: what the rail says moved our balance, written down and matched with what is ours.

The rail's balance transactions are the source of truth for fees, exchange rates and
payouts. No connection of the database is held while the rail is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kernel.work import Work
from payments import movement_queries, outcomes, queries, tracing
from payments.rail.balance import Payout
from payments.rail.opening import Rail
from payments.rail.values import BalanceTransaction
from payments.states import PaymentState
from payments.traces import CHARGES, DISPUTES, REFUNDS, THE_RAILS, Trace

_REVISITED = 100
"""How many payouts that could not be taken apart before are tried again at once."""


async def page(work: Work, rail: Rail, since: datetime, until: datetime, after: str | None) -> tuple[int, str | None]:
    """Write down one page of what moved in a span; how many movements, and from where the next page goes on.

    What we know nothing of is looked at and merged. Opens transactions. Raises RailError.
    """
    told = await rail.balance.moved(since, until, after)
    await keep(work, rail, told.rows)
    return len(told.rows), told.after


async def keep(work: Work, rail: Rail, moved: Iterable[BalanceTransaction]) -> None:
    """Write movements down, each with what it belongs to, and the fees of payments. Raises RailError."""
    rows = list(moved)
    kept = await movement_queries.kept(work, [row.id for row in rows])
    await work.rest()
    new = [row for row in rows if row.id not in kept]
    traces = await _traces(work, rail, {row.source for row in new if row.source})
    async with work.transaction():
        for row in new:
            await movement_queries.keep(work, row, traces.get(row.source or "", THE_RAILS))
    for row in new:
        await _know_fee(work, row, traces.get(row.source or "", THE_RAILS))


async def _traces(work: Work, rail: Rail, sources: set[str]) -> dict[str, Trace]:
    found = await movement_queries.known(work, sources)
    await work.rest()
    strange = [source for source in sorted(sources - found.keys()) if source.startswith(CHARGES + REFUNDS + DISPUTES)]
    return found | {source: await tracing.trace(work, rail, source) for source in strange}


async def _know_fee(work: Work, row: BalanceTransaction, trace: Trace) -> None:
    if trace.subject != "payment" or trace.account_id is None or trace.payment_id is None:
        return
    if not (row.source or "").startswith(CHARGES):
        return
    async with work.transaction():
        await work.bind(trace.account_id)
        payment = await queries.payment(work, trace.account_id, trace.payment_id)
        if payment.state is PaymentState.SUCCEEDED:
            outcomes.keep_fee(work, payment, row)


# Payouts


async def payouts(
    work: Work, rail: Rail, since: datetime, until: datetime, after: str | None
) -> tuple[int, str | None]:
    """Take one page of a span's payouts apart, and on the first page what could not be before. Raises RailError."""
    told = await rail.balance.payouts(since, until, after)
    found = {payout.id: payout for payout in told.rows}
    if after is None:
        waiting = await movement_queries.unitemized(work, _REVISITED)
        await work.rest()
        found |= {known: await rail.balance.payout(known) for known in waiting if known not in found}
    async with work.transaction():
        for payout in found.values():
            await movement_queries.keep_payout(work, payout)
    for payout in found.values():
        if payout.automatic and (payout.itemized or payout.state == "paid"):
            await _take_apart(work, rail, payout)
    return len(told.rows), told.after


async def _take_apart(work: Work, rail: Rail, payout: Payout) -> None:
    """Find what a payout is made of, and what that sums to."""
    items: list[BalanceTransaction] = []
    after: str | None = None
    while True:
        told = await rail.balance.paid_out_by(payout.id, after)
        items += [row for row in told.rows if row.source != payout.id]
        after = told.after
        if after is None:
            break
    await keep(work, rail, items)
    async with work.transaction():
        await movement_queries.paid_out(work, payout.id, [row.id for row in items])
        await movement_queries.itemize(work, payout.id, len(items), sum(row.net.minor for row in items))
