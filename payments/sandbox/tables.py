"""Where the sandbox keeps its state: a schema of its own, made when it starts."""

from __future__ import annotations

import json

import asyncpg
import asyncpg.pool
import orjson

from kernel import database

DDL = """
create schema if not exists sandbox;

create table if not exists sandbox.object (
    id      text   not null primary key,
    seq     bigint not null generated always as identity,
    kind    text   not null,
    created bigint not null,
    body    jsonb  not null
);
create index if not exists object_page on sandbox.object (kind, created desc, seq desc);
create index if not exists object_customer on sandbox.object (kind, (body ->> 'customer'))
    where body ->> 'customer' is not null;
create index if not exists object_charge on sandbox.object (kind, (body ->> 'charge'))
    where body ->> 'charge' is not null;
create index if not exists object_intent on sandbox.object (kind, (body ->> 'payment_intent'))
    where body ->> 'payment_intent' is not null;
create index if not exists object_source on sandbox.object ((body ->> 'source'))
    where kind = 'balance_transaction';
create index if not exists object_unpaid on sandbox.object (kind)
    where kind = 'balance_transaction' and body #>> '{_,payout}' is null;

create table if not exists sandbox.idempotency (
    key         text   not null primary key,
    fingerprint text   not null,
    path        text   not null,
    created     bigint not null,
    request_id  text   not null,
    status      int    not null,
    body        bytea  not null
);

create table if not exists sandbox.delivery (
    id       bigint not null generated always as identity primary key,
    event    text   not null,
    endpoint text   not null,
    state    text   not null check (state in ('pending', 'held', 'lost', 'delivered', 'failed')),
    due      bigint not null,
    attempts int    not null default 0,
    status   int,
    error    text
);
create index if not exists delivery_due on sandbox.delivery (due, id) where state = 'pending';
create index if not exists delivery_event on sandbox.delivery (event);

create table if not exists sandbox.task (
    id     bigint not null generated always as identity primary key,
    due    bigint not null,
    action text   not null,
    args   jsonb  not null
);
create index if not exists task_due on sandbox.task (due, id);

create table if not exists sandbox.fault (
    id        bigint not null generated always as identity primary key,
    rule      jsonb  not null,
    seen      int    not null default 0,
    caused    int    not null default 0
);

create table if not exists sandbox.content (
    id    text  not null primary key,
    bytes bytea not null
);

create table if not exists sandbox.setting (
    name  text  not null primary key,
    value jsonb not null
);
"""

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
"""A connection, or the pool's stand-in for one."""

TABLES = ("object", "idempotency", "delivery", "task", "fault", "content", "setting")

_SESSION = {"application_name": "seatgraph-sandbox", "jit": "off", "lock_timeout": "2s"}
"""Who waits longer for an object that another request holds is answered 429, `lock_timeout`."""

_SCHEMA_LOCK = 7_305_811_223


async def opened(dsn: str) -> asyncpg.Pool:
    """A pool of connections to a database that has the sandbox's schema."""
    pool = await asyncpg.create_pool(
        database.dsn(dsn), min_size=1, max_size=16, init=_prepare, server_settings=_SESSION
    )
    async with pool.acquire() as connection, connection.transaction():
        # Two sandboxes that start at once would both try to create the schema.
        await connection.execute("select pg_advisory_xact_lock($1)", _SCHEMA_LOCK)
        await connection.execute(DDL)
    return pool


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", encoder=_encoded, decoder=orjson.loads, schema="pg_catalog")


def _encoded(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # orjson refuses integers beyond 64 bits, which a client may send in a free hash.
        return json.dumps(value)
