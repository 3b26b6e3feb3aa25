"""Bulk exports: a list of any length, written page by page in the background and fetched when it is whole."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

import schema
from auth.policy import Desk
from billing.bulk import operations
from billing.bulk.rules import AT_ONCE, KEPT
from gateway.bulk import writing
from gateway.bulk.shapes import Shapes
from gateway.bulk.writing import Writer
from gateway.compiled import Reads
from kernel import ids
from tests.agreeing import Agreement
from tests.scenery import Asker, Scene, Somebody, World

MANY = 230
SHOWN = "__typename ... on Problem { message } ... on BulkExport { id state lines bytes failure url expiresAt }"
STATE = "query($id: ID!) { node(id: $id) { ... on BulkExport { state lines bytes failure url expiresAt } } }"
PEOPLE = "{ workspace(id: $id) { members { nodes { id person { email } } } } }"


@pytest.fixture(scope="module")
def agreement() -> Agreement:
    """Asks the executor whatever a statement has answered."""
    return Agreement(schema.graph())


@pytest.fixture(scope="module")
def writer(world: World, agreement: Agreement) -> Writer:
    """What writes exports, as the worker has it."""
    graph, reads = agreement.schema, Reads(agreement.schema)
    reads.witness, reads.onlooker = agreement.witness, agreement.onlooker
    return Writer(graph, world.app.state.door.engine, world.app.state.door.blocks, Shapes(graph), reads)


@dataclass
class Desked:
    """Somebody of our Finance, and what they do."""

    world: World
    who: Somebody

    async def start(self, document: str) -> dict[str, Any]:
        """Ask for an export; what came of it."""
        reply = await self.world.change("startBulkExport", self.who, shows_=SHOWN, reason_="Audit.", document=document)
        return dict(reply.data["startBulkExport"])

    async def stop(self, export: str) -> dict[str, Any]:
        """Stop one; what came of it."""
        reply = await self.world.change("stopBulkExport", self.who, shows_=SHOWN, reason_="Enough.", export=export)
        return dict(reply.data["stopBulkExport"])

    async def state(self, export: str) -> dict[str, Any]:
        """What has become of it."""
        return dict((await self.world.ask(STATE, self.who, id=export)).data["node"])


@pytest.fixture
async def finance(world: World) -> Desked:
    """Somebody of our Finance whom no other test knows."""
    return Desked(world, await world.person("takes home", desk=Desk.FINANCE))


async def written(writer: Writer, world: World) -> None:
    """Let all be written."""
    while await writer.turn(await world.now()):
        pass


async def fetched(world: World, export: str, as_: Asker = None, **more: str) -> httpx2.Response:
    """The lines of an export; `more` are headers."""
    bearer = {} if as_ is None else {"authorization": f"Bearer {as_ if isinstance(as_, str) else as_.bearer}"}
    return await world.client.get(f"/export/bulk/{export}.jsonl", headers=bearer | more)


def people(workspace: Scene) -> str:
    """The document that asks for the members of a workspace."""
    return PEOPLE.replace("$id", json.dumps(workspace.id))


@pytest.fixture
async def crowded(workspace: Scene) -> Scene:
    """A workspace with more members than three pages have."""
    await workspace.world.run(
        "with come as (insert into person (id, email, email_verified, name, locale, time_zone, epoch, created_at)"
        " select $1 * 1000000 + n, 'came.' || $1 || '.' || n || '@example.test', true, 'P', 'en', 'UTC', 0, now()"
        " from generate_series(1, $2::int) n returning id)"
        " insert into member (account_id, id, person_id, role, state, joined_at)"
        " select $1, id + 500000, id, 'member', 'active', now() from come",
        workspace.number,
        MANY,
    )
    return workspace


async def test_every_row_of_a_list_becomes_a_line_in_the_lists_order(
    crowded: Scene, finance: Desked, writer: Writer
) -> None:
    asked = await finance.start(people(crowded))
    assert (asked["state"], asked["lines"], asked["url"]) == ("RUNNING", 0, None)

    await written(writer, crowded.world)

    done = await finance.state(asked["id"])
    answer = await fetched(crowded.world, asked["id"], finance.who)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    held = await crowded.world.rows("select id from member where account_id = $1 order by id", crowded.number)
    assert (done["state"], done["failure"]) == ("DONE", None)
    assert sorted(line["id"] for line in lines) == sorted(ids.encode("member", row["id"]) for row in held)
    assert len({line["person"]["email"] for line in lines}) == len(lines) == done["lines"]
    assert len(answer.content) == done["bytes"]
    assert done["url"].endswith(f"/export/bulk/{asked['id']}.jsonl")
    assert answer.headers["content-type"] == "application/jsonl; charset=utf-8"


async def test_pages_behind_the_first_are_a_statement_each_and_say_what_the_executor_says(
    crowded: Scene, finance: Desked, writer: Writer, agreement: Agreement
) -> None:
    before = agreement.compared

    asked = await finance.start(people(crowded))
    await written(writer, crowded.world)

    assert (await finance.state(asked["id"]))["state"] == "DONE"
    assert agreement.compared >= before + 2
    assert not agreement.differences


@pytest.fixture
def one_page_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that does something else after each page."""
    monkeypatch.setattr(writing, "_PAGES", 1)


