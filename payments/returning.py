"""Returning: what was decided about a refund, done at the rail, until there is an answer.

What is asked for is committed first, and no connection is held during a call. After
an answer that is no clear yes or no the refund is looked for by our reference; only
when the rail has forgotten the key, or repeats its own failure under it, and there is
no such refund, is it asked anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from kernel import ids
from kernel.money import Money
from kernel.work import Work
from payments import customers, queries, refunds, return_queries
from payments.keys import KEYS_LIVE
from payments.rail.errors import Misconfigured, RailError, Refused, Unknown
from payments.rail.opening import Rail
from payments.rail.refunds import Refund as Told
from payments.rail.refunds import body_of
from payments.states import RefundState
from payments.tables import Refund

log = structlog.get_logger("payments.returning")


@dataclass(frozen=True, slots=True)
class Case:
    """One refund, and whoever looks after it."""

    work: Work
    rail: Rail
    account_id: int
    refund_id: int
    urgent: bool

    @asynccontextmanager
    async def refund(self) -> AsyncIterator[Refund]:
        """The refund, locked, in a transaction of its own."""
        async with self.work.transaction():
            await self.work.bind(self.account_id)
            yield await return_queries.refund(self.work, self.account_id, self.refund_id)


async def pursue(work: Work, rail: Rail, account_id: int, refund_id: int, *, urgent: bool) -> None:
    """Take a refund as far as it goes now. Opens transactions, so call it outside of one."""
    case = Case(work, rail, account_id, refund_id, urgent)
    try:
        told = await _told(case)
    except Refused as refused:
        await _refused(case, refused)
    except RailError as error:
        await _set_back(case, error)
    else:
        await _learn(case, told)


async def _told(case: Case) -> Told | None:
    """What the rail says of the refund, which is asked for if it has none; None where that is not to be done."""
    async with case.refund() as refund:
        if refund.state in refunds.OVER:
            refund.next_at = None
            return None
        known, asked_at = refund.rail_id, refund.requested_at
        payment = await queries.payment(case.work, case.account_id, refund.payment_id)
        intent = payment.rail_id
        if intent is None:
            refund.next_at = None
            return None
    if known:
        return await case.rail.refunds.look(known, urgent=case.urgent)
    if asked_at is not None:
        found = await _found(case, intent)
        if found is not None:
            return found
        if case.work.now - asked_at >= KEYS_LIVE:
            await _forgotten(case)
    return await _asked(case, intent)


async def _found(case: Case, intent: str) -> Told | None:
    """The refund, looked for by our reference."""
    ours = ids.encode("refund", case.refund_id)
    async for told in case.rail.refunds.of_intent(intent, urgent=case.urgent):
        if told.metadata.get("gw_refund") == ours:
            return told
    return None


async def _forgotten(case: Case) -> None:
    """The rail has nothing more to say under the key, and knows no such refund: ask under another one."""
    async with case.refund() as refund:
        refund.requested_at, refund.created_times = None, refund.created_times + 1


async def _asked(case: Case, intent: str) -> Told:
    async with case.refund() as refund:
        if refund.request is None:
            marks = customers.marks(
                case.rail,
                case.account_id,
                gw_refund=ids.encode("refund", refund.id),
                gw_payment=ids.encode("pay", refund.payment_id),
            )
            amount = Money(refund.amount_minor, refund.currency)
            refund.request = body_of(intent, amount, marks, refund.cause.value)
        refund.requested_at = refund.requested_at or case.work.now
        body, key = refund.request, f"{case.rail.installation}-refund-{refund.id}-{refund.created_times}"
    try:
        return await case.rail.refunds.create(body, key=key, urgent=case.urgent)
    except Unknown as error:
        if not error.replayed:
            raise
        # What was asked for has ended, and its key only repeats how: what is not there now never will be.
        found = await _found(case, intent)
        if found is None:
            await _forgotten(case)
            raise
        return found


async def _learn(case: Case, told: Told | None) -> None:
    if told is None:
        return
    async with case.refund() as refund:
        before = refund.state
        refunds.learn(case.work, refund, told)
        if refund.state is before:
            refunds.look_again(case.work, refund)


async def _refused(case: Case, refused: Refused) -> None:
    """The rail would not do it: nothing has left, unless it is there after all."""
    told = {"refund": ids.encode("refund", case.refund_id), "code": refused.code}
    log.warning("the rail refuses a refund", **told)
    async with case.refund() as refund:
        if refund.rail_id:
            refunds.look_again(case.work, refund)
            return
        refund.failure = refused.code
        refunds.move(case.work, refund, RefundState.FAILED)


async def _set_back(case: Case, error: RailError) -> None:
    """There was no clear answer: write that down, and try again later."""
    told = {"refund": ids.encode("refund", case.refund_id), "kind": type(error).__name__, "says": str(error)}
    (log.error if isinstance(error, Misconfigured) else log.info)("a refund has to wait", **told)
    async with case.refund() as refund:
        if isinstance(error, Unknown) and refund.rail_id is None:
            refunds.move(case.work, refund, RefundState.UNKNOWN)
        refunds.look_again(case.work, refund)
