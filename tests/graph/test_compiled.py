"""Compiled reads: one statement answers where it can, the executor everywhere else, and nobody can tell which.

That both say the same is insisted on in every test: the world has a witness, who asks the executor whenever a
statement has answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse
from graphql.execution.values import get_variable_values
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from auth.policy import Actor, ActorKind, Desk, Permission
from kernel import ids
from resolvers.compiled.asking import Asking
from resolvers.compiled.plan import Plan, Plans, planned
from schema import build
from tests.graph.crowd import EVERYBODY, UNBELIEVED, Caller, crowd
from tests.graph.furniture import Furnished, furnished
from tests.graph.wandering import wanders
from tests.scenery import Scene, World

VIEWER = """{ viewer { kind person { id name email } plans { key name } account {
    name paymentMethods { id kind brand last4 isDefault }
    subscriptions(first: 1) { nodes { id state plan { key name } } } } } }"""
SEATS = """query Seats($workspace: ID!, $after: String) { workspace(id: $workspace) { id name
    seats(first: 100, after: $after) { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        nodes { id state since person { id name email } plan { key name } pool { name assigned } } } } }"""
INVOICES = """query Invoices($account: ID!) { account(id: $account) {
    invoices(first: 50, orderBy: {field: CREATED_AT, direction: DESC}) { nodes {
        id number state createdAt total { minor currency text }
        lineItems { position description amount { text } } } } } }"""
PLANS = """{ plans { id key name(language: "de") description version { number trialDays perSeat
    prices(currency: "USD") { key interval model amount { minor text } }
    entitlements { feature kind amount text } } } }"""
MIXED = """query Mixed($node: ID!, $cheap: Boolean = true, $last: Int) {
    found: node(id: $node) { __typename ...Named ... on Account @skip(if: $cheap) { email } id }
    again: node(id: $node) @include(if: $cheap) { ... on Workspace { created: createdAt members(last: $last) {
        edges { cursor node { role person { ...Named } } } pageInfo { hasNextPage hasPreviousPage startCursor } } } } }
    fragment Named on Node { ... on Person { name } ... on Workspace { name sessionHours } ... on Plan { key } }"""


@pytest.fixture
def explained(world: World) -> Iterator[None]:
    """Staff are told which way a query went."""
    world.app.state.reads.explain = True
    yield
    world.app.state.reads.explain = False


async def _way(world: World, document: str, **variables: Any) -> Any:
    """Which way a query of Support's goes, and why."""
    staff = await world.person("support", desk=Desk.SUPPORT)
    return (await world.post({"query": document, "variables": variables}, staff)).json()["extensions"]["seatgraph"]


@pytest.mark.usefixtures("explained")
@pytest.mark.parametrize("document", [VIEWER, SEATS, INVOICES, PLANS, MIXED], ids=["a", "b", "c", "d", "mixed"])
async def test_what_clients_ask_most_is_one_statement(document: str, workspace: Scene) -> None:
    told = await _way(workspace.world, document, **_named(workspace))

    assert told == {"way": "compiled"}


@pytest.mark.parametrize("name", [name for name in EVERYBODY if name not in UNBELIEVED])
async def test_both_ways_tell_everybody_the_same(name: str, workspace: Scene) -> None:
    await furnished(workspace)
    asker = (await crowd(workspace))[name].asker
    before = workspace.world.agreement.compared

    for document in (VIEWER, SEATS, INVOICES, PLANS, MIXED):
        await workspace.world.ask(document, asker, **_named(workspace))

    # Nobody's price list is kept, and the executor's alone.
    assert workspace.world.agreement.compared >= before + (3 if name == "anonymous" else 5)


@pytest.fixture(scope="module")
async def full(world: World) -> Furnished:
    """A workspace with one of everything."""
    return await furnished(await world.workspace())


@pytest.fixture(scope="module")
async def everybody(full: Furnished) -> dict[str, Caller]:
    """Whoever may ask about it, and whoever may not."""
    return await crowd(full.scene)


WANDERERS = ("owner", "member", "billing:read", "stranger", "support staff", "finance staff", "anonymous")


@pytest.mark.parametrize("anywhere", [False, True], ids=["compiled", "mixed"])
@pytest.mark.parametrize("name", WANDERERS)
@settings(max_examples=12, deadline=None, database=None, phases=[Phase.generate])
@given(choice=st.data())
async def test_nobody_can_think_of_a_query_that_both_ways_answer_differently(
    full: Furnished, everybody: dict[str, Caller], name: str, choice: st.DataObject, anywhere: bool
) -> None:
    document, variables = choice.draw(wanders(sorted(full.ids.values()), anywhere=anywhere))
    asker = everybody[name].asker

    response = await full.scene.world.post({"query": document, "variables": variables}, asker)

    codes = [error["extensions"]["code"] for error in response.json().get("errors", [])]
    # What costs more than a request may is answered in no way at all, so another is thought of.
    assume("TOO_COMPLEX" not in codes)
    # A disagreement is raised within the request.
    assert "INTERNAL" not in codes
    assert response.status_code in {200, 294}, response.text


