"""Parameters: form-encoded names such as `a[b][0][c]` become nested values, judged by the specification."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

from payments.sandbox.refusals import Refused, invalid
from payments.sandbox.spec import ENUMS, TYPES, Operation

NOT_PLAYED = frozenset(
    [
        "application_fee_amount",
        "confirmation_token",
        "customer_account",
        "hooks",
        "on_behalf_of",
        "refund_application_fee",
        "reverse_transfer",
        "source",
        "test_clock",
        "transfer_data",
        "transfer_group",
    ]
)
_DEEPEST = 12
_MOST_FIELDS = 5000
_LONGEST_INTEGER = 18
_METADATA = (50, 40, 500)


def pairs(text: str) -> list[tuple[str, str]]:
    """The name and value pairs of a query string or an urlencoded body. Raises Refused when there are too many."""
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise invalid(f"A request has up to {_MOST_FIELDS} parameters.") from None


def nested(given: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Pairs as a tree. Lists are hashes by place until the specification says what they are."""
    tree: dict[str, Any] = {}
    for name, value in given:
        *parents, last = _parts(name)
        if isinstance(value, str) and "\0" in value:
            # PostgreSQL's text has no such character, and no text of a customer's does.
            raise invalid("Values can't contain the character NUL.", name)
        place = tree
        for part in parents:
            place = place.setdefault(part or str(len(place)), {})
            if not isinstance(place, dict):
                raise invalid(f"Invalid object: {name} is given as both a value and a hash.", name)
        place[last or str(len(place))] = value
    return tree


def judged(operation: Operation, tree: dict[str, Any]) -> dict[str, Any]:
    """The parameters of an operation as values. Raises Refused as Stripe does, naming the parameter."""
    given = _fields(operation.fields, tree, "")
    for name in sorted(given.keys() & NOT_PLAYED):
        if operation.verb == "POST":
            raise invalid(f"This sandbox doesn't play `{name}`.", name)
    metadata = given.get("metadata")
    if isinstance(metadata, dict):
        _check_metadata(metadata)
    return given


def _parts(name: str) -> list[str]:
    head, *rest = name.split("[")
    parts = [head, *(part.removesuffix("]") for part in rest)]
    if len(parts) > _DEEPEST or any("]" in part or "\0" in part for part in parts):
        raise invalid(f"Invalid parameter name: {name}", name)
    return parts


def _fields(fields: dict[str, Any], tree: dict[str, Any], prefix: str) -> dict[str, Any]:
    kinds = {name.rstrip("!"): kind for name, kind in fields.items()}
    unknown = [_inside(prefix, name) for name in tree if name not in kinds]
    if unknown:
        plural = "s" * (len(unknown) > 1)
        raise invalid(f"Received unknown parameter{plural}: {', '.join(unknown)}", unknown[0], "parameter_unknown")
    for name in fields:
        if name.endswith("!") and name[:-1] not in tree:
            param = _inside(prefix, name[:-1])
            raise invalid(f"Missing required param: {param}.", param, "parameter_missing")
    return {
        name: _value(kinds[name], value, _inside(prefix, name), name + "!" in fields) for name, value in tree.items()
    }


def _value(kind: Any, value: Any, param: str, required: bool = False) -> Any:
    kinds = kind[1:] if kind[0] == "or" else [kind]
    if value == "":
        return _empty(kinds, param, required)
    if isinstance(value, dict):
        return _compound(kinds, value, param)
    refusal: Refused | None = None
    for one in kinds:
        try:
            return _plain(one, value, param)
        except Refused as refused:
            refusal = refusal or refused
    raise refusal or invalid(f"Invalid value: {value}", param)


def _empty(kinds: list[Any], param: str, required: bool) -> str | None:
    if "empty" in kinds:
        return ""
    if "str" in kinds and not required:
        return None
    raise invalid(
        f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter; "
        f"however '{param}' cannot be unset. You should remove '{param}' from your request or supply a "
        "non-empty value.",
        param,
        "parameter_invalid_empty",
    )


def _compound(kinds: list[Any], value: dict[str, Any], param: str) -> Any:
    for kind in kinds:
        if kind == "map":
            return {key: _value("str", text, _inside(param, key)) or "" for key, text in value.items()}
        if isinstance(kind, str) and kind.startswith("type:"):
            return _fields(TYPES[int(kind[5:])], value, param)
        if isinstance(kind, list) and all(place.isdigit() for place in value):
            ordered = sorted(value.items(), key=lambda item: int(item[0]))
            return [_value(kind[1], member, _inside(param, place)) for place, member in ordered]
    wanted = "array" if any(isinstance(kind, list) for kind in kinds) else _wanted(kinds[0])
    raise invalid(f"Invalid {wanted}", param)


def _plain(kind: Any, value: Any, param: str) -> Any:
    match kind:
        case "str":
            return value
        case "file" if not isinstance(value, str):
            return value
        case "int":
            return _integer(value, param)
        case "bool" if value in ("true", "false"):
            return value == "true"
        case "decimal" | "float":
            return _decimal(value, param)
        case str() if kind.startswith("enum:"):
            return _chosen(ENUMS[int(kind[5:])], value, param)
    raise invalid(f"Invalid {_wanted(kind)}" + (f": {value}" if kind == "bool" else ""), param)


def _integer(value: str, param: str) -> int:
    if value.removeprefix("-").isdecimal() and value.isascii() and len(value) <= _LONGEST_INTEGER:
        return int(value)
    raise invalid(f"Invalid integer: {value}", param, "parameter_invalid_integer")


def _decimal(value: str, param: str) -> str:
    try:
        Decimal(value)
    except InvalidOperation:
        raise invalid(f"Invalid decimal: {value}", param) from None
    return value


def _chosen(choices: list[str], value: str, param: str) -> str:
    if value in choices:
        return value
    named = f"{', '.join(choices[:-1])}, or {choices[-1]}" if len(choices) > 2 else " or ".join(choices)  # noqa: PLR2004 - a, b, or c
    raise invalid(f"Invalid {param}: must be one of {named}", param)


def _wanted(kind: Any) -> str:
    if isinstance(kind, list):
        return "array"
    return (
        "object" if kind == "map" or kind.startswith("type:") else {"bool": "boolean", "str": "string"}.get(kind, kind)
    )


def _inside(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


def _check_metadata(metadata: dict[str, str]) -> None:
    most, longest_key, longest = _METADATA
    if len(metadata) > most:
        raise invalid(f"Metadata can have up to {most} keys; you passed {len(metadata)}.", "metadata")
    for key, text in metadata.items():
        if len(key) > longest_key or len(text) > longest:
            raise invalid(
                f"Metadata keys have up to {longest_key} characters and values up to {longest}; `{key}` is too long.",
                f"metadata[{key}]",
            )
