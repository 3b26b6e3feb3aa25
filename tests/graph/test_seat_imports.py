"""Long lists of people: brought over HTTP and foreseen, then seated in the background, for whoever started them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from auth.policy import Desk, KeyScope, Role
from gateway import bringing, cards
from gateway.ushering import Usher
from seats import lists, sheets
from seats.imports import operations
from seats.imports.rules import AT_ONCE, KEPT, NO_LONGER
from tests.graph.asking import counted, logged
from tests.graph.crowd import evidence
from tests.graph.test_overage import bought, policy
from tests.scenery import Asker, Scene, World

LIST = """
    ... on SeatImport { id state lines settled whole notice failure bought ignoredColumns outcomes { outcome lines }
                        purchases { bought cost { minor } pool { name } invoice { total { minor } } } }
"""
SHOWN = f"__typename ... on Problem {{ message }} {LIST}"
STATE = f"query($id: ID!) {{ node(id: $id) {{ __typename {LIST} }} }}"
ROWS = """
    query($id: ID!, $first: Int!, $after: String, $outcome: [RowOutcome!]) {
      node(id: $id) {
        ... on SeatImport {
          rows(first: $first, after: $after, filter: { outcome: $outcome }) {
            totalCount pageInfo { hasNextPage endCursor }
            nodes { line email outcome says settled seat { state person { id } } request { email } }
          }
        }
      }
    }
"""


async def sent(
    scene: Scene,
    sheet: str | bytes | AsyncIterator[bytes],
    as_: Asker = None,
    *,
    headers: dict[str, str] | None = None,
    **query: Any,
) -> httpx2.Response:
    """The answer of the door to a list."""
    asked = {"content-type": "text/csv", **(headers or {})}
    if as_ is not None:
        asked["authorization"] = f"Bearer {as_ if isinstance(as_, str) else as_.bearer}"
    body = sheet.encode() if isinstance(sheet, str) else sheet
    params = {"workspace": scene.id, **query}
    return await scene.world.client.post("/seats/lists", params=params, content=body, headers=asked)


async def brought(scene: Scene, sheet: str | bytes, as_: Asker = None, **query: Any) -> str:
    """A list that was brought."""
    answer = await sent(scene, sheet, as_ or scene.owner, **query)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["seatImport"]["id"])


async def told(scene: Scene, number: str, as_: Asker = None) -> dict[str, Any]:
    """What has become of a list."""
    return dict((await scene.world.ask(STATE, as_ or scene.owner, id=number)).data["node"])


async def rows(scene: Scene, number: str, outcome: list[str] | None = None) -> list[dict[str, Any]]:
    """The lines of a list."""
    reply = await scene.world.ask(ROWS, scene.owner, id=number, first=100, outcome=outcome)
    return list(reply.data["node"]["rows"]["nodes"])


async def said(scene: Scene, mutation: str, number: str, as_: Asker = None, why: str | None = None) -> dict[str, Any]:
    """What came of starting or stopping a list."""
    reply = await scene.world.change(mutation, as_ or scene.owner, shows_=SHOWN, reason_=why, seatImport=number)
    return dict(reply.data[mutation])


def usher(world: World) -> Usher:
    """What seats lists, as the worker has it."""
    return Usher(world.app.state.door.engine, world.app.state.door.blocks)


async def ushered(world: World) -> None:
    """Let every list that runs come to its end."""
    for _ in range(1_000):
        if not await usher(world).turn(await world.now()):
            return
    raise AssertionError("the lists never end")


def people(count: int) -> str:
    """A list of so many strangers."""
    return "email\n" + "".join(f"p{place}@x.test\n" for place in range(count))


def counts(told: dict[str, Any]) -> dict[str, int]:
    """How many lines have which outcome."""
    return {each["outcome"]: each["lines"] for each in told["outcomes"]}


@pytest.fixture
async def alone(workspace: Scene) -> Scene:
    """A workspace whose list is the only one that runs."""
    await ushered(workspace.world)
    return workspace


@pytest.fixture
def two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are seated two lines a step."""
    monkeypatch.setattr(lists, "STEP", 2)


