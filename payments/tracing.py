"""Tracing: what of ours a thing at the rail belongs to, by its id, or else by looking at it there.

Whatever is looked at is merged as if a webhook had brought it, so that tracing a thing
mends what we had missed of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kernel import ids
from kernel.errors import InvalidInput
from kernel.work import Work
from payments import answering, movement_queries, outcomes, queries, rail_invoices, refunds, return_queries
from payments.merging import Seen, with_charge, with_intent
from payments.rail.errors import Refused
from payments.rail.opening import Rail
from payments.rail.values import BalanceTransaction, Charge
from payments.states import MovementOwner
from payments.traces import CHARGES, DISPUTES, NOBODYS, REFUNDS, THE_RAILS, Trace


async def trace(work: Work, rail: Rail, source: str) -> Trace:
    """Look at a charge, a refund or a dispute, and merge what is told of it into what it belongs to.

    Opens transactions, so call it outside of one. Raises RailError.
    """
    try:
        if source.startswith(CHARGES):
            return await _charge(work, rail, source)
        if source.startswith(DISPUTES):
            return await _dispute(work, rail, source)
        if source.startswith(REFUNDS):
            return await _refund(work, rail, source)
    except Refused as refused:
        if not refused.missing:
            raise
    return THE_RAILS


async def _charge(work: Work, rail: Rail, source: str) -> Trace:
    told = await rail.intents.charge(source, urgent=False)
    found = await _payment(work, told.intent)
    if found is None:
        return await _billed_there(work, rail, told) or Trace(_owner(rail, told.metadata))
    await look_at_payment(work, rail, *found, told)
    return Trace(MovementOwner.OURS, "payment", found[0], found[1], found[1])


async def _billed_there(work: Work, rail: Rail, charge: Charge) -> Trace | None:
    """Whose a charge is by which Stripe Billing was paid for an invoice that had come over; None for any other."""
    if charge.intent is None or "gw_installation" in charge.metadata:
        return None
    invoices = await rail.invoices.paid_by(charge.intent)
    known = [each for each in invoices if await rail_invoices.look_soon(work, each)]
    return Trace(MovementOwner.OTHER) if known else None


async def transactions(rail: Rail, source: str) -> list[BalanceTransaction]:
    """What the rail says moved by a charge or a refund, as far as it names it. Raises RailError."""
    try:
        if source.startswith(CHARGES):
            named = [(await rail.intents.charge(source, urgent=False)).transaction]
        elif source.startswith(REFUNDS):
            told = await rail.refunds.look(source, urgent=False)
            named = [told.transaction, told.returned_by]
        elif source.startswith(DISPUTES):
            named = [movement.id for movement in (await rail.disputes.look(source, urgent=False)).movements]
        else:
            named = []
        return [await rail.balance.transaction(each) for each in named if each]
    except Refused as refused:
        if not refused.missing:
            raise
        return []


async def look_at_payment(work: Work, rail: Rail, account_id: int, payment_id: int, charge: Charge) -> None:
    """Merge a payment's intent and one of its charges. Opens transactions. Raises RailError."""
    assert charge.intent is not None, "the payment was found by it"
    intent = await rail.intents.look(charge.intent, urgent=False)
    async with work.transaction():
        await work.bind(account_id)
        payment = await queries.payment(work, account_id, payment_id)
        seen = with_charge(with_intent(Seen.from_document(payment.seen), intent), charge)
        await outcomes.learn(work, payment, seen)


async def _refund(work: Work, rail: Rail, source: str) -> Trace:
    told = await rail.refunds.look(source, urgent=False)
    found = await _payment(work, told.intent)
    if found is None:
        return Trace(_owner(rail, told.metadata))
    account_id, payment_id = found
    plain = Trace(MovementOwner.OURS, None, account_id, None, payment_id)
    number = await movement_queries.refund_known_as(work, source, _refund_meant(rail, told.metadata))
    await work.rest()
    async with work.transaction():
        await work.bind(account_id)
        if number is None:
            row = await refunds.found(work, await queries.payment(work, account_id, payment_id), told)
        else:
            row = await return_queries.refund(work, account_id, number)
        refunds.learn(work, row, told)
    return replace(plain, subject="refund", subject_id=row.id)


async def _dispute(work: Work, rail: Rail, source: str) -> Trace:
    told = await rail.disputes.look(source, urgent=False)
    if not await answering.heard(work, told):
        return NOBODYS
    found = await movement_queries.known(work, [source])
    await work.rest()
    return found.get(source, NOBODYS)


async def _payment(work: Work, intent: str | None) -> tuple[int, int] | None:
    found = await return_queries.payment_of(work, intent) if intent else None
    await work.rest()
    return found


def _owner(rail: Rail, marks: Mapping[str, str]) -> MovementOwner:
    """Who made what bears these marks, of which we have no row."""
    if "gw_installation" not in marks:
        return MovementOwner.NOBODY
    return MovementOwner.OURS if marks["gw_installation"] == rail.installation else MovementOwner.OTHER


def _refund_meant(rail: Rail, marks: Mapping[str, str]) -> int | None:
    """Our number of a refund whose answer we never had."""
    if marks.get("gw_installation") != rail.installation:
        return None
    try:
        return ids.decode("refund", marks.get("gw_refund", ""))
    except InvalidInput:
        return None
