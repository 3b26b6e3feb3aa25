"""Patience: reading gives way to interactive calls, and is asked for again where that does no harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from payments.rail.errors import Throttled, Unknown
from payments.rail.line import Act, Line
from payments.rail.values import Body

PAGE = 100
"""How many objects Stripe lists at once, at most."""

_PAUSES = (1, 5, 15, 30)
"""Seconds before a reading that was not answered is asked for again."""


async def every(line: Line, operation: str, listing: Any, given: dict[str, Any]) -> AsyncIterator[Body]:
    """Every object of a list, page by page. Raises RailError."""
    after: dict[str, Any] = {}
    while True:
        asked = {**given, **after, "limit": PAGE}
        told = await patiently(line, operation, partial(listing, asked))
        for body in told["data"]:
            yield body
        if not told["has_more"]:
            return
        after = {"starting_after": told["data"][-1]["id"]}


async def patiently(line: Line, operation: str, act: Act) -> dict[str, Any]:
    """An answer, for which we ask again where that does no harm: nothing is changed by reading. Raises RailError."""
    for pause in _PAUSES:
        try:
            return await line.call(operation, act, urgent=False)
        except (Throttled, Unknown):
            await asyncio.sleep(pause)
    return await line.call(operation, act, urgent=False)
