"""Observability: an id, a line and a share of the metrics for every request, and no secret in any of them."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import httpx2
import pytest
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.health import health_routes
from gateway.logs import LINE
from gateway.metrics import Metrics
from gateway.observability import Observability, request_id
from gateway.redaction import HIDDEN, redacted
from kernel.errors import NotFound
from tests.gateway.toy import Toy

CARD = "4242424242424242"


def last(lines: StringIO) -> dict[str, object]:
    found: dict[str, object] = json.loads(lines.getvalue().splitlines()[-1])
    return found


async def get(app: ASGIApp, path: str, **headers: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://toy.test", headers=headers) as client:
        return await client.get(path)


async def crash(_request: Request) -> Response:
    raise RuntimeError("everything is on fire")


async def lost(_request: Request) -> Response:
    raise NotFound


async def tell_id(request: Request) -> Response:
    return PlainTextResponse(request_id(request.scope))


async def break_off(_request: Request) -> Response:
    def body() -> Iterator[bytes]:
        yield b"begun"
        raise RuntimeError("half way")

    return StreamingResponse(body())


def app() -> Starlette:
    routes = [
        Route("/crash", crash),
        Route("/lost", lost),
        Route("/id", tell_id),
        Route("/half", break_off),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Observability, metrics=Metrics())])


async def test_a_request_leaves_one_line(lines: StringIO) -> None:
    await Toy().post("query Greeting { hello }")

    [line] = [json.loads(each) for each in lines.getvalue().splitlines()]
    assert {name: line[name] for name in ("event", "method", "path", "status", "operation", "name")} == {
        "event": "request",
        "method": "POST",
        "path": "/graphql",
        "status": 200,
        "operation": "query",
        "name": "Greeting",
    }
    assert len(line["document"]) == 12
    assert line["ms"] >= 0


async def test_the_line_says_which_codes_the_client_was_told(lines: StringIO) -> None:
    await Toy().post("{ missing contradiction }")

    assert last(lines)["codes"] == "CONFLICT,NOT_FOUND"


async def test_a_name_that_is_no_plain_word_stays_out_of_the_log(lines: StringIO) -> None:
    await Toy().post(f"query {'N' * 65} {{ hello }}")

    assert "name" not in last(lines)


async def test_the_query_of_an_address_stays_out_of_the_log(lines: StringIO) -> None:
    await Toy().ask("GET", params={"query": '{ hello(name: "hunter2") }'})

    assert "hunter2" not in lines.getvalue()
    assert last(lines)["path"] == "/graphql"


async def test_a_request_keeps_the_id_it_came_with(lines: StringIO) -> None:
    response = await get(app(), "/id", **{"x-request-id": "edge-7.a_B"})

    assert (response.headers["x-request-id"], response.text) == ("edge-7.a_B", "edge-7.a_B")
    assert last(lines)["request_id"] == "edge-7.a_B"


@pytest.mark.parametrize("given", ["", "x" * 65, "two words", 'a"b', "a\tb"])
async def test_an_id_that_is_not_sane_is_replaced(given: str, lines: StringIO) -> None:
    response = await get(app(), "/id", **{"x-request-id": given})

    assert response.headers["x-request-id"] != given
    assert len(response.headers["x-request-id"]) == 24
    assert last(lines)["request_id"] == response.text


async def test_no_id_leaks_from_one_request_into_the_next_line(lines: StringIO) -> None:
    await get(app(), "/id", **{"x-request-id": "first"})

    structlog.get_logger().info("between requests")

    assert "request_id" not in last(lines)


async def test_a_crash_is_answered_with_a_reference_and_the_process_lives(lines: StringIO) -> None:
    response = await get(app(), "/crash")

    error = response.json()["errors"][0]
    masked, access = (json.loads(line) for line in lines.getvalue().splitlines())
    assert response.status_code == 500
    assert masked["reference"] in error["message"]
    assert (access["status"], access["codes"]) == (500, "INTERNAL")
    assert masked["request_id"] == access["request_id"] == response.headers["x-request-id"]


async def test_a_fault_that_nobody_caught_has_its_own_status(lines: StringIO) -> None:
    response = await get(app(), "/lost")

    assert (response.status_code, last(lines)["codes"]) == (404, "NOT_FOUND")


async def test_an_answer_that_breaks_off_is_in_the_log(lines: StringIO) -> None:
    with pytest.raises(AssertionError):  # the transport misses the end of the body
        await get(app(), "/half")

    assert (last(lines)["status"], last(lines)["codes"]) == (200, "INTERNAL")


async def test_figures_are_kept_by_kind_status_and_code(lines: StringIO) -> None:
    toy = Toy()
    await toy.post("{ hello missing }")
    await toy.post('mutation { greet(name: "Ada") }')
    await toy.ask("PUT")

    async def ready() -> None:
        return None

    page = (await get(Starlette(routes=health_routes(ready, toy.metrics)), "/metrics")).text

    assert 'seatgraph_requests_total{operation="query",status="294"} 1.0' in page
    assert 'seatgraph_requests_total{operation="mutation",status="200"} 1.0' in page
    assert 'seatgraph_requests_total{operation="none",status="405"} 1.0' in page
    assert 'seatgraph_request_seconds_count{operation="query"} 1.0' in page
    assert 'seatgraph_errors_total{code="NOT_FOUND"} 1.0' in page
    assert "seatgraph_requests_in_flight 0.0" in page
    assert lines.getvalue()


async def test_health_is_about_the_process_and_readiness_about_the_database(lines: StringIO) -> None:
    async def away() -> None:
        raise ConnectionRefusedError("postgres://user:hunter2@db is away")

    async def there() -> None:
        return None

    down, up = (Starlette(routes=health_routes(ready, Metrics())) for ready in (away, there))

    assert (await get(down, "/healthz")).status_code == 200
    refused = await get(down, "/readyz")
    assert (refused.status_code, refused.text) == (503, "The database is not answering.\n")
    assert (await get(up, "/readyz")).status_code == 200
    assert "hunter2" not in lines.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key sgk_live_9f3ac1d2e4b70.aB-c was used", f"key {HIDDEN} was used"),
        (f"/invitations/sgi_{'aB-_' * 10}abc", f"/invitations/{HIDDEN}"),
        ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", HIDDEN),
        ("Authorization: Bearer abcdefgh12345678", f"Authorization: {HIDDEN}"),
        ("sk_test_51abcDEF", HIDDEN),
        ("whsec_abcdef123", HIDDEN),
        ("postgresql://app:hunter2@127.0.0.1/db", f"postgresql://{HIDDEN}@127.0.0.1/db"),
        (f"card {CARD}.", f"card {HIDDEN}."),
        ("card 4242 4242-4242 4242", f"card {HIDDEN}"),
        ("4242424242424243", "4242424242424243"),
        ("seat_9f3ac1d2e4b70 of 12 seats", "seat_9f3ac1d2e4b70 of 12 seats"),
        ("a basic plan", "a basic plan"),
    ],
)
def test_secrets_are_recognized_by_their_shape(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_secrets_are_recognized_by_their_name_and_at_any_depth() -> None:
    event = {"headers": {"Authorization": "x", "Set-Cookie": "y", "accept": "z"}, "list": [{"api_key": 1}, int(CARD)]}

    assert redacted(event) == {
        "headers": {"Authorization": HIDDEN, "Set-Cookie": HIDDEN, "accept": "z"},
        "list": [{"api_key": HIDDEN}, HIDDEN],
    }


def test_the_standard_library_logs_the_same_way(lines: StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("token %s refused", "eyJhbGciOiJFUzI1NiJ9.e30.c2ln")
    logging.getLogger("uvicorn.access").warning("GET /graphql?query=secret")

    assert last(lines)["event"] == f"token {HIDDEN} refused"
    assert last(lines)["logger"] == "uvicorn.error"
    assert "query=secret" not in lines.getvalue()


def test_whatever_is_logged_is_one_short_line_of_json(lines: StringIO) -> None:
    log = structlog.get_logger()
    log.info(
        "x\ny" * 5_000, big=2**70, odd="\ud800", thing=object(), **{f"field{number}": "é" * 900 for number in range(30)}
    )
    log.info("empty", nothing=None, deep={"a": {"b": [1, 2]}})

    first, second = lines.getvalue().splitlines()
    assert len(first.encode()) <= LINE
    assert json.loads(second)["deep"] == {"a": {"b": [1, 2]}}