@pytest.mark.usefixtures("one_page_a_turn")
async def test_another_worker_goes_on_where_one_was_killed_in_the_middle_of_a_page(
    crowded: Scene, finance: Desked, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await finance.start(people(crowded))
    now = await crowded.world.now()
    await writer.turn(now)
    before = await finance.state(asked["id"])
    keep = operations.write

    async def killed(*told: Any) -> None:
        await keep(*told)
        raise KeyboardInterrupt

    monkeypatch.setattr(operations, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        await writer.turn(now)
    monkeypatch.setattr(operations, "write", keep)
    after = await finance.state(asked["id"])
    await written(replace(writer), crowded.world)

    lines = (await fetched(crowded.world, asked["id"], finance.who)).text.splitlines()
    members = await crowded.world.value("select count(*) from member where account_id = $1", crowded.number)
    assert 0 < before["lines"] < members
    assert after == before
    assert len(lines) == len(set(lines)) == members


async def test_a_list_below_something_that_is_not_there_is_empty(
    workspace: Scene, finance: Desked, writer: Writer
) -> None:
    nobody = ids.encode("workspace", 2**40 + 7)

    asked = await finance.start(PEOPLE.replace("$id", json.dumps(nobody)))
    await written(writer, workspace.world)

    done = await finance.state(asked["id"])
    assert (done["state"], done["lines"]) == ("DONE", 0)
    assert (await fetched(workspace.world, asked["id"], finance.who)).text == ""
    from_the_start = await fetched(workspace.world, asked["id"], finance.who, range="bytes=0-")
    assert (from_the_start.status_code, from_the_start.content) == (200, b"")
    beyond = await fetched(workspace.world, asked["id"], finance.who, range="bytes=1-")
    assert (beyond.status_code, beyond.headers["content-range"], beyond.content) == (416, "bytes */0", b"")


async def test_what_is_stopped_is_gone_and_is_not_stopped_twice(
    crowded: Scene, finance: Desked, writer: Writer
) -> None:
    asked = await finance.start(people(crowded))

    stopped = await finance.stop(asked["id"])
    again = await finance.stop(asked["id"])
    await written(writer, crowded.world)

    assert stopped["state"] == "STOPPED"
    assert again == {
        "__typename": "ExportOver",
        "message": "This export is stopped already. There is nothing left to stop.",
    }
    assert (await finance.state(asked["id"]))["state"] == "STOPPED"
    assert await kept(crowded.world, asked["id"]) == 0


async def kept(world: World, export: str) -> int:
    """How many parts of an export there are."""
    number = ids.decode("export", export)
    return int(await world.value("select count(*) from bulk_export_part where export_id = $1", number))


async def test_an_export_of_somebody_who_left_us_fails_and_shows_nothing(
    crowded: Scene, finance: Desked, writer: Writer
) -> None:
    asked = await finance.start(people(crowded))
    await crowded.world.run("delete from staff where person_id = $1", finance.who.number)
    other = Desked(crowded.world, await crowded.world.person("looks", desk=Desk.FINANCE))

    await written(writer, crowded.world)

    failed = await other.state(asked["id"])
    assert (failed["state"], failed["url"]) == ("FAILED", None)
    assert failed["failure"] == "Whoever asked for it may not see all of this any more."
    assert await kept(crowded.world, asked["id"]) == 0


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (
            "{ invoices(first: 3) { nodes { id } } }",
            "leave out after, before, first, last: all of the list is exported.",
        ),
        ("{ invoices { totalCount nodes { id } } }", "below the list, ask for its 'nodes' and nothing else."),
        ("{ invoices { edges { cursor } } }", "below 'edges', ask for 'node' and nothing else."),
        ("{ viewer { person { name } } }", "go down to one list, one field at a time."),
        ("{ invoices { nodes { id } } accounts { nodes { id } } }", "go down to one list, one field at a time."),
        ("{ ...all } fragment all on Query { invoices { nodes { id } } }", "go down to one list, one field at a time."),
        ("query($of: ID!) { account(id: $of) { invoices { nodes { id } } } }", "write its values into the document"),
        ("mutation { endSession(input: {}) { __typename } }", None),
        ("{ nonsense", None),
        ("", None),
    ],
)
async def test_what_is_no_list_is_refused_with_advice_and_nothing_begins(
    finance: Desked, document: str, why: str | None
) -> None:
    refused = await finance.start(document)

    assert refused["__typename"] == "NotExportable"
    assert refused["message"].startswith(f"This can't be exported: {why or ''}")
    assert await begun(finance) == 0


