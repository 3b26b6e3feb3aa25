"""The contract: what the graph promises to whoever reads its schema."""

from __future__ import annotations

import re
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    SchemaDefinitionNode,
    get_named_type,
    parse,
)

import schema
from gateway import leaving
from gateway.contract import COMMITTED, differences
from kernel import ids
from resolvers.deprecation import read
from resolvers.graph import BY_PREFIX
from schema.changes import MUTATIONS
from tests.scenery import World

GRAPH = schema.graph()._schema
KINDS = {name: kind for name, kind in GRAPH.type_map.items() if not name.startswith("__")}
BUILT_IN = {"ID", "String", "Int", "Float", "Boolean"}

SHORT = {
    "Dunning.steps",
    "Account.paymentOptions",
    "Payment.parts",
    "PaymentMethodOption.wallets",
    "Account.heldSubscriptions",
    "SeatGroup.admins",
    "Subscription.heldInvoices",
    "Account.paymentMethods",
    "Account.serviceKeys",
    "AccountStatement.lines",
    "BillingSettings.address",
    "CreditNote.lines",
    "CreditNotePreview.lines",
    "ExplainedLine.facts",
    "Invoice.creditNotes",
    "Invoice.lineItems",
    "Invoice.taxNotes",
    "InvoiceExplanation.lines",
    "InvoiceExplanation.missing",
    "InvoicePreview.lines",
    "LedgerEntry.transfers",
    "OneOffPreview.lines",
    "OneOffPreview.taxNotes",
    "Invoice.payments",
    "Dispute.evidence",
    "Dispute.steps",
    "DisputeEvidence.texts",
    "Payment.disputes",
    "Payment.fraudWarnings",
    "DisputeEvidence.files",
    "Subscription.policiesShown",
    "Query.disputeFigures",
    "Query.moneyAtRisk",
    "Invoice.refunds",
    "Payment.refunds",
    "JoinPreview.own",
    "JoinPreview.seats",
    "ListSeated.outcomes",
    "SeatsMoved.moved",
    "SeatsRestored.people",
    "SeatList.rows",
    "SeatImport.ignoredColumns",
    "SeatImport.outcomes",
    "SeatImport.purchases",
    "Query.seatTimeline",
    "SeatList.ignoredColumns",
    "SeatList.purchases",
    "ReclaimPreview.seats",
    "Viewer.suggestions",
    "SuggestionPreview.seats",
    "SuggestionPreview.own",
    "ReleasePreview.going",
    "UsageRecorded.results",
    "MeterUsage.days",
    "Subscription.usage",
    "UsageEvents.nodes",
    "Plan.versions",
    "PlanVersion.entitlements",
    "PlanVersion.prices",
    "Price.tiers",
    "Query.nodes",
    "Query.plans",
    "Query.revenueSchedule",
    "ServiceKey.scopes",
    "LineItem.discounts",
    "Subscription.discounts",
    "Subscription.items",
    "Subscription.scheduledChanges",
    "TrialBalance.balances",
    "Viewer.entitlements",
    "Viewer.plans",
    "SingleSignOn.announcedCertificates",
    "SingleSignOn.certificates",
    "SsoLogin.steps",
    "Directory.tokens",
    "DirectoryGroup.rules",
    "Workspace.directories",
    "Workspace.breakGlass",
    "Workspace.domains",
    "Workspace.licensePools",
    "Workspace.setupLinks",
    "Workspace.ssoConnections",
}
"""Lists that are always read whole, because there are never many in them."""


def fields_of(kind: GraphQLNamedType) -> dict[str, Any]:
    return kind.fields if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType) else {}


