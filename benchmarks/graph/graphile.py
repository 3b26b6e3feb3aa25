"""PostGraphile: its schema is made of the tables, so it is asked in other words, and its answers are put into ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.graph.operations import Operation

Row = Mapping[str, Any]

NAME = "PostGraphile"

_VIEWER = """query Viewer($person: BigInt!) { personByRowId(rowId: $person) { rowId name email accountByPersonId {
    rowId name paymentMethodsByAccountId { nodes { rowId kind brand last4 expiresOn isDefault } }
    agreementsByAccountId(first: 1, orderBy: [CREATED_AT_ASC, ROW_ID_ASC]) { nodes {
        rowId state interval periodEnd planByPlanId { rowId key name } } } } } }"""
_SEATS = """query Seats($workspace: BigInt!) { workspaceByRowId(rowId: $workspace) {
    assignmentsByAccountId(first: 100, orderBy: [SINCE_ASC, ROW_ID_ASC]) { pageInfo { hasNextPage endCursor }
        nodes { rowId state since personByPersonId { rowId name email } planByPlanId { key name } } } } }"""
_INVOICES = """query Invoices($account: BigInt!) { accountByRowId(rowId: $account) {
    invoicesByAccountId(first: 50, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { pageInfo { hasNextPage endCursor }
        nodes { rowId number state createdAt totalMinor currency
            lineItemsByAccountIdAndInvoiceId(orderBy: POSITION_ASC) { nodes {
                description quantity amountMinor currency } } } } } }"""
_PLANS = """query Plans { allPlans(orderBy: [POSITION_ASC, ROW_ID_ASC], condition: {archivedAt: null}) { nodes {
    rowId key name description planVersionsByPlanId(first: 1, orderBy: NUMBER_DESC) { nodes { number
        pricesByPlanVersionId(condition: {currency: "USD"}, orderBy: ROW_ID_ASC) { nodes {
            key interval amountMinor currency } } } } } } }"""
_DOCUMENTS = {"a": _VIEWER, "b": _SEATS, "c": _INVOICES, "d": _PLANS}


def asked(operation: Operation) -> dict[str, Any] | None:
    """The body that asks PostGraphile an operation; None where it has nothing like it."""
    document = _DOCUMENTS.get(operation.name)
    if document is None:
        return None
    numbers = {name: str(value[1]) for name, value in operation.variables.items()}
    asker = {"person": str(operation.person)} if operation.name == "a" else {}
    return {"query": document, "variables": numbers | asker}


def mapped(operation: Operation, answer: Any) -> Any:
    """Its answer in our words."""
    return _MAPPED[operation.name](answer)


def _viewer(answer: Row) -> Row:
    person = answer["personByRowId"]
    account = person["accountByPersonId"]
    methods = [_named(row, "kind") for row in account["paymentMethodsByAccountId"]["nodes"]]
    held = [
        _named(row, "state", "interval") | {"plan": _plan(row["planByPlanId"])}
        for row in account["agreementsByAccountId"]["nodes"]
    ]
    shown = {"paymentMethods": methods, "subscriptions": {"nodes": held}}
    return {"viewer": {"person": _named(person), "account": _named(account) | shown}}


def _seats(answer: Row) -> Row:
    page = answer["workspaceByRowId"]["assignmentsByAccountId"]
    nodes = [
        _named(row, "state")
        | {"person": row["personByPersonId"] and _named(row["personByPersonId"]), "plan": _plan(row["planByPlanId"])}
        for row in page["nodes"]
    ]
    return {"workspace": {"seats": {"pageInfo": page["pageInfo"], "nodes": nodes}}}


def _invoices(answer: Row) -> Row:
    page = answer["accountByRowId"]["invoicesByAccountId"]
    nodes = []
    for row in page["nodes"]:
        lines = [
            {
                "description": line["description"],
                "quantity": int(line["quantity"]),
                "amount": _money(line, "amountMinor"),
            }
            for line in row["lineItemsByAccountIdAndInvoiceId"]["nodes"]
        ]
        shown = {key: row[key] for key in ("rowId", "number", "state", "createdAt")}
        nodes.append(_named(shown, "state") | {"total": _money(row, "totalMinor"), "lineItems": lines})
    return {"account": {"invoices": {"pageInfo": page["pageInfo"], "nodes": nodes}}}


def _plans(answer: Row) -> Row:
    plans = []
    for row in answer["allPlans"]["nodes"]:
        (version,) = row["planVersionsByPlanId"]["nodes"]
        prices = [
            {"key": price["key"], "interval": price["interval"].upper(), "amount": _dollars(price)}
            for price in version["pricesByPlanVersionId"]["nodes"]
        ]
        plans.append(_plan(row) | {"version": {"number": version["number"], "prices": prices}})
    return {"plans": plans}


_MAPPED: Mapping[str, Callable[[Row], Row]] = {"a": _viewer, "b": _seats, "c": _invoices, "d": _plans}


def _named(row: Row, *words: str) -> dict[str, Any]:
    """A row without its relations, with `id` for its number and its words as we write them."""
    plain = {"id" if key == "rowId" else key: value for key, value in row.items() if not isinstance(value, dict)}
    plain.pop("personByPersonId", None)
    return plain | {word: row[word].upper() for word in words}


def _plan(row: Row) -> dict[str, Any]:
    """A plan, in English."""
    shown = {key: row[key] for key in ("rowId", "key", "name", "description") if key in row}
    return {"id" if key == "rowId" else key: _english(value) for key, value in shown.items()}


def _english(value: Any) -> Any:
    return value["en"] if isinstance(value, dict) else value


def _money(row: Row, minor: str) -> dict[str, Any]:
    return {"minor": int(row[minor]), "currency": row["currency"]}


def _dollars(price: Row) -> dict[str, Any]:
    """An amount with its text, which PostGraphile doesn't have."""
    amount = _money(price, "amountMinor")
    return amount | {"text": f"{amount['minor'] / 100:.2f} {amount['currency']}"}