async def test_a_list_is_foreseen_when_it_is_brought_and_nobody_is_seated(workspace: Scene) -> None:
    pool, member = await workspace.pool(2), workspace.members[Role.MEMBER]
    sheet = f"E-Mail;Team;Role\n{member.email};Sales;\nnew@x.test;;auditor\nNEW@x.test;;\nnonsense;;\nlate@x.test;;\n"

    answer = await sent(workspace, sheet, workspace.owner)

    shown = await told(workspace, answer.json()["seatImport"]["id"])
    assert answer.status_code == 201
    assert answer.json()["seatImport"]["outcomes"] == counts(shown)
    assert (shown["state"], shown["lines"], shown["settled"]) == ("READY", 5, 0)
    assert (shown["ignoredColumns"], shown["notice"], shown["purchases"]) == (["Team"], None, [])
    assert [(row["line"], row["email"], row["outcome"]) for row in await rows(workspace, shown["id"])] == [
        (2, member.email, "ASSIGNED"),
        (3, "new@x.test", "INVITED"),
        (4, "new@x.test", "REPEATED"),
        (5, "nonsense", "NOT_AN_ADDRESS"),
        (6, "late@x.test", "NO_SEAT_LEFT"),
    ]
    assert await counted(workspace, pool) == (0, 0)
    assert await logged(workspace) == ["seat_import.brought"]


@pytest.mark.usefixtures("two_at_a_time")
async def test_what_was_foreseen_comes_a_few_lines_at_a_time_and_is_told_meanwhile(alone: Scene) -> None:
    pool = await alone.pool(5)
    number = await brought(alone, people(6) + "p0@x.test\n")
    foreseen = counts(await told(alone, number))

    started = await said(alone, "startSeatImport", number)
    for _ in range(2):
        await usher(alone.world).turn(await alone.world.now())
    meanwhile = await told(alone, number)
    seated = await counted(alone, pool)
    await ushered(alone.world)

    done = await told(alone, number)
    assert (started["state"], meanwhile["state"], done["state"]) == ("RUNNING", "RUNNING", "DONE")
    # One line repeats another, and one finds no seat: both are told of before anybody sits.
    assert (started["settled"], meanwhile["settled"], seated, done["settled"]) == (0, 4, (2, 2), 7)
    assert counts(done) == foreseen == {"INVITED": 5, "NO_SEAT_LEFT": 1, "REPEATED": 1}
    assert await counted(alone, pool) == (5, 5)
    assert [row["seat"]["state"] for row in await rows(alone, number, ["INVITED"])] == ["INVITED"] * 5
    assert all(row["settled"] for row in await rows(alone, number))


async def test_its_beginning_and_its_end_are_one_record_each_and_seats_tell_who_started_it(alone: Scene) -> None:
    admin = alone.members[Role.SEAT_ADMIN]
    await alone.pool(3)
    number = await brought(alone, people(2))
    await said(alone, "startSeatImport", number, admin)
    await ushered(alone.world)

    found = await alone.world.rows(
        "select action, person_id, request_id from audit_record where account_id = $1 order by seq", alone.number
    )

    ours = [row["action"] for row in found if row["action"].startswith("seat_import.")]
    assert ours == ["seat_import.brought", "seat_import.started", "seat_import.done"]
    assert [row["person_id"] for row in found if row["action"] == "seat.assigned"] == [admin.number] * 2
    assert {row["request_id"] for row in found if row["action"] in {"seat.assigned", "seat_import.done"}} == {number}


