"""The audits of npm's graphql-http, which others wrote, on the application as it is served."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gateway import http
from gateway.negotiation import JSON, RESPONSE
from tests.gateway.live.conftest import door
from tests.gateway.live.speaking import Served
from tests.peers.npm import installed

__all__ = ["door"]

PATIENCE = 120
"""Seconds in which all audits have to be done; node starts slowly on a busy machine."""

ALL = 61


@pytest.fixture(scope="module")
def script() -> Path:
    """Where the script is that has graphql-http beside it."""
    return installed(Path(__file__).parent, "audit.mjs", "the audits of others are")


async def audited(script: Path, door: Served) -> list[dict[str, Any]]:
    """The outcome of every audit."""
    process = await asyncio.create_subprocess_exec(
        "node", str(script), door.graph, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE):
        told, excuse = await process.communicate()
    assert process.returncode == 0, excuse.decode()
    return [json.loads(line) for line in told.splitlines()]


async def test_every_audit_is_passed_with_the_two_constants_that_audits_expect(
    script: Path, door: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "UNPROCESSABLE", 400)
    monkeypatch.setattr(http, "OFFERED", (JSON, RESPONSE))

    outcomes = await audited(script, door)

    assert len(outcomes) == ALL
    assert [each for each in outcomes if each["status"] != "ok"] == []


async def test_as_served_only_those_two_differ_as_the_newer_draft_has_them(script: Path, door: Served) -> None:
    outcomes = await audited(script, door)
    differing = [each for each in outcomes if each["status"] != "ok"]

    assert len(outcomes) == ALL
    assert {each["reason"] for each in differing} == {
        "Response status code is not 400",
        "Response header content-type does not contain application/json",
    }
    assert all(each["name"].startswith("SHOULD ") for each in differing)