async def test_admins_of_seat_groups_read_in_one_statement_and_see_their_own_group(workspace: Scene) -> None:
    pool = await workspace.pool(seats=9)
    groups = [await workspace.seat_group(pool, 3, name=name) for name in ("Design", "Sales")]
    admins = [await workspace.join() for _ in groups]
    for group, admin in zip(groups, admins, strict=True):
        await workspace.group_admin(group, admin)
    document = """query($w: ID!) { workspace(id: $w) {
        seatGroups(first: 9) { nodes { id seats(first: 9) { totalCount } } }
        seats(first: 9) { nodes { id email seatGroup { name } } } } }"""
    before = workspace.world.agreement.compared

    seen = [(await workspace.world.ask(document, admin, w=workspace.id)).data["workspace"] for admin in admins]

    assert [[each["id"] for each in found["seatGroups"]["nodes"]] for found in seen] == [[group] for group in groups]
    assert workspace.world.agreement.compared == before + 2


async def test_pages_are_cut_at_the_same_places_both_ways(workspace: Scene) -> None:
    pool = await workspace.pool(seats=9)
    for number in range(7):
        await workspace.seat(pool, f"seven.{number}.{workspace.number:x}@example.test")
    document = """query($w: ID!, $first: Int, $after: String, $last: Int, $before: String, $by: WorkspaceSeatsOrder) {
        workspace(id: $w) { seats(first: $first, after: $after, last: $last, before: $before, orderBy: $by) {
            totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
            edges { cursor node { email } } } } }"""
    forward, backward = ("first", "after", "endCursor"), ("last", "before", "startCursor")

    for by in (None, {"field": "EMAIL"}, {"field": "SINCE", "direction": "DESC"}):
        for count, mark, end in (forward, backward):
            seen, place = [], None
            for _ in range(4):
                page = await _page(workspace, document, {count: 2, mark: place, "by": by})
                seen += [edge["node"]["email"] for edge in page["edges"]]
                place = page["pageInfo"][end]
            assert len(set(seen)) == 7


async def _page(scene: Scene, document: str, asked: dict[str, Any]) -> Any:
    before = scene.world.agreement.compared
    reply = await scene.world.ask(document, scene.owner, w=ids.encode("workspace", scene.number), **asked)
    assert scene.world.agreement.compared == before + 1
    return reply.data["workspace"]["seats"]


@pytest.mark.usefixtures("explained")
async def test_a_field_that_needs_a_function_of_ours_is_executed(workspace: Scene) -> None:
    told = await _way(
        workspace.world,
        "query($account: ID!) { account(id: $account) { name paymentOptions { kind } } }",
        account=ids.encode("account", workspace.number),
    )

    assert told == {"way": "executed", "why": "Account.paymentOptions is answered by a function of ours"}


@pytest.mark.usefixtures("explained")
async def test_what_can_be_compiled_of_a_query_is_and_the_rest_executed(workspace: Scene) -> None:
    document = """query($account: ID!, $workspace: ID!) { __typename plans { key }
        there: account(id: $account) { name owing: invoices(first: 2) { nodes { id } } paymentOptions { kind } id }
        creditBalance(account: $account, currency: "USD") { text }
        workspace(id: $workspace) { name members { totalCount } } }"""

    told = await _way(workspace.world, document, **_named(workspace))

    assert told == {
        "way": "mixed",
        "compiled": ["plans", "there.owing", "workspace"],
        "executed": {
            "there.paymentOptions": "Account.paymentOptions is answered by a function of ours",
            "creditBalance": "Query.creditBalance is answered by a function of ours",
        },
    }


BOTH = """query($account: ID!, $missing: ID!, $last: Int) {
    viewer { entitlements { feature } kind ...Viewed plans { key } }
    lost: ssoTest(id: $missing) { state }
    again: account(id: $account) { late: invoices(last: $last) { nodes { id } } id paymentOptions { kind } }
    none: account(id: $missing) { paymentOptions { kind } paymentMethods { id } }
    ...More }
    fragment Viewed on Viewer { person { name } viewed: person { id } }
    fragment More on Query { plans { key } again: account(id: $account) { owner: name } %s }"""


async def test_both_ways_together_answer_in_the_order_of_the_query(workspace: Scene) -> None:
    world, before = workspace.world, workspace.world.agreement.mixed

    reply = (await world.post(_both(workspace, ""), workspace.owner)).json()

    assert world.agreement.mixed == before + 1
    assert list(reply["data"]) == ["viewer", "lost", "again", "none", "plans"]
    assert list(reply["data"]["viewer"]) == ["entitlements", "kind", "person", "viewed", "plans"]
    assert list(reply["data"]["again"]) == ["late", "id", "paymentOptions", "owner"]
    assert reply["data"]["none"] is reply["data"]["lost"] is None
    assert [error["path"] for error in reply["errors"]] == [["lost"]]


