"""The rail of an installation: Stripe where a key was given, elsewhere the sandbox, in production nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from gateway.playing import played
from gateway.settings import Settings
from kernel import database
from payments.rail.errors import RailError
from payments.rail.opening import SANDBOX_KEY, Rail, limits, opened
from payments.rail.turns import SharedTurns

log = structlog.get_logger("gateway.rails")


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


async def hooked(settings: Settings, paying: Rail | None, address: str | None) -> list[str]:
    """Have our own sandbox tell us of its events; what it signs them with. Stripe is told by whoever runs us."""
    if paying is None or address is None or settings.stripe_key or settings.stripe_api:
        return []
    try:
        return [await paying.hooks.listen(f"{address}/webhooks/stripe", paying.installation)]
    except RailError as error:
        log.warning("the sandbox tells nothing of its events", says=str(error))
        return []


def installation(settings: Settings) -> str:
    """What every object of ours at the rail is marked with."""
    return settings.key("installation", 8).hex()
