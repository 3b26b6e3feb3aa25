"""Health: whether the process lives, and whether it can answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.metrics import Metrics

Ready = Callable[[], Awaitable[object]]
"""Asks the database something; raises when it does not answer."""

_PATIENCE = 2
"""Seconds that an answer may take before we count as not ready."""

log = structlog.get_logger("gateway.health")


def health_routes(ready: Ready, metrics: Metrics) -> list[Route]:
    """`/healthz`: the process lives. `/readyz`: the database answers. `/metrics`: figures for Prometheus."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("The process lives.\n")

    async def readyz(_request: Request) -> Response:
        try:
            async with asyncio.timeout(_PATIENCE):
                await ready()
        except Exception as error:
            log.warning("not ready", exc_info=error)
            return PlainTextResponse("The database is not answering.\n", 503)
        return PlainTextResponse("Ready.\n")

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics.page)]
