"""Charging: whose budget a request is taken from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address, ip_network

import asyncpg
from starlette.requests import Request

from gateway import budget_queries
from gateway.budgets import AWAY, Bill, Budgets, Purse, shared
from kernel import database
from resolvers.info import Context

_EVERY = 3_600.0
"""Seconds between two looks at whose budget is long full again."""

_IPV4 = 4
_HOUSEHOLD = 64
"""How much of an address of the newer kind says whose it is; the rest anybody may choose."""


@asynccontextmanager
async def budgets(url: str, purse: Purse) -> AsyncIterator[Budgets]:
    """Everybody's budgets, settled with other processes for as long as the application is open."""
    connections = await database.pool(url, size=1)
    made = Budgets(purse, shared(connections))
    working = [asyncio.create_task(made.run()), asyncio.create_task(_forgotten(connections))]
    try:
        yield made
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        await made.close()
        await connections.close()


async def _forgotten(connections: asyncpg.Pool) -> None:
    """Forget now and then whoever has long spent nothing: strangers come with ever new addresses."""
    while True:
        with suppress(*AWAY):
            await budget_queries.forget(connections)
        await asyncio.sleep(_EVERY)


async def charge(request: Request, context: Context, cost: int) -> Bill:
    """Let whoever asks pay. Raises Overspent."""
    spending: Budgets = request.app.state.budgets
    return await spending.take(context.actor.name if context.actor.known else _stranger(request), cost)


def _stranger(request: Request) -> str:
    """What a stranger is called: by their address, or by the network of one of the newer kind."""
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return "address:unknown"
    if address.version == _IPV4:
        return f"address:{address}"
    return f"address:{ip_network((int(address), _HOUSEHOLD), strict=False)}"
