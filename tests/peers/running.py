"""A program of others in a process of its own: told once what to do, it tells where it is, and ends with the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.scenery import World

QUICK = 300
"""Seconds after which a program is taken to hang; they start slowly on a busy machine."""


@dataclass(frozen=True, slots=True)
class Running:
    """The process."""

    process: asyncio.subprocess.Process

    async def tells(self) -> dict[str, Any]:
        """The next thing that it tells, as a line of JSON; other lines are passed over."""
        assert self.process.stdout is not None
        async with asyncio.timeout(QUICK):
            async for line in self.process.stdout:
                if line.startswith(b"{"):
                    told: dict[str, Any] = json.loads(line)
                    return told
        raise AssertionError("the program ended before it told us anything")

    async def hears(self, **what: Any) -> dict[str, Any]:
        """What it tells when it was told this."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        await self.process.stdin.drain()
        return await self.tells()


@asynccontextmanager
async def running(*command: str | Path, within: Path | None = None, **told: Any) -> AsyncIterator[Running]:
    """A program that is told this in its last argument, for as long as it is needed; it ends with its input."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        json.dumps(told),
        cwd=within,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ahead(world: World) -> int:
    """Milliseconds by which the clock of the world is ahead of everybody's."""
    return int((await world.now() - datetime.now(UTC)).total_seconds() * 1_000)
