"""Pages: keyset cursors that cover every row once, whatever the order, the direction and the size."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from graphql import GraphQLNonNull, GraphQLObjectType
from hypothesis import given, settings
from hypothesis import strategies as st

import schema
from auth.policy import Role
from billing.tables import InvoiceState
from kernel import ids, pages
from resolvers.reading import COUNTED
from seats.seating import SeatState
from tests.scene import Somebody
from tests.scenery import Scene, World

ROWS = 11


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
]
ORDERS = [
    pytest.param(listed, order, id=f"{listed.on}.{listed.field}.{order}") for listed in LISTS for order in listed.orders
]


class Full(NamedTuple):
    """Everything with eleven rows, many of which stand at the same place of their order."""

    scene: Scene
    things: dict[str, str]
    """The type that a list is on, to the thing that has it."""

    readers: dict[str, Somebody]
    """The type that a list is on, to whoever reads it."""


@pytest.fixture(scope="module")
async def full(world: World) -> Full:
    """Eleven rows for every list of the graph."""
    scene = await world.workspace()
    grace = await world.person("grace")
    pool, member = await scene.pool(100), await scene.join()
    for _ in range(ROWS - len(scene.members) - 1):
        await scene.join()
    for number in range(ROWS):
        elsewhere = await world.workspace(roles=[Role.OWNER])
        await elsewhere.invitation(grace.email)
        await elsewhere.join(who=grace)
        await scene.subscription()
        await scene.payment(await scene.invoice(1000 * (number % 3) + 1000))
        await scene.invitation(f"p{number}@example.test")
        await scene.record()
        await scene.seat(pool, member, SeatState.RELEASED)
        await elsewhere.seat(await elsewhere.pool(1), grace, SeatState.WAITLISTED)
    for table, column in {
        "assignment": "since",
        "invitation": "created_at",
        "subscription": "created_at",
        "invoice": "created_at",
        "payment": "created_at",
        "member": "joined_at",
    }.items():
        await world.run(
            f"update {table} set {column} = date_trunc('hour', {column}) + (id % 3) * interval '1 s'"
            " where account_id = $1 or account_id in (select account_id from member where person_id = $2)",
            scene.number,
            grace.number,
        )
    things = {
        "Account": scene.account,
        "Workspace": scene.id,
        "LicensePool": pool,
        "Member": scene.member(member),
    }
    return Full(scene, things, {"Viewer": grace, "Query": grace})


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
    reader = full.scene.owner if listed == QUERY_INVOICES else full.readers.get(listed.on, full.scene.owner)
    data = (await full.scene.world.ask(document, reader, **variables)).data
    return data["list"] if listed.on == "Query" else next(iter(data.values()))["list"]


QUERY_INVOICES = LISTS[-1]


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


def value(node: dict[str, Any], shows: str) -> Any:
    """What an order goes by."""
    return node["total"]["minor"] if shows.startswith("total") else node[shows]


def test_every_list_of_the_graph_is_walked_here() -> None:
    kinds = schema.build()._schema.type_map.values()
    found = {
        (kind.name, name)
        for kind in kinds
        if isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items()
        if isinstance(field.type, GraphQLNonNull) and str(field.type).endswith("Connection!")
    }

    assert found == {(listed.on, listed.field) for listed in LISTS}


@pytest.mark.parametrize(("listed", "order"), ORDERS)
async def test_a_list_is_in_its_order(full: Full, listed: Listed, order: str) -> None:
    shows = listed.orders[order]

    up, down = [
        await page(full, listed, f"first: 100, orderBy: {{field: {order}, direction: {way}}}", f"id {shows}")
        for way in ("ASC", "DESC")
    ]

    nodes = [edge["node"] for edge in up["edges"]]
    values = [value(node, shows) for node in nodes]
    assert len({node["id"] for node in nodes}) == up["totalCount"] >= ROWS
    assert values == sorted(values)
    assert [edge["node"] for edge in down["edges"]] == nodes[::-1]


@pytest.mark.parametrize(("listed", "order"), ORDERS)
@pytest.mark.parametrize("way", ["ASC", "DESC"])
@settings(max_examples=2, deadline=None, database=None)
@given(asked=st.tuples(st.integers(1, ROWS + 1), st.booleans()))
async def test_pages_of_any_size_cover_every_row_once(
    full: Full, listed: Listed, order: str, way: str, asked: tuple[int, bool]
) -> None:
    (size, backward), by = asked, f"{{field: {order}, direction: {way}}}"
    whole = await page(full, listed, f"first: 100, orderBy: {by}")

    found = await walk(full, listed, by, size, backward=backward)

    assert found == [edge["node"]["id"] for edge in whole["edges"]]


# What comes between


async def test_rows_that_come_between_two_pages_move_none_that_were_there(workspace: Scene) -> None:
    pool, seats = await workspace.pool(100), Listed("Workspace", "seats", {})
    here = Full(workspace, {"Workspace": workspace.id}, {})
    there = [await workspace.seat(pool, f"{letter}@example.test") for letter in "bdfhjlnp"]

    first = await page(here, seats, "first: 3, orderBy: {field: EMAIL}")
    for letter in "acegikmoq":
        await workspace.seat(pool, f"{letter}@example.test")
    rest = await page(here, seats, f'first: 100, orderBy: {{field: EMAIL}}, after: "{first["pageInfo"]["endCursor"]}"')

    found = [edge["node"]["id"] for edge in [*first["edges"], *rest["edges"]]]
    assert [seat for seat in found if seat in there] == there
    assert len(found) == len(set(found)) == 3 + 5 + 6


async def test_a_place_outlives_the_row_that_stood_there(workspace: Scene) -> None:
    pool, seats = await workspace.pool(100), Listed("Workspace", "seats", {})
    here = Full(workspace, {"Workspace": workspace.id}, {})
    there = [await workspace.seat(pool, f"{letter}@example.test") for letter in "abcd"]
    active = "filter: {state: [INVITED]}, orderBy: {field: EMAIL}"

    first = await page(here, seats, f"first: 2, {active}")
    await workspace.world.run(
        "update assignment set state = 'released', released_at = since where id = $1", ids.decode("seat", there[1])
    )
    rest = await page(here, seats, f'first: 2, {active}, after: "{first["pageInfo"]["endCursor"]}"')

    assert [edge["node"]["id"] for edge in rest["edges"]] == there[2:]


# Narrowing


@pytest.fixture(scope="module")
async def narrowed(world: World) -> Full:
    """A workspace with a few seats that differ in everything."""
    scene = await world.workspace()
    cheap, dear = await scene.pool(100), await scene.pool(100, offer=world.catalog.enterprise)
    member = scene.members[Role.MEMBER]
    for email in ("50%off@example.test", "a_b@example.test", "axb@example.test", "o'neil@example.test"):
        await scene.seat(cheap, email)
    await scene.seat(dear, member)
    await scene.seat(dear, scene.owner, SeatState.SUSPENDED)
    await scene.seat(cheap, scene.owner, SeatState.RELEASED)
    await world.run(
        "update assignment set since = since - interval '1 day' where account_id = $1 and state = 'released'",
        scene.number,
    )
    return Full(scene, {"Workspace": scene.id, "cheap": cheap, "dear": dear}, {"member": member, "owner": scene.owner})


SEARCHES = [
    ("%", ["50%off@example.test"]),
    ("_", ["a_b@example.test"]),
    ("A_B", ["a_b@example.test"]),
    ("'", ["o'neil@example.test"]),
    ("o'Neil", ["o'neil@example.test"]),
    ("\\", []),
    ("' or true --", []),
    ("%%", []),
    ("a" * 9_000, []),
]


@pytest.mark.parametrize(("search", "emails"), SEARCHES)
async def test_a_search_means_what_it_says(narrowed: Full, search: str, emails: list[str]) -> None:
    reply = await narrowed.scene.world.ask(
        "query($id: ID!, $search: String) {"
        " workspace(id: $id) { seats(filter: {search: $search}) { totalCount nodes { email } } } }",
        narrowed.scene.owner,
        id=narrowed.scene.id,
        search=search,
    )

    found = reply.data["workspace"]["seats"]
    assert [node["email"] for node in found["nodes"]] == emails
    assert found["totalCount"] == len(emails)


async def test_filters_narrow_and_all_of_them_hold(narrowed: Full) -> None:
    scene, member, owner = narrowed.scene, narrowed.readers["member"], narrowed.readers["owner"]
    now = await scene.world.now()
    hour_ago = (now - timedelta(hours=1)).isoformat()
    expected = {
        "state: [ACTIVE]": [member.email],
        "state: [ACTIVE, SUSPENDED]": [member.email, owner.email],
        "state: []": [],
        "state: null": 7,
        f'person: "{owner.id}"': [owner.email, owner.email],
        f'person: "{owner.id}", state: [RELEASED]': [owner.email],
        f'pool: "{narrowed.things["cheap"]}"': 5,
        f'plan: "{scene.world.catalog.enterprise.plan}"': [member.email, owner.email],
        f'since: "{hour_ago}"': 6,
        f'until: "{hour_ago}"': [owner.email],
        f'since: "{hour_ago}", until: "{hour_ago}"': [],
        'search: "@"': 7,
        'search: ""': 7,
    }

    found = {
        narrow: await page(narrowed, Listed("Workspace", "seats", {}), f"filter: {{{narrow}}}", "email")
        for narrow in expected
    }

    for narrow, wanted in expected.items():
        emails = [edge["node"]["email"] for edge in found[narrow]["edges"]]
        assert len(emails) == found[narrow]["totalCount"], narrow
        assert (sorted(emails) == sorted(wanted)) if isinstance(wanted, list) else (len(emails) == wanted), narrow


async def test_invoices_are_narrowed_by_state_number_and_currency(workspace: Scene) -> None:
    here = Full(workspace, {"Account": workspace.account}, {})
    await workspace.invoice(100, state=InvoiceState.DRAFT)
    paid = await workspace.invoice(200, state=InvoiceState.PAID)
    invoices = Listed("Account", "invoices", {})
    number = f"T-{ids.decode('inv', paid)}"

    found = [
        [edge["node"]["id"] for edge in (await page(here, invoices, f"filter: {{{narrow}}}"))["edges"]]
        for narrow in ("state: [PAID]", f'number: "{number}"', 'currency: "EUR"', f'number: "{number}%"')
    ]

    assert found == [[paid], [paid], [], []]


async def test_counting_stops_at_ten_thousand(workspace: Scene) -> None:
    pool = await workspace.pool(1)
    first = await workspace.seat(pool, workspace.owner, SeatState.RELEASED)
    await workspace.world.run(
        "insert into assignment select (jsonb_populate_record(a, jsonb_build_object('id', -a.id * 20000 - g))).*"
        " from assignment a, generate_series(1, $2::int) g where a.id = $1",
        ids.decode("seat", first),
        COUNTED,
    )

    reply = await workspace.world.ask(
        "query($id: ID!) { workspace(id: $id) { seats(first: 1) { totalCount pageInfo { hasNextPage } } } }",
        workspace.owner,
        id=workspace.id,
    )

    assert reply.data["workspace"]["seats"] == {"totalCount": COUNTED, "pageInfo": {"hasNextPage": True}}


# What can't be


async def refused(scene: Scene, arguments: str, **variables: Any) -> str | None:
    """The code of the error that these arguments of a list end in."""
    given = "$id: ID!, $cursor: String" if variables else "$id: ID!"
    document = f"query({given}) {{ workspace(id: $id) {{ seats({arguments}) {{ nodes {{ id }} }} }} }}"
    reply = await scene.world.ask(document, scene.owner, id=scene.id, **variables)
    assert reply.status in {294, 422}
    return reply.code


SIZES = ["first: 0", "first: -1", "first: 101", "last: 0", "last: -1", "last: 101", "first: 5, last: 5"]
SIZES += ["first: 2147483648", 'first: "5"', "first: 1.5", 'first: 5, before: "x"', 'last: 5, after: "x"']
SIZES += ["orderBy: {direction: ASC}", "orderBy: {field: NAME}", "filter: {state: [GONE]}", 'filter: {since: "today"}']
SIZES += ['filter: {since: "2026-01-31T00:00:00"}', 'filter: {person: "person_x"}', 'filter: {person: ""}']
SIZES += ['filter: {search: "\\u0000"}', 'filter: {until: "99999-01-01T00:00:00Z"}']


@pytest.mark.parametrize("arguments", SIZES)
async def test_arguments_that_can_not_be_are_refused(narrowed: Full, arguments: str) -> None:
    assert await refused(narrowed.scene, arguments) == "INVALID_INPUT"


NAME = "WorkspaceSeats:SINCE:0"
FORGED = [
    pages.write(NAME, values)
    for values in [
        (),
        ("2026-01-01T00:00:00+00:00",),
        ("2026-01-01T00:00:00+00:00", 1, 2),
        ("yesterday", 1),
        ("2026-01-01T00:00:00", 1, 1),
        ("0001-01-01T00:00:00+23:59", 1),
        (1, 1),
        ("2026-01-01T00:00:00+00:00", "1"),
        ("2026-01-01T00:00:00+00:00", 2**63),
        ("2026-01-01T00:00:00+00:00", 1.5),
        ([["nested"]], 1),
        ({"a": 1}, {}),
        (None, None),
    ]
]
OTHERS = [
    pages.write("WorkspaceSeats:SINCE:1", ("2026-01-01T00:00:00+00:00", 1)),
    pages.write("WorkspaceSeats:EMAIL:0", ("a@example.test", 1)),
    pages.write("PoolSeats:SINCE:0", ("2026-01-01T00:00:00+00:00", 1)),
]
NONSENSE = ["x", "====", "💥", "not a cursor", "A" * 100_000, "WyJhIiwxXQ", "\x00", "null", "Ww" * 5_000]


@pytest.mark.parametrize("cursor", [*FORGED, *OTHERS, *NONSENSE], ids=lambda cursor: repr(cursor[:30]))
async def test_a_cursor_that_is_none_of_this_list_is_refused(narrowed: Full, cursor: str) -> None:
    assert await refused(narrowed.scene, "after: $cursor", cursor=cursor) == "INVALID_INPUT"
    assert await refused(narrowed.scene, "last: 1, before: $cursor", cursor=cursor) == "INVALID_INPUT"


async def test_an_edited_cursor_is_refused(narrowed: Full) -> None:
    whole = await page(narrowed, Listed("Workspace", "seats", {}), "first: 1")
    cursor = whole["pageInfo"]["endCursor"]

    codes = set()
    for place in range(0, len(cursor), 5):
        edited = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        codes.add(await refused(narrowed.scene, "after: $cursor", cursor=edited))

    assert codes == {"INVALID_INPUT"}


# Inside one another


async def test_pages_of_many_parents_are_each_their_own(workspace: Scene) -> None:
    members = [workspace.owner, *[await workspace.join() for _ in range(4)]]
    for count, who in enumerate(members):
        for _ in range(count):
            await workspace.seat(await workspace.pool(1), who)
    shown = "nodes { id } totalCount pageInfo { hasNextPage endCursor }"
    nested = f"{{ workspace(id: $id) {{ members {{ nodes {{ id seats(first: 2) {{ {shown} }} }} }} }} }}"
    alone = f"query($id: ID!) {{ node(id: $id) {{ ... on Member {{ seats(first: 2) {{ {shown} }} }} }} }}"

    together = (await workspace.world.ask(f"query($id: ID!) {nested}", workspace.owner, id=workspace.id)).data
    found = {node["id"]: node["seats"] for node in together["workspace"]["members"]["nodes"]}

    for count, who in enumerate(members):
        seats = found[workspace.member(who)]
        assert (len(seats["nodes"]), seats["totalCount"]) == (min(count, 2), count)
        assert seats["pageInfo"]["hasNextPage"] == (count > 2)
        one = (await workspace.world.ask(alone, workspace.owner, id=workspace.member(who))).data["node"]["seats"]
        assert one == seats


async def test_two_pages_of_one_list_in_one_question_do_not_mix(narrowed: Full) -> None:
    document = """query($id: ID!) { workspace(id: $id) {
        up: seats(first: 2, orderBy: {field: EMAIL}) { nodes { email } totalCount }
        down: seats(first: 2, orderBy: {field: EMAIL, direction: DESC}) { nodes { email } totalCount }
        few: seats(filter: {search: "neil"}) { nodes { email } totalCount }
    } }"""

    found = (await narrowed.scene.world.ask(document, narrowed.scene.owner, id=narrowed.scene.id)).data["workspace"]

    emails = {name: [node["email"] for node in one["nodes"]] for name, one in found.items()}
    assert emails["up"] == ["50%off@example.test", "a_b@example.test"]
    assert emails["down"][0] >= emails["down"][1] > emails["up"][1]
    assert emails["few"] == ["o'neil@example.test"]
    assert {name: one["totalCount"] for name, one in found.items()} == {"up": 7, "down": 7, "few": 1}
