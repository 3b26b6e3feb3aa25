"""The books: the sandbox's state as one transaction sees it.

What a request changes is kept in memory and written when it ends, so a refusal
leaves nothing behind. An event's snapshot is taken when it is emitted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from payments.sandbox.clock import Delays
from payments.sandbox.ids import Ids
from payments.sandbox.objects import HIDDEN, Body, bare, blank
from payments.sandbox.refusals import missing
from payments.sandbox.spec import VERSION
from payments.sandbox.tables import Connection

DELIVERY_STATES = {"normal": "pending", "duplicate": "pending", "shuffle": "pending", "hold": "held", "off": "lost"}


@dataclass(slots=True)
class Settings:
    """What the control endpoints have set, kept in the database."""

    deliveries: str = "normal"
    limits: dict[str, int] = field(default_factory=dict)
    settlement: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Currencies that are settled in another one: {"chf": ("usd", "1.12")}."""
    search_lag: int = 0
    """Simulated seconds before a new object can be found by search."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The request that the books are opened for."""

    request_id: str | None = None
    idempotency_key: str | None = None
    base: str = ""
    """The sandbox's own address, for links."""


@dataclass(frozen=True, slots=True)
class World:
    """What is the same for every transaction: the source of ids, the delays, the settings."""

    ids: Ids
    delays: Delays
    settings: Settings


@dataclass(slots=True)
class _Entry:
    body: Body
    before: bytes | None


