"""Patience: a query that takes too long is stopped, and so is what it waits for in the database."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.routing import Route

import schema
from gateway.documents import Documents
from gateway.http import graphql_endpoint
from tests.gateway.toy import SCHEMA, Toy
from tests.scenery import World

WAITING = """
    select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query ilike '%from plan %'
"""
STOPPED = {"code": "TOO_COMPLEX", "details": {"limit": "seconds", "most": 0}}


async def asked(endpoint: Any, document: str) -> list[Any]:
    """The errors of an endpoint that has little patience."""
    endpoint.patience = 0.2
    app = Starlette(routes=[Route("/graphql", endpoint)])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://here.test") as client:
        response = await client.post("/graphql", json={"query": document})
    errors: list[Any] = response.json()["errors"]
    return errors


async def test_a_query_that_takes_too_long_is_stopped_before_its_request_ends() -> None:
    toy = Toy()
    endpoint = graphql_endpoint(SCHEMA, toy.context, toy.documents, graphiql=False)

    (error,) = await asked(endpoint, "{ slow }")

    assert error["extensions"] == STOPPED
    assert [visit.told for visit in toy.visits] == [["slow ended, open"]]


async def test_nothing_waits_in_the_database_for_a_query_that_was_stopped(world: World) -> None:
    graph = schema.graph()
    endpoint = graphql_endpoint(graph, world.app.state.door.context, Documents(graph), graphiql=False)

    async with world.connection() as owner:
        await owner.execute("lock table plan in access exclusive mode")
        (error,) = await asked(endpoint, "{ plans { key } }")
        await _nobody_waits(world)

    assert error["extensions"] == STOPPED
    assert (await world.ask("{ plans { key } }")).data["plans"]


async def _nobody_waits(world: World) -> None:
    """Wait until nothing waits for the table: PostgreSQL hears a moment later that a statement was canceled."""
    async with asyncio.timeout(60):
        while True:
            if not await world.value(WAITING):
                return
            await asyncio.sleep(0.02)