def sentences() -> dict[str, str | None]:
    """Everything public, and what is said about it."""
    said: dict[str, str | None] = {}
    for name, kind in KINDS.items():
        if name in BUILT_IN:
            continue
        said[name] = kind.description
        for field, made in fields_of(kind).items():
            said[f"{name}.{field}"] = made.description
            for argument, taken in getattr(made, "args", {}).items():
                # The one argument of a mutation is described by its type.
                said[f"{name}.{field}({argument}:)"] = taken.description or get_named_type(taken.type).description
        if isinstance(kind, GraphQLEnumType):
            said |= {f"{name}.{value}": made.description for value, made in kind.values.items()}
    return said


def test_the_committed_schema_is_what_is_served() -> None:
    assert differences() == []


def test_the_committed_schema_is_text_that_others_can_read() -> None:
    schema, *kinds = parse(COMMITTED.read_text()).definitions
    names = {kind.name.value for kind in kinds}  # type: ignore[attr-defined]

    # A type is called Subscription, and the root of what can be followed is another.
    assert isinstance(schema, SchemaDefinitionNode)
    assert [root.type.name.value for root in schema.operation_types] == ["Query", "Mutation", "Live"]
    assert set(KINDS) - BUILT_IN <= names


def test_everything_public_is_described_in_a_sentence() -> None:
    poor = {
        name
        for name, said in sentences().items()
        if not said or not re.match(r"[A-Z`]", said) or not re.search(r"[.:?!)`>]$", said.strip())
    }

    assert poor == set()


def test_nothing_public_is_described_by_its_own_name() -> None:
    poor = {
        name
        for name, said in sentences().items()
        if said and re.sub(r"\W", "", said).lower() == re.sub(r"\W", "", name.rpartition(".")[2]).lower()
    }

    assert poor == set()


def mutations() -> dict[str, Any]:
    assert GRAPH.mutation_type is not None
    return dict(GRAPH.mutation_type.fields)


@pytest.mark.parametrize("name", sorted(mutations()))
def test_a_mutation_takes_one_input_with_an_idempotency_key(name: str) -> None:
    made = mutations()[name]
    (argument,) = made.args
    kind = get_named_type(made.args[argument].type)

    assert argument == "input"
    assert str(made.args[argument].type) == f"{name[0].upper()}{name[1:]}Input!"
    assert str(fields_of(kind)["idempotencyKey"].type) == "String"


def test_every_mutation_is_made_by_one_word() -> None:
    assert set(mutations()) == set(MUTATIONS)


ALSO = {"assignSeat": {"SeatBought", "SeatRequest"}}
"""What else may come of a mutation that is no refusal, because the workspace wants it so."""


@pytest.mark.parametrize("name", sorted(mutations()))
def test_a_mutation_answers_with_a_type_or_with_a_union_of_it_and_problems(name: str) -> None:
    kind = mutations()[name].type
    assert isinstance(kind, GraphQLNonNull)
    kind = kind.of_type
    if not isinstance(kind, GraphQLUnionType):
        assert isinstance(kind, GraphQLObjectType)
        return

    success, *refusals = kind.types
    problem = KINDS["Problem"]

    assert kind.name == f"{name[0].upper()}{name[1:]}Result"
    assert problem not in success.interfaces
    assert refusals
    assert {refusal.name for refusal in refusals if problem not in refusal.interfaces} == ALSO.get(name, set())


def test_every_problem_can_come_of_something() -> None:
    unions = [kind for kind in KINDS.values() if isinstance(kind, GraphQLUnionType)]
    reachable = {kind.name for union in unions for kind in union.types}
    problems = {
        name
        for name, kind in KINDS.items()
        if isinstance(kind, GraphQLObjectType) and any(one.name == "Problem" for one in kind.interfaces)
    }

    assert problems <= reachable


def lists() -> dict[str, Any]:
    """The fields that are plain lists, of types that are no connections, edges or inputs."""
    return {
        f"{name}.{field}": made.type
        for name, kind in KINDS.items()
        if isinstance(kind, GraphQLObjectType) and not name.endswith("Connection")
        for field, made in kind.fields.items()
        if isinstance(getattr(made.type, "of_type", made.type), GraphQLList) or isinstance(made.type, GraphQLList)
    }


