"""Apollo Client, urql, Relay and apps ask the application as it is served, with the code of `docs/clients`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from auth.policy import Role
from gateway import trusting
from gateway.trusted import manifests
from kernel import ids
from tests.auth.providing import Provider, provider
from tests.docs.clients.building import Workshop
from tests.gateway.live.speaking import Served, begun, happened
from tests.graph.asking import said
from tests.graph.surfing import browser
from tests.graph.test_apps import signed_in
from tests.scenery import Scene, World

PATIENCE = 120
"""Seconds after which a client is taken to hang; node starts slowly on a busy machine."""

LIBRARIES = ("apollo", "urql")
FOLLOWERS = ("apollo", "urql", "urql over events")


@dataclass(frozen=True, slots=True)
class Driver:
    """The program in a process of its own."""

    process: asyncio.subprocess.Process

    async def tells(self, what: str) -> Any:
        """The next thing that it tells, which has to be this one."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = await self.process.stdout.readline()
        told = json.loads(line) if line else {}
        assert what in told, told or await self._excuse()
        return told if len(told) > 1 else told[what]

    async def goes_on(self) -> None:
        """Let it go on that waits."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        await self.process.stdin.drain()

    async def _excuse(self) -> str:
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()


@asynccontextmanager
async def driving(
    shop: Workshop, door: Served, scene: str, bearer: str | None = None, **told: Any
) -> AsyncIterator[Driver]:
    """The program, in this scene, for as long as it is needed."""
    asked = {"scene": scene, "host": door.host, "bearer": bearer, "client": "tests", "manifest": None} | told
    process = await asyncio.create_subprocess_exec(
        *("node", str(shop.program), json.dumps(asked)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Driver(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def joined(scene: Scene) -> None:
    """Wait until a client follows the workspace, as long as node may take to start."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await begun(scene)
            except TimeoutError:
                continue


@pytest.fixture
def client() -> str:
    """The name of a client that nobody else is."""
    return f"client-{uuid4()}"


@pytest.fixture
def held(world: World, client: str) -> Iterator[str]:
    """A client that may ask trusted documents alone."""
    remembered = world.app.state.remembered
    sources = replace(remembered.sources, trusted_only=frozenset({client}))
    world.app.state.remembered = replace(remembered, sources=sources)
    yield client
    world.app.state.remembered = remembered


@pytest.mark.parametrize("kind", LIBRARIES)
async def test_a_list_grows_page_by_page(shop: Workshop, door: Served, workspace: Scene, kind: str) -> None:
    made = [await workspace.invoice() for _ in range(5)]

    owner = workspace.owner.bearer
    async with driving(shop, door, "pages", owner, kind=kind, account=workspace.account) as driver:
        pages = await driver.tells("pages")

    assert [len(page) for page in pages] == [2, 4, 5]
    assert all(pages[-1][: len(page)] == page for page in pages)
    assert sorted(pages[-1]) == sorted(made)


@pytest.mark.parametrize("kind", LIBRARIES)
async def test_a_problem_is_told_from_what_was_wanted_and_a_key_counts_once(
    shop: Workshop, door: Served, workspace: Scene, kind: str
) -> None:
    pools = [await workspace.pool(1), await workspace.pool(2)]
    await said(workspace, "assignSeat", pool=pools[0], email="first@example.test")

    async with driving(shop, door, "seat", workspace.owner.bearer, kind=kind, pools=pools) as driver:
        full, roomy = await driver.tells("full"), await driver.tells("roomy")

    declined = "All 1 seats are taken. Release one, or buy more."
    assert full == {"declined": declined, "kind": "PoolExhausted"}
    assert roomy == {"roomy": {"kind": "Seat", "email": "ada@example.test"}, "same": True}
    assert await taken(workspace, pools[1]) == 1


@pytest.mark.parametrize("kind", FOLLOWERS)
async def test_a_subscription_tells_what_happens(shop: Workshop, door: Served, workspace: Scene, kind: str) -> None:
    pool = await workspace.pool(2)

    owner = workspace.owner.bearer
    async with driving(shop, door, "follow", owner, kind=kind, workspace=workspace.id) as driver:
        await joined(workspace)
        seat = await said(workspace, "assignSeat", pool=pool, email="ada@example.test")
        first = await driver.tells("next")
        await said(workspace, "releaseSeat", seat=seat["id"])
        second = await driver.tells("next")

    assert first == ["seat.assigned", "ada@example.test"]
    assert second == ["seat.released", "ada@example.test"]


@pytest.mark.parametrize("kind", LIBRARIES)
async def test_an_error_has_its_code_in_every_library(
    shop: Workshop, door: Served, workspace: Scene, kind: str
) -> None:
    pools = [await workspace.pool(1)] * 2
    told = {"kind": kind, "workspace": workspace.id, "account": workspace.account, "pools": pools}

    async with driving(shop, door, "refused", None, **told) as driver:
        stranger = [(await driver.tells("codes"))["codes"] for _ in range(3)]
    async with driving(shop, door, "refused", workspace.members[Role.MEMBER].bearer, **told) as driver:
        member = [(await driver.tells("codes"))["codes"] for _ in range(3)]

    assert stranger == [None, None, ["UNAUTHENTICATED"]], "what one may not see is null"
    assert member == [None, ["INVALID_INPUT"], ["NOT_FOUND"]]


