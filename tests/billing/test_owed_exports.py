"""Exports: who gets which rows, and what a spreadsheet makes of them."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from auth.policy import ROLES, Actor, ActorKind, Desk, Role, sees
from billing import one_off
from billing.exporting import harmless
from billing.invoices import finalize
from billing.one_off import Wanted
from gateway.exports import Places, exports_endpoint, sheets
from kernel import ids
from kernel.work import Work
from resolvers.info import Context
from tests.billing.living import Life, Open, lives

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAFF = Actor(kind=ActorKind.STAFF, person_id=1, desk=Desk.FINANCE)


@pytest.fixture
async def opened(fresh_database_url: str) -> AsyncIterator[Open]:
    async with lives(fresh_database_url) as made:
        yield made


@pytest.fixture
async def life(opened: Open) -> Life:
    made = await opened(NOW)
    lines = [Wanted('=HYPERLINK("http://evil.test")', 1_005), Wanted("Cake, with\u2028cream", 50)]
    await made.do(lambda work, account: _issued(work, account, lines[:1]))
    return made


async def _issued(work: Work, account: Any, lines: list[Wanted]) -> None:
    await finalize(work, await one_off.create(work, account, "EUR", lines))


def member(life: Life, role: Role) -> Actor:
    return Actor(
        kind=ActorKind.PERSON, person_id=2, grants={life.account_id: ROLES[role]}, roles={life.account_id: role}
    )


async def get(life: Life, actor: Actor, sheet: str, method: str = "GET", **query: str) -> httpx2.Response:
    @asynccontextmanager
    async def context(_request: Request) -> AsyncIterator[Context]:
        work = Work(life.engine, life.now, ids=life.blocks, sees=sees(actor))
        try:
            yield Context(work, actor)
        finally:
            await work.close()

    app = Starlette(routes=[Route("/export/{sheet}.csv", exports_endpoint(context, sheets, Places()))])
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://seatgraph.test") as client:
        return await client.request(method, f"/export/{sheet}.csv", params=query)


def rows(response: httpx2.Response) -> list[dict[str, str]]:
    assert response.status_code == 200, response.text
    return list(csv.DictReader(StringIO(response.text)))


@pytest.mark.parametrize("role", [Role.OWNER, Role.BILLING_ADMIN, Role.AUDITOR])
async def test_whoever_sees_invoices_gets_those_of_their_account(life: Life, role: Role) -> None:
    response = await get(life, member(life, role), "invoices", account=ids.encode("account", life.account_id))

    (row,) = rows(response)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert (row["number"], row["state"], row["currency"]) == ("SG-2026-000001", "open", "EUR")
    assert (row["total_minor"], row["total"], row["remaining"]) == ("1196", "11.96", "11.96")


async def test_no_text_becomes_a_formula(life: Life) -> None:
    response = await get(life, STAFF, "lines")

    (row,) = rows(response)
    assert row["description"] == '\'=HYPERLINK("http://evil.test")'
    assert [harmless(text) for text in ("+1", "-1", "@a", "\t=1", "plain", None)] == [
        *("'+1", "'-1", "'@a", "'\t=1", "plain", ""),
    ]


async def test_staff_get_the_entries_of_everybody(opened: Open, life: Life) -> None:
    other = await opened(NOW)
    await other.do(lambda work, account: _issued(work, account, [Wanted("Cake", 100)]))

    told = rows(await get(life, STAFF, "entries"))
    mine = rows(await get(life, STAFF, "entries", account=ids.encode("account", life.account_id)))

    assert {row["account"] for row in told} == {ids.encode("account", one.account_id) for one in (life, other)}
    assert {(row["debit"], row["credit"], row["amount"]) for row in mine} == {
        ("receivable", "revenue", "10.05"),
        ("receivable", "tax_payable", "1.91"),
    }


async def test_an_account_without_invoices_exports_the_heading_alone(opened: Open) -> None:
    life = await opened(NOW)

    response = await get(life, STAFF, "lines")

    assert rows(response) == []
    assert response.text.startswith("invoice,account,number,")


async def test_many_rows_come_through_whole(opened: Open) -> None:
    life = await opened(NOW)
    lines = [Wanted(f"Line {number}", number) for number in range(1, 1_000)]
    for _ in range(2):
        await life.do(lambda work, account: _issued(work, account, lines))

    told = rows(await get(life, STAFF, "lines", since="2026-03-01T12:00:00Z", until="2026-03-01T12:00:01Z"))

    assert sum(int(row["amount_minor"]) for row in told) == 2 * sum(range(1, 1_000))
    assert rows(await get(life, STAFF, "lines", until="2026-03-01T12:00:00Z")) == []


@pytest.mark.parametrize(
    ("who", "sheet", "query", "status"),
    [
        ("nobody", "invoices", {}, 401),
        ("owner", "entries", {"account": "own"}, 403),
        ("seat admin", "invoices", {"account": "own"}, 403),
        ("stranger", "invoices", {"account": "own"}, 404),
        ("owner", "invoices", {}, 400),
        ("owner", "invoices", {"account": "inv_1"}, 400),
        ("owner", "invoices", {"account": "own", "since": "yesterday"}, 400),
        ("owner", "invoices", {"account": "own", "since": "2026-01-01"}, 400),
        ("owner", "people", {"account": "own"}, 404),
    ],
)
async def test_others_are_refused(life: Life, who: str, sheet: str, query: dict[str, str], status: int) -> None:
    actors = {
        "nobody": Actor(),
        "owner": member(life, Role.OWNER),
        "seat admin": member(life, Role.SEAT_ADMIN),
        "stranger": Actor(kind=ActorKind.PERSON, person_id=9),
    }
    asked = {name: ids.encode("account", life.account_id) if value == "own" else value for name, value in query.items()}

    response = await get(life, actors[who], sheet, **asked)

    assert (response.status_code, response.headers["content-type"]) == (status, "application/json")


async def test_only_get_is_answered(life: Life) -> None:
    response = await get(life, STAFF, "lines", method="POST")

    assert (response.status_code, response.headers["allow"]) == (405, "GET")