def test_every_list_is_a_connection_or_known_to_be_short() -> None:
    assert set(lists()) == SHORT


def test_no_list_is_null_and_holds_null_only_where_things_may_be_missing() -> None:
    shapes = {name: re.sub(r"\w+", "", str(kind)) for name, kind in lists().items()}

    assert {name for name, shape in shapes.items() if shape != "[!]!"} == {"Query.nodes"}


def test_a_connection_is_relays() -> None:
    for name, kind in KINDS.items():
        if not name.endswith("Connection"):
            continue
        edge = fields_of(KINDS[name.removesuffix("Connection") + "Edge"])
        fields = {field: str(made.type) for field, made in fields_of(kind).items()}
        target = name.removesuffix("Connection")

        assert fields == {
            "edges": f"[{target}Edge!]!",
            "nodes": f"[{target}!]!",
            "pageInfo": "PageInfo!",
            "totalCount": "Int!",
        }
        assert {field: str(made.type) for field, made in edge.items()} == {"node": f"{target}!", "cursor": "String!"}


def test_every_page_takes_relays_arguments_and_an_order() -> None:
    for kind in KINDS.values():
        for field, made in fields_of(kind).items():
            if str(get_named_type(made.type)).endswith("Connection"):
                wanted = {"first", "after", "last", "before", "orderBy"}
                assert wanted <= set(made.args) <= wanted | {"filter"}, field


def test_whatever_has_an_id_is_a_node_and_has_a_prefix_of_its_own() -> None:
    nodes = {name for name, kind in KINDS.items() if isinstance(kind, GraphQLObjectType) and "id" in kind.fields}
    implementing = {kind.name for kind in GRAPH.get_possible_types(KINDS["Node"])}  # type: ignore[arg-type]

    assert nodes == implementing == {face.name for face in BY_PREFIX.values()}
    assert len(BY_PREFIX) == len(nodes)


@pytest.mark.parametrize("prefix", sorted(BY_PREFIX))
def test_an_id_is_prefixed_and_does_not_tell_how_many_there_are(prefix: str) -> None:
    shown = [ids.encode(prefix, number) for number in range(1, 200)]
    digits = [text.partition("_")[2] for text in shown]

    assert all(re.fullmatch(rf"{prefix}_[0-9a-f]{{13}}", text) for text in shown)
    assert [ids.decode(prefix, text) for text in shown] == list(range(1, 200))
    assert digits != sorted(digits)
    assert len({text[:4] for text in digits}) > 100


def test_scalars_are_few_and_enumerations_shout() -> None:
    scalars = {name for name, kind in KINDS.items() if isinstance(kind, GraphQLScalarType)}
    values = [value for kind in KINDS.values() if isinstance(kind, GraphQLEnumType) for value in kind.values]

    assert scalars - BUILT_IN == {"Date", "Instant", "JSON", "Long"}
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*", value) for value in values)


def test_no_float_is_anywhere() -> None:
    assert "Float" not in KINDS


def test_names_keep_the_words_of_the_house() -> None:
    words = {word.lower() for name in sentences() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}

    assert words & {"handle", "helper", "manager", "process", "transaction", "util", "utils"} == set()


async def test_introspection_tells_the_same(world: World) -> None:
    reply = await world.ask("{ __schema { types { name } mutationType { fields(includeDeprecated: true) { name } } } }")

    told = reply.data["__schema"]
    assert {kind["name"] for kind in told["types"]} >= set(KINDS)
    assert {field["name"] for field in told["mutationType"]["fields"]} == set(mutations())


def test_what_is_deprecated_says_since_when_until_when_and_what_to_use_instead() -> None:
    told = {place: read(reason) for place, reason in leaving.reasons(GRAPH).items()}

    assert {place for place, found in told.items() if found is None} == set()
    assert {place for place, found in told.items() if found and not leaving.replaced(GRAPH, place, found.use)} == set()
