"""Drift: where the tables that Python declares and those that the migrations make differ.

Tables, columns, types and whether a column may be null are compared. Indexes,
foreign keys and checks are the migrations' alone, so nobody declares them twice.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlmodel import SQLModel

import auth.apps.tables
import auth.directories.tables
import auth.glass.tables
import auth.setup.tables
import auth.sso.tables
import auth.tables
import auth.viewing.tables
import billing.bulk.tables
import billing.catalog_tables
import billing.tables
import gateway.letters.tables
import kernel.audit
import kernel.events
import payments.tables
import seats.imports.tables
import seats.tables
from gateway.settings import Settings
from kernel import database, postgres

DECLARED = (
    auth.apps.tables,
    auth.directories.tables,
    auth.glass.tables,
    auth.setup.tables,
    auth.viewing.tables,
    auth.sso.tables,
    auth.tables,
    billing.bulk.tables,
    billing.catalog_tables,
    billing.tables,
    gateway.letters.tables,
    kernel.audit,
    kernel.events,
    payments.tables,
    seats.imports.tables,
    seats.tables,
)
"""The modules that declare tables; importing them is what fills SQLModel's metadata."""

SPOKEN_IN_SQL = frozenset(
    {
        *("billing_run", "budget", "clock", "idempotency_key", "recognition_clock", "run_chunk"),
        *("dunning_schedule", "meter", "usage_alert", "trusted_document", "usage_batch", "usage_event"),
    }
)
"""Tables that no row class stands for: they are only ever read and written in SQL."""

_MONTHS = "usage_event_"
"""What partitions of usage are called."""

# The server is thrown away, so nothing of it needs to survive a power cut.
_CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}


def drift(settings: Settings) -> list[str]:
    """Migrate a database from nothing and tell each difference in a sentence. Raises Unavailable."""
    with _server(settings) as server:
        return asyncio.run(_migrated_and_compared(server))


async def compare(url: str) -> list[str]:
    """Each difference between the declared tables and those of a database, in a sentence."""
    owner = database.engine(url, role=None, pool_size=0)
    async with owner.connect() as connection:
        found = await connection.run_sync(_differences)
    await owner.dispose()
    return found


async def _migrated_and_compared(server: str) -> list[str]:
    async with _scratch(server) as url:
        await database.migrate(url)
        return await compare(url)


@contextmanager
def _server(settings: Settings) -> Iterator[str]:
    """The server we were given, or one of our own for the moment."""
    if settings.database_url:
        yield settings.database_url.get_secret_value()
        return
    home = Path(mkdtemp(prefix="seatgraph-"))
    try:
        yield postgres.started(home, _CARELESS)
    finally:
        postgres.stop(home)
        shutil.rmtree(home)


@asynccontextmanager
async def _scratch(server: str) -> AsyncIterator[str]:
    """A database of its own on a server, gone at the end."""
    name = f"seatgraph_drift_{os.getpid()}"
    await database.create(server, name)
    try:
        yield database.within(server, name)
    finally:
        async with database.connected(server) as owner:
            await owner.execute(f"drop database {name} with (force)")


def _differences(connection: Connection) -> list[str]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _is_compared})
    return [said for each in _flat(compare_metadata(context, SQLModel.metadata)) if (said := _sentence(each))]


def _is_compared(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or not (name in SPOKEN_IN_SQL or str(name).startswith(_MONTHS))


def _flat(differences: list[Any]) -> Iterator[tuple[Any, ...]]:
    """The differences one by one; Alembic groups those of one column."""
    for each in differences:
        yield from each if isinstance(each, list) else [each]


def _sentence(difference: tuple[Any, ...]) -> str | None:
    said = None
    match difference:
        case ("add_table", table):
            said = f"{table.name}: the table is declared, and no migration makes it."
        case ("remove_table", table):
            said = f"{table.name}: a migration makes the table, and nobody declares it."
        case ("add_column", _, table, column):
            said = f"{table}.{column.name}: the column is declared, and no migration makes it."
        case ("remove_column", _, table, column):
            said = f"{table}.{column.name}: a migration makes the column, and nobody declares it."
        case ("modify_type", _, table, column, _, made, declared):
            said = f"{table}.{column}: declared as {declared!r}, and a migration makes it {made!r}."
        case ("modify_nullable", _, table, column, _, made, declared):
            said = f"{table}.{column}: declared {_null(declared)}, and a migration makes it {_null(made)}."
    return said


def _null(nullable: object) -> str:
    return "nullable" if nullable else "not null"
