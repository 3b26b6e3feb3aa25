"""A browser that carries answers from a SAML provider, and the provider of one SSO connection."""

from __future__ import annotations

import zlib
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from lxml import etree

from tests.auth.saml.answering import Idp, posted
from tests.graph.surfing import ORIGIN, Browser
from tests.scenery import World


class Answering(Idp):
    """A provider that answers what it is asked."""

    def answer(self, address: str) -> tuple[str, str]:
        """Somebody comes with this address, signs in, and is sent back with this answer and state."""
        asked = parse_qs(urlsplit(address).query)
        request = etree.fromstring(zlib.decompress(b64decode(asked["SAMLRequest"][0]), -zlib.MAX_WBITS))
        self.request = request.get("ID")
        return posted(self.raw()), asked["RelayState"][0]


class Visitor(Browser):
    """One browser."""

    async def sign_in(self, connection: str, at: Any, **asked: str) -> httpx2.Response:
        """Go to sign in, do so, and come back."""
        sent = await self.leave(connection, **asked)
        if sent.status_code != 303:
            return sent
        return await self.finish(await self.post(connection, *at.answer(sent.headers["location"])))

    async def post(self, connection: str, answer: str, state: str) -> httpx2.Response:
        """Post an answer, as the provider's page makes a browser do: without our cookies."""
        async with self.stranger() as client:
            told = {"SAMLResponse": answer, "RelayState": state}
            return await client.post(f"/sso/{connection}/acs", data=told)

    async def finish(self, on: httpx2.Response) -> httpx2.Response:
        """Go on to where the answer led."""
        return on if on.status_code != 303 else await self.go(on.headers["location"])

    def stranger(self) -> httpx2.AsyncClient:
        """The same browser, on behalf of another site."""
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.world.app), base_url=ORIGIN)


def idp_of(connection: str, now: datetime) -> Answering:
    """The provider of an SSO connection."""
    ours = f"{ORIGIN}/sso/{connection}"
    return Answering(now=now, audience=f"{ours}/metadata", address=f"{ours}/acs")


@asynccontextmanager
async def visitor(world: World) -> AsyncIterator[Visitor]:
    """A browser with no cookie."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=world.app), base_url=ORIGIN) as client:
        yield Visitor(world, client)
