"""Walking: lists of the graph, read page by page."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.scene import Somebody
from tests.scenery import Scene


class Listed(NamedTuple):
    """A list of the graph: on which type, the field, and its orders with what shows them."""

    on: str
    field: str
    orders: dict[str, str]


CREATED = {"CREATED_AT": "createdAt"}
SINCE = {"SINCE": "since"}
LISTS = [
    Listed("Account", "subscriptions", CREATED),
    Listed("Account", "invoices", CREATED | {"TOTAL": "total { minor }"}),
    Listed("Account", "payments", CREATED),
    Listed("Account", "ledger", {"AT": "at"}),
    Listed("Account", "auditLog", {"SEQ": "seq"}),
    Listed("Workspace", "members", {"JOINED_AT": "joinedAt"}),
    Listed("Workspace", "seats", SINCE | {"EMAIL": "email"}),
    Listed("Workspace", "invitations", CREATED),
    Listed("Workspace", "auditLog", {"SEQ": "seq"}),
    Listed("LicensePool", "seats", SINCE),
    Listed("Member", "seats", SINCE),
    Listed("Viewer", "memberships", {"JOINED_AT": "joinedAt"}),
    Listed("Viewer", "seats", SINCE),
    Listed("Viewer", "invitations", CREATED),
    Listed("Query", "accounts", CREATED),
    Listed("Query", "invoices", CREATED),
    Listed("Query", "heldSubscriptions", CREATED),
]
OF_AN_OWNER = LISTS[-2:]
"""Lists of the query that tell of a workspace, and so whoever owns it reads them."""

WALKED_BY_ITSELF = {("LineSeats", "times")}
"""Lists that no table holds: `test_line_seats` walks them."""

SHORT = {
    ("Member", "seatRequests"),
    ("Workspace", "seatRequests"),
    ("Workspace", "joinRequests"),
    ("Viewer", "joinRequests"),
    ("Query", "disputes"),
    ("Query", "fraudWarnings"),
    ("Query", "uncreditedRefunds"),
    ("Directory", "groups"),
    ("Directory", "users"),
    ("Query", "discrepancies"),
    ("Query", "reconciliations"),
    ("Query", "bulkExports"),
    ("Workspace", "seatGroups"),
    ("Workspace", "seatImports"),
    ("SeatImport", "rows"),
    ("LicensePool", "seatGroups"),
    ("SeatGroup", "seats"),
    ("SingleSignOn", "identities"),
    ("SingleSignOn", "logins"),
    ("Viewer", "sessions"),
}
"""Lists that are read where their rows come from, a page at a time and never from end to end."""


class Full(NamedTuple):
    """Everything with eleven rows, many of which stand at the same place of their order."""

    scene: Scene
    things: dict[str, str]
    """The type that a list is on, to the thing that has it."""

    readers: dict[str, Somebody]
    """The type that a list is on, to whoever reads it."""


async def page(full: Full, listed: Listed, arguments: str, shows: str = "id", **variables: Any) -> Any:
    """One page of a list."""
    shown = f"edges {{ cursor node {{ {shows} }} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}"
    asked = f"list: {listed.field}({arguments}) {{ totalCount {shown} }}"
    taken = "query($cursor: String)" if variables else ""
    if listed.on == "Query":
        document = f"{taken} {{ {asked} }}"
    elif listed.on == "Viewer":
        document = f"{taken} {{ viewer {{ {asked} }} }}"
    else:
        document = f'{taken} {{ node(id: "{full.things[listed.on]}") {{ ... on {listed.on} {{ {asked} }} }} }}'
    reader = full.readers.get(listed.on, full.scene.owner)
    reader = full.scene.owner if listed in OF_AN_OWNER else full.readers.get(listed.field, reader)
    data = (await full.scene.world.ask(document, reader, **variables)).data
    return data["list"] if listed.on == "Query" else next(iter(data.values()))["list"]


async def walk(full: Full, listed: Listed, order: str, size: int, *, backward: bool) -> list[str]:
    """The ids of a whole list, gathered page by page and put in the list's order."""
    found: list[str] = []
    cursor: str | None = None
    for _ in range(100):
        place = f"last: {size}, before: $cursor" if backward else f"first: {size}, after: $cursor"
        one = await page(full, listed, f"{place}, orderBy: {order}", cursor=cursor)
        part = [edge["node"]["id"] for edge in one["edges"]]
        found = part + found if backward else found + part
        info, cursors = one["pageInfo"], [edge["cursor"] for edge in one["edges"]]
        assert (info["startCursor"], info["endCursor"]) == (cursors[0], cursors[-1])
        assert info["hasNextPage" if not backward else "hasPreviousPage"] == (len(found) < one["totalCount"])
        assert info["hasNextPage" if backward else "hasPreviousPage"] == (cursor is not None)
        if len(found) >= one["totalCount"]:
            return found
        cursor = cursors[0] if backward else cursors[-1]
    raise AssertionError("the pages never end")
