"""What clients rely on: nothing goes unannounced, and what breaks them is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import pytest
import strawberry
from graphql import build_schema
from strawberry import argument
from typer.testing import CliRunner

from gateway import contract, leaving, reference
from gateway.__main__ import app
from gateway.contract import compared
from resolvers.deprecation import Deprecation, deprecation, read
from resolvers.graph import FACES
from schema.base import RESOLVES, TYPES, computed, deprecated, value, via, words
from schema.changes import MUTATIONS, mutation

SINCE, UNTIL = "2026-01-31", "2026-07-31"
LAST, AFTER = date(2026, 7, 31), date(2026, 8, 1)
WHY = "Since 2026-01-31. Use `{}`. It may go after 2026-07-31."


@dataclass
class Row:
    """What a toy shows."""

    old_name: str = ""
    name: str = ""
    doubled: int = 0


class Hue(Enum):
    """What a toy may be colored."""

    RED = "red"
    """As roses."""

    ROUGE = "rouge"
    """As lips."""


class Toy:
    """Something with a name."""

    old_name: str = deprecated(since=SINCE, until=UNTIL, use="name")
    """What it was called."""

    name: str
    """What it is called."""

    doubled = deprecated(computed("2", "int"), since=SINCE, until=UNTIL, use="Toy.name")
    """A number."""


async def paint_toy(
    info: Any,  # noqa: ARG001 - a resolver is given it
    hue: Annotated[Hue | None, "Which hue."] = None,
    color: Annotated[str | None, "Which color.", deprecation(SINCE, UNTIL, use="hue")] = None,  # noqa: ARG001
) -> Row:
    """Paint it."""
    return Row(name=str(hue))


async def find_toy(
    name: Annotated[str | None, argument(description="Which name.")] = None,  # noqa: ARG001 - the same
    title: Annotated[  # noqa: ARG001 - the same
        str | None, argument(description="Which title."), deprecation(SINCE, UNTIL, use="name")
    ] = None,
) -> Row | None:
    """The toy of a name."""
    return None


@pytest.fixture
def toys() -> Iterator[str]:
    """A schema of toys, and nothing of it afterwards."""
    words(Hue, "A hue.", leaving={"ROUGE": deprecation(SINCE, UNTIL, use="RED")})
    toy = value(Row)(Toy)
    painted = mutation(paint_toy, "Toy")
    old = deprecated(mutation(paint_toy, "Toy"), since=SINCE, until=UNTIL, use="paintToy")
    query = strawberry.type(type("Query", (), {"toy": via(find_toy, "Toy | None")}))
    change = strawberry.type(type("Mutation", (), {"paint_toy": painted, "color_toy": old}))
    yield strawberry.Schema(query=query, mutation=change, types=[toy]).as_str()
    for name in ("Toy", "Hue"):
        TYPES.pop(name, None)
    FACES.pop("Toy")
    RESOLVES.pop("Toy")
    MUTATIONS.pop("paintToy")


def test_whatever_is_declared_can_be_deprecated(toys: str) -> None:
    schema = build_schema(toys)

    assert leaving.reasons(schema) == {
        "Hue.ROUGE": WHY.format("RED"),
        "Mutation.colorToy": WHY.format("paintToy"),
        "PaintToyInput.color": WHY.format("hue"),
        "Query.toy(title:)": WHY.format("name"),
        "Toy.doubled": WHY.format("Toy.name"),
        "Toy.oldName": WHY.format("name"),
    }
    told = [read(reason) for reason in leaving.reasons(schema).values()]
    assert {(each.since, each.until) for each in told if each} == {(date(2026, 1, 31), LAST)}


def test_what_takes_the_place_has_to_be_there(toys: str) -> None:
    schema = build_schema(toys)

    there = [leaving.replaced(schema, "Toy.oldName", use) for use in ("name", "Toy.name", "Hue.RED")]
    beside = leaving.replaced(schema, "Query.toy(title:)", "name")
    missing = [leaving.replaced(schema, "Toy.oldName", use) for use in ("title", "Hue.BLUE", "Toy.doubled", "oldName")]

    assert all(there)
    assert beside
    assert not any(missing), "what is missing, or on its way out itself, takes no place"


@pytest.mark.parametrize(
    ("since", "until", "use"),
    [("2026-01-31", "2026-04-30", "name"), ("2026-07-31", "2026-01-31", "name"), (SINCE, UNTIL, "the name")],
)
def test_a_deprecation_gives_clients_time_and_a_name(since: str, until: str, use: str) -> None:
    with pytest.raises(AssertionError):
        deprecation(since, until, use)


def test_other_words_are_no_deprecation_of_ours() -> None:
    assert read("Use something else.") is None
    assert read(None) is None
    assert read(WHY.format("name")) == Deprecation(date(2026, 1, 31), LAST, "name")


BEFORE = """
    type Query { toys(first: Int, order: Order): [Toy!]! box: Box toy(id: ID!): Toy! }
    type Toy { name: String! size: Int }
    type Car { wheels: Int }
    union Box = Toy | Car
    enum Order { NAME SIZE }
    interface Sized { size: Int }
    type Ball implements Sized { size: Int }
    type Mutation { paint(input: PaintInput!): Toy! }
    input PaintInput { toy: ID! color: String }
