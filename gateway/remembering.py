"""Remembering: what one process keeps of what all share, and how it hears that it changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from gateway.documents import Documents
from gateway.noticing import Notices
from gateway.public_answers import PublicAnswers
from gateway.settings import Settings
from gateway.sources import Sources
from gateway.trusted.registry import Registry
from kernel import database


@dataclass(frozen=True, slots=True)
class Remembered:
    """What one process remembers."""

    notices: Notices
    sources: Sources
    answers: PublicAnswers


@asynccontextmanager
async def remembered(settings: Settings, url: str, documents: Documents) -> AsyncIterator[Remembered]:
    """Remember for as long as the application is open."""
    connections = await database.pool(url, size=2)
    notices = Notices(url)
    sources = Sources(documents, Registry(connections, notices), frozenset(settings.trusted_only))
    made = Remembered(notices, sources, PublicAnswers(notices))
    listening = asyncio.create_task(notices.run())
    try:
        yield made
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        await connections.close()
