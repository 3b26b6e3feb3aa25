"""Writing: the exports that run, a page at a time, as whoever asked for them sees it now.

A page, its cursor and the figures are one transaction, so a worker that is killed has lost
nothing and another goes on. Any number of workers may write; an export is at hand of one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import strawberry
from graphql import OperationType
from sqlalchemy.ext.asyncio import AsyncEngine

from auth import queries as people
from auth.policy import Actor, Permission, sees
from billing.bulk import operations, queries
from billing.bulk.rules import NotExportable
from billing.bulk.tables import BulkExport
from gateway.bulk.shapes import Shape, Shapes
from gateway.compiled import Reads
from gateway.documents import Document
from gateway.executor import Outcome, execute
from gateway.masking import masked
from gateway.patience import timely
from gateway.recognizing import person
from kernel.audit import INSTALLATION, Origin
from kernel.errors import Code, TooComplex
from kernel.id_blocks import IdBlocks
from kernel.work import Work
from resolvers.info import Context

_PAGES = 20
"""How many pages one turn writes before something else has its own."""

_OLD = 50
_SYSTEM = {"staff": "on"}


class PageError(Exception):
    """A page that could not be answered for a reason of ours; it will be tried again."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the exports of one installation."""

    schema: strawberry.Schema
    engine: AsyncEngine
    blocks: IdBlocks
    shapes: Shapes
    reads: Reads

    async def turn(self, now: datetime) -> bool:
        """Write the next pages, and forget what is old; whether there was anything."""
        wrote = False
        for _ in range(_PAGES):
            if not await self._page(now):
                break
            wrote = True
        return await self._forget(now) or wrote

    async def _page(self, now: datetime) -> bool:
        async with self._work(now, _SYSTEM) as work, work.transaction():
            await work.bind(INSTALLATION)
            row = await queries.next_running(work)
            if row is not None:
                await self._write(work, row)
        return row is not None

    async def _write(self, work: Work, row: BulkExport) -> None:
        actor, locale = await self._asker(work.now, row.person_id)
        if not actor.may(Permission.ADJUST, INSTALLATION):
            await operations.fail(work, row, "Whoever asked for it may not see all of this any more.")
            return
        try:
            shape = self.shapes.read(row.document)
        except NotExportable as refusal:
            # The graph has changed since.
            await operations.fail(work, row, refusal.message)
            return
        async with self._work(work.now, sees(actor)) as reading:
            context = Context(reading, actor, locale)
            try:
                async with timely(OperationType.QUERY):
                    outcome = await self._answered(shape, row.cursor, context)
            except TooComplex as refusal:
                await operations.fail(work, row, refusal.message)
                return
        if outcome.errors:
            shown = masked(outcome.errors)[0]
            if shown["extensions"]["code"] in {Code.INTERNAL, Code.UNAVAILABLE}:
                raise PageError(shown["message"])
            await operations.fail(work, row, shown["message"])
            return
        rows, cursor = shape.page(outcome.data)
        await operations.write(work, row, [orjson.dumps(each).decode() for each in rows], cursor)

    async def _answered(self, shape: Shape, cursor: str | None, context: Context) -> Outcome:
        """What is said of one page, by one statement where that is possible."""
        variables = {"first": shape.size, "after": cursor}
        read = await self.reads.read(shape.document, shape.operation, variables, context)
        if read.text is not None:
            return Outcome(orjson.loads(read.text), [])
        asking: dict[str, Any] = {"operation": shape.operation, "variables": variables, "context": context}

        async def run(document: Document) -> Outcome:
            return await execute(self.schema, document, **asking)

        return await self.reads.finish(read, run, shape.document, **asking)

    async def _asker(self, now: datetime, person_id: int) -> tuple[Actor, str]:
        async with self._work(now, {"person": str(person_id)}) as work:
            found: dict[str, Any] | None = await people.standing(work, person_id)
        return (Actor(), "en") if found is None else (person(person_id, found, ""), found["locale"] or "en")

    async def _forget(self, now: datetime) -> bool:
        async with self._work(now, _SYSTEM) as work:
            old = await queries.out_of_date(work, now, _OLD)
        for number in old:
            async with self._work(now, _SYSTEM) as work, work.transaction():
                await work.bind(INSTALLATION)
                await operations.expire(work, number)
        return bool(old)

    @asynccontextmanager
    async def _work(self, now: datetime, seen: dict[str, str]) -> AsyncIterator[Work]:
        work = Work(self.engine, now, ids=self.blocks, sees=seen, origin=Origin("system"))
        try:
            yield work
        finally:
            await work.close()
