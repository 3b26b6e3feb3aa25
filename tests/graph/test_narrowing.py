"""Narrowing: what filters, searches and counts mean, and arguments that can't be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Role
from billing.states import InvoiceState
from kernel import ids, pages
from resolvers.graph import FACES, Page
from resolvers.reading import COUNTED
from seats.seating import SeatState
from tests.graph.walking import Full, Listed, page
from tests.scenery import Scene, World


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


WORDS = [["DRAFT"], ["PAID", "DRAFT"], ["PAID"], ["VOID"], [], ["DRAFT", "PAID"], ["OPEN"], None]


async def test_one_document_finds_other_words_each_time(workspace: Scene) -> None:
    made = {
        state.name: await workspace.invoice(100, state=state)
        for state in (InvoiceState.DRAFT, InvoiceState.PAID, InvoiceState.OPEN)
    }
    document = """query($id: ID!, $words: [InvoiceState!]) {
        account(id: $id) { invoices(filter: {state: $words}) { totalCount nodes { id } } } }"""

    for words in WORDS:
        reply = await workspace.world.ask(document, workspace.owner, id=workspace.account, words=words)

        wanted = {number for word, number in made.items() if words is None or word in words}
        found = reply.data["account"]["invoices"]
        assert {node["id"] for node in found["nodes"]} == wanted
        assert found["totalCount"] == len(wanted)


async def test_invoices_that_are_not_paid_have_an_index_of_their_own(world: World) -> None:
    narrow = next(
        page for page in FACES["Query"].sources.values() if isinstance(page, Page) and page.name == "Invoices"
    )
    state = narrow.filters["state"]

    indexes = await world.rows(
        "select indexdef from pg_indexes where indexname = any ($1)", ["unpaid_pages", "unpaid_pages_of_one"]
    )

    assert state.compared("r.state", "$1", ("open", "void")) == "r.state = any($1) and r.state <> 'paid'"
    assert state.compared("r.state", "$1", ("open", "paid")) == "r.state = any($1)"
    assert [index["indexdef"].endswith("WHERE (state <> 'paid'::text)") for index in indexes] == [True, True]


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
FORGED: list[tuple[Any, ...]] = [
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
OTHERS: list[tuple[str, tuple[Any, ...]]] = [
    ("WorkspaceSeats:SINCE:1", ("2026-01-01T00:00:00+00:00", 1)),
    ("WorkspaceSeats:EMAIL:0", ("a@example.test", 1)),
    ("PoolSeats:SINCE:0", ("2026-01-01T00:00:00+00:00", 1)),
]
NONSENSE = ["x", "====", "💥", "not a cursor", "A" * 100_000, "WyJhIiwxXQ", "\x00", "null", "Ww" * 5_000]


@pytest.mark.parametrize("sealed", [*((NAME, place) for place in FORGED), *OTHERS], ids=repr)
async def test_a_cursor_that_is_none_of_this_list_is_refused(narrowed: Full, sealed: tuple[str, Any]) -> None:
    name, place = sealed
    cursor = pages.write(name, (*place, narrowed.scene.number))

    assert await refused(narrowed.scene, "after: $cursor", cursor=cursor) == "INVALID_INPUT"
    assert await refused(narrowed.scene, "last: 1, before: $cursor", cursor=cursor) == "INVALID_INPUT"


@pytest.mark.parametrize("cursor", NONSENSE, ids=lambda cursor: repr(cursor[:30]))
async def test_nonsense_for_a_cursor_is_refused(narrowed: Full, cursor: str) -> None:
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
