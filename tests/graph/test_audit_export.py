"""The audit log, narrowed in the graph, and taken home as CSV or as lines of JSON."""

from __future__ import annotations

import asyncio
import csv
import json
from datetime import timedelta
from io import StringIO
from typing import Any

import httpx2
import pytest

from auth.policy import Desk, KeyScope, Role
from kernel import audit, ids
from tests.scenery import Asker, Scene

FORMS = ["csv", "jsonl"]


async def export(scene: Scene, form: str, as_: Asker = None, **query: str) -> httpx2.Response:
    """The audit log of a workspace, as somebody gets it."""
    asker = as_ or scene.owner
    bearer = asker if isinstance(asker, str) else asker.bearer
    return await scene.world.client.get(
        f"/export/audit.{form}",
        params={"account": scene.account} | query,
        headers={"authorization": f"Bearer {bearer}"},
    )


def rows(response: httpx2.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    if response.headers["content-type"].startswith("text/csv"):
        return list(csv.DictReader(StringIO(response.text)))
    return [json.loads(line) for line in response.text.splitlines()]


async def recorded(scene: Scene, *actions: str, **said: Any) -> None:
    """A record for each of these actions."""
    now = await scene.world.now()
    told: dict[str, Any] = {"actor": "person", "person_id": scene.owner.number, "request_id": "one"} | said
    async with scene.world.connection() as connection:
        await audit.append(
            connection,
            [
                audit.Entry(
                    scene.world.number(),
                    scene.number,
                    now,
                    action,
                    "workspace",
                    scene.number,
                    {"name": "Acme"},
                    {"name": "=1+1"},
                    audit.Origin(**told),
                )
                for action in actions
            ],
        )


@pytest.fixture
async def logged(workspace: Scene) -> Scene:
    """A workspace with four records: two of the owner's, one of our staff, one of a login that was refused."""
    await recorded(workspace, "workspace.renamed", "workspace.renamed")
    await recorded(workspace, "workspace.changed", actor="staff", person_id=None, reason="=cmd()", request_id="two")
    await recorded(workspace, "login.refused", actor="anonymous", person_id=None, request_id="three")
    return workspace


NARROWED: list[tuple[dict[str, str], list[int]]] = [
    ({}, [1, 2, 3, 4]),
    ({"action": "workspace.renamed"}, [1, 2]),
    ({"actor": "staff"}, [3]),
    ({"outcome": "refused"}, [4]),
    ({"outcome": "done"}, [1, 2, 3]),
    ({"request": "two"}, [3]),
    ({"action": "workspace.renamed", "actor": "staff"}, []),
    ({"action": "' or true --"}, []),
    ({"until": "2020-01-01T00:00:00Z"}, []),
    ({"since": "2020-01-01T00:00:00Z"}, [1, 2, 3, 4]),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("query", "found"), NARROWED)
async def test_an_export_is_narrowed(logged: Scene, form: str, query: dict[str, str], found: list[int]) -> None:
    response = await export(logged, form, **query)

    assert [int(row["seq"]) for row in rows(response)] == found
    assert response.headers["content-disposition"] == f'attachment; filename="audit.{form}"'
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("query", "found"), NARROWED)
async def test_the_graph_narrows_likewise(logged: Scene, query: dict[str, str], found: list[int]) -> None:
    kept = query | ({"outcome": query["outcome"].upper()} if "outcome" in query else {})
    document = (
        "query($id: ID!, $kept: WorkspaceAuditFilter)"
        " { workspace(id: $id) { auditLog(first: 50, filter: $kept) { nodes { seq outcome } } } }"
    )

    reply = await logged.world.ask(document, logged.owner, id=logged.id, kept=kept)

    nodes = reply.data["workspace"]["auditLog"]["nodes"]
    assert [node["seq"] for node in nodes] == found
    assert {node["outcome"] for node in nodes if node["seq"] == 4} <= {"REFUSED"}


async def test_both_are_narrowed_to_a_person_a_thing_and_a_place(logged: Scene) -> None:
    owner, other = logged.owner.id, ids.encode("seat", logged.world.number())
    document = (
        "query($id: ID!, $person: ID, $subject: ID) { workspace(id: $id) {"
        " auditLog(first: 50, filter: {person: $person, subject: $subject}) { nodes { seq } } } }"
    )

    mine = await logged.world.ask(document, logged.owner, id=logged.id, person=owner, subject=logged.id)
    none = await logged.world.ask(document, logged.owner, id=logged.id, subject=other)

    assert [node["seq"] for node in mine.data["workspace"]["auditLog"]["nodes"]] == [1, 2]
    assert none.data["workspace"]["auditLog"]["nodes"] == []
    assert [row["seq"] for row in rows(await export(logged, "jsonl", person=owner, subject=logged.id))] == [1, 2]
    assert rows(await export(logged, "jsonl", subject=other)) == []
    assert [row["seq"] for row in rows(await export(logged, "jsonl", after="3"))] == [4]


