"""The reference says everything that is public, and nothing that the code doesn't say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import GraphQLUnionType, build_schema

from auth.policy import DESKS, DOING, ROLES, SCOPES, Permission
from gateway import reference
from gateway.reference.pages import all_pages
from gateway.reference.rights import asked_by
from gateway.reference.told import Graph, who_may
from gateway.reference.writing import is_page
from resolvers import live, previewing, seats, workspaces
from tests.graph.test_contract import GRAPH, KINDS
from tests.graph.test_permissions import HOLDERS, PERSONAL, RULES

PAGES = {path.name: path.read_text() for path in reference.FOLDER.glob("*.md")}
TOY = """
    type Query {
        "What is there."
        all: [Thing!]! @deprecated(reason: "Since 2026-01-31, until 2026-07-31. Use `things`.")
        "The things | and more."
        things("How many." first: Int! = 20): [Thing!]!
    }
    "A [linked](https://example.com) thing."
    type Thing { "Its name." name: String! }
    type Mutation { "Does it." doIt(input: DoItInput!): Thing! }
    input DoItInput { "Which." thing: ID! idempotencyKey: String }
    type Subscription { "Happens." happens: Thing! }
"""


def test_the_reference_is_that_of_the_code() -> None:
    assert reference.differences() == []


def test_every_type_has_its_place() -> None:
    told = {name for page in PAGES.values() for name in re.findall(r"^## (\w+)$", page, re.MULTILINE)}
    roots = {"Query", "Mutation", "Live"}
    beside = {name for name, kind in KINDS.items() if is_page(kind) or isinstance(kind, GraphQLUnionType)}
    inputs = {f"{name[0].upper()}{name[1:]}Input" for name in (*RULES, *PERSONAL)}

    assert set(KINDS) - told == roots | beside | inputs | {"Boolean", "ID", "Int", "String"}


@pytest.mark.parametrize(("page", "root"), [("queries", "Query"), ("mutations", "Mutation"), ("subscriptions", "Live")])
def test_every_way_in_is_told(page: str, root: str) -> None:
    fields = GRAPH.type_map[root].fields  # type: ignore[attr-defined]

    assert re.findall(r"^## (\w+)$", PAGES[f"{page}.md"], re.MULTILINE) == sorted(fields)


@pytest.mark.parametrize("mutation", sorted(RULES))
def test_who_may_is_who_is_let(mutation: str) -> None:
    assert GRAPH.mutation_type is not None
    first = who_may(GRAPH.mutation_type.fields[mutation])[0]

    may = {role.value for role in ROLES if first in ROLES[role]}
    may |= {scope.value for scope in SCOPES if first in SCOPES[scope]}
    may |= {f"{desk.value} staff" for desk in DESKS if first in DESKS[desk]}
    # Whoever makes a key ends it again; to end those of others takes more.
    wanted = HOLDERS["make keys" if RULES[mutation].right == "end others' keys" else RULES[mutation].right]
    assert may == wanted


@pytest.mark.parametrize("mutation", sorted(PERSONAL))
def test_what_is_personal_asks_for_no_more_than_to_belong(mutation: str) -> None:
    assert GRAPH.mutation_type is not None

    assert set(who_may(GRAPH.mutation_type.fields[mutation])) <= {Permission.SEE_ACCOUNT}


def test_every_permission_has_a_place_of_its_own() -> None:
    assert re.findall(r"^## (.+)$", PAGES["permissions.md"], re.MULTILINE) == [DOING[each] for each in Permission]


def test_a_permission_is_found_below_the_resolver_and_not_in_its_namesakes() -> None:
    assert asked_by(seats.assign_seat) == [Permission.ASSIGN_SEATS]
    assert asked_by(previewing.preview_pause) == [Permission.SEE_BILLING]
    assert asked_by(live.seat_changed) == [Permission.SEE_SEATS]
    assert asked_by(workspaces.leave_workspace) == []


def test_what_is_deprecated_says_so() -> None:
    pages = all_pages(Graph(build_schema(TOY)))

    deprecated = "What is there. **Deprecated.** Since 2026-01-31, until 2026-07-31. Use `things`."
    assert deprecated in pages["queries.md"]


def test_a_table_stays_one_and_leads_nowhere_else() -> None:
    pages = all_pages(Graph(build_schema(TOY)))

    assert "| `first` | `Int!` | How many. | `20` |" in pages["queries.md"]
    assert "## Thing\n\nA linked thing.\n\n| Field | Type |  |\n| --- | --- | --- |\n" in pages["types.md"]
    assert "idempotencyKey" not in pages["mutations.md"].partition("## doIt")[2]


def test_a_page_that_is_old_missing_or_about_nothing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reference, "FOLDER", tmp_path / "reference")
    reference.write()
    assert reference.differences() == []

    (tmp_path / "reference" / "types.md").write_text("# Types\n")
    (tmp_path / "reference" / "queries.md").unlink()
    (tmp_path / "reference" / "more.md").write_text("# More\n")

    assert reference.differences() == [
        "types.md of the reference says something else than the code",
        "queries.md of the reference is missing",
        "more.md of the reference is about nothing",
    ]
    reference.write()
    assert reference.differences() == []