class Books:
    """One transaction's view of every object."""

    def __init__(
        self,
        connection: Connection,
        now: int,
        world: World,
        caller: Caller,
        *,
        locks: bool = True,
    ) -> None:
        self.connection = connection
        self.now = now
        self.ids = world.ids
        self.delays = world.delays
        self.settings = world.settings
        self.caller = caller
        self._lock = "for update" if locks else ""
        self._entries: dict[str, _Entry] = {}
        self._events: list[tuple[str, str, bytes]] = []
        self._tasks: list[tuple[int, str, Body]] = []

    def new(self, kind: str, **known: Any) -> Body:
        """A new object of a kind, with its id and instant unless they are known."""
        body = blank(kind, **{"created": self.now} | known)
        if "id" not in body:
            body["id"] = self.ids.of(kind)
        self._entries[body["id"]] = _Entry(body, None)
        return body

    async def maybe(self, id: str) -> Body | None:
        """The object of an id, locked until the transaction ends; None when there is none."""
        if id not in self._entries:
            row = await self.connection.fetchrow(f"select body from sandbox.object where id = $1 {self._lock}", id)  # noqa: S608 - the words are ours
            if row is None:
                return None
            self.read(row["body"])
        return self._entries[id].body

    async def one(self, kind: str, id: str, param: str = "id", status: int = 404) -> Body:
        """The living object of a kind, locked. Raises Refused (resource_missing)."""
        body = await self.maybe(id)
        if body is None or body["object"] != kind or body.get("deleted"):
            raise missing(kind, id, param, status)
        return body

    async def named(self, kind: str, given: Body, param: str) -> Body | None:
        """The object that a parameter names; None when it names none."""
        return await self.one(kind, given[param], param, 400) if given.get(param) else None

    async def where(self, kind: str, **equal: str) -> list[Body]:
        """Every living object of a kind whose fields have these texts, oldest first."""
        tests = " ".join(f"and body ->> '{name}' = ${place}" for place, name in enumerate(equal, 2))
        rows = await self.connection.fetch(
            "select body from sandbox.object where kind = $1 and body ->> 'deleted' is null "  # noqa: S608 - names are ours
            f"{tests} order by created, seq",
            kind,
            *equal.values(),
        )
        stored = [self.read(row["body"]) for row in rows]
        unwritten = [
            entry.body for entry in self._entries.values() if entry.before is None and _fits(entry.body, kind, equal)
        ]
        return [body for body in stored if _fits(body, kind, equal)] + unwritten

    async def many(self, ids: Iterable[str]) -> dict[str, Body]:
        """Objects by id, for reading: they are not locked."""
        wanted = set(ids)
        unread = list(wanted - self._entries.keys())
        if unread:
            for row in await self.connection.fetch("select body from sandbox.object where id = any($1)", unread):
                self.read(row["body"])
        return {one: self._entries[one].body for one in wanted & self._entries.keys()}

    def emit(self, type: str, body: Body) -> None:
        """Record an event about an object as it is now; an update tells what it was before."""
        facts: Body = {"object": orjson.Fragment(orjson.dumps(bare(body)))}
        entry = self._entries.get(body.get("id", ""))
        if entry and entry.before and type.endswith((".updated", ".detached", ".refunded", ".captured")):
            before = difference(orjson.loads(entry.before), body)
            if before:
                facts["previous_attributes"] = before
        request = {"id": self.caller.request_id, "idempotency_key": self.caller.idempotency_key}
        event = blank("event", id=self.ids.of("event"), created=self.now, type=type, api_version=VERSION, data=facts)
        self._events.append((event["id"], type, orjson.dumps(event | {"pending_webhooks": 0, "request": request})))

    def emit_update(self, type: str, body: Body) -> None:
        """Record an event, but only if the object differs from what is stored."""
        entry = self._entries[body["id"]]
        if entry.before is not None and difference(orjson.loads(entry.before), body):
            self.emit(type, body)

    def later(self, seconds: int, action: str, **args: Any) -> None:
        """Have a named task done after some simulated seconds."""
        self._tasks.append((self.now + seconds, action, args))

    async def write(self) -> None:
        """Write everything that was added or changed."""
        added = [entry.body for entry in self._entries.values() if entry.before is None]
        changed = [
            entry.body for entry in self._entries.values() if entry.before and orjson.dumps(entry.body) != entry.before
        ]
        if added:
            rows = [(body["id"], body["object"], body.get("created", self.now), body) for body in added]
            await self.connection.executemany(_INSERT, rows)
        if changed:
            bodies = [(body["id"], body) for body in sorted(changed, key=lambda body: str(body["id"]))]
            await self.connection.executemany("update sandbox.object set body = $2 where id = $1", bodies)
        if self._events:
            await self._write_events()
        if self._tasks:
            await self.connection.executemany(
                "insert into sandbox.task (due, action, args) values ($1, $2, $3)", self._tasks
            )

    async def _write_events(self) -> None:
        endpoints = await self.connection.fetch(_ENDPOINTS)
        state = DELIVERY_STATES[self.settings.deliveries]
        deliveries = []
        rows = []
        for event, kind, text in self._events:
            heard = [row["id"] for row in endpoints if hears(row["enabled"], kind)]
            deliveries += [(event, endpoint, state, self.now) for endpoint in heard]
            body = orjson.loads(text) | {"pending_webhooks": len(heard)}
            rows.append((event, "event", body["created"], body))
        await self.connection.executemany(_INSERT, rows)
        await self.connection.executemany(_DELIVER, deliveries)

    def read(self, body: Body) -> Body:
        """The object of a stored body, as this transaction sees it."""
        if body["id"] not in self._entries:
            if body["object"] == "balance_transaction" and body["available_on"] <= self.now:
                body["status"] = "available"
            self._entries[body["id"]] = _Entry(body, orjson.dumps(body))
        return self._entries[body["id"]].body


def hears(enabled: list[str], type: str) -> bool:
    """Whether an endpoint with these enabled events is told of a type."""
    return "*" in enabled or type in enabled


def difference(before: Body, after: Body) -> Body:
    """The old values of the fields that changed; of a changed hash, only the fields that changed."""
    changed: Body = {}
    for name, old in before.items():
        new = after.get(name)
        if name == HIDDEN or old == new:
            continue
        changed[name] = difference(old, new) if isinstance(old, dict) and isinstance(new, dict) else old
    for name in after.keys() - before.keys() - {HIDDEN}:
        changed[name] = None
    return changed


def _fits(body: Body, kind: str, equal: dict[str, str]) -> bool:
    return body["object"] == kind and all(body.get(name) == value for name, value in equal.items())


_INSERT = "insert into sandbox.object (id, kind, created, body) values ($1, $2, $3, $4)"
_DELIVER = "insert into sandbox.delivery (event, endpoint, state, due) values ($1, $2, $3, $4)"
_ENDPOINTS = """
select id, body -> 'enabled_events' as enabled from sandbox.object
where kind = 'webhook_endpoint' and body ->> 'status' = 'enabled' and body ->> 'deleted' is null
"""
