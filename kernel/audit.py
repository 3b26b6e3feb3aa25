"""Audit: who did what, when, from where and why, in chains that can't be edited unseen.

Every account has its own chain. A record's hash covers the record and the hash
before it; a head row holds the last number and hash, so that a cut tail shows.
Hourly a seal notes every head that moved, and each seal covers the one before:
whoever rewrites a chain and its head has to rewrite all seals since.
The application's database role can insert here and can't update or delete.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import Any

import asyncpg
from sqlmodel import SQLModel

from kernel.calls import call
from kernel.rows import document, instant, key, secret, text, whole

GENESIS = bytes(32)
INSTALLATION = 0
"""The chain of what belongs to no account, such as the catalog."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who acts, by which token, from where and why: the part of a record that a request knows."""

    actor: str = "system"
    """The kind of actor: person, member, service_key, staff, directory or system."""

    person_id: int | None = None
    impersonator_id: int | None = None
    token: str = ""
    """The session, key or directory token that spoke, never its secret."""

    ip: str = ""
    request_id: str = ""
    reason: str | None = None
    device: str = ""
    """What the client's program calls itself; kept with payments, not in the chain."""


@dataclass(frozen=True, slots=True)
class Told:
    """What subscribers are told of a state change: a row of the outbox."""

    id: int
    at: datetime
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One state change on its way into a chain."""

    id: int
    account_id: int
    at: datetime
    action: str
    subject: str
    subject_id: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    origin: Origin = field(default_factory=Origin)
    told: Told | None = None


class AuditRecord(SQLModel, table=True):
    """One state change, chained."""

    __tablename__ = "audit_record"

    account_id: int = key()
    seq: int = key()
    id: int = whole()
    at: datetime = instant()
    action: str = text()
    subject: str = text()
    subject_id: int = whole()
    before: dict[str, Any] | None = document(optional=True)
    after: dict[str, Any] | None = document(optional=True)
    actor: str = text()
    person_id: int | None = whole(optional=True)
    impersonator_id: int | None = whole(optional=True)
    token: str = text()
    ip: str = text()
    request_id: str = text()
    reason: str | None = text(optional=True)
    hash: bytes = secret()


class AuditHead(SQLModel, table=True):
    """The last number and hash of an account's chain."""

    __tablename__ = "audit_head"

    account_id: int = key()
    seq: int = whole()
    hash: bytes = secret()


class AuditSeal(SQLModel, table=True):
    """The heads that moved in an hour, under one hash that covers the seal before."""

    __tablename__ = "audit_seal"

    id: int = key()
    at: datetime = instant()
    heads: dict[str, Any] = document()
    """Account number (as text) to [seq, hash in hexadecimal digits]."""

    hash: bytes = secret()


@dataclass(frozen=True, slots=True)
class Breach:
    """Where a chain doesn't hold: the row, and what is wrong with it."""

    row: str
    reason: str


_COLUMNS = (
    "account_id, seq, id, at, action, subject, subject_id, before, after, "
    "actor, person_id, impersonator_id, token, ip, request_id, reason"
)


def digest(previous: bytes, record: Sequence[Any]) -> bytes:
    """The hash of a record (its columns in table order) that follows `previous`."""
    return sha256(previous + _json(record).encode()).digest()


def _said(value: object) -> str:
    assert isinstance(value, datetime), f"an audit record holds JSON values and instants, not {type(value)}"
    return value.astimezone(UTC).isoformat(timespec="microseconds")


_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_said).encode


async def append(connection: asyncpg.Connection, entries: Iterable[Entry]) -> None:
    """Chain the entries and tell of them; call it last, for each account's chain stays locked until the commit."""
    for account_id, columns in _chained(entries):
        await connection.execute(_APPEND, account_id, *columns)


def noting(entry: Entry) -> str:
    """The same for one entry, as a statement without parameters, for whoever commits in the same breath."""
    return call("audit_note", entry.account_id, *_values(entry), *_payload(entry.told))


def _chained(entries: Iterable[Entry]) -> Iterator[tuple[int, list[Sequence[Any]]]]:
    """The columns of each account's records, as PostgreSQL's `audit_append` takes them."""
    by_account = attrgetter("account_id")
    for account_id, group in groupby(sorted(entries, key=by_account), by_account):
        yield account_id, [*zip(*([*_values(each), *_payload(each.told)] for each in group), strict=True)]


def _payload(told: Told | None) -> list[Any]:
    """What the outbox holds of what is told."""
    return [told.id, told.at, _json(told.payload)] if told else [None, None, None]


def _values(entry: Entry) -> list[Any]:
    """A record's columns from its id on, without the hash; and what is hashed of them, in the words of `digest`."""
    about = [entry.id, entry.at, entry.action, entry.subject, entry.subject_id]
    before, after, origin = _json(entry.before), _json(entry.after), entry.origin
    who = [origin.actor, origin.person_id, origin.impersonator_id, origin.token, origin.ip, origin.request_id]
    why = [*who, origin.reason]
    said = f"{_json(about)[1:-1]},{before},{after},{_json(why)[1:]}"
    return [
        *about,
        before if entry.before is not None else None,
        after if entry.after is not None else None,
        *why,
        said,
    ]


