"""The worker: what happens without anybody asking.

It relays the outbox to whoever cares, lets invitations and subscriptions end when
their time has come, and seals the audit chains every hour. Any number of workers
may run: they take turns on rows, and everything they do can be done again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from billing import invoice_queries, invoices, subscriptions
from billing import queries as billing
from gateway.subscribers import SUBSCRIBERS
from kernel import audit
from kernel.audit import Origin
from kernel.clock import Clock
from kernel.work import IdBlocks, Work
from seats import operations as seats
from seats import queries as seating

REST = 0.5
"""Seconds between looks when there is nothing to do."""

SEALED_EVERY = timedelta(hours=1)
KEPT = timedelta(days=30)
"""How long an idempotency key and a delivered event are remembered."""

_BATCH = 200
_SYSTEM = {"staff": "on"}

log = structlog.get_logger("gateway.worker")


@dataclass(slots=True)
class Worker:
    """One worker of one process."""

    engine: AsyncEngine
    clock: Clock
    blocks: IdBlocks

    async def run(self) -> None:
        """Work until cancelled; a fault is told and tried again."""
        while True:
            try:
                busy = await self.turn()
            except Exception as error:
                log.exception("the worker will try again", kind=type(error).__name__)
                busy = False
                await asyncio.sleep(REST)
            if not busy:
                await asyncio.sleep(REST)

    async def turn(self) -> bool:
        """Do what is due now; whether there was anything."""
        now = await self.clock.now()
        done = [await self.relay(now), await self.expire(now), await self.end(now), await self.finalize(now)]
        return any([*done, await self.tidy(now)])

    async def relay(self, now: datetime) -> bool:
        """Tell subscribers of the next events in the outbox."""
        async with self._work(now) as work, work.transaction():
            told = await work.fetch(
                "select id, account_id, name, payload::text, request_id from outbox where delivered_at is null"
                " order by id limit $1 for update skip locked",
                _BATCH,
            )
            for event in told:
                for handler in SUBSCRIBERS.get(event["name"], ()):
                    async with self._work(now, event["request_id"]) as inner, inner.transaction():
                        await inner.bind(event["account_id"])
                        await handler(inner, event["account_id"], json.loads(event["payload"]))
            numbers = [event["id"] for event in told]
            await work.execute("update outbox set delivered_at = $2 where id = any($1::bigint[])", numbers, now)
        return bool(told)

    async def expire(self, now: datetime) -> bool:
        """Let invitations run out that nobody answered in time."""
        async with self._work(now) as work:
            overdue = await seating.overdue(work, now)
        for account_id, invitation_id in overdue:
            async with self._work(now) as work, work.transaction():
                await work.bind(account_id)
                await seats.expire(work, account_id, invitation_id)
        return bool(overdue)

    async def end(self, now: datetime) -> bool:
        """End the subscriptions whose cancellation has come due."""
        async with self._work(now) as work:
            ending = await billing.ending(work, now)
        for account_id, subscription_id in ending:
            async with self._work(now) as work, work.transaction():
                await work.bind(account_id)
                subscription = await billing.subscription(work, account_id, subscription_id)
                if subscription.ended_at is None:
                    await subscriptions.end(work, subscription)
        return bool(ending)

    async def finalize(self, now: datetime) -> bool:
        """Make the drafts final whose grace is over."""
        async with self._work(now) as work:
            waiting = await invoice_queries.waiting(work, now)
        for account_id, invoice_id in waiting:
            async with self._work(now) as work, work.transaction():
                await work.bind(account_id)
                await invoices.finalize_due(work, account_id, invoice_id)
        return bool(waiting)

    async def tidy(self, now: datetime) -> bool:
        """Seal the audit chains when the hour is over, and forget what is too old to be asked for again."""
        async with self._work(now) as work, work.transaction():
            last = await work.fetch("select max(at) as at from audit_seal")
            if last[0]["at"] and now - last[0]["at"] < SEALED_EVERY:
                return False
            sealed = await audit.seal(await work.driver(), work.new_id(), now)
            await work.execute("delete from idempotency_key where created_at < $1", now - KEPT)
            await work.execute("delete from outbox where delivered_at < $1", now - KEPT)
        return sealed

    @asynccontextmanager
    async def _work(self, now: datetime, request_id: str = "worker") -> AsyncIterator[Work]:
        work = Work(self.engine, now, ids=self.blocks, sees=_SYSTEM, origin=Origin(request_id=request_id))
        try:
            yield work
        finally:
            await work.close()
