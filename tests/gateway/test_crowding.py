"""Crowding: who comes when there is no room is told at once, and when to come back."""

import asyncio
from typing import Any

import httpx2
from starlette.types import Receive, Scope, Send

from gateway.crowding import Crowding


class House:
    """An application that answers when it is let."""

    def __init__(self) -> None:
        self.entered = asyncio.Semaphore(0)
        self.let = asyncio.Event()
        self.stream = False

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        if self.stream:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        self.entered.release()
        await self.let.wait()
        if not self.stream:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})


def client(app: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://house.test")


async def test_whoever_comes_when_there_is_no_room_is_told_at_once() -> None:
    house = House()
    async with client(Crowding(house, most=2)) as guest:
        inside = [asyncio.create_task(guest.post("/graphql")) for _ in range(2)]
        for _ in inside:
            await house.entered.acquire()

        refused = await guest.post("/graphql")
        healthy = asyncio.create_task(guest.get("/healthz"))
        await house.entered.acquire()
        house.let.set()
        answers = [*await asyncio.gather(*inside, healthy), await guest.post("/graphql")]

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert [answer.status_code for answer in answers] == [200] * 4


async def test_a_stream_that_is_open_takes_nobodys_place() -> None:
    house = House()
    house.stream = True
    async with client(Crowding(house, most=1)) as guest:
        followers = [asyncio.create_task(guest.get("/graphql")) for _ in range(3)]
        for _ in followers:
            await house.entered.acquire()
        house.let.set()

        assert [(await follower).status_code for follower in followers] == [200] * 3


async def test_a_request_that_breaks_leaves_its_place() -> None:
    async def breaks(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise LookupError

    crowding = Crowding(breaks, most=1)
    async with client(crowding) as guest:
        outcomes = [type(failure) for failure in await asyncio.gather(guest.get("/"), return_exceptions=True)]
        again = [type(failure) for failure in await asyncio.gather(guest.get("/"), return_exceptions=True)]

    assert outcomes == again == [LookupError]
