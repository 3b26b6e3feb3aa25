"""The unit of work: one request, one actor, one instant, and all the I/O there is.

Reads share a transaction that begins with the first statement. A change runs in
`transaction()`: its rows, audit records and outbox rows are written together,
or none is. Row-level security is set for each transaction, so a forgotten
predicate finds nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

import asyncpg
import orjson
from sqlalchemy import Executable, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.orm import Session, UOWTransaction
from sqlalchemy.sql.dml import UpdateBase
from sqlmodel import SQLModel

from kernel import audit, gathering, rows, turns
from kernel.audit import Origin
from kernel.calls import MOVED
from kernel.events import Event
from kernel.id_blocks import IdBlocks

RowT = TypeVar("RowT", bound=SQLModel)
_SPARE = 64
_FEW = 4
"""Records that are told in the words of the commit; more are sent before it."""


@dataclass(frozen=True, slots=True)
class _Last:
    """What a change comes to, in one call; and how to do it step by step where what it counts on has moved."""

    call: str
    instead: Callable[[str], Awaitable[None]]
    told: range
    """Which emissions tell of it."""


@dataclass(frozen=True, slots=True)
class _Emission:
    event: Event
    row: SQLModel | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    at: datetime
    origin: Origin


class Work:
    """One request's unit of work."""

    def __init__(
        self,
        engine: AsyncEngine,
        now: datetime,
        *,
        ids: IdBlocks,
        sees: Mapping[str, str] | None = None,
        origin: Origin | None = None,
    ) -> None:
        self.now = now
        self.origin = origin or Origin()
        self.sees: Mapping[str, str] = sees or {}
        self._engine = engine
        self._ids = ids
        self._reserved = 0
        self._lock = asyncio.Lock()
        self._connection: AsyncConnection | None = None
        self._raw: asyncpg.Connection | None = None
        """The driver's connection, once there is one."""

        self._driver: asyncpg.Connection | None = None
        """The same, once its transaction has begun."""

        self._session: AsyncSession | None = None
        self._account: int | None = None
        self._changing = False
        self._turn: asyncio.Semaphore | None = None
        self._last: _Last | None = None
        self._emissions: list[_Emission] = []
        self._before: dict[int, tuple[SQLModel, dict[str, Any] | None]] = {}

    async def close(self) -> None:
        """End the request: whatever was not committed is undone."""
        await self.rest()

    async def see_as(self, sees: Mapping[str, str], origin: Origin) -> None:
        """Go on as an actor who has been recognized: what they see, and how the audit names them."""
        await self.rest()
        self.sees, self.origin = sees, origin

    async def enter(self, told: str, sees: Mapping[str, str], origin: Origin) -> str:
        """Go on as an actor who was recognized before; everything that decides what they may, as a text to compare.

        What PostgreSQL's `enter` is told makes this transaction see as they do, and `sees` those after it.
        """
        await self.see_as({}, origin)
        found = await self.fetch("select enter($1)", told)
        self.sees = sees
        return str(found[0][0])

    # Changing

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Everything inside happens at the end, or nothing does."""
        assert not self._changing, "a transaction holds one change"
        await self.rest()
        self._changing = True
        try:
            await self.reserve(0)
            yield
            await self._commit()
        finally:
            self._changing = False
            self._ids.give_back(self._reserved)
            self._reserved = 0
            self._last = None
            self._emissions.clear()
            self._before.clear()
            try:
                await self.rest()
            finally:
                self._leave()

    async def bind(self, account_id: int, *, asked: bool = False) -> None:
        """Let this transaction write rows of one account, once it is decided that the actor may.

        It waits for its turn. Where that was all that was `asked` so far, and no lock is counted on, a
        transaction that has only read begins anew after it.
        """
        await self._settle()
        if self._changing and self._turn is None and account_id:
            await self._take_turn(account_id, asked=asked)
        async with self._lock:
            self._account = account_id
            if self._driver:
                await self._driver.execute("select set_config('app.account', $1, true)", str(account_id))

    async def _take_turn(self, account_id: int, *, asked: bool) -> None:
        there = turns.of(self._engine)
        if self._connection is not None and there.of(account_id).locked():
            # Advisory locks are seen by nobody but whoever took them: only who says so has none.
            if self._driver is not None and not (asked and await self._has_only_read()):
                return
            await self.rest()
        self._turn = await there.take(account_id)

    async def _has_only_read(self) -> bool:
        """Whether this transaction has written nothing and locked no row, and nobody counts on rows of it."""
        if self._session is not None and list(self._session.sync_session):
            return False
        assert self._driver is not None, "a transaction has begun"
        return await self._driver.fetchval("select pg_current_xact_id_if_assigned()") is None

    def _leave(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.release()

    async def unbind(self) -> None:
        """Let this transaction write no account's rows any more."""
        await self.bind(0)

    def new_id(self) -> int:
        """An id nobody has had; more than a few want `reserve` first."""
        assert self._reserved > 0, "reserve ids before you take them"
        self._reserved -= 1
        return self._ids.take()

    async def reserve(self, count: int) -> None:
        """Have `count` ids ready for `new_id`."""
        wanted = max(count + _SPARE - self._reserved, 0)
        self._reserved += wanted
        if lacking := self._ids.promise(wanted):
            async with self._lock:
                await self._ids.fill(await self._open(), lacking)

    def add(self, row: SQLModel) -> None:
        """A new row, written at the next flush."""
        self._rows().add(row)

    async def put(self, *written: SQLModel) -> None:
        """Write new rows now, in one statement, before what else is to be written; constraints look at them as a whole.

        It costs a fraction of what `add` and `flush` do.
        """
        sql, told = gathering.inserting(written)
        await self.execute(sql, *told)
        for row in written:
            self.wrote(row)
        gathering.settled(self._rows().sync_session, written)

    def wrote(self, row: SQLModel) -> None:
        """Know a new row that a statement of its own has written, so that it is told of as a new one."""
        self._before[id(row)] = (row, None)

    def adds(self, table: type[SQLModel]) -> bool:
        """Whether rows of a table are not written yet."""
        return self._session is not None and any(isinstance(row, table) for row in self._session.new)

    async def flush(self) -> None:
        """Write what was added or changed so far; constraints speak here."""
        session = self._session
        if session is not None and (session.new or session.dirty or session.deleted):
            await self.driver()
            async with self._lock:
                await self._rows().flush()

    async def write(self) -> None:
        """The same in one round trip, whatever tables it is of: constraints look at it as a whole."""
        session = self._session
        if session is None or not (session.new or session.dirty):
            return
        driver = await self.driver()
        async with self._lock:
            self._remember(session.sync_session, None, None)
            asked = gathering.gathered(session.sync_session)
            if asked is None:
                return
            sql, told, count = asked
            written = await driver.fetchval(sql, *told)
            assert written == count, "each row that is written is there, and ours to write"
            gathering.settled(session.sync_session, [*session.new, *session.dirty])

    async def at_last(self, call: str, instead: Callable[[str], Awaitable[None]], *, told: int = 1) -> None:
        """Write with one call, in the round trip that commits if nothing comes in between; the last `told` tell of it.

        What was decided on may have moved by then: the call says so with MOVED, nothing of it is left, and
        `instead` is told what has moved, and does it step by step, or raises why it can't be done.
        """
        assert self._changing, "there is a commit to come"
        await self._settle()
        self._last = _Last(call, instead, range(len(self._emissions) - told, len(self._emissions)))

    def emit(
        self,
        event: Event,
        row: SQLModel | None = None,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        """Tell what happened: one audit record and one outbox row.

        Give the row it happened to, and before and after are read off it; or give them yourself.
        """
        self._emissions.append(_Emission(event, row, before, after, self.now, self.origin))

    async def changed(self, statement: UpdateBase) -> int:
        """Run an update or a delete; how many rows it changed."""
        await self.driver()
        async with self._lock:
            result = await self._rows().execute(statement)
        return int(result.rowcount)  # type: ignore[attr-defined]

    # Reading

    async def one(self, statement: Executable) -> Any:
        """The only row of a question, or None."""
        await self.driver()
        async with self._lock:
            return (await self._rows().execute(statement)).scalars().one_or_none()

    async def all(self, statement: Executable) -> Sequence[Any]:
        """All rows of a question."""
        await self.driver()
        async with self._lock:
            return (await self._rows().execute(statement)).scalars().all()

    async def glance(self, sql: str, *values: Any, bound: bool = False) -> list[asyncpg.Record]:
        """Rows of a function of ours that enters by itself, told how in `$1`; no transaction needs to begin for it.

        Until it has, this is a moment of its own, which nothing else is seen in. A `bound` one asks for the
        account that may be written, and is told no more.
        """
        await self._settle()
        async with self._lock:
            told = "{}" if self._driver is not None else _seeing({} if bound else self.sees, self._account)
            found: list[asyncpg.Record] = await (await self._open()).fetch(sql, told, *values)
            return found

    async def fetch(self, sql: str, *values: Any, record: type[asyncpg.Record] | None = None) -> list[asyncpg.Record]:
        """Rows of a statement in PostgreSQL's own words, with its values in order."""
        driver = await self.driver()
        async with self._lock:
            found: list[asyncpg.Record] = await driver.fetch(sql, *values, record_class=record)
            return found

    async def first(self, sql: str, *values: Any) -> asyncpg.Record | None:
        """The first row of such a statement, or None."""
        found = await self.fetch(sql, *values)
        return found[0] if found else None

    async def rows(self, table: type[RowT], sql: str, *values: Any) -> list[RowT]:
        """Rows of one table as they stand now, each said as JSON by a statement, and known from then on."""
        await self.flush()
        found = await self.fetch(sql, *values)
        session = self._rows().sync_session
        return [rows.known(session, table, orjson.loads(each[0]), fresh=True) for each in found]

    async def execute(self, sql: str, *values: Any) -> int:
        """Run a statement in PostgreSQL's own words; how many rows it changed."""
        driver = await self.driver()
        async with self._lock:
            told = (await driver.execute(sql, *values)).rpartition(" ")[2]
        return int(told) if told.isdigit() else 0

    def known(self, table: type[RowT], told: Iterable[Mapping[str, Any]]) -> list[RowT]:
        """Rows that a statement of this transaction has read, as JSON of PostgreSQL says them, to be changed."""
        session = self._rows().sync_session
        return [rows.known(session, table, each) for each in told]

    async def rest(self) -> None:
        """End the transaction that reads have opened, so that the next one sees what was committed since."""
        async with self._lock:
            connection, driver = self._connection, self._driver
            self._connection = self._raw = self._driver = None
            self._account = None
            if self._session is not None:
                # Rows are let go first: a rollback would empty them, and whoever read them may still look at them.
                self._session.expunge_all()
                await self._session.rollback()
            if connection is None:
                return
            try:
                if driver is not None and not driver.is_closed() and driver.is_in_transaction():
                    await driver.execute("rollback")
            finally:
                await connection.close()

    async def driver(self) -> asyncpg.Connection:
        """The driver's connection, inside this request's transaction and behind its fence."""
        await self._settle()
        async with self._lock:
            return await self._begun()

    async def _begun(self) -> asyncpg.Connection:
        if self._driver is None:
            driver = await self._open()
            await driver.execute(f"begin; {_entering(self.sees, self._account)}")
            self._driver = driver
        return self._driver

    async def _open(self) -> asyncpg.Connection:
        """The driver's connection, whether or not a transaction has begun."""
        if self._connection is None or self._raw is None:
            self._connection = await self._engine.connect()
            self._raw = (await self._connection.get_raw_connection()).driver_connection
        assert self._raw is not None
        return self._raw

    def _rows(self) -> AsyncSession:
        """SQLAlchemy's session on this request's connection, made for the first who wants rows."""
        if self._session is None:
            self._session = AsyncSession(expire_on_commit=False)
            event.listen(self._session.sync_session, "before_flush", self._remember)
        if self._connection is not None:
            self._session.sync_session.bind = self._connection.sync_connection
        return self._session

    async def _commit(self) -> None:
        if len(self._emissions) > _FEW:
            await self._settle()
        await self.flush()
        await self.reserve(2 * len(self._emissions))
        told = [self._entry(emission) for emission in self._emissions]
        if len(told) > _FEW:
            await audit.append(await self.driver(), told)
            told = []
        last, self._last = self._last, None
        async with self._lock:
            moved = await self._written(last, [*map(audit.noting, sorted(told, key=attrgetter("account_id")))])
            if moved is None and self._session is not None:
                await self._session.commit()
        if last and moved is not None:
            await last.instead(moved)
            await self._commit()

    async def _settle(self) -> None:
        """Write what was kept for last, because something comes after it."""
        last, self._last = self._last, None
        if last is None:
            return
        async with self._lock:
            await self._begun()
            moved = await self._tried(last, _saved(last))
        if moved is not None:
            await last.instead(moved)

    async def _written(self, last: _Last | None, said: list[str]) -> str | None:
        """Commit, and in the same breath write what is last and tell of everything; what has moved, if it has.

        A transaction that has not begun begins and ends with it.
        """
        if self._driver is not None:
            return await self._tried(last, [*(_saved(last) if last else ()), *said, "commit"])
        if last or said:
            # What only writes is asked whose rows it may write, and never what it sees.
            return await self._tried(last, [_entering({}, self._account), *([last.call] if last else ()), *said])
        return None

    async def _tried(self, last: _Last | None, words: list[str]) -> str | None:
        try:
            await (await self._open()).execute("; ".join(words))
        except asyncpg.PostgresError as refusal:
            if last is None or refusal.sqlstate != MOVED:
                raise
            if self._driver is not None:
                await self._driver.execute(f"rollback to savepoint {_SAVED}")
            del self._emissions[last.told.start : last.told.stop]
            return str(refusal.detail)
        return None

    def _entry(self, emission: _Emission) -> audit.Entry:
        told = emission.event
        before, after = emission.before, emission.after
        if emission.row is not None:
            after = rows.columns(emission.row)
            _, before = self._before.get(id(emission.row), (None, {}))
            if before is not None:
                after = {name: after[name] for name in before}
        return audit.Entry(
            id=self.new_id(),
            account_id=told.account_id,
            at=emission.at,
            action=told.name,
            subject=told.subject,
            subject_id=told.subject_id,
            before=before,
            after=after,
            origin=emission.origin,
            told=audit.Told(self.new_id(), self.now, told.payload),
        )

    def _remember(self, session: Session, _context: UOWTransaction | None, _instances: Any) -> None:
        for row in session.new:
            self._before[id(row)] = (row, None)
        for row in session.dirty:
            before, _ = rows.change(row)
            _, known = self._before.get(id(row), (row, {}))
            if before and known is not None:
                self._before[id(row)] = (row, {**before, **known})


_SAVED = "before_last"


def _saved(last: _Last) -> list[str]:
    """The words that write what is last, and undo no more than that where something has moved."""
    return [f"savepoint {_SAVED}", last.call]


def _seeing(sees: Mapping[str, str], account_id: int | None) -> str:
    """What row-level security is told of its actor: what they see, and may write."""
    bound = {} if account_id is None else {"account": str(account_id)}
    return json.dumps({**sees, **bound})


def _entering(sees: Mapping[str, str], account_id: int | None) -> str:
    """A transaction's first words, which tell row-level security that, in hexadecimal digits: they say no more."""
    told = _EACH.format(said=_seeing(sees, account_id).encode().hex())
    return f"select set_config('app.' || key, value, true) from {told}"  # noqa: S608 - digits


_EACH = "json_each_text(convert_from(decode('{said}', 'hex'), 'UTF8')::json)"
