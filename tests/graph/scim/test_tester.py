"""The protocol: every check that scim2-tester knows passes."""

from __future__ import annotations

import asyncio

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from tests.graph.scim.talking import Bridge, Talk, talking
from tests.scenery import Scene


def checked(talk: Talk, loop: asyncio.AbstractEventLoop) -> list[tuple[Status, str, str]]:
    """What came of each check: its status, its name, and why."""
    headers = {"authorization": f"Bearer {talk.token}"}
    transport = Bridge(talk.scene.world, loop)
    with httpx2.Client(transport=transport, base_url="http://127.0.0.1:8000/scim/v2/", headers=headers) as client:
        results = check_server(SyncSCIMClient(client))
    return [(result.status, result.title, result.reason or "") for result in results]


async def test_every_check_of_scim2_tester_passes(workspace: Scene) -> None:
    talk = await talking(workspace, seats=2)

    results = await asyncio.to_thread(checked, talk, asyncio.get_running_loop())

    # One that is skipped has shown nothing.
    assert [result for result in results if result[0] is not Status.SUCCESS] == []
    assert len(results) > 80
