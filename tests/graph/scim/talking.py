"""Talking as a directory does: SCIM over HTTP, with the token of one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx2

from kernel import ids
from tests.scenery import Scene, World

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
SEAT = "urn:ietf:params:scim:schemas:extension:seatgraph:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@dataclass(frozen=True, slots=True)
class Talk:
    """A directory of a workspace, and its token."""

    scene: Scene
    directory: str
    token: str
    domain: str

    async def say(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **query: str
    ) -> httpx2.Response:
        """One request."""
        return await self.scene.world.client.request(
            method,
            f"/scim/v2{path}",
            json=body,
            params=query or None,
            headers={
                "authorization": f"Bearer {self.token}",
                "content-type": "application/scim+json",
                **(headers or {}),
            },
        )

    def address(self, name: str) -> str:
        """An address in the domain that the workspace has verified."""
        return f"{name}@{self.domain}"

    async def user(self, name: str = "grace", /, **more: Any) -> dict[str, Any]:
        """A user, as they were answered when they were made."""
        reply = await self.say("POST", "/Users", self.told(name, **more))
        assert reply.status_code == 201, reply.text
        return dict(reply.json())

    def told(self, name: str = "grace", /, **more: Any) -> dict[str, Any]:
        """What a directory tells of somebody new."""
        return {"schemas": [USER], "userName": self.address(name), "displayName": name.title(), "active": True, **more}

    async def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> httpx2.Response:
        """A PATCH with these operations."""
        return await self.say("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, headers=headers)

    async def read(self, user: str) -> dict[str, Any]:
        """A user, as they are now."""
        reply = await self.say("GET", f"/Users/{user}")
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def entry(self, user: str) -> Any:
        """The row of a user."""
        (row,) = await self.scene.world.rows("select * from directory_user where id = $1", ids.decode("user", user))
        return row


async def talking(scene: Scene, *, seats: int | None = None) -> Talk:
    """A directory of a workspace with a verified domain; with `seats`, a pool gives its people seats."""
    domain = f"own-{scene.number:x}.example.com"  # what its library takes for no address is none
    await scene.domain(domain)
    pool = None if seats is None else await scene.pool(seats=seats)
    directory = await scene.directory(pool=pool)
    _, token = await scene.directory_token(directory)
    return Talk(scene, directory, token, domain)


class Bridge(httpx2.BaseTransport):
    """Lets a client that waits, in a thread of its own, talk to the application of this loop."""

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop) -> None:
        self._world = world
        self._loop = loop

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request."""
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop).result(60)

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        reply = await self._world.client.request(
            request.method,
            str(request.url.copy_with(host="seatgraph.test")),
            content=request.read(),
            headers=request.headers,
        )
        return httpx2.Response(reply.status_code, headers=reply.headers, content=reply.content)
