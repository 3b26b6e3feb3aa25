"""A crew: several processes answer at one port, whoever dies is replaced, and all end together."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from gateway import serving
from kernel.errors import Unavailable
from tests.gateway.running import Running, run, running

PRODUCTION = {"SEATGRAPH_ENV": "production", "SEATGRAPH_SECRET": "as long as a secret has to be, and no longer"}
PLANS = {"query": "{ plans { key } }"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home for processes whose database is elsewhere."""
    return tmp_path / "home"


def address(started: Running) -> str:
    found = re.search(r"http://\S+", started.said)
    assert found, started.said
    return found.group()


def crew(started: Running) -> list[int]:
    """The processes that answer, as the kernel lists them."""
    number = started.process.pid
    return [int(each) for each in Path(f"/proc/{number}/task/{number}/children").read_text().split()]


def until(true: Callable[[], bool]) -> None:
    late = time.monotonic() + 60
    while not true():
        assert time.monotonic() < late, "it never came"
        time.sleep(0.05)


def workers(started: Running) -> set[str]:
    """Whose figures Prometheus is shown."""
    try:
        page = httpx2.get(address(started).replace("/graphql", "/metrics"), timeout=5).text
    except httpx2.TransportError:
        return set()
    return set(re.findall(r'seatgraph_requests_in_flight\{worker="(\d+)"\}', page))


def answers(started: Running) -> bool:
    try:
        return httpx2.post(address(started), json=PLANS, timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux lists the processes of a process")
def test_several_processes_answer_and_whoever_dies_is_replaced(home: Path, fresh_database_url: str) -> None:
    told = {"DATABASE_URL": fresh_database_url, **PRODUCTION}
    with running(home, "serve", "--port", "0", "--workers", "3", "--no-worker", **told) as started:
        until(lambda: len(crew(started)) == 3)
        until(lambda: answers(started))
        until(lambda: workers(started) == {"0", "1", "2"})
        before = crew(started)
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(crew(started)) == 3 and before[0] not in crew(started))
        until(lambda: answers(started))
        until(lambda: workers(started) == {"0", "1", "2"})
        after = crew(started)
        status, said = started.stop()

    assert status == 0
    assert set(before[1:]) < set(after)
    assert "has died and is replaced" in said
    assert [each for each in after if Path(f"/proc/{each}").exists()] == []
    with socket.socket() as client:
        host, _, port = urlsplit(address(started)).netloc.partition(":")
        assert client.connect_ex((host, int(port))) != 0


def test_several_processes_are_not_for_the_sandbox_in_one_of_them(home: Path) -> None:
    refused = run(home, "serve", "--workers", "2")

    assert refused.returncode == 2
    assert "--workers is not for the sandbox in here, which tells one process of its events" in refused.stderr


async def test_what_postgresql_takes_is_shared_by_the_processes(database_url: str) -> None:
    assert await serving._connections(database_url, 1) == 12
    assert await serving._connections(database_url, 20) == 1
    with pytest.raises(Unavailable, match=r"PostgreSQL takes 200 connections, too few for 64 processes"):
        await serving._connections(database_url, 64)
