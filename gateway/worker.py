"""The worker: what happens without anybody asking.

It makes jobs of what the outbox tells and runs them, lets invitations and
subscriptions end when their time has come, bills the periods that begin, makes
drafts final, closes the books of every day, and seals the audit chains every hour.
Any number of workers may run: they take turns on rows, and everything they do can
be done again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.domains import CHECKED_EVERY, proves, record
from auth.fetching import Fetcher
from auth.names import Names, NoAnswer
from auth.saml import metadata
from auth.saml.certificates import READ_EVERY
from auth.sso import federating, proving
from auth.sso import queries as sso
from billing import (
    accruals,
    closing,
    closing_queries,
    dunning_queries,
    invoice_queries,
    invoices,
    reconciling,
    subscriptions,
    unpaid,
)
from billing import queries as billing
from billing import usage_queries as usage
from billing.run import crew
from billing.run.chunks import Tally
from gateway import jobs
from gateway.bulk.writing import Writer
from gateway.jobs import Jobs, Waiting
from gateway.letters import posting
from gateway.letters import queries as letters
from gateway.letters.posting import Post
from gateway.ushering import Usher
from kernel import audit
from kernel.audit import Origin
from kernel.clock import Clock
from kernel.id_blocks import IdBlocks
from kernel.work import Work
from payments import answering, hearing, methods, pursuit, rail_invoices, return_queries, returning, warnings
from payments import queries as paying
from payments.rail.opening import Rail
from seats import (
    buying,
    deciding,
    invitations,
    keeping,
    reclaiming_queries,
    releasing,
    request_queries,
    shrinking_queries,
    suggesting_queries,
    taking_back,
    welcoming,
)
from seats import queries as seating

REST = 0.5
"""Seconds between looks when there is nothing to do."""

SEALED_EVERY = timedelta(hours=1)
LOOKED_EVERY = timedelta(hours=1)
FOUND_EVERY = timedelta(hours=1)
KEPT = timedelta(days=30)
"""How long an idempotency key and a delivered event are remembered."""

MONTHS_AHEAD = timedelta(days=92)
"""How far ahead the months of usage have a partition."""

_BATCH = 200
_CHUNKS = 5  # of accounts whose books are closed before something else has its turn
_AT_ONCE = 4  # payments that one worker pursues together
_DOMAINS = 20  # that one look asks strangers about
_OVERDUE = 1_000  # invitations that one transaction lets run out
_SYSTEM = {"staff": "on"}

log = structlog.get_logger("gateway.worker")

Act = Callable[[Work, int, Any], Awaitable[object]]
"""Something done to an account, given what it is about."""


@dataclass(slots=True)
class Worker:
    """One worker of one process."""

    url: str
    engine: AsyncEngine
    clock: Clock
    blocks: IdBlocks
    rail: Rail | None = None
    names: Names = field(default_factory=Names)
    post: Post | None = None
    """Where letters leave; without one they wait."""

    found_at: datetime | None = None
    """When it last looked for disputes that nobody told us of."""

    writer: Writer | None = None
    """What writes exports; without one they wait."""

    fetcher: Fetcher | None = None
    """What reads the metadata of identity providers; without one it is not read again."""

    nightly: bool = False
    """Whether it compares everything with the rail every night."""

    looked_at: datetime | None = None
    """When it last looked for accounts whose books are to be closed from now on."""

    async def run(self) -> None:
        """Work until cancelled; a fault is told and tried again."""
        async with asyncio.TaskGroup() as working:
            working.create_task(self._again(self.sweep))
            working.create_task(self._again(self.jobs().run))

    async def turn(self) -> bool:
        """Do what is due now, jobs included; whether there was anything."""
        return any([await self.sweep(), await self.jobs().drain()])

    async def sweep(self) -> bool:
        """Do what is due now, and leave its jobs to whoever runs them; whether there was anything."""
        now = await self.clock.now()
        # What ends is ended before it could be billed again.
        billed = (self.end, self.renew, self.collect, self.settle_usage, self.finalize)
        at_rail = (self.hear, self.press, self.pay, self.give_back, self.close_there, self.answer, self.reconcile)
        told = (self.warn, self.remind_of_keys, self.announce, self.reclaim, self.mail)
        asked_for, kept = (self.export, self.usher), (self.close, self.prove, self.read_metadata, self.tidy)
        steps = (self.relay, self.expire, *billed, *at_rail, *told, *asked_for, *kept)
        return any([await step(now) for step in steps])

    def jobs(self) -> Jobs:
        """What runs the jobs of this worker."""
        return Jobs(self.engine, self._begin)

    async def relay(self, now: datetime) -> bool:
        """Make jobs of the next events in the outbox."""
        async with self._work(now) as work, work.transaction():
            waiting = await work.fetch(
                "select id, name from outbox where delivered_at is null order by id limit $1 for update skip locked",
                _BATCH,
            )
            await jobs.enqueue(work, [Waiting(event["id"], event["name"]) for event in waiting])
            told = [event["id"] for event in waiting]
            await work.execute("update outbox set delivered_at = $2 where id = any($1::bigint[])", told, now)
        return bool(told)

    async def export(self, now: datetime) -> bool:
        """Write the next pages of exports, and forget the old ones."""
        return self.writer is not None and await self.writer.turn(now)

    async def usher(self, now: datetime) -> bool:
        """Seat the next lines of long lists, and forget the old ones."""
        return await Usher(self.engine, self.blocks).turn(now)

    async def expire(self, now: datetime) -> bool:
        """Let run out what nobody answered or came back for in time: invitations, requests and kept seats."""
        async with self._work(now) as work:
            overdue = await seating.overdue(work, now)
            settled = await request_queries.overdue(work, now)
            asked = await suggesting_queries.overdue(work, now, _BATCH)
            kept = await seating.kept_to_settle(work, now)
        due = [await self.do(now, invitations.expire_overdue, account_id, _OVERDUE) for account_id in overdue]
        due += [await self.do(now, deciding.settle_due, account_id, _OVERDUE) for account_id in settled]
        due += [await self.do(now, keeping.settle, account_id, _OVERDUE) for account_id in kept]
        return any(due + [await self.do(now, welcoming.settle_due, *each) for each in asked])

    async def end(self, now: datetime) -> bool:
        """End the subscriptions whose cancellation has come due."""
        async with self._work(now) as work:
            ending = await billing.ending(work, now)
        return any([await self.do(now, subscriptions.end_due, *each) for each in ending])

    async def renew(self, now: datetime) -> bool:
        """Begin the periods that are due, of each subscription the earliest; one that was missed is made up for.

        It is a billing run over a few. Where a scheduled change is due too, the pools move with it.
        """
        async with self._work(now) as work:
            if not await billing.due(work, now, 1):
                return False
        billed = await crew.sweep(self.url, now, self.blocks, most=_BATCH)
        changed = [await self.do(now, buying.begin_next, *each[:2]) for each in billed.leftovers[:_BATCH]]
        return billed.tally != Tally() or any(changed)

    async def collect(self, now: datetime) -> bool:
        """Bill the seats that were bought before this month, of the accounts that are billed by the month for them."""
        async with self._work(now) as work:
            owing = await billing.collecting(work, now)
        return any([await self.do(now, accruals.collect_due, account_id, None) for account_id in owing])

    async def finalize(self, now: datetime) -> bool:
        """Make the drafts final whose grace is over."""
        async with self._work(now) as work:
            waiting = await invoice_queries.waiting(work, now)
        return any([await self.do(now, invoices.finalize_due, *each) for each in waiting])

    async def close(self, now: datetime) -> bool:
        """Close the books of the days that are over; once an hour, also those of accounts billed since."""
        async with self._work(now) as work:
            due = await closing_queries.any_due(work, now)
        look = self.looked_at is None or now - self.looked_at >= LOOKED_EVERY
        if not (due or look):
            return False
        self.looked_at = now if look else self.looked_at
        return bool(await closing.sweep(self.url, now, self.blocks, look=look, most=_CHUNKS))

    async def settle_usage(self, now: datetime) -> bool:
        """Bill what was reported late for subscriptions that have ended."""
        async with self._work(now) as work:
            settling = await billing.settling(work, now, subscriptions.SETTLING)
        return any([await self.do(now, subscriptions.settle_usage, *each) for each in settling])

    async def hear(self, now: datetime) -> bool:
        """Apply what the rail told us, in the order of its clock."""
        if self.rail is None:
            return False
        async with self._work(now) as work:
            told = await hearing.due(work, now, _BATCH)
        return any([await self._at_rail(now, partial(hearing.apply, event_id=event)) for event in told])

    async def press(self, now: datetime) -> bool:
        """Take the steps that are due after unpaid invoices."""
        async with self._work(now) as work:
            due = await dunning_queries.due(work, now, _BATCH)
        return any([await self.do(now, unpaid.take_due, *each) for each in due])

    async def pay(self, now: datetime) -> bool:
        """Pursue the payments that are due: those that begin by themselves, and those of which nothing is known."""
        if self.rail is None:
            return False
        async with self._work(now) as work:
            due = await paying.due(work, now, _BATCH)
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def pursue(account_id: int, payment_id: int) -> bool:
            act = partial(pursuit.pursue, account_id=account_id, payment_id=payment_id, urgent=False)
            async with at_once:
                return await self._at_rail(now, act)

        return any(await asyncio.gather(*(pursue(*each) for each in due)))

    async def _at_rail(self, now: datetime, act: Callable[[Work, Rail], Awaitable[None]]) -> bool:
        """Something that opens transactions of its own, with calls of the rail between them."""
        assert self.rail is not None, "its caller has looked"
        try:
            async with self._work(now) as work:
                await act(work, self.rail)
        except Exception as error:
            log.exception("this will be tried again", kind=type(error).__name__)
            return False
        return True

    async def warn(self, now: datetime) -> bool:
        """Tell of payment methods that are about to expire."""
        async with self._work(now) as work:
            month = f"{now + methods.EXPIRES_SOON:%Y-%m}"
            expiring = await paying.expiring(work, month, _BATCH)
        return any([await self.do(now, methods.warn, *each) for each in expiring])

    async def announce(self, now: datetime) -> bool:
        """Tell, once a day, of pools that are about to become smaller than what is taken of them."""
        async with self._work(now) as work:
            due = await shrinking_queries.to_announce(work, now, releasing.ANNOUNCED_AHEAD, releasing.ANNOUNCED_EVERY)
        return any([await self.do(now, releasing.announce, *each) for each in due])

    async def reclaim(self, now: datetime) -> bool:
        """Tell whoever doesn't use their seat, and take back what nobody has used for long enough."""
        async with self._work(now) as work:
            due = await reclaiming_queries.due(work, now, _BATCH)
        return any([await self.do(now, taking_back.take_step, *each) for each in due])

    async def mail(self, now: datetime) -> bool:
        """Post the letters that are due."""
        if self.post is None:
            return False
        async with self._work(now) as work:
            due = await letters.due(work, now, _BATCH)
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def one(account_id: int, number: int) -> bool:
            assert self.post is not None, "it was asked above"
            async with at_once, self._work(now) as work:
                await posting.post(work, self.post, account_id, number)
            return True

        return any(await asyncio.gather(*(one(*each) for each in due)))

    async def give_back(self, now: datetime) -> bool:
        """Take the refunds further that wait for the rail; one that fails is told in the log, and stays due."""
        if self.rail is None:
            return False
        async with self._work(now) as work:
            due = await return_queries.refunds_due(work, now, _BATCH)
        return any([await self._ask(now, partial(returning.pursue, urgent=False), *each) for each in due])

    async def close_there(self, now: datetime) -> bool:
        """Look at the invoices that came over from Stripe Billing, and close there what is settled here."""
        if self.rail is None:
            return False
        async with self._work(now) as work:
            due = await rail_invoices.due(work, now, _BATCH)
        return any([await self._ask(now, rail_invoices.pursue, *each) for each in due])

    async def answer(self, now: datetime) -> bool:
        """Send the evidence that waits, look at open disputes, and, every hour, for those nobody told us of."""
        if self.rail is None:
            return False
        async with self._work(now) as work:
            waiting = await return_queries.evidence_due(work, now, _BATCH)
            due = await return_queries.disputes_due(work, now, _BATCH)
        sent = [await self._ask(now, partial(answering.send, urgent=False), *each) for each in waiting]
        seen = [await self._ask(now, partial(answering.look, urgent=False), *each) for each in due]
        if self.found_at is None or now - self.found_at >= FOUND_EVERY:
            self.found_at = now
            await self._ask(now, answering.find)
            await self._ask(now, warnings.find)
        return any([*sent, *seen])

    async def reconcile(self, now: datetime) -> bool:
        """Go on with what is compared with the rail every night, by one piece."""
        if self.rail is None or not self.nightly:
            return False
        async with self._work(now) as work:
            number = await reconciling.due(work)
        return number is not None and await self._ask(now, reconciling.try_step, number)

    async def _ask(self, now: datetime, act: Callable[..., Awaitable[None]], *about: int) -> bool:
        """Something that opens transactions of its own, with calls of the rail between them."""
        try:
            async with self._work(now) as work:
                await act(work, self.rail, *about)
        except Exception as error:
            log.exception("this will be tried again", kind=type(error).__name__)
            return False
        return True

    async def do(self, now: datetime, act: Act, account_id: int, about: Any) -> bool:
        """One act on an account, in a transaction of its own; one that fails is told in the log, and stays due."""
        try:
            async with self._work(now) as work, work.transaction():
                await work.bind(account_id)
                await act(work, account_id, about)
        except Exception as error:
            log.exception("this will be tried again", kind=type(error).__name__)
            return False
        return True

    async def _again(self, act: Callable[[], Awaitable[object]]) -> None:
        """One act after the other, with a rest where there was nothing to do or it failed."""
        while True:
            try:
                busy = await act()
            except Exception as error:
                log.exception("the worker will try again", kind=type(error).__name__)
                busy = False
            if not busy:
                await asyncio.sleep(REST)

    async def prove(self, now: datetime) -> bool:
        """Look whether the domains of workspaces are still theirs, each once a day."""
        async with self._work(now) as work:
            due = await sso.to_check(work, now - CHECKED_EVERY, _DOMAINS)
        # Strangers answer when they like: all are asked at once, so that the slowest one is all we wait for.
        there = await asyncio.gather(*(self._proves(name, token) for _, _, name, token in due))
        found = zip(due, there, strict=True)
        return any([await self.do(now, proving.rechecked, one[0], (one[1], known)) for one, known in found])

    async def _proves(self, name: str, token: str) -> bool | None:
        """Whether the record of a domain is there; None where nobody says so."""
        try:
            return proves(await self.names.texts(record(name)), token)
        except NoAnswer:
            return None

    async def remind_of_keys(self, now: datetime) -> bool:
        """Tell of certificates of SSO connections that are about to expire."""
        async with self._work(now) as work:
            due = await sso.expiring(work, now, _BATCH)
        return any([await self.do(now, federating.warn, *each) for each in due])

    async def read_metadata(self, now: datetime) -> bool:
        """Look which certificates identity providers announce, each once a day."""
        if self.fetcher is None:
            return False
        async with self._work(now) as work:
            due = await sso.to_read(work, now - READ_EVERY, _DOMAINS)
        fetcher = self.fetcher
        named = await asyncio.gather(*(metadata.again(fetcher, where, whose, now) for _, _, where, whose in due))
        found = zip(due, named, strict=True)
        return any([await self.do(now, federating.announced, one[0], (one[1], known)) for one, known in found])

    async def tidy(self, now: datetime) -> bool:
        """Seal the audit chains when the hour is over, and forget what is too old to be asked for again."""
        async with self._work(now) as work, work.transaction():
            last = await work.fetch("select max(at) as at from audit_seal")
            if last[0]["at"] and now - last[0]["at"] < SEALED_EVERY:
                return False
            await usage.make_months(work, now, now + MONTHS_AHEAD)
            sealed = await audit.seal(await work.driver(), work.new_id(), now)
            await work.execute("delete from idempotency_key where created_at < $1", now - KEPT)
            await work.execute("delete from sso_flow where expires_at < $1", now)
            await work.execute("delete from sso_assertion where holds_until < $1", now)
            await work.execute("delete from app_grant where expires_at < $1", now)
            await jobs.forget(work, now - KEPT)
            await work.execute("delete from letter where next_at is null and created_at < $1", now - KEPT)
        return sealed

    @asynccontextmanager
    async def _begin(self, request_id: str) -> AsyncIterator[Work]:
        async with self._work(await self.clock.now(), request_id) as work:
            yield work

    @asynccontextmanager
    async def _work(self, now: datetime, request_id: str = "worker") -> AsyncIterator[Work]:
        work = Work(self.engine, now, ids=self.blocks, sees=_SYSTEM, origin=Origin(request_id=request_id))
        try:
            yield work
        finally:
            await work.close()
