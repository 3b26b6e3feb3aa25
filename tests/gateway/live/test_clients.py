"""Clients that others wrote follow what happens: those of graphql-ws, graphql-sse, Apollo Client and urql.

They come from npm, once for each lock file, into a folder of this machine that is no
part of the project. Where there is no node, or npm gets nothing, this is skipped.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kernel import ids
from tests.gateway.live.speaking import INVOICES, SEATS, Served, begun, happened
from tests.graph.asking import said
from tests.peers.npm import installed
from tests.scenery import Scene

HERE = Path(__file__).parent / "clients"
QUICK = 20
"""Seconds after which a client is taken to hang; node starts slowly on a busy machine."""

CLIENTS = ("graphql-ws", "graphql-sse", "apollo", "urql")
SOCKETS = ("graphql-ws", "apollo")
LOYAL = ("graphql-ws", "graphql-sse", "apollo")
"""Those that come back by themselves; urql leaves it to whoever uses it."""


@pytest.fixture(scope="module")
def script() -> Path:
    """Where the script is that has its clients beside it."""
    return installed(HERE, "follow.mjs", "the clients of others are")


@dataclass(frozen=True, slots=True)
class Other:
    """A client in a process of its own."""

    process: asyncio.subprocess.Process

    async def tells(self, what: str) -> Any:
        """The next thing of this kind that it tells; what it tells of its connection is passed over."""
        assert self.process.stdout is not None
        async with asyncio.timeout(QUICK):
            async for line in self.process.stdout:
                told = json.loads(line)
                if what in told:
                    return told[what]
                assert told.keys() <= {"connected", "closed"}, told
        raise AssertionError(f"it ended without {what}: {await self._excuse()}")

    async def _excuse(self) -> str:
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()


@asynccontextmanager
async def another(
    script: Path, kind: str, door: Served, bearer: str, query: str, **variables: Any
) -> AsyncIterator[Other]:
    """A client of this kind that follows something."""
    process = await asyncio.create_subprocess_exec(
        *("node", str(script), kind, door.host, bearer, query, json.dumps(variables)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Other(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def joined(scene: Scene) -> None:
    """Wait until a client follows the workspace, as long as node may take to start."""
    async with asyncio.timeout(QUICK):
        while True:
            try:
                return await begun(scene)
            except TimeoutError:
                continue


@pytest.mark.parametrize("kind", CLIENTS)
async def test_a_client_is_told_what_happens(script: Path, door: Served, workspace: Scene, kind: str) -> None:
    pool = await workspace.pool(3)

    async with another(script, kind, door, workspace.owner.bearer, SEATS, workspace=workspace.id) as client:
        await joined(workspace)
        seat = await said(workspace, "assignSeat", pool=pool, email="ada@example.test")
        told = await client.tells("next")
        await said(workspace, "releaseSeat", seat=seat["id"])
        then = await client.tells("next")

    assert told["data"]["seatChanged"]["event"] == "seat.assigned"
    assert told["data"]["seatChanged"]["seat"]["id"] == seat["id"]
    assert then["data"]["seatChanged"]["event"] == "seat.released"


@pytest.mark.parametrize("kind", LOYAL)
async def test_a_client_comes_back_when_we_restart(script: Path, door: Served, workspace: Scene, kind: str) -> None:
    invoice = {"invoice": ids.decode("inv", await workspace.invoice())}

    async with another(script, kind, door, workspace.owner.bearer, INVOICES, account=workspace.account) as client:
        await joined(workspace)
        workspace.world.app.state.live.close()
        await begun(workspace, 0)
        await joined(workspace)
        await happened(workspace, "invoice.paid", invoice)
        told = await client.tells("next")

    assert told["data"]["invoiceChanged"]["event"] == "invoice.paid"


@pytest.mark.parametrize("kind", SOCKETS)
async def test_a_client_learns_that_its_session_is_over(
    script: Path, door: Served, workspace: Scene, kind: str
) -> None:
    session = ids.encode("session", workspace.owner.session_number)

    async with another(script, kind, door, workspace.owner.bearer, SEATS, workspace=workspace.id) as client:
        await joined(workspace)
        assert (await workspace.world.change("endSession", workspace.owner, shows_="id", session=session)).data
        closed = await client.tells("closed")

    assert closed == 4401


async def test_graphql_ws_learns_why_it_is_refused(script: Path, door: Served, workspace: Scene) -> None:
    nowhere = ids.encode("account", workspace.world.number())

    async with another(script, "graphql-ws", door, workspace.owner.bearer, INVOICES, account=nowhere) as client:
        (error,) = await client.tells("error")

    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_graphql_sse_learns_why_it_is_refused(script: Path, door: Served, workspace: Scene) -> None:
    nowhere = ids.encode("account", workspace.world.number())

    async with another(script, "graphql-sse", door, workspace.owner.bearer, INVOICES, account=nowhere) as client:
        told = await client.tells("next")
        complete = await client.tells("complete")

    assert [error["extensions"]["code"] for error in told["errors"]] == ["NOT_FOUND"]
    assert complete is True


async def test_urql_asks_a_query_though_it_accepts_a_stream(script: Path, door: Served, workspace: Scene) -> None:
    async with another(script, "urql", door, workspace.owner.bearer, "{ viewer { kind } }") as client:
        told = await client.tells("next")

    assert told["data"]["viewer"]["kind"] == "person"
