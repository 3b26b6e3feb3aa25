"""Moving: users who come into a group, or go from it, without a look at everybody else in it.

Okta and Entra tell of a large group some members at a time. What such a PATCH names is
all that is read and written, so that it costs the same however large the group is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from scim2_models import InvalidValueException, PatchOp

from auth.directories.rules import UnknownMember
from gateway.scim.resources import USER, named

_MEMBERS = "members"
_ONE = re.compile(r'members\[value eq "([^"\\]*)"\]', re.IGNORECASE)
_SAID = frozenset({"value", "display", "type", "$ref"})


@dataclass(frozen=True, slots=True)
class Moved:
    """Who comes into a group, with what is shown of each, and who goes."""

    coming: dict[int, str | None] = field(default_factory=dict)
    going: set[int] = field(default_factory=set)


def moved(patch: PatchOp[Any]) -> Moved | None:
    """Who comes and goes by a PATCH; None for one that says anything else. Raises InvalidValueException."""
    made = Moved()
    for operation in patch.operations or ():
        told = _named(str(operation.path or ""), operation.value, operation.op.value)
        if told is None:
            return None
        for member in told:
            _move(made, operation.op.value, member)
    return made


def _named(path: str, value: Any, op: str) -> list[dict[str, Any]] | None:
    """The members that an operation names, if that is all it does."""
    one = _ONE.fullmatch(path)
    if op == "remove" and one and value is None:
        return [{"value": one[1]}]
    if op not in {"add", "remove"} or path.lower() != _MEMBERS:
        return None
    told = list(_listed(value))
    return told if told and all(_plain(member) for member in told) else None


def _listed(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else [value]


def _plain(member: Any) -> bool:
    return isinstance(member, dict) and member.keys() <= _SAID and isinstance(member.get("value"), str)


def _move(made: Moved, op: str, member: dict[str, Any]) -> None:
    user = named(USER, member["value"])
    if op == "remove":
        made.coming.pop(user, None)
        made.going.add(user)
        return
    if user < 0 or member.get("type") not in {None, "User"}:
        raise InvalidValueException(detail=UnknownMember().message)
    made.going.discard(user)
    made.coming[user] = member.get("display")
