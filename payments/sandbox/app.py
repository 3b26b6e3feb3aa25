"""The sandbox as an ASGI application.

    uvicorn.run(sandbox("postgresql://…"), port=12111)

State lives in the schema `sandbox` of the database and survives restarts. One
process serves one database: faults, limits and the clock are kept in memory too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from payments.sandbox import answers, tables, tasks
from payments.sandbox.control import Control
from payments.sandbox.deliveries import Deliverer
from payments.sandbox.state import State


class Sandbox(Starlette):
    """Starlette, with a way for faults to reach the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        scope["sandbox.send"] = send
        await super().__call__(scope, receive, send)


def sandbox(dsn: str, *, seed: int | None = None, background: bool = True) -> Starlette:
    """An application that speaks Stripe's API at /v1 and is controlled at /_sandbox.

    `dsn` is a PostgreSQL URL; the schema is made when the application starts. With
    a `seed` ids repeat from run to run. Without `background` nothing happens by
    itself: tasks wait for the clock to be advanced, deliveries to be drained.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        pool = await tables.opened(dsn)
        state, deliverer = State(pool, seed), Deliverer()
        await state.load()

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            await answers.answer(state, scope, receive, send)

        control = Control(state, deliverer)
        app.router.routes[:] = [Mount("/v1", app=serve), Mount("/_sandbox", routes=control.routes())]
        runner = asyncio.create_task(tasks.run(state, deliverer)) if background else None
        try:
            yield
        finally:
            if runner:
                runner.cancel()
                with suppress(asyncio.CancelledError):
                    await runner
            await deliverer.close()
            await pool.close()

    return Sandbox(lifespan=lifespan)
