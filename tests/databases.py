"""Databases of their own, for files of tests, and for tests that look at a whole one."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kernel import database

_TEMPLATE = "migrated"


@asynccontextmanager
async def own_database(server: str, name: str) -> AsyncIterator[str]:
    """The owner's URL of a migrated database that no other process has, removed at the end."""
    unique = f"{name}_{os.getpid()}"
    await copied(server, unique)
    yield database.within(server, unique)
    async with database.connected(server) as connection:
        await connection.execute(f"drop database {unique} with (force)")


async def copied(server: str, name: str) -> None:
    """Make a database, migrated by the first who needs one and copied by the others."""
    async with database.connected(server) as connection:
        await connection.execute("select pg_advisory_lock(1)")
        if not await connection.fetchval("select 1 from pg_database where datname = $1", _TEMPLATE):
            await database.create(server, "draft")
            await database.migrate(database.within(server, "draft"))
            await connection.execute(f"alter database draft rename to {_TEMPLATE}")
    await database.create(server, name, template=_TEMPLATE)
