"""Expansion: `expand[]` paths, up to four levels, replace ids by the objects they name."""

from __future__ import annotations

from typing import Any

from payments.sandbox.books import Books
from payments.sandbox.objects import HIDDEN, INCLUDABLE, Body, bare
from payments.sandbox.pages import listed
from payments.sandbox.refusals import invalid
from payments.sandbox.spec import EXPANDABLE, NULLABLE

_DEEPEST = 4
_EMBEDDED = {
    "refunds": ("refund", "charge"),
    "tax_ids": ("tax_id", "customer"),
    "subscriptions": ("subscription", "customer"),
}


async def expanded(books: Books, answer: Body, paths: list[str]) -> Body:
    """The answer with the objects at these paths inlined. Raises Refused for a path that doesn't expand."""
    tree = bare(answer)
    for path in paths:
        parts = path.split(".")
        depth = len(parts) - (parts[0] == "data")
        if depth > _DEEPEST:
            raise invalid(f"You cannot expand more than {_DEEPEST} levels of a property: {path}.", "expand")
        await _expand([(tree, "")], parts, path, books)
    return tree


async def _expand(places: list[tuple[Body, str]], parts: list[str], path: str, books: Books) -> None:
    """Expand the first part at every place, then the rest below it.

    A place is a node, and its path within its object.
    """
    if not parts or not places:
        return
    part, *rest = parts
    await _load(places, part, path, books)
    below: list[tuple[Body, str]] = []
    for node, inside in places:
        value = node.get(part)
        children = [child for child in (value if isinstance(value, list) else [value]) if isinstance(child, dict)]
        below += [(child, "" if "object" in child else f"{inside}{part}.") for child in children]
    await _expand(below, rest, path, books)


async def _load(places: list[tuple[Body, str]], part: str, path: str, books: Books) -> None:
    """Put objects where ids are, for one part at every place, in one query."""
    wanted: set[str] = set()
    for node, inside in places:
        kind = node.get("object")
        if part in INCLUDABLE.get(kind or "", ()):
            node.setdefault(part, await _included(books, node, part))
        elif not isinstance(node.get(part), dict | list) and not (_known(node, inside, part) or _null(node, part)):
            raise invalid(f"This property cannot be expanded ({path}).", "expand")
        wanted |= set(_ids(node.get(part))) if _known(node, inside, part) else set()
    found = await books.many(wanted)
    for node, _ in places:
        node[part] = _replaced(node.get(part), found) if part in node else None


def _null(node: Body, part: str) -> bool:
    """Whether it is a field of the object that may be null, and is: nothing is there to expand."""
    return node.get(part) is None and part in NULLABLE.get(node.get("object", ""), ())


def _known(node: Body, inside: str, part: str) -> bool:
    root = node.get("object")
    if root == "list":
        return part == "data"
    kinds = [root] if root in EXPANDABLE else EXPANDABLE
    return any(inside + part in EXPANDABLE[kind] for kind in kinds)


def _ids(value: Any) -> list[str]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _replaced(value: Any, found: dict[str, Body]) -> Any:
    if isinstance(value, list):
        return [_replaced(member, found) for member in value]
    return bare(found[value]) if isinstance(value, str) and value in found else value


async def _included(books: Books, node: Body, part: str) -> Any:
    """A field that Stripe leaves out unless it is asked for."""
    if part in _EMBEDDED:
        kind, owner = _EMBEDDED[part]
        bodies = [bare(body) for body in reversed(await books.where(kind, **{owner: node["id"]}))]
        return listed(bodies[:10], f"/v1/{part}?{owner}={node['id']}", more=len(bodies) > 10)  # noqa: PLR2004 - Stripe embeds ten
    if part == "payments":
        paid = [bare(body) for body in await books.where("invoice_payment", invoice=node["id"])]
        return listed(paid, f"/v1/invoice_payments?invoice={node['id']}")
    return (await books.many([node["id"]]))[node["id"]].get(HIDDEN, {}).get(part)
