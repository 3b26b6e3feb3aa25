"""Rights: which permissions a way into the graph asks for, found out from the code that asks.

A resolver names the permission it asks for, or a function below it does; what they name is
read from their compiled code. Who sees the rows of a type, a predicate decides: it is called
with a reader who notes what is asked of them.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

from auth.policy import Permission, Setting
from resolvers.following import Kind
from resolvers.graph import Bind, Face

_FLOOR = "resolvers"
_BELOW_ALL = {"resolvers.info", "resolvers.graph"}
"""What everything goes through says nothing about what one thing asks for."""


def asked_by(resolve: Callable[..., Any]) -> list[Permission]:
    """The permissions that a resolver asks for, the first one always; those to see only where there is no other."""
    found = list(dict.fromkeys(_named(resolve, set())))
    return [each for each in found if not each.name.startswith("SEE_")] or found


def needed_for(face: Face) -> tuple[list[Permission], bool]:
    """The permissions of which any shows rows of a type, and whether one sees one's own besides."""
    noting = _Noting()
    assert face.visible is not None
    predicate = face.visible("row", Bind(), noting)
    return list(dict.fromkeys(noting.asked)), " or " in predicate


class _Noting:
    """A reader who holds nothing, and notes what is asked."""

    person_id: int | None = 1
    email: str | None = "somebody@example.com"
    setting: Setting | None = None
    seat_groups: Sequence[int] = ()

    def __init__(self) -> None:
        self.asked: list[Permission] = []

    def accounts(self, permission: Permission) -> list[int] | None:
        """No account."""
        self.asked.append(permission)
        return []


def _named(function: Any, seen: set[Any]) -> Iterator[Permission]:
    """The permissions that a function of the floor names, and those it calls; what can be followed has its own."""
    function = inspect.unwrap(function) if isinstance(function, FunctionType) else None
    if function is None or function in seen or not _asks(function.__module__):
        return
    seen.add(function)
    for value in _mentioned(function.__code__, function.__globals__):
        asked = value.permission if isinstance(value, Kind) else value
        if isinstance(asked, Permission):
            yield asked
        yield from _named(value, seen)


def _asks(module: str) -> bool:
    return module.partition(".")[0] == _FLOOR and module not in _BELOW_ALL


def _mentioned(code: CodeType, known: dict[str, Any]) -> Iterator[Any]:
    """What code names: a name of its module, or a name of another module or of an enumeration."""
    left: Any = None
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            left = known.get(str(step.argval))
            yield left
        elif step.opname in {"LOAD_ATTR", "LOAD_METHOD"} and (isinstance(left, ModuleType) or left is Permission):
            left = getattr(left, str(step.argval), None)
            yield left
        else:
            left = None
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _mentioned(inner, known)