async def test_a_spreadsheet_finds_no_formula_and_json_is_what_it_was(logged: Scene) -> None:
    printed = rows(await export(logged, "csv"))[2]
    told = rows(await export(logged, "jsonl"))[2]

    assert printed["reason"] == "'=cmd()"
    assert printed["after"] == '{"name": "=1+1"}'
    assert told["reason"] == "=cmd()"
    assert told["before"] == {"name": "Acme"}
    assert (told["subject"], told["actor"], told["outcome"]) == (logged.id, "staff", "done")


async def test_a_record_names_whoever_did_it_to_those_who_may_see_them(logged: Scene) -> None:
    key = await logged.key(KeyScope.AUDIT_READ)

    seen = rows(await export(logged, "jsonl", logged.members[Role.AUDITOR]))[0]
    blind = rows(await export(logged, "jsonl", key.bearer))[0]

    assert (seen["person"], seen["email"]) == (logged.owner.id, logged.owner.email)
    assert (blind["person"], blind["email"]) == (logged.owner.id, None)


REFUSED = {
    "SEAT_ADMIN": (403, "FORBIDDEN"),
    "BILLING_ADMIN": (403, "FORBIDDEN"),
    "MEMBER": (403, "FORBIDDEN"),
}


@pytest.mark.parametrize("role", Role)
async def test_those_get_it_who_may_read_it(logged: Scene, role: Role) -> None:
    response = await export(logged, "csv", logged.members[role])

    if role.name in REFUSED:
        error = response.json()["errors"][0]
        assert (response.status_code, error["extensions"]["code"]) == REFUSED[role.name]
    else:
        assert len(rows(response)) == 4


async def test_support_gets_that_of_any_account_and_strangers_get_none(logged: Scene) -> None:
    support = await logged.world.person("support", desk=Desk.SUPPORT)
    stranger = await logged.world.person("stranger")
    key = await logged.key(KeyScope.SEATS_READ)

    assert len(rows(await export(logged, "jsonl", support))) == 4
    assert (await export(logged, "jsonl", stranger)).status_code == 404
    assert (await export(logged, "jsonl", key.bearer)).status_code == 403
    assert (await logged.world.client.get("/export/audit.csv", params={"account": logged.account})).status_code == 401
    assert (await logged.world.client.post("/export/audit.csv")).status_code == 405


@pytest.mark.parametrize(
    "query",
    [
        {"outcome": "maybe"},
        {"after": "-1"},
        {"after": "9" * 30},
        {"after": "\u0663"},
        {"since": "yesterday"},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"person": "seat_0000000000000"},
        {"subject": "nothing"},
        {"subject": "wrong_0000000000000"},
        {"action": "\x00"},
        {"outcom": "refused"},
        {"account": "seat_0000000000000"},
    ],
)
async def test_what_can_not_be_meant_is_refused(logged: Scene, query: dict[str, str]) -> None:
    response = await export(logged, "csv", **query)

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def test_a_long_log_comes_in_pieces_and_whole(workspace: Scene) -> None:
    many = 1_700
    await recorded(workspace, *["workspace.renamed"] * many)
    pieces = []

    async def send(message: Any) -> None:
        pieces.append(message.get("body", b""))

    async def receive() -> Any:
        # Nothing more comes from this client, which stays.
        await asyncio.Event().wait()

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/export/audit.jsonl",
        "raw_path": b"/export/audit.jsonl",
        "query_string": f"account={workspace.account}".encode(),
        "headers": [(b"authorization", f"Bearer {workspace.owner.bearer}".encode()), (b"host", b"seatgraph.test")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "http_version": "1.1",
    }
    await workspace.world.app(scope, receive, send)

    lines = b"".join(pieces).splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, many + 1))
    assert max(piece.count(b"\n") for piece in pieces) <= 500


async def test_a_span_includes_its_start_and_not_its_end(logged: Scene) -> None:
    at = rows(await export(logged, "jsonl"))[0]["at"]
    now = await logged.world.value("select min(at) from audit_record where account_id = $1", logged.number)

    assert len(rows(await export(logged, "jsonl", since=at))) >= 2
    assert rows(await export(logged, "jsonl", until=at)) == []
    assert rows(await export(logged, "jsonl", since=(now + timedelta(days=1)).isoformat())) == []