_B, _T, _I = "bigint", "text", "timestamptz"
_TYPES = [_B, _I, _T, _T, _B, _T, _T, _T, _B, _B, _T, _T, _T, _T, _T, _B, _I, _T]
_APPEND = f"select audit_append($1, {', '.join(f'${place}::{kind}[]' for place, kind in enumerate(_TYPES, 2))})"
"""One statement, so that a chain is locked for one round trip and the commit.

Events take their places behind that lock: those of an account are in the order of commits.
"""


async def seal(connection: asyncpg.Connection, seal_id: int, now: datetime) -> bool:
    """Note every head that moved since the last seal, under one hash. False when none did.

    Ids come in blocks, and another process may have used a later one: a seal's is always above the last seal's.
    """
    await connection.execute("select pg_advisory_xact_lock(hashtext('audit_seal'))")
    moved = await connection.fetch(
        "select h.account_id, h.seq, h.hash from audit_head h left join lateral ("
        "  select (s.heads -> h.account_id::text ->> 0)::bigint as seq from audit_seal s"
        "  where s.heads ? h.account_id::text order by s.id desc limit 1) sealed on true"
        " where h.seq > coalesce(sealed.seq, 0) order by h.account_id"
    )
    if not moved:
        return False
    last = await connection.fetchrow("select id, hash from audit_seal order by id desc limit 1")
    previous, number = (last["hash"], max(seal_id, last["id"] + 1)) if last else (GENESIS, seal_id)
    heads = {str(head["account_id"]): [head["seq"], head["hash"].hex()] for head in moved}
    await connection.execute(
        "insert into audit_seal (id, at, heads, hash) values ($1, $2, $3::text::jsonb, $4)",
        number,
        now,
        json.dumps(heads),
        digest(previous, [number, now, heads]),
    )
    return True


async def breaches(connection: asyncpg.Connection) -> AsyncIterator[Breach]:
    """Recompute every chain, head and seal, as they were at one instant, and yield each place that doesn't hold."""
    # Chains grow meanwhile; read at two instants, a head would be ahead of its chain.
    async with connection.transaction(isolation=None if connection.is_in_transaction() else "repeatable_read"):
        async for breach in _breaches(connection):
            yield breach


async def _breaches(connection: asyncpg.Connection) -> AsyncIterator[Breach]:
    ends: dict[int, tuple[int, bytes]] = {}
    sealed, marks = await _seals(connection)
    for breach in sealed:
        yield breach
    statement = f"select {_COLUMNS}, hash from audit_record order by account_id, seq"  # noqa: S608 - constant columns
    async for record in connection.cursor(statement, prefetch=2000):
        account_id, seq = record["account_id"], record["seq"]
        last, previous = ends.get(account_id, (0, GENESIS))
        if seq != last + 1:
            yield Breach(f"audit_record {account_id}/{last + 1}", "is missing")
        elif digest(previous, _loaded(record)) != record["hash"]:
            yield Breach(f"audit_record {account_id}/{seq}", "was changed after it was written")
        if (mark := marks.pop((account_id, seq), None)) and mark != record["hash"].hex():
            yield Breach(f"audit_record {account_id}/{seq}", "differs from what was sealed")
        ends[account_id] = (seq, record["hash"])
    for account_id, seq in marks:
        yield Breach(f"audit_record {account_id}/{seq}", "was sealed and is missing")
    for head in await connection.fetch("select account_id, seq, hash from audit_head order by account_id"):
        seq, last_hash = ends.pop(head["account_id"], (0, GENESIS))
        if (head["seq"], head["hash"]) != (seq, last_hash):
            yield Breach(f"audit_head {head['account_id']}", f"stands at {head['seq']}, the chain ends at {seq}")
    for account_id in ends:
        yield Breach(f"audit_head {account_id}", "is missing")


async def _seals(connection: asyncpg.Connection) -> tuple[list[Breach], dict[tuple[int, int], str]]:
    previous = GENESIS
    broken: list[Breach] = []
    marks: dict[tuple[int, int], str] = {}
    for row in await connection.fetch("select id, at, heads::text, hash from audit_seal order by id"):
        heads = json.loads(row["heads"])
        if digest(previous, [row["id"], row["at"], heads]) != row["hash"]:
            broken.append(Breach(f"audit_seal {row['id']}", "was changed after it was written"))
        previous = row["hash"]
        marks |= {(int(account), seq): mark for account, (seq, mark) in heads.items()}
    return broken, marks


def _loaded(record: asyncpg.Record) -> list[Any]:
    values = list(record.values())[:-1]
    return [json.loads(value) if place in {7, 8} and value is not None else value for place, value in enumerate(values)]