@pytest.mark.usefixtures("two_at_a_time")
async def test_another_worker_goes_on_where_one_was_killed_in_the_middle_of_a_step(
    alone: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await alone.pool(10)
    number = await brought(alone, people(6))
    await said(alone, "startSeatImport", number)
    now = await alone.world.now()
    for _ in range(2):
        await usher(alone.world).turn(now)
    before, record = await told(alone, number), operations._record

    async def killed(*told: Any) -> None:
        await record(*told)
        raise KeyboardInterrupt

    monkeypatch.setattr(operations, "_record", killed)
    with pytest.raises(KeyboardInterrupt):
        await usher(alone.world).turn(now)
    monkeypatch.setattr(operations, "_record", record)
    after, seated = await told(alone, number), await counted(alone, pool)
    await ushered(alone.world)

    assert (before["settled"], after, seated) == (2, before, (2, 2))
    assert (await told(alone, number))["state"] == "DONE"
    assert await counted(alone, pool) == (6, 6)
    assert (await logged(alone)).count("seat.assigned") == 6


@pytest.mark.usefixtures("two_at_a_time")
async def test_two_workers_seat_nobody_twice(alone: Scene) -> None:
    pool = await alone.pool(30)
    number = await brought(alone, people(20))
    await said(alone, "startSeatImport", number)

    await asyncio.gather(*(ushered(alone.world) for _ in range(3)))
    await ushered(alone.world)

    assert counts(await told(alone, number)) == {"INVITED": 20}
    assert (await told(alone, number))["state"] == "DONE"
    assert await counted(alone, pool) == (20, 20)
    assert (await logged(alone)).count("seat.assigned") == 20


@pytest.mark.usefixtures("two_at_a_time")
async def test_whoever_stops_a_list_waits_for_no_step_and_the_one_at_hand_is_undone(
    alone: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await alone.pool(10)
    number = await brought(alone, people(6))
    await said(alone, "startSeatImport", number)
    now = await alone.world.now()
    for _ in range(2):
        await usher(alone.world).turn(now)
    record, stopped = operations._record, {}

    async def late(*told: Any) -> None:
        stopped.update(await said(alone, "stopSeatImport", number))
        await record(*told)

    monkeypatch.setattr(operations, "_record", late)
    await usher(alone.world).turn(now)
    monkeypatch.setattr(operations, "_record", record)
    await ushered(alone.world)
    again = await said(alone, "stopSeatImport", number)
    restarted = await said(alone, "startSeatImport", number)

    assert (stopped["state"], stopped["settled"]) == ("STOPPED", 2)
    assert again["message"] == "This list is stopped already. There is nothing left to stop."
    assert restarted["__typename"] == "SeatImportBegun"
    assert (await told(alone, number))["settled"] == 2
    assert await counted(alone, pool) == (2, 2)
    assert [each for each in await logged(alone) if each.startswith("seat_import.")][-1] == "seat_import.stopped"


async def test_a_list_that_is_taken_whole_seats_everybody_or_nobody(alone: Scene) -> None:
    pool = await alone.pool(3)
    short, fits = [await brought(alone, people(count), whole="true") for count in (4, 3)]
    await said(alone, "startSeatImport", short)
    await ushered(alone.world)
    refused, nobody = await told(alone, short), await counted(alone, pool)

    await said(alone, "startSeatImport", fits)
    await ushered(alone.world)

    assert (refused["state"], refused["settled"], nobody) == ("FAILED", 0, (0, 0))
    assert refused["failure"].startswith("1 of its lines can't be seated, and all of them are, or none.")
    assert counts(refused) == {"INVITED": 3, "NO_SEAT_LEFT": 1}
    assert ((await told(alone, fits))["state"], await counted(alone, pool)) == ("DONE", (3, 3))


async def test_a_list_buys_what_was_foreseen_once(alone: Scene) -> None:
    pool = await bought(alone, 1)
    await policy(alone)
    number = await brought(alone, people(4))
    (foreseen,) = (await told(alone, number))["purchases"]

    await said(alone, "startSeatImport", number)
    await ushered(alone.world)

    (made,) = (await told(alone, number))["purchases"]
    assert (foreseen["bought"], foreseen["invoice"]) == (3, None)
    assert foreseen["cost"]["minor"] > 0
    assert (made["bought"], made["cost"]) == (3, made["invoice"]["total"])
    assert await counted(alone, pool) == (4, 4)
    assert (await logged(alone)).count("pool.resized") == 1


async def test_a_list_buys_no_more_than_was_foreseen(alone: Scene) -> None:
    pool = await bought(alone, 3)
    await policy(alone)
    number = await brought(alone, people(4))
    await alone.seat(pool, "first@x.test")
    before = await counted(alone, pool)

    await said(alone, "startSeatImport", number)
    await ushered(alone.world)

    failed = await told(alone, number)
    assert (failed["state"], failed["purchases"]) == ("FAILED", [])
    assert failed["failure"].startswith("2 more seats would have to be bought now, and 1 were foreseen, so none were.")
    assert await counted(alone, pool) == before
    assert "pool.resized" not in await logged(alone)


async def test_seats_are_requested_where_an_admin_decides(alone: Scene) -> None:
    await alone.pool(1)
    await policy(alone, "REQUEST")
    number = await brought(alone, people(2))

    await said(alone, "startSeatImport", number)
    await ushered(alone.world)

    assert counts(await told(alone, number)) == {"INVITED": 1, "REQUESTED": 1}
    assert [row["request"]["email"] for row in await rows(alone, number, ["REQUESTED"])] == ["p1@x.test"]


@pytest.mark.parametrize("how", ["demoted", "removed", "key revoked", "key's maker removed"])
async def test_a_list_ends_when_whoever_started_it_may_no_more(alone: Scene, how: str) -> None:
    world, pool, admin = alone.world, await alone.pool(3), await alone.join(Role.SEAT_ADMIN)
    by: Asker = await alone.key(KeyScope.SEATS_WRITE, by=admin) if "key" in how else admin
    number = await brought(alone, people(2))
    started = await said(alone, "startSeatImport", number, by)
    await world.run(
        {
            "demoted": "update member set role = 'auditor' where account_id = $1 and person_id = $2",
            "key revoked": "update service_key set revoked_at = now() where account_id = $1 and created_by = $2",
        }.get(how, "update member set state = 'removed', removed_at = now() where account_id = $1 and person_id = $2"),
        alone.number,
        admin.number,
    )

    await ushered(world)

    failed = await told(alone, number)
    assert (started["state"], failed["state"], failed["failure"]) == ("RUNNING", "FAILED", NO_LONGER)
    assert await counted(alone, pool) == (0, 0)
    assert (await logged(alone))[-1] == "seat_import.failed"


async def test_a_key_seats_a_list_and_gives_nobody_more_than_it_may(alone: Scene) -> None:
    pool, key = await alone.pool(3), await alone.key(KeyScope.SEATS_WRITE)
    number = await brought(alone, "email,role\na@x.test,\nb@x.test,admin\n", key)

    await said(alone, "startSeatImport", number, key)
    await ushered(alone.world)

    assert [row["outcome"] for row in await rows(alone, number)] == ["INVITED", "ROLE_NOT_YOURS"]
    assert await counted(alone, pool) == (1, 1)
    actors = await alone.world.rows(
        "select distinct actor from audit_record where account_id = $1 and action = 'seat.assigned'", alone.number
    )
    assert [row["actor"] for row in actors] == ["service_key"]


async def test_a_list_goes_on_where_single_sign_on_is_enforced_meanwhile(alone: Scene) -> None:
    pool = await alone.pool(3)
    number = await brought(alone, people(2))
    await said(alone, "startSeatImport", number)
    await alone.world.run("update workspace set sso_enforced = true where id = $1", alone.number)

    await ushered(alone.world)

    assert await counted(alone, pool) == (2, 2)


async def test_staff_bring_and_start_a_list_with_a_reason(alone: Scene) -> None:
    pool, staff = await alone.pool(3), await alone.world.person("staff", desk=Desk.ADMIN)
    without = await sent(alone, people(1), staff)
    number = (await sent(alone, people(1), staff, headers={"seatgraph-reason": "Ticket 7."})).json()["seatImport"]["id"]

    await said(alone, "startSeatImport", number, staff, "Ticket 7.")
    await ushered(alone.world)

    assert without.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await counted(alone, pool) == (1, 1)
    reasons = await alone.world.rows("select distinct reason from audit_record where account_id = $1", alone.number)
    assert [row["reason"] for row in reasons] == ["Ticket 7."]


async def test_what_is_no_list_or_too_long_is_refused_in_a_sentence_and_nothing_is_kept(workspace: Scene) -> None:
    await workspace.pool(1)
    before = await evidence(workspace)
    long = b"\xef\xbb\xbfemail\n" + b"zo\xeb@x.test\n" * (sheets.MOST_ROWS + 1)
    wide = b"email\n" + b"x" * bringing.BODY

    answers = [
        await sent(workspace, body, workspace.owner)
        for body in (long, wide, b"", b"name\nAda", b"\xff\xfee\0m", b"email\n4242424242424242\n", b"email\na\0b\n")
    ]

    assert [(answer.status_code, answer.json()["errors"][0]["message"]) for answer in answers] == [
        (400, "This list has more than 100,000 rows, and no more are taken at once. Nobody was seated: part it."),
        (413, "The body is longer than 16,777,216 bytes."),
        (400, _NO_COLUMN),
        (400, _NO_COLUMN),
        (400, "This list can't be read: it begins as UTF-16 and goes on as something else. Save it as UTF-8."),
        (400, cards.SAYS),
        (400, "The list has characters that no text has. Save it as CSV in UTF-8."),
    ]
    assert await evidence(workspace) == before


_NO_COLUMN = (
    "This list can't be read: its first line names no column email. Name there: email, and pool and role if you like."
)


async def test_a_list_that_is_not_utf_8_is_read_and_told_how(workspace: Scene) -> None:
    await workspace.pool(5, name="Büro")
    sheet = "email;pool\na@x.test;\nzoë@x.test;Büro\n"
    files = {
        "utf-8": sheet.encode(),
        "mark": sheet.encode("utf-8-sig"),
        "latin": b"\xef\xbb\xbf" + sheet.encode("latin-1"),
        "utf-16": sheet.encode("utf-16"),
    }

    notices = {}
    for name, file in files.items():
        number = await brought(workspace, file)
        notices[name] = (await told(workspace, number))["notice"]
        assert [row["email"] for row in await rows(workspace, number)] == ["a@x.test", "zoë@x.test"]
        assert counts(await told(workspace, number)) == {"INVITED": 2}
        await said(workspace, "stopSeatImport", number)

    assert (notices["utf-8"], notices["mark"]) == (None, None)
    assert notices["latin"].startswith("Line 3 of this list is not UTF-8, so all of it was read as Latin-1.")
    assert notices["utf-16"] == "This list is written in UTF-16, and was read so."


async def test_only_whoever_gives_seats_brings_a_list(workspace: Scene) -> None:
    await workspace.pool(1)
    elsewhere = await workspace.world.workspace(name="Elsewhere", roles=[Role.OWNER])
    before = await evidence(workspace)
    callers: list[Asker] = [
        None,
        elsewhere.owner,
        workspace.members[Role.MEMBER],
        workspace.members[Role.AUDITOR],
        workspace.members[Role.BILLING_ADMIN],
        await elsewhere.key(KeyScope.SEATS_WRITE),
    ]

    refused = [(await sent(workspace, people(1), who)).json()["errors"][0]["extensions"]["code"] for who in callers]

    assert refused == ["UNAUTHENTICATED", "NOT_FOUND", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "NOT_FOUND"]
    assert await evidence(workspace) == before


async def test_the_door_says_what_it_takes(workspace: Scene) -> None:
    await workspace.pool(1)
    owner = workspace.owner
    other = await (await workspace.world.workspace(name="Elsewhere", roles=[Role.OWNER])).pool(1)

    answers = [
        await sent(workspace, people(1), owner, headers={"content-type": "application/json"}),
        await sent(workspace, people(1), owner, headers={"content-encoding": "gzip"}),
        await sent(workspace, people(1), owner, whole="perhaps"),
        await sent(workspace, people(1), owner, workspace="nonsense"),
        await sent(workspace, people(1), owner, pool=other),
        await workspace.world.client.get("/seats/lists"),
    ]

    assert [answer.status_code for answer in answers] == [415, 415, 400, 400, 400, 405]
    assert answers[0].json()["errors"][0]["message"] == "Send the list as 'Content-Type: text/csv'."
    assert answers[4].json()["errors"][0]["message"].startswith("That pool is closed, or belongs to somebody else.")


async def test_a_workspace_has_three_lists_open_at_the_most(alone: Scene) -> None:
    await alone.pool(1)
    numbers = [await brought(alone, people(1)) for _ in range(AT_ONCE)]

    refused = await sent(alone, people(1), alone.owner)
    await said(alone, "stopSeatImport", numbers[0])

    assert refused.json()["errors"][0]["message"].startswith("3 lists of this workspace wait or run.")
    assert await brought(alone, people(1))


async def test_somebody_brings_one_list_at_a_time(workspace: Scene) -> None:
    await workspace.pool(3)
    begun, go = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        begun.set()
        await go.wait()
        yield people(1).encode()

    first = asyncio.create_task(sent(workspace, slowly(), workspace.owner))
    await begun.wait()
    second = await sent(workspace, people(1), workspace.owner)
    other = await sent(workspace, people(1), workspace.members[Role.SEAT_ADMIN])
    go.set()

    assert (second.status_code, second.headers["retry-after"]) == (429, "5")
    assert second.json()["errors"][0]["message"].startswith("You bring a list at this moment.")
    assert [other.status_code, (await first).status_code] == [201, 201]


async def test_whoever_sends_slowly_takes_nobodys_turn(workspace: Scene) -> None:
    await workspace.pool(3)
    go, begun = asyncio.Event(), [asyncio.Event() for _ in range(bringing.JUDGED)]

    async def slowly(here: asyncio.Event) -> AsyncIterator[bytes]:
        here.set()
        await go.wait()
        yield b"no list"

    keys = [await workspace.key(KeyScope.SEATS_WRITE) for _ in begun]
    slow = [asyncio.create_task(sent(workspace, slowly(here), key)) for here, key in zip(begun, keys, strict=True)]
    await asyncio.gather(*(here.wait() for here in begun))
    quick = await sent(workspace, people(1), workspace.owner)
    go.set()

    assert quick.status_code == 201
    assert [answer.status_code for answer in await asyncio.gather(*slow)] == [400] * bringing.JUDGED


async def test_an_empty_list_is_done_at_once(alone: Scene) -> None:
    await alone.pool(1)
    number = await brought(alone, "email\n")

    await said(alone, "startSeatImport", number)
    await ushered(alone.world)

    assert (await told(alone, number))["state"] == "DONE"


async def test_many_seats_are_bought_by_whoever_proved_it_a_moment_ago(alone: Scene) -> None:
    await bought(alone, 1)
    await policy(alone)
    number = await brought(alone, people(60))
    connection = await alone.sso()
    bearer = await alone.came_through(connection, alone.owner)
    await alone.world.advance(timedelta(minutes=11))

    reply = await alone.world.change("startSeatImport", bearer, shows_=SHOWN, seatImport=number)

    assert reply.code == "FORBIDDEN"
    assert (await told(alone, number))["state"] == "READY"


async def test_lines_are_kept_for_a_month_and_a_list_waits_no_longer(alone: Scene) -> None:
    await alone.pool(2)
    done, waiting = [await brought(alone, people(1)) for _ in range(2)]
    await said(alone, "startSeatImport", done)
    await ushered(alone.world)

    await usher(alone.world).turn(await alone.world.now() + KEPT + timedelta(seconds=1))

    assert [(await told(alone, number))["state"] for number in (done, waiting)] == ["DONE", "STOPPED"]
    assert [await rows(alone, number) for number in (done, waiting)] == [[], []]
    assert counts(await told(alone, done)) == {"INVITED": 1}


async def test_lines_are_read_page_by_page_in_their_order(workspace: Scene) -> None:
    await workspace.pool(50)
    number = await brought(workspace, people(25) + "nonsense\n" * 5)
    found: list[int] = []
    after = None
    for _ in range(4):
        reply = await workspace.world.ask(ROWS, workspace.owner, id=number, first=8, after=after)
        page = reply.data["node"]["rows"]
        found += [row["line"] for row in page["nodes"]]
        after = page["pageInfo"]["endCursor"]

    assert found == list(range(2, 32))
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (30, False)
    assert [row["line"] for row in await rows(workspace, number, ["NOT_AN_ADDRESS"])] == list(range(27, 32))


async def test_what_a_list_costs_is_told_to_whoever_gives_seats_or_sees_invoices(workspace: Scene) -> None:
    await bought(workspace, 1)
    await policy(workspace)
    number = await brought(workspace, people(2))

    seen = {
        role: await told(workspace, number, workspace.members[role])
        for role in (Role.OWNER, Role.SEAT_ADMIN, Role.AUDITOR)
    }
    reading = await told(workspace, number, await workspace.key(KeyScope.SEATS_READ))

    assert {shown["purchases"][0]["cost"]["minor"] > 0 for shown in seen.values()} == {True}
    assert {shown["bought"] for shown in (*seen.values(), reading)} == {1}
    assert reading["purchases"] == []
