"""GraphQL over HTTP: what each request is answered with, status and media type included."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from typing import Any

import httpx2
import pytest
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from gateway.documents import Documents
from gateway.graphiql import graphiql_assets
from gateway.http import PARTIAL, UNPROCESSABLE, graphql_endpoint
from gateway.negotiation import HTML, JSON, negotiate
from gateway.requests import BODY
from tests.gateway.abuse import ABUSE
from tests.gateway.toy import RESPONSE, SCHEMA, Toy, codes, pieces, says


async def test_a_query_is_answered_in_the_media_type_of_graphql() -> None:
    response = await Toy().post("{ hello }")

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert response.json() == {"data": {"hello": "Hello, world!"}}


async def test_variables_and_an_operation_name_choose_what_runs() -> None:
    document = "query A { hello } query B($name: String!) { hello(name: $name) }"

    response = await Toy().post(document, operationName="B", variables={"name": "Ada"}, extensions=None)

    assert response.json() == {"data": {"hello": "Hello, Ada!"}}


async def test_resolvers_see_the_context_and_the_input_extensions() -> None:
    response = await Toy().post("{ told }", extensions={"trace": 1})

    assert response.json() == {"data": {"told": ["trace"]}}


async def test_a_query_by_get_needs_no_body() -> None:
    address = {"query": "query Q($name: String) { hello(name: $name) }", "variables": '{"name": "Ada"}'}

    response = await Toy().ask("GET", params={**address, "operationName": "", "extensions": ""})

    assert response.json() == {"data": {"hello": "Hello, Ada!"}}


async def test_a_mutation_by_get_is_refused_and_does_nothing() -> None:
    toy = Toy()

    response = await toy.ask("GET", params={"query": 'mutation { greet(name: "Ada") }'})

    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert codes(response) == ["INVALID_INPUT"]
    assert toy.visits == []


async def test_a_mutation_by_post_runs() -> None:
    toy = Toy()

    response = await toy.post('mutation { greet(name: "Ada") }')

    assert response.json() == {"data": {"greet": "Hello, Ada!"}}
    assert toy.visits[0].told == ["Ada"]


async def test_a_subscription_has_no_single_answer() -> None:
    response = await Toy().post("subscription { ticks }")

    assert (response.status_code, codes(response)) == (UNPROCESSABLE, ["INVALID_INPUT"])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_told_what_is_allowed(method: str) -> None:
    response = await Toy().ask(method)

    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, RESPONSE),
        ("", RESPONSE),
        ("*/*", RESPONSE),
        ("application/*", RESPONSE),
        ("application/json", JSON),
        ("application/json, */*", JSON),
        ("application/json;q=0.4, application/graphql-response+json;q=0.5", RESPONSE),
        ("application/graphql-response+json;q=0.9, APPLICATION/JSON", JSON),
        ("application/json, application/graphql-response+json", JSON),
        ("application/graphql-response+json; charset=UTF-8, application/json; charset=utf-8", RESPONSE),
        ("application/json; charset=iso-8859-1, application/graphql-response+json;q=0.1", RESPONSE),
        ("application/graphql-response+json;q=0, */*", JSON),
        ("text/event-stream, application/json;q=0.5", JSON),
        ("application/graphql-response+json;q=nonsense, application/json;q=0.001", JSON),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/xml, ,;;,", None),
    ],
)
def test_the_caller_chooses_the_media_type(accept: str | None, chosen: str | None) -> None:
    assert negotiate(accept, (RESPONSE, JSON)) == chosen


async def test_a_caller_that_accepts_nothing_of_ours_is_told_what_there_is() -> None:
    response = await Toy().post("{ hello }", accept="text/plain")

    assert (response.status_code, codes(response)) == (406, ["INVALID_INPUT"])
    assert (
        says(response) == "Answers come as application/graphql-response+json or application/json; accept one of them."
    )


@pytest.mark.parametrize(
    ("query", "status", "has_data"),
    [
        ("{ hello", 400, False),
        ("{ nonsense }", UNPROCESSABLE, False),
        ("query A { hello } query B { hello }", UNPROCESSABLE, False),
        ("query Q($n: Int!) { sum(numbers: [$n]) }", UNPROCESSABLE, False),
        ("{ hello missing }", PARTIAL, True),
        ("{ required }", PARTIAL, True),
    ],
)
async def test_the_older_media_type_says_200_where_the_newer_one_has_a_status(
    query: str, status: int, has_data: bool
) -> None:
    newer, older = await Toy().post(query), await Toy().post(query, accept=JSON)

    assert (newer.status_code, older.status_code) == (status, 200)
    assert newer.json() == older.json()
    assert ("data" in newer.json()) is has_data


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({}, "The request needs a 'query': the text of a GraphQL document."),
        ({"query": None}, "The request needs a 'query': the text of a GraphQL document."),
        ({"query": 7}, "The request needs a 'query': the text of a GraphQL document."),
        ({"query": "{ hello }", "operationName": 7}, "'operationName' must be text, or absent."),
        ({"query": "{ hello }", "variables": "x"}, "'variables' must be a JSON object, or absent."),
        ({"query": "{ hello }", "variables": [7]}, "'variables' must be a JSON object, or absent."),
        ({"query": "{ hello }", "extensions": False}, "'extensions' must be a JSON object, or absent."),
        ([{"query": "{ hello }"}], "Batches are not accepted. Send each operation in a request of its own."),
        ("{ hello }", "The body must be a JSON object with a 'query'."),
        (None, "The body must be a JSON object with a 'query'."),
    ],
)
@pytest.mark.parametrize("accept", [RESPONSE, JSON])
async def test_a_request_of_the_wrong_shape_is_told_the_right_one(parameters: Any, sentence: str, accept: str) -> None:
    body = httpx2.Request("POST", "http://x", json=parameters).content or b"null"

    response = await Toy().ask(content=body, headers={"accept": accept, "content-type": JSON})

    assert (response.status_code, codes(response), says(response)) == (400, ["INVALID_INPUT"], sentence)
    assert response.headers["content-type"].startswith(accept)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The body is not JSON: Input is a zero-length, empty document (line 1, column 1)."),
        (b'{"query":', "The body is not JSON: "),
        (b"\xef\xbb\xbf{}", "The body is not JSON: UTF-8 byte order mark (BOM) is not supported (line 1, column 1)."),
        (b'{"query": "\xff"}', "The body is not JSON: str is not valid UTF-8: "),
        (b'{"query": "\\ud800"}', "The body is not JSON: "),
        (b"[" * 100_000, "The body is not JSON: depth limit exceeded "),
    ],
)
async def test_a_body_that_is_not_json_is_refused_with_the_place(body: bytes, sentence: str) -> None:
    response = await Toy().ask(content=body, headers={"content-type": JSON})

    assert (response.status_code, codes(response)) == (400, ["INVALID_INPUT"])
    assert says(response).startswith(sentence)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/graphql"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
async def test_only_plain_json_in_utf_8_is_read(headers: dict[str, str]) -> None:
    response = await Toy().ask(content=b'{"query": "{ hello }"}', headers=headers)

    assert (response.status_code, codes(response)) == (415, ["INVALID_INPUT"])


async def test_utf_8_may_be_spelled_out() -> None:
    response = await Toy().ask(
        content='{"query": "{ hello(name: \\"Zoë\\") }"}'.encode(),
        headers={"content-type": 'Application/JSON; Charset="UTF-8"'},
    )

    assert response.json() == {"data": {"hello": "Hello, Zoë!"}}


async def test_a_body_announced_over_the_limit_is_not_read() -> None:
    response = await Toy().post("x" * BODY)

    assert (response.status_code, codes(response)) == (413, ["TOO_COMPLEX"])
    assert says(response) == "The body is longer than 131,072 bytes."


async def test_a_body_found_over_the_limit_is_read_no_further() -> None:
    taken: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces(16 * 1024, 1000, taken):
            yield piece

    response = await Toy().ask(content=body(), headers={"content-type": JSON})

    assert response.status_code == 413
    assert len(taken) < 12


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "The request needs a 'query': the text of a GraphQL document."),
        ("query=%FF", "The query of the address is not UTF-8 text, percent-encoded."),
        ("query={hello}&query={told}", "A parameter of the address is given twice."),
        ("query={hello}&variables={", "'variables' is not JSON: "),
        ("query={hello}&variables=[1]", "'variables' must be a JSON object, or absent."),
        ("&".join(f"p{number}=1" for number in range(50)), "The query of the address is not UTF-8 text"),
    ],
)
async def test_an_address_of_the_wrong_shape_is_told_the_right_one(address: str, sentence: str) -> None:
    async with Toy().client() as client:
        response = await client.get(f"/graphql?{address}")

    assert (response.status_code, codes(response)) == (400, ["INVALID_INPUT"])
    assert says(response).startswith(sentence)


async def test_an_unknown_operation_name_is_refused_without_suggestions() -> None:
    response = await Toy().post("query A { hello } query B { hello }", operationName="C")

    assert (response.status_code, codes(response)) == (UNPROCESSABLE, ["INVALID_INPUT"])
    assert says(response) == "The document has no operation of the name in 'operationName'."


async def test_a_variable_of_the_wrong_type_is_refused_before_anything_runs() -> None:
    document = "mutation($name: String!) { greet(name: $name) }"
    toy = Toy()

    response = await toy.post(document, variables={"name": ["Ada"]})

    assert (response.status_code, codes(response)) == (UNPROCESSABLE, ["INVALID_INPUT"])
    assert toy.visits[0].told == []


async def test_variables_nested_beyond_reason_are_refused_or_carried_but_never_crash() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]

    refused = await Toy().post("query($n: [Int!]!) { sum(numbers: $n) }", variables={"n": deep})
    carried = await Toy().post("query($v: JSON!) { echo(value: $v) }", variables={"v": deep})

    assert codes(refused) == ["INVALID_INPUT"]
    assert carried.status_code in {200, 422, 500}


@pytest.mark.parametrize("source", ABUSE.values(), ids=ABUSE)
async def test_abuse_is_answered_with_its_code_and_less_than_a_kilobyte_of_log(source: str, lines: StringIO) -> None:
    toy = Toy()

    response = await toy.post(source)

    assert response.status_code in {413, UNPROCESSABLE}
    assert codes(response) == ["TOO_COMPLEX"]
    assert len(lines.getvalue()) < 1_000
    assert toy.visits == []


async def test_the_process_lives_through_bodies_that_are_too_long_or_never_come() -> None:
    async with served(Toy().app) as port:
        flood = await converse(port, HEAD + CHUNKED + b"8000\r\n" + b" " * 0x8000 + b"\r\n", times=8)
        await converse(port, HEAD + b"Content-Length: 100\r\n\r\n{", leave=True)
        calm = await converse(port, HEAD + b"Content-Length: 28\r\n\r\n" + b'{"query": "{hello missing}"}')

    assert flood.startswith(b"HTTP/1.1 413 ")
    assert calm.startswith(b"HTTP/1.1 294 ")


async def test_a_long_list_in_variables_is_carried() -> None:
    numbers = [1] * 50_000

    response = await Toy().post("query($n: [Int!]!) { sum(numbers: $n) }", variables={"n": numbers})

    assert response.json() == {"data": {"sum": 50_000}}


async def test_a_forged_token_is_a_401_that_says_how_to_come_back() -> None:
    headers = {"authorization": "Bearer forged"}

    for accept in (RESPONSE, JSON):
        response = await Toy().ask(json={"query": "{ hello }"}, headers={**headers, "accept": accept})

        assert (response.status_code, codes(response)) == (401, ["UNAUTHENTICATED"])
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert "data" not in response.json()


@pytest.mark.parametrize("token", ["down", "lost"])
async def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(token: str) -> None:
    response = await Toy().ask(json={"query": "{ hello }"}, headers={"authorization": f"Bearer {token}"})

    assert (response.status_code, codes(response)) == (503, ["UNAVAILABLE"])
    assert response.headers["retry-after"] == "1"


@pytest.mark.parametrize("failing", ["required", "requiredLater"])
async def test_no_resolver_outlives_the_context_it_works_in(failing: str) -> None:
    toy = Toy()

    response = await asyncio.wait_for(toy.post(f"{{ slow {failing} }}"), 10)

    assert codes(response) == ["NOT_FOUND"]
    assert toy.visits[0].told == ["slow ended, open"]
    assert not toy.visits[0].open


async def test_a_number_beyond_the_contract_is_our_mistake() -> None:
    response = await Toy().post("{ huge }")

    assert codes(response) == ["INTERNAL"]
    assert "2147483648" not in response.text


async def test_a_schema_with_extensions_is_refused_rather_than_half_obeyed() -> None:
    class Quiet(strawberry.extensions.SchemaExtension):
        pass

    schema = strawberry.Schema(SCHEMA.query, extensions=[Quiet])

    with pytest.raises(AssertionError):
        graphql_endpoint(schema, Toy().context, Documents(schema), graphiql=False)


async def test_a_browser_in_development_gets_a_page_that_needs_nothing_from_elsewhere() -> None:
    response = await Toy(graphiql=True).ask("GET", headers={"accept": "text/html,application/xml;q=0.9,*/*;q=0.8"})

    assert response.status_code == 200
    assert response.headers["content-type"].startswith(HTML)
    assert response.headers["x-frame-options"] == "DENY"
    assert "script-src 'self'" in response.headers["content-security-policy"]
    assert "http:" not in response.text
    assert "https:" not in response.text


async def test_whatever_the_page_loads_is_served_beside_it() -> None:
    page = (await Toy(graphiql=True).ask("GET", headers={"accept": "text/html"})).text
    loaded = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    transport = httpx2.ASGITransport(Starlette(routes=[graphiql_assets()]))

    async with httpx2.AsyncClient(transport=transport, base_url="http://toy.test") as client:
        found = [(await client.get(path)).status_code for path in (*loaded, "/graphiql/examples.json")]

    assert found == [200] * 7


async def test_a_browser_in_production_gets_no_page() -> None:
    response = await Toy().ask("GET", headers={"accept": "text/html"})

    assert response.status_code == 406


async def test_development_answers_other_callers_as_ever() -> None:
    response = await Toy(graphiql=True).ask("GET", params={"query": "{ hello }"}, headers={"accept": "text/html,*/*"})

    assert response.json() == {"data": {"hello": "Hello, world!"}}


HEAD = b"POST /graphql HTTP/1.1\r\nHost: toy.test\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    """A real server of the application on loopback; its port."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield server.servers[0].sockets[0].getsockname()[1]
    await server.shutdown()


async def converse(port: int, sent: bytes, *, times: int = 1, leave: bool = False) -> bytes:
    """The first bytes of the answer to what is sent, its last 32 KiB chunk repeated `times`; none if we leave."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    for _ in range(times - 1):
        writer.write(sent[len(HEAD + CHUNKED) :])
    answer = b"" if leave else await asyncio.wait_for(reader.read(200), 5)
    writer.close()
    return answer


async def test_only_the_variables_of_a_mutation_may_be_long() -> None:
    toy = Toy(body=1024 * 1024)
    long = {"name": "x" * 200_000}

    query = await toy.post("query($name: String!) { hello(name: $name) }", variables=long)
    mutation = await toy.post("mutation($name: String!) { greet(name: $name) }", variables=long)
    text = await toy.post("mutation { greet(name: $name) } #" + "x" * 200_000)

    assert (query.status_code, codes(query)) == (413, ["TOO_COMPLEX"])
    assert len(toy.visits) == 1
    assert mutation.status_code == 200
    assert (text.status_code, codes(text)) == (422, ["TOO_COMPLEX"])
