"""The door for the rail's events: verified by their raw bytes, kept once, answered at once, applied later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.authentication import Door
from kernel.errors import InvalidInput
from kernel.work import Work
from payments import hearing, webhooks

_SYSTEM = {"staff": "on"}

log = structlog.get_logger("gateway.webhooks")


def webhook_route(secrets: Sequence[str]) -> Route:
    """`/webhooks/stripe`, for what one of these secrets has signed, or one the application was given at its start."""

    async def stripe(request: Request) -> Response:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return _refused(413, f"An event is at most {webhooks.LARGEST:,} bytes.")
        known = [*secrets, *getattr(request.app.state, "webhook_secrets", ())]
        try:
            # Signatures carry the time of day, whatever a simulated clock shows.
            webhooks.verify(body, request.headers.get("stripe-signature", ""), known, datetime.now(UTC))
            told = webhooks.read(body)
        except InvalidInput as refusal:
            log.warning("an event was refused", says=refusal.message)
            return _refused(400, refusal.message)
        new = await _store(request.app.state.door, told)
        return JSONResponse({"received": True, "new": new})

    return Route("/webhooks/stripe", stripe, methods=["POST"])


async def _store(door: Door, told: webhooks.Told) -> bool:
    work = Work(door.engine, await door.clock.now(), ids=door.blocks, sees=_SYSTEM)
    try:
        async with work.transaction():
            return await hearing.store(work, told)
    finally:
        await work.close()


async def _body(request: Request) -> bytes | None:
    """The raw bytes; None as soon as they are too many."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > webhooks.LARGEST:
            return None
    return bytes(body)


def _refused(status: int, says: str) -> Response:
    return JSONResponse({"error": says}, status)
