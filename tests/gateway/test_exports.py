"""Exports: what is streamed for too long breaks off, and its place is free."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from auth.policy import Actor
from gateway import exports
from gateway.exports import Places, exports_endpoint
from kernel.errors import TooComplex


async def endless() -> AsyncIterator[bytes]:
    """Rows that somebody never takes."""
    yield b"first\r\n"
    await asyncio.Event().wait()


@asynccontextmanager
async def nobody(_: Request) -> AsyncIterator[Any]:
    """A context of nobody in particular."""
    yield SimpleNamespace(actor=Actor())


async def test_an_export_breaks_off_after_its_time_and_leaves_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PATIENCE", 0.05)
    places = Places(most=1)
    endpoint = exports_endpoint(nobody, lambda _context, _request: StreamingResponse(endless()), places)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(endpoint), base_url="http://here.test") as client:
        with pytest.raises(TooComplex):
            await client.get("/export/endless.csv")

    with places.taken("somebody else"):
        pass
