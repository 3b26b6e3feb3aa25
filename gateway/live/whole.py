"""Whole: what is done with the database is done to its end, even if whoever waits for it leaves.

A statement that is given up costs its connection, and clients leave as they like.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

Made = TypeVar("Made")


async def whole(act: Coroutine[Any, Any, Made], undo: Callable[[Made], Awaitable[None]] | None = None) -> Made:
    """What an act makes; when nobody waits for it any more, it is undone."""
    doing = asyncio.create_task(act)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait({doing})
        if undo and not doing.cancelled() and not doing.exception():
            await undo(doing.result())
        raise