async def test_nothing_is_left_of_what_was_read_where_the_executor_finds_no_value(workspace: Scene) -> None:
    world, before = workspace.world, workspace.world.agreement.mixed

    reply = (await world.post(_both(workspace, 'trialBalance(currency: "USD") { currency }'), workspace.owner)).json()

    assert world.agreement.mixed == before + 1
    assert reply["data"] is None
    assert ["trialBalance"] in [error["path"] for error in reply["errors"]]


def _both(scene: Scene, more: str) -> dict[str, Any]:
    variables = {"account": ids.encode("account", scene.number), "missing": ids.encode("account", 1), "last": 2}
    return {"query": BOTH % more, "variables": variables}


@pytest.mark.usefixtures("explained")
async def test_an_argument_that_is_refused_is_refused_by_the_executor(workspace: Scene) -> None:
    world, staff = workspace.world, await workspace.world.person("support", desk=Desk.SUPPORT)
    document = "{ accounts(first: 101) { nodes { id } } }"

    told = await _way(world, document)
    reply = await world.ask(document, staff)

    assert told == {"way": "executed", "why": "the arguments are refused"}
    assert reply.code == "INVALID_INPUT"


async def test_a_statement_that_fails_leaves_the_error_to_the_executor(workspace: Scene) -> None:
    world, invoice = workspace.world, await workspace.invoice()
    await world.run("update invoice set currency = 'ZZZ' where id = $1", ids.decode("inv", invoice))

    reply = await world.ask(
        "query($id: ID!) { node(id: $id) { id ... on Invoice { total { text } } } }", workspace.owner, id=invoice
    )
    await world.run("update invoice set currency = 'USD' where id = $1", ids.decode("inv", invoice))

    assert reply.code == "INVALID_INPUT"
    assert reply.json["data"] == {"node": None}


@pytest.mark.usefixtures("explained")
async def test_a_list_longer_than_a_list_may_be_is_left_to_the_executor(workspace: Scene) -> None:
    invoice = await workspace.invoice(*range(1, 1_002))

    told = await _way(
        workspace.world, "query($id: ID!) { node(id: $id) { ... on Invoice { lineItems { position } } } }", id=invoice
    )

    assert told == {"way": "executed", "why": "what a row can't say was met"}


@pytest.mark.usefixtures("explained")
async def test_a_document_is_compiled_when_it_comes_again(world: World) -> None:
    world.app.state.reads.after = 1
    document = f"query Again{world.number()} {{ plans {{ key }} }}"

    ways = [(await _way(world, document))["way"] for _ in range(3)]
    world.app.state.reads.after = 0

    assert ways == ["executed", "compiled", "compiled"]


@pytest.mark.usefixtures("explained")
async def test_customers_are_not_told_which_way_their_query_went(workspace: Scene) -> None:
    response = await workspace.world.post({"query": PLANS}, workspace.owner)

    assert "seatgraph" not in response.json()["extensions"]


def _named(scene: Scene) -> dict[str, Any]:
    workspace, account = ids.encode("workspace", scene.number), ids.encode("account", scene.number)
    return {"workspace": workspace, "account": account, "node": workspace, "last": 3}


async def test_pages_of_one_question_do_not_mix(workspace: Scene) -> None:
    for _ in range(12):
        await workspace.join()
    sizes = [*range(1, 13)] * 2
    pages = " ".join(f"p{place}: members(first: {size}) {{ nodes {{ id }} }}" for place, size in enumerate(sizes))
    before = workspace.world.agreement.compared

    document = f"query($id: ID!) {{ workspace(id: $id) {{ {pages} }} }}"
    for _ in range(3):
        reply = await workspace.world.ask(document, workspace.owner, id=workspace.id)
        assert [len(page["nodes"]) for page in reply.data["workspace"].values()] == sizes

    assert workspace.world.agreement.compared > before


def _statement(document: str, **variables: Any) -> str:
    """The statement that answers a query of somebody who pays for an account."""
    core, syntax = build()._schema, parse(document)
    (operation,) = [each for each in syntax.definitions if isinstance(each, OperationDefinitionNode)]
    values = get_variable_values(core, operation.variable_definitions or (), variables)
    assert not isinstance(values, list)
    reader = Actor(ActorKind.PERSON, person_id=1, grants={7: frozenset(Permission)})
    found = planned(Plans(), core, syntax, operation, Asking(reader, "en", datetime(2026, 1, 31, tzinfo=UTC), values))
    assert isinstance(found, Plan)
    return found.sql


def test_a_page_names_its_account_once_and_lines_name_theirs_for_so_their_index_is_taken() -> None:
    sql = _statement(INVOICES, account=ids.encode("account", 7))

    page = re.search(r"from invoice (t\d+) where (.*?) order by", sql)
    lines = re.search(r"from line_item (t\d+) .*? where (.*?) order by", sql)
    assert page
    assert lines
    assert re.findall(rf"{page[1]}\.account_id = (\w+)", page[2]) == ["t1"]
    assert re.search(rf"{lines[1]}\.account_id = t\d+\.account_id", lines[2])
