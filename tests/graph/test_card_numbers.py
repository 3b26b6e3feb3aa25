"""Card numbers at the door: refused in a sentence, and repeated nowhere."""

import json
from io import StringIO
from typing import Any

import pytest

from tests.scenery import World

CARD = "4242424242424242"


async def asked(world: World, body: Any, **headers: str) -> tuple[int, str]:
    response = await world.client.post("/graphql", json=body, headers=headers)
    return response.status_code, response.text


@pytest.mark.parametrize(
    "body",
    [
        {"query": "query Q($a: ID!) { node(id: $a) { id } }", "variables": {"a": "4242 4242 4242 4242"}},
        {"query": f'{{ node(id: "{CARD}") {{ id }} }}'},
        {"query": "{ plans { key } }", "operationName": CARD},
        {"query": "{ plans { key } }", "extensions": {CARD: 1}},
    ],
    ids=["variable", "literal", "name", "extension"],
)
async def test_a_request_with_one_is_refused_and_nothing_repeats_it(world: World, body: Any, lines: StringIO) -> None:
    status, text = await asked(world, body)

    (error,) = json.loads(text)["errors"]
    assert (status, error["extensions"]["code"]) == (400, "INVALID_INPUT")
    assert error["message"].startswith("Something in this request looks like a card number")
    assert "4242" not in text + lines.getvalue()


async def test_a_reason_with_one_is_refused(world: World) -> None:
    status, text = await asked(world, {"query": "{ plans { key } }"}, **{"seatgraph-reason": CARD})

    assert (status, "looks like a card number" in text) == (400, True)
