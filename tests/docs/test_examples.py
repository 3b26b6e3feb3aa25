"""Every GraphQL example of the documentation is valid, and runs on the demo scene as the page says."""

from __future__ import annotations

import asyncio
from operator import attrgetter
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLSchema

from gateway.documents import Document, Documents
from tests.docs.demo import Demo, alike, selections
from tests.docs.pages import Example, all_blocks, examples
from tests.gateway.live.speaking import listening, served

EXAMPLES = examples()


@pytest.mark.parametrize("example", EXAMPLES, ids=attrgetter("place"))
def test_an_example_is_valid_and_within_every_limit(documents: Documents, example: Example) -> None:
    document = documents.read(example.document)

    assert isinstance(document, Document), document.errors
    assert len(document.operations) == 1


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if not (each.changes or each.follows)], ids=attrgetter("place")
)
async def test_a_query_runs_and_shows_something(shared: Demo, documents: Documents, example: Example) -> None:
    await run(shared, documents.schema, example)


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.changes], ids=attrgetter("place"))
async def test_a_mutation_runs_and_shows_something(demo: Demo, documents: Documents, example: Example) -> None:
    await run(demo, documents.schema, example)


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.follows], ids=attrgetter("place"))
async def test_a_subscription_runs_and_shows_what_happens(demo: Demo, example: Example) -> None:
    variables, bearer = await demo.asked(example)

    async with served(demo.app) as door, listening(door, bearer, example.document, **variables) as listener:
        await demo.stir(variables)
        name, told = await listener.event()

    assert (name, "errors" in told) == ("next", False), told
    assert example.answer is None or alike(example.answer, told["data"]), told["data"]


async def test_the_python_that_follows_is_told_what_happens(demo: Demo) -> None:
    (block,) = all_blocks("python", "following")
    example = next(each for each in EXAMPLES if each.follows)
    variables, bearer = await demo.asked(example)
    told: asyncio.Queue[Any] = asyncio.Queue()
    names: dict[str, Any] = {"print": told.put_nowait}
    exec(block.text, names)

    async with served(demo.app) as door:
        following = asyncio.create_task(names["follow"](door.socket, bearer, example.document, variables))
        await demo.stir(variables)
        answer = await asyncio.wait_for(told.get(), 10)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    assert "errors" not in answer
    assert answer["data"]["invoiceChanged"]["event"] == "invoice.changed"


async def run(demo: Demo, graph: GraphQLSchema, example: Example) -> None:
    """Ask, and compare what comes with what the page shows, if it does."""
    answer = await demo.ask(example)

    assert "errors" not in answer, answer["errors"]
    assert None not in answer["data"].values()
    assert [] not in selections(answer, "nodes")
    if example.answer is None:
        assert problems(graph).isdisjoint(selections(answer, "__typename")), answer
    else:
        assert alike(example.answer, answer["data"]), answer["data"]


def problems(graph: GraphQLSchema) -> set[str]:
    """The name of every problem."""
    problem = graph.type_map["Problem"]
    assert isinstance(problem, GraphQLInterfaceType)
    return {kind.name for kind in graph.get_implementations(problem).objects}
