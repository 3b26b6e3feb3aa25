"""Warnings: a bank was told that a payment is fraud, before anybody disputes it.

A full refund made in time averts the dispute, its fee, and its mark on our record.
Whether one still helps only ever becomes less: the news are merged in any order.
"""

from __future__ import annotations

from datetime import timedelta

from kernel.work import Work
from payments import events, queries, return_queries
from payments.rail.fraud import Warned
from payments.rail.opening import Rail
from payments.tables import FraudWarning

SINCE = timedelta(days=30)
"""How far back we look for warnings that nobody told us of."""


async def heard(work: Work, told: Warned) -> bool:
    """Write down a warning; False if it is of no payment of ours. Opens transactions."""
    found = await return_queries.payment_of(work, told.intent) if told.intent else None
    await work.rest()
    if found is None:
        return False
    async with work.transaction():
        await work.bind(found[0])
        await _learn(work, *found, told)
    return True


async def find(work: Work, rail: Rail) -> None:
    """Look for warnings that nobody told us of. Opens transactions. Raises RailError."""
    async for told in rail.fraud.since(work.now - SINCE):
        await heard(work, told)


async def _learn(work: Work, account_id: int, payment_id: int, told: Warned) -> None:
    # Whoever holds the payment is the only one who writes its warnings.
    payment = await queries.payment(work, account_id, payment_id)
    known = await return_queries.warning_named(work, account_id, told.id)
    if known:
        known.actionable = known.actionable and told.actionable
        return
    warning = FraudWarning(
        account_id=account_id,
        id=work.new_id(),
        payment_id=payment_id,
        rail_id=told.id,
        charge=told.charge,
        kind=told.kind,
        actionable=told.actionable,
        warned_at=told.created or work.now,
    )
    work.add(warning)
    await work.flush()
    work.emit(events.PaymentFraudWarned(account_id, payment_id, warning.id), payment)
