"""An identity provider, on loopback, that behaves as well or as badly as a test tells it to."""

from __future__ import annotations

import asyncio
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.auth import forging
from tests.auth.publishing import http

KEY = forging.rsa_key("provider")
KID = "2026"

Change = dict[str, Any]


def asis(token: str) -> str:
    return token


class Provider:
    """What it says of itself, what it says of people, and whom it has before it."""

    def __init__(self) -> None:
        self.described: Change = {}
        self.header: Change = {}
        self.claims: Change = {}
        self.without: set[str] = set()
        self.answer: Change | bytes = {}
        self.userinfo: Change = {}
        self.key = KEY
        self.forge: Callable[[str], str] = asis
        self.returns: Change = {}
        self.instead: dict[str, bytes] = {}
        """What is answered at a path in place of what belongs there."""

        self.silent: set[str] = set()
        """Paths at which nothing is answered, and the connection stays open."""

        self._ended = asyncio.Event()
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._server: asyncio.Server | None = None

    @property
    def issuer(self) -> str:
        """Its name, which is where it answers."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._ended.set()
        self._server.close()
        await self._server.wait_closed()

    def sign_in(self, address: str) -> dict[str, str]:
        """Somebody comes with this address, signs in, and is sent back with these parameters."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        told = {"code": code, "state": asked["state"], "iss": self.issuer} | self.returns
        return {name: value for name, value in told.items() if value is not None}

    def describe(self) -> Change:
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return {name: value for name, value in (told | self.described).items() if value is not None}

    def _token(self, form: dict[str, str]) -> bytes:
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form.get("redirect_uri"):
            return http(b'{"error": "invalid_grant"}', "400 Bad Request", "content-type: application/json")
        if isinstance(self.answer, bytes):
            return self.answer
        told = {"access_token": "at", "token_type": "Bearer", "id_token": self.forge(self._id_token(asked))}
        told |= self.answer
        return _json({name: value for name, value in told.items() if value != "left out"})

    def _id_token(self, asked: dict[str, str]) -> str:
        now = int(self.now().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": asked["client_id"],
            "sub": "ada",
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            "email": "ada@acme.test",
            **self.claims,
        }
        said = {name: value for name, value in claims.items() if name not in self.without}
        header = {"alg": "RS256", "kid": KID, "typ": "JWT"} | self.header
        return forging.signed({name: value for name, value in header.items() if value is not None}, said, self.key)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        length = next((int(line.split(":")[1]) for line in head.lower().split("\r\n") if "content-length" in line), 0)
        body = (await reader.readexactly(length)).decode()
        self.asked.append(path)
        if path in self.silent:
            await self._ended.wait()
        writer.write(self._said(path, body))
        writer.close()

    def _said(self, path: str, body: str) -> bytes:
        if path in self.instead:
            return self.instead[path]
        if path == "/token":
            return self._token({name: values[0] for name, values in parse_qs(body).items()})
        said = {
            "/.well-known/openid-configuration": self.describe(),
            "/jwks": {"keys": [forging.jwk(KEY, KID, use="sig", alg="RS256")]},
            "/userinfo": {"sub": "ada", **self.userinfo},
        }
        return _json(said[path]) if path in said else http(b"", "404 Not Found")


def _json(told: Any) -> bytes:
    return http(json.dumps(told).encode(), "200 OK", "content-type: application/json")


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """A provider for the length of a test."""
    made = Provider()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
