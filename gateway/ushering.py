"""Ushering: long lists of people are seated a step at a time, for whoever started them, as far as they may now.

A step is one transaction, so a worker that is killed has lost nothing and another goes on.
Any number of workers may usher; a list is at hand of one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.policy import Permission
from gateway import behalf
from kernel import ids
from kernel.audit import Origin
from kernel.errors import Fault, Problem, Unavailable
from kernel.id_blocks import IdBlocks
from kernel.work import Work
from resolvers.seat_lists import wanted_by
from seats.imports import operations, queries
from seats.imports.operations import StoppedMeanwhile
from seats.imports.queries import Behalf
from seats.imports.rules import NO_LONGER, SeatImportPhase

_LISTS = 10
"""How many lists have a step in one turn of the worker."""

_OLD = 50
_SYSTEM = {"staff": "on"}

log = structlog.get_logger("gateway.worker")


@dataclass(frozen=True, slots=True)
class Usher:
    """Seats the lists of one installation."""

    engine: AsyncEngine
    blocks: IdBlocks

    async def turn(self, now: datetime) -> bool:
        """Take the next step of each list, and forget what is old; whether there was anything."""
        async with self._work(now) as work:
            running = await queries.running(work, _LISTS)
            old = await queries.out_of_date(work, now, _OLD)
        taken = [await self._step(now, *each) for each in running]
        for account_id, number in old:
            async with self._work(now) as work, work.transaction():
                await work.bind(account_id)
                await operations.forget(work, account_id, number)
        return any(taken) or bool(old)

    async def _step(self, now: datetime, account_id: int, number: int, whose: Behalf) -> bool:
        """The next step of a list, or its end where there can be none; one that fails for another reason stays due."""
        try:
            return await self._try_step(now, account_id, number, whose)
        except StoppedMeanwhile:
            return True
        except Unavailable:
            return False
        except (Problem, Fault) as refusal:
            await self._fail(now, account_id, number, whose, refusal.message)
            return True
        except Exception as error:
            log.exception("this will be tried again", kind=type(error).__name__)
            return False

    async def _try_step(self, now: datetime, account_id: int, number: int, whose: Behalf) -> bool:
        async with self._work(now) as work:
            actor = await behalf.standing(work, whose.person_id, whose.key_id, whose.token)
        if not actor.may(Permission.ASSIGN_SEATS, account_id):
            await self._fail(now, account_id, number, whose, NO_LONGER)
            return True
        async with self._work(now, _origin(number, whose)) as work, work.transaction():
            await work.bind(account_id)
            reach = partial(self.reached, now, account_id, number)
            return await operations.take_step(work, account_id, number, wanted_by(actor, account_id), reach)

    async def reached(self, now: datetime, account_id: int, number: int, phase: SeatImportPhase, tried: int) -> None:
        """Tell how far a step is, outside of its transaction. Raises StoppedMeanwhile."""
        async with self._work(now) as work, work.transaction():
            await work.bind(account_id)
            await operations.reached(work, account_id, number, phase, tried)

    async def _fail(self, now: datetime, account_id: int, number: int, whose: Behalf, why: str) -> None:
        async with self._work(now, _origin(number, whose)) as work, work.transaction():
            await work.bind(account_id)
            await operations.fail(work, account_id, number, why)

    @asynccontextmanager
    async def _work(self, now: datetime, origin: Origin | None = None) -> AsyncIterator[Work]:
        by = origin or Origin(request_id="worker")
        work = Work(self.engine, now, ids=self.blocks, sees=_SYSTEM, origin=by)
        try:
            yield work
        finally:
            await work.close()


def _origin(number: int, whose: Behalf) -> Origin:
    """What the audit tells of a step: who started the list, and in place of a request, which list."""
    request_id = ids.encode("seatimport", number)
    return Origin(whose.actor, whose.person_id, token=whose.token, request_id=request_id, reason=whose.reason)
