"""The embedded server: started once, shared, and back after a crash."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL
from tempfile import mkdtemp

import pytest

from kernel import database, postgres
from kernel.errors import Unavailable

JOIN = "import sys; from pathlib import Path; from kernel import database; print(database.embedded(Path(sys.argv[1])))"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home whose server may be running, stopped or killed."""
    with new_home() as made:
        yield made


@contextmanager
def new_home() -> Iterator[Path]:
    """A home that nobody has used. Not in pytest's folder: root's server runs as somebody who may not enter it."""
    made = Path(mkdtemp(prefix="seatgraph-home-"))
    yield made
    postgres.stop(made)
    shutil.rmtree(made)


def ask(url: str, question: str) -> str:
    """What PostgreSQL answers, as text."""

    async def answer() -> str:
        async with database.connected(url) as connection:
            return str(await connection.fetchval(question))

    return asyncio.run(answer())


def postmaster(home: Path) -> int:
    """The process of the home's server."""
    return int((home / "postgres" / "postmaster.pid").read_text().split()[0])


def test_nothing_committed_is_lost_when_the_server_is_killed(home: Path) -> None:
    url = database.embedded(home)
    ask(url, "create table kept as select 42 as answer")

    os.kill(postmaster(home), SIGKILL)

    assert database.embedded(home) == url
    assert ask(url, "select answer from kept") == "42"
    assert ask(url, "show fsync") == "on"


def test_two_homes_do_not_know_of_each_other(home: Path, server: str) -> None:
    url = database.embedded(home)

    assert ask(url, "show data_directory") == str(home / "postgres")
    assert ask(server, "show data_directory") != str(home / "postgres")


def test_a_second_process_joins_and_leaves_the_server_running(home: Path) -> None:
    url = database.embedded(home)
    first = postmaster(home)

    joined = subprocess.run([sys.executable, "-c", JOIN, str(home)], check=True, capture_output=True, text=True)

    assert joined.stdout.strip() == url
    assert postmaster(home) == first
    assert ask(url, "select 1") == "1"


def test_the_last_process_to_end_stops_the_server() -> None:
    with new_home() as home:
        subprocess.run([sys.executable, "-c", JOIN, str(home)], check=True, capture_output=True)

        assert (home / "postgres" / "PG_VERSION").exists()
        assert not (home / "postgres" / "postmaster.pid").exists()


def test_a_process_number_that_is_now_somebody_elses_is_forgotten(home: Path) -> None:
    database.embedded(home)
    left = (home / "postgres" / "postmaster.pid").read_text()
    postgres.stop(home)
    (home / "postgres" / "postmaster.pid").write_text(left.replace(left.split()[0], str(os.getpid()), 1))

    assert ask(database.embedded(home), "select 1") == "1"


def test_a_home_may_have_a_long_path() -> None:
    with new_home() as home:
        deep = home / ("deep" * 25)

        assert ask(database.embedded(deep), "select current_database()") == "seatgraph"

        postgres.stop(deep)


def test_a_home_with_a_space_is_refused(home: Path) -> None:
    with pytest.raises(Unavailable, match="a folder with a space in its name"):
        database.embedded(home / "My Documents")


def test_a_server_that_can_not_start_says_why(home: Path) -> None:
    postgres.stop(home)

    with pytest.raises(Unavailable, match=r"configuration file .* contains errors"):
        database.embedded(home, max_connections="none")


def test_a_home_that_is_a_file_is_one_sentence(home: Path) -> None:
    (home / "file").touch()

    with pytest.raises(Unavailable, match="does not start"):
        database.embedded(home / "file")
