"""The specification at run time: operations by path, their parameters, and the fields of objects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

_SPEC = orjson.loads(Path(__file__).with_name("spec.json").read_bytes())

VERSION: str = _SPEC["version"]
PATHS: list[str] = list(_SPEC["operations"])
TYPES: list[dict[str, Any]] = _SPEC["types"]
ENUMS: list[list[str]] = _SPEC["enums"]
REQUIRED: dict[str, frozenset[str]] = {name: frozenset(facts["required"]) for name, facts in _SPEC["objects"].items()}
NULLABLE: dict[str, list[str]] = {name: facts["nullable"] for name, facts in _SPEC["objects"].items()}
EXPANDABLE: dict[str, frozenset[str]] = {
    name: frozenset(facts["expandable"]) for name, facts in _SPEC["objects"].items()
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One named call of Stripe's API, such as `payment_intents.confirm`."""

    name: str
    verb: str
    fields: dict[str, Any]


def route(verb: str, path: str) -> tuple[Operation, list[str]] | None:
    """The operation that answers a path, and the ids in it; None when there is none."""
    ids: list[str] = []
    place = _TREE
    for part in path.strip("/").split("/"):
        if part in place:
            place = place[part]
        elif "{}" in place and part and part.isprintable():
            ids.append(part)
            place = place["{}"]
        else:
            return None
    operation = place.get(verb)
    return (operation, ids) if isinstance(operation, Operation) else None


def _tree() -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, facts in _SPEC["operations"].items():
        verb, path = key.split(" ")
        place = tree
        for part in path.strip("/").split("/"):
            place = place.setdefault("{}" if part.startswith("{") else part, {})
        place[verb] = Operation(facts["name"], verb, TYPES[int(facts["params"].removeprefix("type:"))])
    return tree


_TREE = _tree()
