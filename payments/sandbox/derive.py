"""Derive the sandbox's specification from the type annotations of the installed SDK.

The SDK's sources are read as text, never imported. For each served operation the
result tells its parameters (names, types, which are required); for each served
object, which fields it must have, which may be null and which expand. `python -m payments.sandbox.derive`
writes `spec.json`; a test insists that the committed file is what this module gives.

Types are written as "str", "int", "bool", "decimal", "float", "map", "file", "empty"
(the empty string, which unsets), "enum:N" and "type:N" (places in the two tables),
["list", T] and ["or", T, …]. A required parameter's name ends in "!".
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SPEC = Path(__file__).with_name("spec.json")

SERVED = """
balance: retrieve
balance_transactions: list retrieve
charges: list retrieve update
coupons: list retrieve
credit_notes: list retrieve
customer_sessions: create
customers: create retrieve update delete list search
customers.balance_transactions: create retrieve update list
customers.payment_methods: list retrieve
customers.tax_ids: create retrieve delete list
disputes: list retrieve update close
events: list retrieve
files: create retrieve list
invoice_payments: list retrieve
invoices: list retrieve update pay mark_uncollectible
invoices.void: void_invoice
invoices.lines: list
mandates: retrieve
payment_intents: create retrieve update confirm capture cancel list search
payment_method_configurations: list retrieve update
payment_methods: create retrieve update list attach detach
payouts: list retrieve
prices: list retrieve
products: list retrieve
radar.early_fraud_warnings: list retrieve
refunds: create retrieve update list cancel
setup_intents: create retrieve update confirm cancel list
subscription_items: list retrieve
subscription_schedules: list retrieve
subscriptions: list retrieve update
tax_rates: list retrieve
webhook_endpoints: create retrieve update delete list
"""

OBJECTS = """
balance balance_transaction charge coupon credit_note customer customer_balance_transaction customer_session
discount dispute event file invoice invoice_payment mandate payment_intent payment_method payment_method_configuration
payout price product radar.early_fraud_warning refund setup_intent subscription subscription_item
subscription_schedule tax_id tax_rate webhook_endpoint
"""

FOLDERS = (".", "radar")

_PLAIN = {
    "str": "str",
    "int": "int",
    "bool": "bool",
    "float": "float",
    "Decimal": "decimal",
    "Any": "file",
    "Dict": "map",
    "UntypedStripeObject": "map",
}


def derive() -> dict[str, Any]:
    """The whole specification, as `spec.json` holds it."""
    tables = _Tables()
    operations = {
        f"{verb} {path}": {"name": name, "params": tables.operation(folder, params)}
        for name, verb, path, folder, params in sorted(_operations())
        if name in _served()
    }
    return {
        "version": _api_version(),
        "operations": operations,
        "objects": {name: _object(name) for name in OBJECTS.split()},
        "enums": tables.enums,
        "types": tables.types,
    }


def written(spec: dict[str, Any]) -> str:
    """The specification as text: one line for each operation, object, enum and type."""
    parts = []
    for name, part in spec.items():
        match part:
            case dict():
                rows = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in part.items()]
                parts.append(f"{json.dumps(name)}: {{\n" + ",\n".join(rows) + "\n}")
            case list():
                parts.append(f"{json.dumps(name)}: [\n" + ",\n".join(map(json.dumps, part)) + "\n]")
            case _:
                parts.append(f"{json.dumps(name)}: {json.dumps(part)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


class _Tables:
    """Enums and parameter types, each written once however often it is used."""

    def __init__(self) -> None:
        self.enums: list[list[str]] = []
        self.types: list[dict[str, Any]] = []
        self._folder = ""

    def operation(self, folder: str, name: str) -> str:
        """The place of an operation's parameters; `folder` tells classes of one name apart."""
        self._folder = folder
        return self.parameters(name)

    def parameters(self, name: str) -> str:
        """The place of a TypedDict's fields among the types."""
        fields = {}
        for field, annotation in _fields(_classes(self._folder)[name]):
            match annotation:
                case ast.Subscript(value=ast.Name(id="NotRequired"), slice=inner):
                    fields[field] = self._type(inner)
                case _:
                    fields[field + "!"] = self._type(annotation)
        return _place("type", self.types, fields)

    def _type(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=str(text)):
                return self._type(ast.parse(text, mode="eval").body)
            case ast.BinOp(left=left, right=right):
                return self._either([left, right])
            case ast.Name(id=name):
                return _PLAIN.get(name) or self.parameters(name)
            case ast.Subscript(slice=inner):
                return self._generic(_head(node), inner)
        raise AssertionError(f"the SDK has a new kind of annotation: {ast.unparse(node)}")

    def _generic(self, head: str, inner: ast.expr) -> Any:
        members = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if head == "Literal":
            values = [str(ast.literal_eval(member)) for member in members]
            return "empty" if values == [""] else _place("enum", self.enums, values)
        if head == "Union":
            return self._either(members)
        return ["list", self._type(inner)] if head == "List" else _PLAIN[head]

    def _either(self, members: list[ast.expr]) -> Any:
        flat: list[Any] = []
        for kind in map(self._type, members):
            flat += kind[1:] if kind[0] == "or" else [kind]
        # An open enum is written as a union with `str`; Stripe refuses what is not listed.
        if any(isinstance(kind, str) and kind.startswith("enum:") for kind in flat):
            flat = [kind for kind in flat if kind != "str"]
        flat = [kind for place, kind in enumerate(flat) if kind not in flat[:place]]
        return flat[0] if len(flat) == 1 else ["or", *flat]


