"""A browser: it keeps cookies, goes where it is sent, and comes back from an identity provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.auth.providing import Provider
from tests.scenery import World

ORIGIN = "http://127.0.0.1:8000"


class Browser:
    """One browser."""

    def __init__(self, world: World, client: httpx2.AsyncClient) -> None:
        self.world, self.client = world, client

    async def go(self, address: str) -> httpx2.Response:
        """Go to an address of ours, whatever host it names."""
        parts = urlsplit(address)
        return await self.client.get(f"{parts.path}?{parts.query}")

    async def leave(self, connection: str, **asked: str) -> httpx2.Response:
        """Go to sign in."""
        return await self.client.get(f"/sso/{connection}/login", params=asked)

    async def sign_in(self, connection: str, at: Provider, **asked: str) -> httpx2.Response:
        """Go to sign in, do so, and come back."""
        sent = await self.leave(connection, **asked)
        if sent.status_code != 303:
            return sent
        return await self.back(connection, at.sign_in(sent.headers["location"]))

    async def back(self, connection: str, told: dict[str, str]) -> httpx2.Response:
        """Come back from the provider with these parameters."""
        return await self.client.get(f"/sso/{connection}/callback", params=told)

    async def ask(self, document: str, *, origin: str | None = ORIGIN, **variables: Any) -> httpx2.Response:
        """Ask as a page of ours does: the cookie says who."""
        headers = {"origin": origin} if origin else {}
        body = {"query": document, "variables": variables}
        return await self.client.post("/graphql", json=body, headers=headers)


@asynccontextmanager
async def browser(world: World) -> AsyncIterator[Browser]:
    """A browser with no cookie."""
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield Browser(world, client)
