"""A small graph with every way to go wrong, and a client of its endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import strawberry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Route
from strawberry.scalars import JSON

from gateway.documents import Documents
from gateway.http import graphql_endpoint
from gateway.metrics import Metrics
from gateway.observability import Observability
from gateway.requests import BODY
from kernel.errors import Conflict, NotFound, Unauthenticated, Unavailable

RESPONSE = "application/graphql-response+json"


@dataclass
class Visit:
    """What a request's resolvers share, and what became of them."""

    told: list[str] = field(default_factory=list)
    open: bool = True


Info = strawberry.Info[Visit, None]


@strawberry.input(one_of=True)
class Which:
    id: strawberry.Maybe[int]
    name: strawberry.Maybe[str]


@strawberry.type
class Person:
    name: str

    @strawberry.field
    def friend(self) -> Person:
        return Person(name=f"{self.name}'s friend")

    @strawberry.field
    def friends(self, first: int = 2) -> list[Person]:
        return [Person(name=f"{self.name} {number}") for number in range(first)]


@strawberry.type
class Query:
    @strawberry.field
    async def viewer(self) -> Person:
        return Person(name="Ada")

    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello, {name}!"

    @strawberry.field
    def sum(self, numbers: list[int]) -> int:
        return sum(numbers)

    @strawberry.field
    def echo(self, value: JSON) -> JSON:
        return value

    @strawberry.field
    def which(self, by: Which) -> str:
        return str(by)

    @strawberry.field
    def told(self, info: Info) -> list[str]:
        return [*info.context.told, *info.input_extensions]

    @strawberry.field
    def missing(self) -> str | None:
        raise NotFound

    @strawberry.field
    def contradiction(self) -> str | None:
        raise Conflict("The key was used before.", key="k-1")

    @strawberry.field
    def broken(self, secret: str = "") -> str | None:
        raise KeyError(secret)

    @strawberry.field
    def many_broken(self) -> list[Broken]:
        return [Broken() for _ in range(50)]

    @strawberry.field
    def cut_off(self) -> str | None:
        raise ConnectionResetError("the server closed the connection")

    @strawberry.field
    def huge(self) -> int:
        return 2**31

    @strawberry.field
    async def slow(self, info: Info) -> str | None:
        try:
            await asyncio.Event().wait()
        finally:
            info.context.told.append("slow ended, open" if info.context.open else "slow ended, closed")
        return "late"

    @strawberry.field
    def required(self) -> str:
        raise NotFound

    @strawberry.field
    async def required_later(self) -> str:
        await asyncio.sleep(0)
        raise NotFound


@strawberry.type
class Broken:
    @strawberry.field
    def value(self) -> str | None:
        raise ValueError("always")


@strawberry.type
class Mutation:
    @strawberry.mutation
    def greet(self, info: Info, name: str) -> str:
        info.context.told.append(name)
        return f"Hello, {name}!"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


SCHEMA = strawberry.Schema(Query, Mutation, Subscription)


@dataclass
class Toy:
    """An endpoint and everything that was told to its context."""

    documents: Documents = field(default_factory=lambda: Documents(SCHEMA))
    graphiql: bool = False
    body: int = BODY
    visits: list[Visit] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)

    @asynccontextmanager
    async def context(self, request: Request) -> AsyncIterator[Visit]:
        authorization = request.headers.get("authorization", "")
        if authorization == "Bearer forged":
            raise Unauthenticated("The token is forged.")
        if authorization == "Bearer down":
            raise Unavailable("The database is being moved.")
        if authorization == "Bearer lost":
            raise ConnectionRefusedError
        visit = Visit()
        self.visits.append(visit)
        yield visit
        visit.open = False

    @property
    def app(self) -> Starlette:
        endpoint = graphql_endpoint(SCHEMA, self.context, self.documents, graphiql=self.graphiql, body=self.body)
        return Starlette(
            routes=[Route("/graphql", endpoint)], middleware=[Middleware(Observability, metrics=self.metrics)]
        )

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url="http://toy.test")

    async def ask(self, method: str = "POST", **options: Any) -> httpx2.Response:
        async with self.client() as client:
            return await client.request(method, "/graphql", **options)

    async def post(self, query: object, *, accept: str = RESPONSE, **more: Any) -> httpx2.Response:
        return await self.ask(json={"query": query, **more}, headers={"accept": accept})


def pieces(size: int, count: int, taken: list[int]) -> Iterator[bytes]:
    """A body in pieces, which counts those that were taken."""
    for number in range(count):
        taken.append(number)
        yield b" " * size


def codes(response: httpx2.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json()["errors"]]


def says(response: httpx2.Response) -> str:
    message: str = response.json()["errors"][0]["message"]
    return message
