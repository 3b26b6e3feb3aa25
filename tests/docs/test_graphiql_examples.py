"""The examples in GraphiQL are valid, and run on the demo scene as whoever they say."""

from __future__ import annotations

import json
import re
from operator import attrgetter

import pytest

from gateway.documents import Document, Documents
from tests.docs.demo import Demo, selections
from tests.docs.pages import ROOT, Example

FILE = ROOT / "gateway" / "static" / "graphiql" / "examples.json"
POOL = {"pool": "Northwind Labs/pools/Pro seats"}


def examples() -> list[Example]:
    """The examples of the page."""
    return [
        Example(told["title"], told["query"], asker(told["query"]), None, told.get("variables", {}), POOL)
        for told in json.loads(FILE.read_text())
    ]


def asker(query: str) -> str | None:
    """Who shall ask, by the comment at the head of a document."""
    found = re.match(r"# Ask as ([\w.@]+\w)", query)
    return found and found[1]


EXAMPLES = examples()


@pytest.mark.parametrize("example", EXAMPLES, ids=attrgetter("place"))
def test_an_example_is_valid_and_within_every_limit(documents: Documents, example: Example) -> None:
    document = documents.read(example.document)

    assert isinstance(document, Document), document.errors


@pytest.mark.parametrize("example", [each for each in EXAMPLES if not each.changes], ids=attrgetter("place"))
async def test_a_query_runs_and_shows_something(shared: Demo, example: Example) -> None:
    await run(shared, example)


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.changes], ids=attrgetter("place"))
async def test_a_mutation_runs_and_shows_something(demo: Demo, example: Example) -> None:
    await run(demo, example)


async def run(demo: Demo, example: Example) -> None:
    """Ask, and insist on an answer with something in it."""
    answer = await demo.ask(example)

    assert "errors" not in answer, answer["errors"]
    assert [] not in selections(answer, "nodes")
    assert not list(selections(answer, "message")), "no example ends in a problem"


def test_titles_differ_and_nothing_else_is_told() -> None:
    told = json.loads(FILE.read_text())

    assert len({each["title"] for each in told}) == len(told)
    assert all(each.keys() <= {"title", "query", "variables"} for each in told)
