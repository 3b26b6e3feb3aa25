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
from strawberry.annotation import StrawberryAnnotation
from typer.testing import CliRunner

from gateway import contract, leaving, reference
from gateway.__main__ import app
from gateway.contract import compared
from resolvers.deprecation import Deprecation, deprecation, read
from resolvers.graph import FACES
from schema.base import RESOLVES, TYPES, computed, deprecated, value, words
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


@pytest.fixture
def toys() -> Iterator[str]:
    """A schema of toys, and nothing of it afterwards."""
    words(Hue, "A hue.", leaving={"ROUGE": deprecation(SINCE, UNTIL, use="RED")})
    toy = value(Row)(Toy)
    painted = mutation(paint_toy, "Toy")
    old = deprecated(mutation(paint_toy, "Toy"), since=SINCE, until=UNTIL, use="paintToy")
    found: Any = strawberry.field(resolver=lambda: None)
    found.type_annotation = StrawberryAnnotation("Toy | None", namespace=TYPES)
    query = strawberry.type(type("Query", (), {"__annotations__": {"toy": object}, "toy": found}))
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
        "Toy.doubled": WHY.format("Toy.name"),
        "Toy.oldName": WHY.format("name"),
    }
    told = [read(reason) for reason in leaving.reasons(schema).values()]
    assert {(each.since, each.until) for each in told if each} == {(date(2026, 1, 31), LAST)}


def test_what_takes_the_place_has_to_be_there(toys: str) -> None:
    schema = build_schema(toys)

    there = [leaving.replaced(schema, "Toy.oldName", use) for use in ("name", "Toy.name", "Hue.RED")]
    missing = [leaving.replaced(schema, "Toy.oldName", use) for use in ("title", "Hue.BLUE", "Toy.doubled", "oldName")]

    assert all(there)
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
    ("was", "becomes", "line"),
    [
        ("name: String! size: Int }", "name: String! }", "breaks clients: Field Toy.size was removed."),
        ("name: String!", "name: Int!", "breaks clients: Field Toy.name changed type from String! to Int!."),
        ("name: String!", "name: String", "breaks clients: Field Toy.name changed type from String! to String."),
        ("first: Int,", "", "breaks clients: Argument Query.toys(first:) was removed."),
        (
            "first: Int,",
            "first: Int!,",
            "breaks clients: Argument Query.toys(first:) has changed type from Int to Int!.",
        ),
        ("toy(id: ID!)", "toy(id: ID!, by: ID!)", "breaks clients: A required argument Query.toy(by:) was added."),
        ("NAME SIZE", "NAME", "breaks clients: Enum value Order.SIZE was removed."),
        ("Toy | Car", "Toy", "breaks clients: Car was removed from union type Box."),
        ("type Car { wheels: Int }\n    union Box = Toy | Car", "union Box = Toy", "breaks clients: Car was removed."),
        ("implements Sized", "", "breaks clients: Ball no longer implements interface Sized."),
        ("color: String", "", "breaks clients: Field PaintInput.color was removed."),
        (
            "color: String",
            "color: String!",
            "breaks clients: Field PaintInput.color changed type from String to String!.",
        ),
        ("color: String", "color: String by: ID!", "breaks clients: A required field PaintInput.by was added."),
        ("NAME SIZE", "NAME SIZE AGE", "may surprise clients: Enum value Order.AGE was added."),
        ("size: Int }\n    type Car", "size: Int age: Int }\n    type Car", "harmless: Field Toy.age was added."),
    ],
)
def test_what_a_change_does_to_clients_is_named(was: str, becomes: str, line: str) -> None:
    assert was in BEFORE

    assert line in compared(BEFORE, BEFORE.replace(was, becomes, 1), AFTER)


def gone(place: str, today: date) -> list[str]:
    """What is said when something deprecated is taken away."""
    marked = f'{place} @deprecated(reason: "{WHY.format("name")}")'
    return compared(BEFORE.replace(place, marked, 1), BEFORE.replace(place, "", 1), today)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("size: Int", "Field Toy.size was removed."),
        ("first: Int", "Argument Query.toys(first:) was removed."),
        ("SIZE", "Enum value Order.SIZE was removed."),
        ("color: String", "Field PaintInput.color was removed."),
    ],
)
def test_what_was_announced_goes_after_its_day_and_not_on_it(place: str, said: str) -> None:
    assert gone(place, LAST) == [f"breaks clients: {said} It is promised until 2026-07-31."]
    assert gone(place, AFTER) == [f"was announced: {said}"]


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
    marked = BEFORE.replace("size: Int }", f'size: Int @deprecated(reason: "{WHY.format("name")}") }}', 1)

    assert compared(BEFORE, marked, AFTER) == [f"harmless: Toy.size is deprecated. {WHY.format('name')}"]
    assert compared(marked, BEFORE, AFTER) == ["harmless: Toy.size is deprecated no more."]
    assert compared(BEFORE, BEFORE, AFTER) == []


def test_whoever_commits_to_what_breaks_clients_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(contract, "COMMITTED", tmp_path / "schema.graphql")
    monkeypatch.setattr(reference, "FOLDER", tmp_path / "docs" / "reference")
    contract.COMMITTED.write_text(contract.text().replace("type Money {", "type Money {\n  float: String\n", 1))

    wrote = CliRunner().invoke(app, ["schema", "--write"])

    assert wrote.exit_code == 0
    assert "breaks clients: Field Money.float was removed." in wrote.output
    assert contract.differences() == []
