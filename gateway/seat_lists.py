"""Lists of people at the command line: up to 100,000 of them, a thousand in a transaction."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from auth import queries as people
from auth.policy import Role
from billing.exporting import harmless
from gateway.installation import Say, clock, configure
from gateway.settings import Settings
from kernel import database, ids
from kernel.audit import Origin
from kernel.errors import InvalidInput, Problem
from kernel.id_blocks import IdBlocks
from kernel.work import Work
from seats import lists, sheets
from seats.listing import HARMLESS, SEATED, Verdict
from seats.lists import Purchase, Wanted
from seats.sheets import Row, Sheet

_GRANTS = frozenset(Role) - {Role.OWNER}
"""Whoever operates the product gives every role but the owner's: an owner makes owners."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: the file, whose seats, and how the list is taken."""

    file: Path
    workspace: str
    pool: str | None = None
    dry: bool = False
    whole: bool = False
    results: Path | None = None


async def run(settings: Settings, url: str, wish: Wish, tell: Say) -> list[Verdict]:
    """Seat everybody on a list, or tell what would come of it. Raises InvalidInput, or NotFound."""
    configure(settings)
    sheet = _read(wish.file)
    async with clock(settings, url) as ticking:
        engine = database.engine(url, role=None, pool_size=1)
        try:
            told = await _Listing(engine, await ticking.now(), wish, tell).run(sheet)
        except Problem as problem:
            raise InvalidInput(problem.message) from problem
        finally:
            await engine.dispose()
    if wish.results:
        write(wish.results, told)
    return told


def sentences(told: Sequence[Verdict], *, dry: bool) -> list[str]:
    """What came of a list: every line that got no seat, and how many lines came to what."""
    came = Counter(verdict.outcome for verdict in told)
    counted = ", ".join(f"{count:,} {outcome.replace('_', ' ')}" for outcome, count in sorted(came.items()))
    left = [f"Line {one.line}: {one.says}" for one in told if one.outcome not in SEATED]
    return [*left, f"{'Nothing was changed. ' if dry else ''}{len(told):,} lines: {counted or 'nobody'}."]


def is_whole(told: Sequence[Verdict]) -> bool:
    """Whether everybody on the list has a seat now, or would have."""
    return all(verdict.outcome in HARMLESS for verdict in told)


def write(file: Path, told: Sequence[Verdict]) -> None:
    """What came of each line, as a sheet, none of which a spreadsheet takes for a formula."""
    with file.open("w", encoding="utf-8", newline="") as out:
        written = csv.writer(out)
        written.writerow(["line", "email", "outcome", "says"])
        written.writerows([one.line, harmless(one.email), one.outcome.value, harmless(one.says)] for one in told)


def _read(file: Path) -> Sheet:
    try:
        return sheets.opened(file.read_bytes())
    except OSError as failure:
        raise InvalidInput(f"{file} can't be read: {failure.strerror}.") from failure
    except Problem as problem:
        raise InvalidInput(problem.message) from problem


@dataclass(slots=True)
class _Listing:
    engine: AsyncEngine
    now: datetime
    wish: Wish
    tell: Say

    async def run(self, sheet: Sheet) -> list[Verdict]:
        account_id = ids.decode("workspace", self.wish.workspace)
        pool_id = None if self.wish.pool is None else ids.decode("pool", self.wish.pool)
        wanted = Wanted(pool_id, _GRANTS, self.wish.whole)
        if sheet.notice:
            self.tell(sheet.notice)
        for name in sheet.ignored:
            self.tell(f"The column {name} means nothing here.")
        async with self._work() as work:
            await people.workspace(work, account_id)
            await work.bind(account_id)
            course = await lists.course(work, account_id, sheet.rows, wanted)
        if self.wish.dry or course.refused:
            self._bought("would be bought", course.purchases if self.wish.dry else ())
            return course.rows
        left = {verdict.line: verdict for verdict in course.rows}
        done, tried = 0, sum(len(step) for step in course.steps)
        for step in course.steps:
            left |= {one.line: one for one in await self._seat(account_id, step, wanted)}
            done += len(step)
            self.tell(f"{done:,} of {tried:,}")
        return list(left.values())

    async def _seat(self, account_id: int, rows: Sequence[Row], wanted: Wanted) -> list[Verdict]:
        async with self._work() as work, work.transaction():
            await work.bind(account_id)
            came = await lists.seat(work, account_id, rows, wanted)
        self._bought("were bought", came.purchases)
        return came.rows

    def _bought(self, what: str, purchases: Sequence[Purchase]) -> None:
        for each in purchases:
            pool = ids.encode("pool", each.pool_id)
            self.tell(f"{each.bought:,} more seats of {pool} {what}, for {each.cost.text}.")

    @asynccontextmanager
    async def _work(self) -> AsyncIterator[Work]:
        work = Work(self.engine, self.now, ids=_IDS, origin=Origin(reason="seats import"))
        try:
            yield work
        finally:
            await work.close()


_IDS = IdBlocks()
