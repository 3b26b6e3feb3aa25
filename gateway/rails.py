"""The rail of an installation: Stripe where a key was given, elsewhere the sandbox, in production nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.playing import played
from gateway.settings import Settings
from kernel import database
from payments.rail.opening import SANDBOX_KEY, Rail, limits, opened
from payments.rail.turns import SharedTurns


@asynccontextmanager
async def rail(settings: Settings, url: str) -> AsyncIterator[Rail | None]:
    """The rail, for as long as it is needed; None in production without a key. Raises Unavailable."""
    key = settings.stripe_key.get_secret_value() if settings.stripe_key else None
    if key is None and settings.in_production:
        yield None
        return
    async with AsyncExitStack() as stack:
        api = settings.stripe_api
        if key is None and api is None:
            api = await stack.enter_async_context(played(url))
        key = key or SANDBOX_KEY
        turns = await database.pool(url, size=2)
        stack.push_async_callback(turns.close)
        shared = SharedTurns(turns, limits(key))
        yield await stack.enter_async_context(opened(key, shared, installation(settings), api=api))


def installation(settings: Settings) -> str:
    """What every object of ours at the rail is marked with."""
    return settings.key("installation", 8).hex()
