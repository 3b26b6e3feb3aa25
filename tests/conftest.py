"""One PostgreSQL for a run of tests, and one database for each of its workers.

Code under test commits, so tests don't clean up after themselves: each makes its
own accounts, and no test counts on the tables being empty.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import gettempdir

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kernel import database, postgres
from tests.scenery import Scene, World, opened

# Workers inherit it, and so find the server of their run.
RUN = os.environ.setdefault("SEATGRAPH_TEST_RUN", str(os.getpid()))
HOMES = "seatgraph-tests-"
TEMPLATE = "migrated"

# A test's database may be lost when the machine fails, and is never read after that.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}


@pytest.fixture(scope="session")
def server() -> str:
    """The URL of this run's server, started by whichever worker comes first."""
    return postgres.started(_home(RUN), CARELESS)


@pytest.fixture(scope="session")
async def database_url(server: str) -> str:
    """The owner's URL of this worker's own database, migrated."""
    return await _copy(server, f"worker_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}")


@pytest.fixture
async def fresh_database_url(server: str, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The owner's URL of a migrated database for one test alone, for what belongs to a whole database."""
    name = f"test_{os.getpid()}_{abs(hash(request.node.nodeid))}"
    yield await _copy(server, name)
    async with database.connected(server) as connection:
        await connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
async def world(database_url: str) -> AsyncIterator[World]:
    """The application on this worker's database, with the catalog of tests, and a client of it."""
    async with opened(database_url) as made:
        yield made


@pytest.fixture
async def workspace(world: World) -> Scene:
    """A workspace with a member of every role, which no other test knows."""
    return await world.workspace()


@pytest.fixture(scope="session")
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The engine of this worker's database, as the product works: fenced by row-level security."""
    made = database.engine(database_url)
    yield made
    await made.dispose()


def pytest_configure() -> None:
    """Remove what killed runs left behind."""
    for left in Path(gettempdir()).glob(f"{HOMES}*"):
        pid = left.name.removeprefix(HOMES)
        if pid.isdecimal() and not _running(int(pid)):
            _remove(left)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server when the run, of which a worker sees only a part, is over."""
    if not hasattr(config, "workerinput"):
        _remove(_home(RUN))


async def _copy(server: str, name: str) -> str:
    """A new database, migrated by the first who needs one and copied by the others."""
    async with database.connected(server) as connection:
        await connection.execute("select pg_advisory_lock(1)")
        if not await connection.fetchval("select 1 from pg_database where datname = $1", TEMPLATE):
            await database.create(server, "draft")
            await database.migrate(database.within(server, "draft"))
            await connection.execute(f"alter database draft rename to {TEMPLATE}")
        await database.create(server, name, template=TEMPLATE)
    return database.within(server, name)


def _home(run: str) -> Path:
    return Path(gettempdir()) / f"{HOMES}{run}"


def _remove(home: Path) -> None:
    if home.exists() and home.stat().st_uid == os.getuid():
        postgres.stop(home)
        shutil.rmtree(home, ignore_errors=True)


def _running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