async def begun(finance: Desked) -> int:
    """How many exports somebody has asked for."""
    number = finance.who.number
    return int(await finance.world.value("select count(*) from bulk_export where person_id = $1", number))


async def test_one_person_has_no_more_than_three_running(finance: Desked, writer: Writer) -> None:
    started = [await finance.start("{ accounts { nodes { id } } }") for _ in range(AT_ONCE)]

    refused = await finance.start("{ accounts { nodes { id } } }")
    await written(writer, finance.world)
    later = await finance.start("{ accounts { nodes { id } } }")

    assert [one["__typename"] for one in started] == ["BulkExport"] * AT_ONCE
    assert refused["message"] == "3 exports of yours are running. Wait until one is done, or stop one."
    assert later["__typename"] == "BulkExport"
    assert await begun(finance) == AT_ONCE + 1


async def test_lines_are_fetched_by_finance_once_they_are_all_there(
    workspace: Scene, finance: Desked, writer: Writer
) -> None:
    asked = await finance.start(people(workspace))
    early = await fetched(workspace.world, asked["id"], finance.who)
    await written(writer, workspace.world)
    support = await workspace.world.person("support", desk=Desk.SUPPORT)

    refused = [await fetched(workspace.world, asked["id"], who) for who in (None, workspace.owner, support)]

    assert early.json()["errors"][0]["message"].startswith("This export is still being written.")
    assert [each.json()["errors"][0]["extensions"]["code"] for each in refused] == [
        "UNAUTHENTICATED",
        "NOT_FOUND",
        "FORBIDDEN",
    ]


async def test_a_download_that_broke_off_goes_on_where_it_was(crowded: Scene, finance: Desked, writer: Writer) -> None:
    asked = await finance.start(people(crowded))
    await written(writer, crowded.world)
    whole = (await fetched(crowded.world, asked["id"], finance.who)).content
    first = await crowded.world.value(
        "select octet_length(lines) from bulk_export_part where export_id = $1 and part = 0",
        ids.decode("export", asked["id"]),
    )

    for begin in (1, first - 1, first, first + 1, len(whole) - 1):
        rest = await fetched(crowded.world, asked["id"], finance.who, range=f"bytes={begin}-")
        assert (rest.status_code, rest.content) == (206, whole[begin:])
        assert rest.headers["content-range"] == f"bytes {begin}-{len(whole) - 1}/{len(whole)}"
    for odd in ("bytes=0-", "bytes=-5", "bytes=5-9", "bytes=1-,3-", "lines=1-", "bytes=" + "9" * 30 + "-"):
        all_of_it = await fetched(crowded.world, asked["id"], finance.who, range=odd)
        assert (all_of_it.status_code, all_of_it.content) == (200, whole)
    beyond = await fetched(crowded.world, asked["id"], finance.who, range=f"bytes={len(whole)}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole)}")


async def test_lines_are_kept_for_a_week(workspace: Scene, finance: Desked, writer: Writer) -> None:
    asked = await finance.start(people(workspace))
    await written(writer, workspace.world)
    there = await finance.state(asked["id"])

    await writer.turn(await workspace.world.now() + KEPT + timedelta(seconds=1))

    gone = await finance.state(asked["id"])
    answer = await fetched(workspace.world, asked["id"], finance.who)
    assert gone == {**there, "state": "EXPIRED", "url": None}
    assert answer.json()["errors"][0]["message"] == "This export was kept for seven days. Begin another."
    assert await kept(workspace.world, asked["id"]) == 0
