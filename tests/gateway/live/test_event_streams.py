"""GraphQL over SSE: one subscription a request, for whoever accepts an event stream."""

from __future__ import annotations

import httpx2
import pytest

from gateway.live import sse
from kernel import ids
from tests.gateway.live.speaking import INVOICES, SEATS, Served, authorization, begun, happened, listening
from tests.scenery import Scene, World

URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)


@pytest.mark.parametrize("accept", ["text/event-stream", URQL, "application/json, text/event-stream;q=0.5"])
async def test_a_subscription_is_a_stream_for_whoever_accepts_one(door: Served, workspace: Scene, accept: str) -> None:
    invoice = await workspace.invoice()

    async with listening(
        door, workspace.owner, INVOICES, headers={"accept": accept}, account=workspace.account
    ) as listener:
        await begun(workspace)
        await happened(workspace, "invoice.paid", {"invoice": ids.decode("inv", invoice)})
        change = await listener.change()

    assert listener.response.status_code == 200
    assert listener.response.headers["cache-control"] == "no-store"
    assert listener.response.headers["x-accel-buffering"] == "no"
    assert change["event"] == "invoice.paid"


async def test_a_subscription_may_be_asked_for_by_get(door: Served, workspace: Scene) -> None:
    invoice = await workspace.invoice()

    async with listening(door, workspace.owner, INVOICES, method="GET", account=workspace.account) as listener:
        await begun(workspace)
        await happened(workspace, "invoice.paid", {"invoice": ids.decode("inv", invoice)})
        change = await listener.change()

    assert change["event"] == "invoice.paid"


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json", "*/*", "text/*, */*"])
async def test_whoever_accepts_no_stream_is_told_what_to_send(world: World, workspace: Scene, accept: str) -> None:
    reply = await world.ask(SEATS, workspace.owner, headers_={"accept": accept}, workspace=workspace.id)

    assert reply.code == "INVALID_INPUT"
    assert "Accept: text/event-stream" in reply.json["errors"][0]["message"]


@pytest.mark.parametrize("accept", [URQL, "application/json, text/event-stream", "*/*", None])
async def test_a_query_is_answered_as_ever_by_whoever_would_accept_a_stream_too(
    world: World, workspace: Scene, accept: str | None
) -> None:
    headers = {"authorization": authorization(workspace.owner)} | ({"accept": accept} if accept else {})
    response = await world.client.post("/graphql", json={"query": "{ viewer { kind } }"}, headers=headers)

    assert "json" in response.headers["content-type"]
    assert response.json()["data"] == {"viewer": {"kind": "person"}}


async def test_a_query_is_a_stream_of_one_event_for_whoever_wants_nothing_else(door: Served, workspace: Scene) -> None:
    async with listening(door, workspace.owner, "{ viewer { kind } }") as listener:
        first, last = await listener.event(), await listener.event()

    assert listener.response.status_code == 200
    assert (first[0], first[1]["data"]) == ("next", {"viewer": {"kind": "person"}})
    assert last == ("complete", None)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("subscription {", "INVALID_INPUT"),
        ("subscription { nothing }", "INVALID_INPUT"),
        ('subscription { seatChanged(workspace: "workspace_0000000000000") { event } }', "NOT_FOUND"),
        ("subscription { seatChanged(workspace: 1) { event } }", "INVALID_INPUT"),
    ],
)
async def test_what_is_refused_is_told_on_the_stream(door: Served, workspace: Scene, document: str, code: str) -> None:
    async with listening(door, workspace.owner, document) as listener:
        (name, content), last = await listener.event(), await listener.event()

    assert name == "next"
    assert [error["extensions"]["code"] for error in content["errors"]] == [code]
    assert last == ("complete", None)


async def test_nobody_gets_a_status_instead_of_a_stream(door: Served, workspace: Scene) -> None:
    async with listening(door, None, SEATS, workspace=workspace.id) as listener:
        await listener.response.aread()

    assert listener.response.status_code == 401
    assert listener.response.headers["content-type"] == "application/json; charset=utf-8"
    assert listener.response.headers["www-authenticate"] == "Bearer"


async def test_what_is_no_request_gets_a_status_instead_of_a_stream(door: Served) -> None:
    async with httpx2.AsyncClient() as client:
        response = await client.post(door.graph, content=b"nonsense", headers={"accept": "text/event-stream"})

    assert response.status_code == 415
    assert response.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_page_of_another_origin_is_not_let_read_a_stream(door: Served, workspace: Scene) -> None:
    headers = {"origin": "https://evil.example"}

    async with listening(door, workspace.owner, SEATS, headers=headers, workspace=workspace.id) as listener:
        await begun(workspace)

    assert "access-control-allow-origin" not in listener.response.headers


async def test_a_quiet_stream_is_kept_open(door: Served, workspace: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "BEAT", 0.02)

    async with listening(door, workspace.owner, SEATS, workspace=workspace.id) as listener:
        comments = [await anext(listener.lines) for _ in range(8)]

    assert set(comments) == {":", ""}


async def test_a_stream_goes_on_after_its_cursor(door: Served, workspace: Scene) -> None:
    invoice = {"invoice": ids.decode("inv", await workspace.invoice())}
    async with listening(door, workspace.owner, INVOICES, account=workspace.account) as listener:
        await begun(workspace)
        await happened(workspace, "invoice.finalized", invoice)
        cursor = (await listener.change())["cursor"]
    await happened(workspace, "invoice.paid", invoice)

    async with listening(door, workspace.owner, INVOICES, account=workspace.account, after=cursor) as listener:
        change = await listener.change()

    assert change["event"] == "invoice.paid"