def _place(table: str, rows: list[Any], row: Any) -> str:
    if row not in rows:
        rows.append(row)
    return f"{table}:{rows.index(row)}"


def _operations() -> Iterator[tuple[str, str, str, str, str]]:
    """Name, verb, path template, folder and parameter class of each v1 operation of the SDK."""
    for folder in FOLDERS:
        methods = (node for tree in _trees(f"{folder}/_*_service.py") for node in ast.walk(tree))
        for method in (node for node in methods if isinstance(node, ast.FunctionDef)):
            for call in (node for node in ast.walk(method) if isinstance(node, ast.Call)):
                if isinstance(call.func, ast.Attribute) and call.func.attr == "_request":
                    verb, path = str(ast.literal_eval(call.args[0])).upper(), _template(call.args[1])
                    if path.startswith("/v1/"):
                        yield _name(path, method.name), verb, path, folder, _params(method)


def _name(path: str, method: str) -> str:
    fixed = [part for part in path.split("/")[2:] if "{" not in part]
    return ".".join(fixed if fixed[-1] == method else [*fixed, method])


def _template(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(path)):
            return path
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(path)))):
            return path
    return ""


def _params(method: ast.FunctionDef) -> str:
    (argument,) = (argument for argument in method.args.args if argument.arg == "params")
    assert argument.annotation, "the SDK annotates its parameters"
    return ast.unparse(argument.annotation).removeprefix("Optional[").removesuffix("]").strip("'\"")


def _object(name: str) -> dict[str, Any]:
    """Which fields an object must have, which may be null, and which paths below it expand."""
    resource = _resources()[name]
    optional = {field: _head(kind) == "Optional" for field, kind in _fields(resource)}
    return {
        "required": sorted(field for field in optional if not optional[field]),
        "nullable": sorted(field for field in optional if optional[field]),
        "expandable": sorted(set(_expandable(resource, ""))),
    }


def _expandable(resource: ast.ClassDef, prefix: str) -> Iterator[str]:
    nested = {node.name: node for node in resource.body if isinstance(node, ast.ClassDef)}
    for field, kind in _fields(resource):
        text = ast.unparse(kind)
        if "ExpandableField[" in text or "ListObject[" in text:
            yield prefix + field
        for name in {node.id for node in ast.walk(kind) if isinstance(node, ast.Name)} & nested.keys():
            yield from _expandable(nested[name], f"{prefix}{field}.")


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for line in node.body:
        if (
            isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and _head(line.annotation) != "ClassVar"
        ):
            yield line.target.id, line.annotation


def _head(node: ast.expr) -> str:
    return ast.unparse(node.value) if isinstance(node, ast.Subscript) else ""


@cache
def _served() -> frozenset[str]:
    lines = (line.split(": ") for line in SERVED.strip().splitlines())
    return frozenset(f"{resource}.{method}" for resource, methods in lines for method in methods.split())


@cache
def _classes(folder: str) -> dict[str, ast.ClassDef]:
    """Every TypedDict of one folder of the SDK's `params`, by name."""
    trees = _trees(f"params/{folder}/_*.py")
    return {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}


@cache
def _resources() -> dict[str, ast.ClassDef]:
    """Every resource class by its object name."""
    found = {}
    for tree in (tree for folder in FOLDERS for tree in _trees(f"{folder}/_*.py")):
        for node in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and ast.unparse(line.target) == "OBJECT_NAME" and line.value:
                    found[str(ast.literal_eval(line.value))] = node
    return found


@cache
def _trees(pattern: str) -> list[ast.Module]:
    spec = find_spec("stripe")
    assert spec, "the SDK is a dependency of this package"
    assert spec.origin, "the SDK is installed as files"
    paths = sorted(Path(spec.origin).parent.glob(pattern.replace("./", "")))
    return [ast.parse(path.read_text("utf-8")) for path in paths]


def _api_version() -> str:
    for tree in _trees("_api_version.py"):
        for line in ast.walk(tree):
            if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant) and "-" in str(line.value.value):
                return str(line.value.value)
    raise AssertionError("the SDK doesn't tell its API version")


if __name__ == "__main__":
    SPEC.write_text(written(derive()), "utf-8")
