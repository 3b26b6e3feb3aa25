"""Tasks: what happens later by the sandbox's clock, in the order in which it is due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from payments.sandbox import charges, charging, clock, deliveries, disputes, fraud, payouts, refunds, tax_ids
from payments.sandbox.books import Caller
from payments.sandbox.state import State

_LOG = logging.getLogger(__name__)
_ACTIONS: dict[str, Callable[..., Awaitable[None]]] = {
    "arrive_payout": payouts.arrive,
    "book_fee": charges.book_fee,
    "expire_authorization": charging.expire_authorization,
    "expire_dispute": disputes.expire,
    "open_disputes": disputes.open_all,
    "pay_out_daily": payouts.daily,
    "review_dispute": disputes.review,
    "settle_debit": charging.settle_debit,
    "settle_refund": refunds.settle,
    "verify_tax_id": tax_ids.verify,
    "warn_of_fraud": fraud.warn,
}
_TURN = 0.05
_IDLE = 5.0
_BATCH = 50
_MOST = 1_000_000


async def advance(state: State, seconds: int) -> int:
    """Move the clock forward, and do everything that becomes due, each at its instant. Gives how many tasks."""
    target = state.clock.now + seconds
    done = 0
    async with state.alone:
        while done < _MOST:
            due = await state.pool.fetchval("select min(due) from sandbox.task where due <= $1", target)
            if due is None:
                break
            state.clock.offset = max(state.clock.offset, due - clock.wall())
            done += await _do_due(state)
        state.clock.offset = max(state.clock.offset, target - clock.wall())
        await state.keep("clock", state.clock.offset)
    state.work.set()
    return done


async def run(state: State, deliverer: deliveries.Deliverer) -> None:
    """Do tasks and deliveries as they become due, until canceled."""
    while True:
        state.work.clear()
        done = await _survived(_do_alone(state))
        delivered = await _survived(deliverer.deliver_due(state))
        wait = await _until_next(state) if done and delivered else _IDLE
        try:
            async with asyncio.timeout(wait):
                await state.work.wait()
        except TimeoutError:
            continue
        # Requests come by the hundred; what they cause is done by the batch.
        await asyncio.sleep(_TURN)


async def _survived(work: Awaitable[int]) -> bool:
    """Whether the work was done. What fails is our own mistake: it is logged, stays due, and is tried again."""
    try:
        await work
    except Exception:  # noqa: BLE001 - whatever it is, it is logged, and the server goes on
        _LOG.exception("The sandbox could not do what was due.")
        return False
    return True


async def _do_alone(state: State) -> int:
    async with state.alone:
        return await _do_due(state)


async def _do_due(state: State) -> int:
    """Do what is due now; gives how many."""
    done = 0
    while rows := await _batch(state):
        done += rows
    return done


async def _batch(state: State) -> int:
    async with state.pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(_TAKE, state.clock.now, _BATCH)
        if not rows:
            return 0
        # What tasks cause may be due before the next of them, so one transaction covers one instant only.
        books = state.opened(connection, Caller())
        books.now = rows[0]["due"]
        for row in sorted(rows, key=lambda row: int(row["id"])):
            await _ACTIONS[row["action"]](books, **row["args"])
        await books.write()
    return len(rows)


async def _until_next(state: State) -> float:
    due = await state.pool.fetchval(_NEXT)
    return _IDLE if due is None else min(max(due - state.clock.now, 0), _IDLE)


_TAKE = """
delete from sandbox.task where id in (
    select id from sandbox.task
    where due = (select min(due) from sandbox.task where due <= $1) order by id limit $2 for update skip locked
) returning *
"""
_NEXT = """
select least(
    (select min(due) from sandbox.task), (select min(due) from sandbox.delivery where state = 'pending')
)
"""
