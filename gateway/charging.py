"""Charging: whose budget a request is taken from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address, ip_network

from starlette.requests import Request

from gateway import budget_queries
from gateway.budgets import Bill, Budgets, Purse, shared
from gateway.documents import Operation
from kernel import database
from resolvers.info import Context

_IPV4 = 4
_HOUSEHOLD = 64
"""How much of an address of the newer kind says whose it is; the rest anybody may choose."""


@asynccontextmanager
async def budgets(url: str, purse: Purse) -> AsyncIterator[Budgets]:
    """Everybody's budgets, settled with other processes for as long as the application is open."""
    connections = await database.pool(url, size=1)
    await budget_queries.forget(connections)
    made = Budgets(purse, shared(connections))
    settling = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        settling.cancel()
        with suppress(asyncio.CancelledError):
            await settling
        await made.close()
        await connections.close()


async def charge(request: Request, context: Context, operation: Operation, cost: int) -> Bill | None:
    """Let whoever asks pay. What is public costs a stranger nothing. Raises Overspent."""
    nobody = not context.actor.known
    if nobody and operation.cost.public:
        return None
    spending: Budgets = request.app.state.budgets
    return await spending.take(_stranger(request) if nobody else context.actor.name, cost)


def _stranger(request: Request) -> str:
    """What a stranger is called: by their address, or by the network of one of the newer kind."""
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return "address:unknown"
    if address.version == _IPV4:
        return f"address:{address}"
    return f"address:{ip_network((int(address), _HOUSEHOLD), strict=False)}"
