"""Every ready-made document is within our limits, and shows something of the demo scene to whom it is for."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.documents import Document, Documents
from tests.docs.clients.building import CLIENTS
from tests.docs.demo import Demo, selections
from tests.docs.pages import Example
from tests.docs.test_examples import problems
from tests.gateway.live.speaking import listening, served

DOCUMENTS = {
    f"{path.parent.name}/{path.stem}": path
    for path in sorted(CLIENTS.glob("*/*.graphql"))
    if not path.read_text().partition("\n")[2].startswith("fragment ")
}
ADA, SOFIE, TOMASZ = "ada@example.com", "sofie.de.vries@northwind.example", "tomasz.wolski@northwind.example"
SUPPORT, FINANCE = "support@seatgraph.example", "finance@seatgraph.example"
_NORTHWIND = {"account": "Northwind Labs/account"}
_POOL = {"pool": "Northwind Labs/pools/Pro seats"}
_SEAT = {"seat": "Northwind Labs/pools/Max seats/lin.chen@*"}
_PRO = {"sub": "ada@example.com/subscriptions/pro"}
ENTERPRISE = "the plan enterprise_pro"
_KEY = {"idempotencyKey": "6b3f"}

ASKED: dict[str, tuple[str | None, dict[str, Any], dict[str, str]]] = {
    "web/PriceList": (None, {"currency": "EUR", "language": "de"}, {}),
    "web/Me": ("lin.chen@northwind.example", {}, {}),
    "web/Invoices": (SOFIE, {"account": "account_…"}, _NORTHWIND),
    "web/InvoiceChanged": (SOFIE, {"account": "account_…"}, _NORTHWIND),
    "web/Seats": (TOMASZ, {"workspace": "workspace_…", "search": "chen"}, {}),
    "web/SeatChanged": (TOMASZ, {"workspace": "workspace_…"}, {}),
    "web/AssignSeat": (TOMASZ, {"input": {"pool": "pool_…", "email": "joan@example.com", **_KEY}}, _POOL),
    "web/ReleaseSeat": (TOMASZ, {"input": {"seat": "seat_…", **_KEY}}, _SEAT),
    "web/WouldCost": ("alan@example.com", {"account": "account_…", "price": "price_…"}, {"price": "pro month JPY"}),
    "web/Subscribe": (
        "alan@example.com",
        {"input": {"account": "account_…", "price": "price_…", **_KEY}},
        {"price": "pro month JPY"},
    ),
    "mobile/Home": (ADA, {}, {}),
    "mobile/Receipts": (ADA, {}, {}),
    "mobile/Paper": (ADA, {"invoice": "inv_…"}, {"inv": "ada@example.com/invoices/*"}),
    "mobile/Cancel": (ADA, {"input": {"subscription": "sub_…", **_KEY}}, _PRO),
    "mobile/AskForSeat": (
        "hana.novak@northwind.example",
        {"input": {"workspace": "workspace_…", "plan": ENTERPRISE, **_KEY}},
        {},
    ),
    "internal/FindCustomer": (SUPPORT, {"text": "northwind"}, {}),
    "internal/Customer": (SUPPORT, {"account": "account_…"}, _NORTHWIND),
    "internal/ExplainInvoice": (SUPPORT, {"invoice": "inv_…"}, {"inv": "ada@example.com/invoices/*"}),
    "internal/OpenInvoices": (SUPPORT, {}, {}),
    "internal/WhatHappened": (SUPPORT, {"account": "account_…"}, _NORTHWIND),
    "internal/EndForCustomer": (
        FINANCE,
        {"input": {"subscription": "sub_…", "at": "NOW", **_KEY}},
        {"sub": "grace@example.com/subscriptions/max"},
    ),
    "internal/MonthEnd": (
        FINANCE,
        {"currency": "EUR", "at": "2026-02-01T00:00:00Z", "since": "2026-01-01", "until": "2026-01-31"},
        {},
    ),
}
"""Who asks each document of the demo scene, with which variables, and what the ids in them stand for."""


def text_of(path: Path) -> str:
    """A document with the fragments that it spreads."""
    text, spread = path.read_text(), set[str]()
    while wanted := set(re.findall(r"\.\.\.([A-Z]\w+)", text)) - spread:
        text += "".join(path.with_stem(name).read_text() for name in wanted)
        spread |= wanted
    return text


def example(name: str) -> Example:
    who, variables, things = ASKED[name]
    reason = "ticket 4711" if name == "internal/EndForCustomer" else None
    return Example(name, text_of(DOCUMENTS[name]), who, reason, variables, things)


def test_every_document_is_asked_here() -> None:
    assert DOCUMENTS.keys() == ASKED.keys()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_valid_and_has_the_name_of_its_file(name: str, documents: Documents) -> None:
    document = documents.read(text_of(DOCUMENTS[name]))

    assert isinstance(document, Document), document.errors
    assert [each.name for each in document.operations] == [DOCUMENTS[name].stem]


@pytest.mark.parametrize("name", [each for each in DOCUMENTS if not (example(each).changes or example(each).follows)])
async def test_a_question_is_answered(name: str, shared: Demo) -> None:
    answer = await shared.ask(example(name))

    assert "errors" not in answer, answer["errors"]
    assert None not in answer["data"].values()
    assert [] not in selections(answer, "nodes")
    assert [] not in selections(answer, "edges")


@pytest.mark.parametrize("name", [each for each in DOCUMENTS if example(each).changes])
async def test_a_change_is_made(name: str, demo: Demo, documents: Documents) -> None:
    plan = (await demo.ask(Example("", '{ plan(key: "enterprise_pro") { id } }')))["data"]["plan"]["id"]
    asked = example(name)
    variables = {each: {**given, **_bought(given, plan)} for each, given in asked.variables.items()}

    answer = await demo.ask(replace(asked, variables=variables))

    assert "errors" not in answer, answer["errors"]
    assert problems(documents.schema).isdisjoint(selections(answer, "__typename")), answer


def _bought(given: dict[str, Any], plan: str) -> dict[str, str]:
    return {"plan": plan} if given.get("plan") == ENTERPRISE else {}


@pytest.mark.parametrize("name", [each for each in DOCUMENTS if example(each).follows])
async def test_a_subscription_tells_what_happens(name: str, demo: Demo) -> None:
    variables, bearer = await demo.asked(example(name))

    async with served(demo.app) as door, listening(door, bearer, example(name).document, **variables) as listener:
        await demo.stir(variables)
        name, told = await listener.event()

    assert (name, "errors" in told) == ("next", False), told
