"""Cost: priced from the declarations, with variables, and what an answer then took."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schema
from gateway.cost import Cost
from gateway.documents import Document, Documents
from gateway.limits import Limits
from kernel.errors import TooComplex
from tests.gateway.abuse import spread
from tests.gateway.toy import SCHEMA

DOCUMENTS = Documents(schema.graph())
SEATS = """
    query Seats($workspace: ID!, $count: Int = 50, $who: Boolean = true) {
      workspace(id: $workspace) {
        seats(first: $count) { nodes { id email person @include(if: $who) { name } } }
      }
    }
"""


def cost(source: str) -> Cost:
    document = DOCUMENTS.read(source)
    assert isinstance(document, Document), document
    (operation,) = document.operations
    return operation.cost


@pytest.mark.parametrize(
    ("source", "points"),
    [
        ("{ __typename }", 1),
        ("{ viewer { kind } }", 1),
        ("{ viewer { person { name email } } }", 2),
        ("{ viewer { person { name } me: person { email } } }", 3),
        ("{ viewer { memberships { nodes { role } } } }", 1 + 1 + 20),
        ("{ viewer { memberships(first: 3) { nodes { role workspace { name } } } } }", 1 + 1 + 3 * 2),
        ("{ viewer { memberships(last: 3) { edges { cursor node { workspace { name } } } } } }", 1 + 1 + 3 * 2),
        ("{ viewer { memberships(first: 3) { totalCount pageInfo { endCursor } } } }", 1 + 1 + 5),
        ('{ plan(key: "pro") { versions { prices { amount { text } } } } }', 1 + 1 + 5 * (1 + 1 + 5)),
        ('{ nodes(ids: ["a", "b"]) { id ... on Seat { person { name } } ... on Member { role } } }', 1 + 2 * 2),
        ("{ accounts(first: 10) { nodes { invoices(first: 10) { nodes { number } } } } }", 1 + 10 * (1 + 1 + 10)),
        ("{ __schema { types { name } } }", 10),
    ],
)
def test_a_query_costs_the_rows_that_it_may_find(source: str, points: int) -> None:
    assert cost(source).asked({}) == points


def test_a_change_costs_ten_points_and_what_it_shows() -> None:
    change = "mutation($input: AssignSeatInput!) { assignSeat(input: $input) { %s ... on Problem { message } } }"

    assert cost(change % "").asked({}) == 10
    assert cost(change % "... on Seat { person { name } pool { plan { key } } }").asked({}) == 13


@pytest.mark.parametrize(
    ("variables", "points"),
    [
        ({}, 1 + 1 + 50 * 2),
        ({"count": 7}, 1 + 1 + 7 * 2),
        ({"count": 7, "who": False}, 1 + 1 + 7),
        ({"count": 10**12}, 1 + 1 + 100 * 2),
        ({"count": 99.0}, 1 + 1 + 99 * 2),
        ({"count": 1e300}, 1 + 1 + 100 * 2),
        ({"count": -5}, 1 + 1),
        ({"count": None}, 1 + 1 + 50 * 2),
        ({"count": "many", "who": {}}, 1 + 1 + 50),
    ],
)
def test_variables_say_how_many_rows_there_are_and_what_is_shown(variables: dict[str, Any], points: int) -> None:
    assert cost(SEATS).asked(variables) == points


def test_ids_in_a_variable_are_counted() -> None:
    source = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Seat { person { name } } } }"

    assert cost(source).asked({"ids": ["seat_1"] * 30}) == 1 + 30 * 2


def test_the_same_field_in_several_fragments_is_paid_once() -> None:
    source = """
        query { viewer { ...A ...B person { name } ... { person { id } } } }
        fragment A on Viewer { person { name } }
        fragment B on Viewer { person { email } }
    """

    assert cost(source).asked({}) == 2


def test_of_several_types_the_dearest_counts() -> None:
    source = """
        query($id: ID!) { node(id: $id) {
          ... on Seat { person { name } pool { name } }
          ... on Invoice { account { name } }
          ... on Member { role }
        } }
    """

    assert cost(source).asked({}) == 3


def test_a_list_below_another_of_its_kind_is_taken_to_be_long() -> None:
    once = '{ plan(key: "pro") { versions { number plan { versions { number } } } } }'
    twice = once.replace("versions { number }", "versions { plan { versions { number } } }")

    assert cost(once).asked({}) == 1 + 1 + 5 * (1 + 1 + 1 + 100)
    assert cost(twice).asked({}) > Limits().cost


def test_a_field_that_is_asked_for_on_two_terms_is_paid_for_on_either() -> None:
    source = """query($one: Boolean!, $other: Boolean!) { viewer {
        memberships(first: 90) @include(if: $one) { nodes { role } }
        memberships(first: 90) @include(if: $other) { nodes { role } }
    } }"""

    assert cost(source).asked({"one": False, "other": True}) == 1 + 1 + 90
    assert cost(source).asked({"one": False, "other": False}) == 1


def test_what_is_never_shown_costs_nothing() -> None:
    assert cost("{ viewer { kind person @skip(if: true) { name } } }").asked({}) == 1
    assert cost("{ viewer { kind ... @include(if: false) { person { name } } } }").asked({}) == 1


def test_an_answer_took_the_rows_that_it_shows() -> None:
    priced = cost(SEATS)
    seats = [{"id": "seat_1", "email": "a", "person": {"name": "Ada"}}, {"id": "seat_2", "email": "b", "person": None}]

    assert priced.used({"workspace": {"seats": {"nodes": seats}}}) == 1 + 1 + 2 * 2
    assert priced.used({"workspace": {"seats": {"nodes": []}}}) == 2
    assert priced.used({"workspace": None}) == 1
    assert priced.used(None) == 1


@pytest.mark.parametrize("seats", [None, 0, 2])
@pytest.mark.parametrize("plans", [0, 3])
def test_what_an_answer_took_is_counted_in_its_text(seats: int | None, plans: int) -> None:
    priced = cost("""query($id: ID!) {
        workspace(id: $id) { seats(first: 9) { nodes { id person { name } } } } plans { key version { number } } }""")
    nodes = [{"id": "seat_1", "person": {"name": "Ada"}}] * (seats or 0)
    shown = {
        "workspace": None if seats is None else {"seats": {"nodes": nodes}},
        "plans": [{"key": "pro", "version": {"number": 1}}] * plans,
    }

    assert priced.tally
    assert priced.used_by(orjson.dumps(shown)) == priced.used(shown)


def test_what_everybody_sees_alike_is_public() -> None:
    assert cost("{ plans { key version { prices { amount { text } tiers { unit } } entitlements { text } } } }").public
    assert cost('query P($key: String!) { plan(key: $key) { name(language: "de") } __typename }').public
    assert not cost("{ plans { key } viewer { kind } }").public
    assert not cost("{ __schema { types { name } } }").public
    assert not cost('{ node(id: "plan_1") { ... on Plan { key } } }').public


def test_an_operation_that_costs_too_much_is_refused_with_what_it_costs() -> None:
    dear = "{ accounts(first: 100) { nodes { invoices(first: 100) { nodes { number } } } } }"
    document = DOCUMENTS.read(dear)
    assert isinstance(document, Document)

    with pytest.raises(TooComplex, match=r"may cost 10,201 points; one request may cost 10,000\.") as refusal:
        DOCUMENTS.cost(document.operations[0], {})

    assert refusal.value.details == {"limit": "cost", "most": Limits().cost}


def test_pricing_is_linear_where_fragments_multiply_fields() -> None:
    documents = Documents(SCHEMA, limits=Limits(comparisons=10**9))

    document = documents.read(spread(100, "friend { friend { name } }"))

    assert isinstance(document, Document)
    assert document.operations[0].cost.asked({}) == 3


@given(
    st.dictionaries(
        st.sampled_from(["count", "who", "workspace", "other"]),
        st.none() | st.booleans() | st.integers() | st.sampled_from(["", "7", [], [1, 2], {"a": 1}, 1.5]),
    )
)
def test_any_variables_give_a_cost_within_the_largest_page(variables: dict[str, Any]) -> None:
    assert 2 <= cost(SEATS).asked(variables) <= 1 + 1 + 100 * 2