"""


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("name: String!", "name: Int!", "Field Toy.name changed type from String! to Int!."),
        ("name: String!", "name: String", "Field Toy.name changed type from String! to String."),
        ("first: Int,", "first: Int!,", "Argument Query.toys(first:) has changed type from Int to Int!."),
        ("toy(id: ID!)", "toy(id: ID!, by: ID!)", "A required argument Query.toy(by:) was added."),
        ("Toy | Car", "Toy", "Car was removed from union type Box."),
        ("type Car { wheels: Int }\n    union Box = Toy | Car", "union Box = Toy", "Car was removed."),
        ("implements Sized", "", "Ball no longer implements interface Sized."),
        ("color: String", "color: String!", "Field PaintInput.color changed type from String to String!."),
        ("color: String", "color: String by: ID!", "A required field PaintInput.by was added."),
    ],
)
def test_what_breaks_clients_is_named(was: str, becomes: str, said: str) -> None:
    assert f"breaks clients: {said}" in changed(was, becomes)


def test_what_breaks_no_client_is_named_too() -> None:
    assert changed("NAME SIZE", "NAME SIZE AGE") == ["may surprise clients: Enum value Order.AGE was added."]
    assert changed("wheels: Int", "wheels: Int age: Int") == ["harmless: Field Car.age was added."]
    assert compared(BEFORE, BEFORE, AFTER) == []


def changed(was: str, becomes: str, today: date = AFTER, *, before: str = BEFORE) -> list[str]:
    """What is said when the first of something becomes something else."""
    assert was in before
    return compared(before, before.replace(was, becomes, 1), today)


def leaving_soon(place: str) -> str:
    """Something that is deprecated."""
    return f'{place} @deprecated(reason: "{WHY.format("name")}")'


@pytest.mark.parametrize(
    ("place", "what"),
    [
        ("size: Int", "Field Toy.size"),
        ("first: Int", "Argument Query.toys(first:)"),
        ("SIZE", "Enum value Order.SIZE"),
        ("color: String", "Field PaintInput.color"),
    ],
)
def test_what_was_announced_goes_after_its_day_and_not_on_it(place: str, what: str) -> None:
    marked = BEFORE.replace(place, leaving_soon(place), 1)

    assert changed(place, "") == [f"breaks clients: {what} was removed."]
    assert changed(leaving_soon(place), "", LAST, before=marked) == [
        f"breaks clients: {what} was removed. It is promised until 2026-07-31."
    ]
    assert changed(leaving_soon(place), "", before=marked) == [f"was announced: {what} was removed."]


def test_a_type_goes_with_the_last_that_gives_or_takes_it() -> None:
    rest, paint, taken = BEFORE.partition("paint(input: PaintInput!): Toy!")
    before = f'{rest}{paint} @deprecated(reason: "{WHY.format("Query.toy")}") keep: Int {taken}'
    after = f"{rest} keep: Int }}"
    kept = before.replace("keep: Int", "keep(by: PaintInput): Int")

    assert compared(before, after, AFTER) == [
        "was announced: Field Mutation.paint was removed.",
        "was announced: PaintInput was removed.",
    ]
    assert "breaks clients: PaintInput was removed." in compared(kept, after, AFTER), "something else still takes it"


def test_what_is_deprecated_and_what_is_so_no_more_is_told() -> None:
    marked = BEFORE.replace("size: Int", leaving_soon("size: Int"), 1)

    assert compared(BEFORE, marked, AFTER) == [f"harmless: Toy.size is deprecated. {WHY.format('name')}"]
    assert compared(marked, BEFORE, AFTER) == ["harmless: Toy.size is deprecated no more."]


def test_whoever_commits_to_what_breaks_clients_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(contract, "COMMITTED", tmp_path / "schema.graphql")
    monkeypatch.setattr(reference, "FOLDER", tmp_path / "docs" / "reference")
    contract.COMMITTED.write_text(contract.text().replace("type Money {", "type Money {\n  float: String\n", 1))

    wrote = CliRunner().invoke(app, ["schema", "--write"])

    assert wrote.exit_code == 0
    assert "breaks clients: Field Money.float was removed." in wrote.output
    assert contract.differences() == []
