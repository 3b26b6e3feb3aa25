"""Databases of their own, for modules of tests that fill one and then look at it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kernel import database
from tests.conftest import TEMPLATE


@asynccontextmanager
async def own_database(server: str, name: str) -> AsyncIterator[str]:
    """The owner's URL of a migrated database, removed at the end; somebody has to have made the template."""
    unique = f"{name}_{os.getpid()}"
    await database.create(server, unique, template=TEMPLATE)
    yield database.within(server, unique)
    async with database.connected(server) as connection:
        await connection.execute(f"drop database {unique} with (force)")