@pytest.mark.parametrize("kind", LIBRARIES)
async def test_whoever_has_spent_everything_waits_as_long_as_they_are_told(
    shop: Workshop, door: Served, world: World, kind: str
) -> None:
    ada = await world.person()
    name = f"person:{ada.number}"
    await world.app.state.budgets.take(name, 1)
    await left(world, name, -1_000_000)

    async with driving(shop, door, "patient", ada.bearer, kind=kind) as driver:
        seconds = await driver.tells("waiting")
        await left(world, name, 1_000_000)
        await driver.goes_on()
        came = await driver.tells("kind")

    assert seconds > 0
    assert came == "person"


@pytest.mark.parametrize("kind", LIBRARIES)
async def test_registered_documents_are_asked_and_followed_by_their_ids(
    shop: Workshop, door: Served, workspace: Scene, held: str, kind: str
) -> None:
    await registered(workspace.world, held, shop.manifest)
    pool = await workspace.pool(1)
    told = {"kind": kind, "workspace": workspace.id, "client": held, "manifest": str(shop.manifest)}

    async with driving(shop, door, "registered", workspace.owner.bearer, **told) as driver:
        plans, text = await driver.tells("plans"), await driver.tells("text")
        await joined(workspace)
        await said(workspace, "assignSeat", pool=pool, email="ada@example.test")
        change = await driver.tells("next")

    assert plans > 0
    assert text == ["FORBIDDEN"], "this client asks no texts"
    assert change == ["seat.assigned", "ada@example.test"]


async def test_relay_asks_and_follows_by_the_ids_of_its_compiler(
    shop: Workshop, door: Served, workspace: Scene, held: str
) -> None:
    await registered(workspace.world, held, shop.persisted)
    invoice = await workspace.invoice()

    owner, told = workspace.owner.bearer, {"client": held, "account": workspace.account}
    async with driving(shop, door, "relay", owner, **told) as driver:
        shown = await driver.tells("list")
        await joined(workspace)
        await happened(workspace, "invoice.paid", {"invoice": ids.decode("inv", invoice)})
        change = await driver.tells("next")

    assert shown["account"]["name"]
    assert change["invoiceChanged"]["event"] == "invoice.paid"
    assert change["invoiceChanged"]["invoice"]["id"] == invoice


async def test_a_tool_turns_every_page_and_reads_an_export(shop: Workshop, door: Served, workspace: Scene) -> None:
    made = {await workspace.invoice() for _ in range(60)}

    owner, account = workspace.owner.bearer, workspace.account
    async with driving(shop, door, "internal", owner, account=account) as driver:
        came = await driver.tells("open")

    assert came["found"] == []
    assert set(came["open"]) == made
    assert len(came["lines"]) == 1 + len(made), "a line of headings, and one for each"


async def test_a_change_whose_answer_was_lost_waits_and_happens_once(
    shop: Workshop, door: Served, workspace: Scene
) -> None:
    await workspace.pool(1)
    member, plan = workspace.members[Role.MEMBER], workspace.world.catalog.team.plan
    told = {"workspace": workspace.id, "plan": plan}

    async with driving(shop, door, "outbox", member.bearer, **told) as driver:
        answer = await driver.tells("answer")
        left = await driver.tells("left")

    assert answer["data"]["requestSeat"]["__typename"] == "SeatRequest"
    assert left == {"left": 1, "then": 0}
    count = "select count(*) from seat_request where account_id = $1"
    assert await workspace.world.value(count, workspace.number) == 1


async def test_two_questions_with_an_old_token_renew_it_once(
    shop: Workshop, door: Served, workspace: Scene, idp: Provider
) -> None:
    name = f"acme-{workspace.number:x}.test"
    idp.claims["email"] = f"ada@{name}"
    await workspace.domain(name)
    async with browser(workspace.world) as phone:
        tokens = await signed_in(phone, await workspace.sso(idp.issuer), idp)

    async with driving(shop, door, "renewed", refresh=tokens["refresh_token"]) as driver:
        told = await driver.tells("kinds")

    assert told == {"kinds": ["person", "person"], "renewals": 1, "other": True}


@pytest.fixture
async def idp(world: World) -> AsyncIterator[Provider]:
    ahead = await world.now() - datetime.now(UTC)
    async with provider() as made:
        made.now = lambda: datetime.now(UTC) + ahead
        yield made


async def registered(world: World, client: str, manifest: Path) -> None:
    """Register a manifest, and wait until the application has heard of it."""
    await trusting.register(world.url, client, manifest)
    registry = world.app.state.remembered.sources.registry
    async with asyncio.timeout(PATIENCE):
        for each in manifests.read(manifest):
            while not await registry.trusts(each.id, client):  # noqa: ASYNC110 - it has nobody to tell it to
                await asyncio.sleep(0.02)


async def taken(scene: Scene, pool: str) -> int:
    """How many seats of a pool are taken."""
    number = ids.decode("pool", pool)
    return int(await scene.world.value("select assigned from license_pool where id = $1", number))


async def left(world: World, name: str, points: int) -> None:
    """Let somebody have so much left, and this process know it."""
    budgets = world.app.state.budgets
    await budgets.settle([name])
    await world.run("update budget set thousandths = $2 * 1000::bigint where name = $1", name, points)
    await budgets.settle([name])
