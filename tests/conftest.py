"""One PostgreSQL for a run of tests, and one database for each of its files.

Code under test commits, so tests don't clean up after themselves: each makes its
own accounts, and no test counts on the tables being empty. A file's tests run in
one process, in their order, so that what one leaves meets the same others in every run.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import gettempdir

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kernel import database, postgres
from tests.databases import own_database
from tests.scenery import Scene, World, opened

# Most of what is imported and collected lives to the end, and looking for garbage in it takes its time.
gc.set_threshold(50_000)

# Workers inherit it, and so find the server of their run.
RUN = os.environ.setdefault("SEATGRAPH_TEST_RUN", str(os.getpid()))
HOMES = "seatgraph-tests-"

# A database is a thousand files, which a disk takes up to a second to make, and a run makes hundreds of them.
MEMORY, ROOM = Path("/dev/shm"), 6 << 30

# A test's database may be lost when the machine fails, and is never read after that.
CARELESS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "256MB",
}


@pytest.fixture(scope="session")
def server() -> str:
    """The URL of this run's server, started by whichever worker comes first."""
    return postgres.started(_home(RUN), CARELESS)


@pytest.fixture(scope="module")
async def database_url(server: str, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The owner's URL of this file's own database, migrated."""
    async with own_database(server, f"file_{abs(hash(request.node.nodeid))}") as url:
        yield url


@pytest.fixture
async def fresh_database_url(server: str, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The owner's URL of a migrated database for one test alone, for what belongs to a whole database."""
    async with own_database(server, f"test_{abs(hash(request.node.nodeid))}") as url:
        yield url


@pytest.fixture(scope="module")
async def world(database_url: str) -> AsyncIterator[World]:
    """The application on this file's database, with the catalog of tests, and a client of it."""
    async with opened(database_url) as made:
        yield made


@pytest.fixture
async def workspace(world: World) -> Scene:
    """A workspace with a member of every role, which no other test knows."""
    return await world.workspace()


@pytest.fixture(scope="module")
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The engine of this file's database, as the product works: fenced by row-level security."""
    made = database.engine(database_url)
    yield made
    await made.dispose()


def pytest_configure() -> None:
    """Work in memory where there is room, and remove what killed runs left behind."""
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    for left in Path(gettempdir()).glob(f"{HOMES}*"):
        pid = left.name.removeprefix(HOMES)
        if pid.isdecimal() and not _running(int(pid)):
            _remove(left)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server when the run, of which a worker sees only a part, is over."""
    if not hasattr(config, "workerinput"):
        _remove(_home(RUN))


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
