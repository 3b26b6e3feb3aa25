"""Crowding: who comes when there is no room is told at once, and when to come back."""

import asyncio
from typing import Any

import httpx2
from starlette.types import Message, Receive, Scope, Send

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


class Slow:
    """A client whose request comes when it is told to, and whose answer is looked at."""

    def __init__(self) -> None:
        self.waited_for = asyncio.Event()
        self.come = asyncio.Event()
        self.status = 0

    async def receive(self) -> Message:
        self.waited_for.set()
        await self.come.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        self.status = message.get("status", self.status)

    async def ask(self, app: Any) -> int:
        """The status of the answer."""
        await app({"type": "http", "path": "/graphql", "method": "POST", "headers": []}, self.receive, self.send)
        return self.status


class Patient(House):
    """An application that reads the whole request first."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await super().__call__(scope, receive, send)


async def test_requests_that_are_on_their_way_take_nobodys_place() -> None:
    house = Patient()
    house.let.set()
    crowding = Crowding(house, most=1)
    slow = [Slow() for _ in range(5)]
    coming = [asyncio.create_task(each.ask(crowding)) for each in slow]
    for each in slow:
        await each.waited_for.wait()

    async with client(crowding) as guest:
        answered = await guest.post("/graphql")
    for each in slow:
        each.come.set()
    statuses = await asyncio.gather(*coming)

    assert answered.status_code == 200
    assert statuses == [200] * 5


async def test_whoever_comes_late_into_a_full_house_is_told_so() -> None:
    house = Patient()
    crowding = Crowding(house, most=1)
    late = Slow()
    coming = asyncio.create_task(late.ask(crowding))
    await late.waited_for.wait()

    async with client(crowding) as guest:
        inside = asyncio.create_task(guest.post("/graphql"))
        await house.entered.acquire()
        late.come.set()
        refused = await coming
        house.let.set()
        answered = await inside
        again = await guest.post("/graphql")

    assert refused == 503
    assert [answered.status_code, again.status_code] == [200, 200]
