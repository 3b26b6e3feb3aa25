"""Two composers that others wrote, and Apollo's gateway: the subgraph beside another in a greater graph."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from kernel import ids
from schema import subgraph
from tests.docs.pages import ROOT, blocks
from tests.gateway.live.conftest import door
from tests.gateway.live.speaking import Served
from tests.peers.npm import installed
from tests.scenery import Scene

__all__ = ["door"]

HERE = Path(__file__).parent / "federation"
PAGE = ROOT / "docs" / "federation.md"
PATIENCE = 120
"""Seconds in which all is done; node starts slowly on a busy machine."""


async def test_the_subgraph_composes_with_others_and_a_router_asks_for_what_the_bearer_may_see(
    door: Served, workspace: Scene
) -> None:
    shown = [block.text for block in blocks(PAGE) if "beside" in block.words]
    script = installed(HERE, "federate.mjs", "composition with other subgraphs is")
    owner, stranger = workspace.owner, (await workspace.world.workspace()).owner
    told = {
        "sdl": subgraph.sdl(),
        "address": f"http://{door.host}/subgraph",
        "bearer": owner.bearer,
        "people": [ids.encode("person", one.number) for one in (owner, stranger)],
        "others": shown,
    }
    process = await asyncio.create_subprocess_exec(
        *("node", str(script)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

    async with asyncio.timeout(PATIENCE):
        said, excuse = await process.communicate(json.dumps(told).encode())

    assert process.returncode == 0, excuse.decode()
    answer = json.loads(said)
    assert shown
    assert answer["wrong"] == []
    assert answer["answer"]["data"] == {
        "greetings": [
            {"text": "Hello", "by": {"email": owner.email, "greeted": 1}},
            {"text": "Hello", "by": None},
        ],
        "viewer": {"person": {"greeted": 1}},
    }
