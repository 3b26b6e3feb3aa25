"""A whole identity provider from PyPI, `canaille`, keeps the people of a workspace.

It tells us of them over SCIM when they come, change and go, and they sign in at its pages.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auth.policy import Role
from tests.gateway.live.speaking import served
from tests.graph.peers.browsing import StrandedError, visit
from tests.graph.scim.talking import GROUP, SEAT, USER, Talk, talking
from tests.graph.surfing import ORIGIN, Browser, browser
from tests.peers.pypi import installed
from tests.peers.running import QUICK, Running, ahead, running
from tests.scenery import Scene, World

HERE = Path(__file__).parent / "pypi"
ADMIN = "the token of whoever looks after its people"
PASSWORD = "correct horse battery staple"
WHO = "{ viewer { person { email name } memberships { nodes { role workspace { id } } } } }"
SHOWN = "... on SingleSignOn { id } ... on Problem { message }"


@dataclass(frozen=True, slots=True)
class Company:
    """A workspace whose people are kept by the provider: its directory, its SSO connection, and a way in."""

    talk: Talk
    connection: str
    address: str
    client: httpx2.AsyncClient

    async def tell(self, method: str, path: str, body: Any = None) -> Any:
        """Whoever looks after its people tells the provider something; before it answers, it has told us."""
        answer = await self.client.request(method, f"{self.address}/scim/v2{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def hire(self, name: str) -> Any:
        """Somebody new, as the provider knows them."""
        return await self.tell("POST", "/Users", self.told(name))

    def told(self, name: str, **more: Any) -> dict[str, Any]:
        """What there is to tell of somebody."""
        return {
            "schemas": [USER],
            "userName": name,
            "password": PASSWORD,
            "displayName": name.title(),
            "name": {"givenName": name.title(), "familyName": "Lovelace", "formatted": f"{name.title()} Lovelace"},
            "emails": [{"value": self.talk.address(name)}],
            "active": True,
        } | more

    def member(self, user: Any) -> dict[str, str]:
        """Somebody as a member of a group there."""
        return {"value": user["id"], "$ref": f"{self.address}/scim/v2/Users/{user['id']}"}

    async def entry(self, name: str) -> dict[str, Any] | None:
        """The entry of our directory, as it shows it, or None."""
        listed = (await self.talk.say("GET", "/Users", filter=f'userName eq "{name}"')).json()
        return next(iter(listed.get("Resources", [])), None)

    async def members(self, group: str) -> set[str]:
        """The ids of those in a group of our directory, as the provider knows them."""
        (found,) = (await self.talk.say("GET", "/Groups", filter=f'displayName eq "{group}"')).json()["Resources"]
        users = [await self.talk.read(member["value"]) for member in found.get("members", [])]
        return {user["externalId"] for user in users}

    async def seats(self, name: str) -> list[str]:
        """The states of somebody's assignments, the oldest first."""
        rows = await self.talk.scene.world.rows(
            "select a.state from assignment a join person p on p.id = a.person_id"
            " where a.account_id = $1 and p.email = $2 order by a.id",
            self.talk.scene.number,
            self.talk.address(name),
        )
        return [row["state"] for row in rows]

    async def sign_in(self, tab: Browser, name: str, **asked: str) -> httpx2.Response:
        """Go to sign in, do so at the pages of the provider, and come back."""
        sent = await tab.leave(self.connection, **asked)
        assert sent.status_code == 303, sent.text
        told = await visit(self.address, sent.headers["location"], login=name, password=PASSWORD)
        return await tab.back(self.connection, told)


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python that has the provider."""
    return installed(HERE, "a whole identity provider, with SCIM and signing in, is")


@pytest.fixture
async def tab(world: World) -> AsyncIterator[Browser]:
    async with browser(world) as made:
        yield made


@pytest.fixture(scope="module")
async def company(python: Path, world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Company]:
    """A workspace with seats for everybody, connected to a provider as admins of both would do it."""
    talk = await talking(await world.workspace(roles=[Role.OWNER]), seats=100)
    place = Path(shutil.copy(HERE / "canaille.toml", tmp_path_factory.mktemp("canaille"))).parent
    async with (
        served(world.app) as ours,
        running(python, HERE / "serve_canaille.py", within=place, ahead=await ahead(world)) as process,
        looked_after() as client,
    ):
        address = (await process.tells())["address"]
        connection = await connected(talk.scene, address, process, f"http://{ours.host}/scim/v2", talk.token)
        yield Company(talk, connection, address, client)


@asynccontextmanager
async def looked_after() -> AsyncIterator[httpx2.AsyncClient]:
    """A client with the token of whoever looks after the provider's people."""
    headers = {"authorization": f"Bearer {ADMIN}", "content-type": "application/scim+json"}
    async with httpx2.AsyncClient(timeout=QUICK, headers=headers) as client:
        yield client


async def connected(scene: Scene, address: str, process: Running, scim: str, token: str) -> str:
    """An SSO connection and a directory, made here and entered there."""
    change, owner = scene.world.change, scene.owner
    made = await change(
        "createSsoConnection", owner, shows_=SHOWN,
        workspace=scene.id, name="Acme", issuer=f"{address}/", clientId="not known yet",
    )  # fmt: skip
    connection = str(made.data["createSsoConnection"]["id"])
    client = await process.hears(uri=scim, token=token, redirect=f"{ORIGIN}/sso/{connection}/callback")
    await process.hears(uri="", token=ADMIN, redirect=None)
    told = await change("changeSsoConnection", owner, shows_=SHOWN, connection=connection, enabled=True, **client)
    assert told.data["changeSsoConnection"] == {"id": connection}
    return connection


def refused(answer: httpx2.Response) -> bool:
    """Whether whoever asked is nobody to us."""
    return [error["extensions"]["code"] for error in answer.json().get("errors", [])] == ["UNAUTHENTICATED"]


async def test_somebody_new_there_is_a_member_with_a_seat_here_and_signs_in(company: Company, tab: Browser) -> None:
    hired = await company.hire("ada")
    entry, seats = await company.entry("ada"), await company.seats("ada")

    back = await company.sign_in(tab, "ada", next="/seats")

    who = (await tab.ask(WHO)).json()["data"]["viewer"]
    assert entry is not None
    assert (entry["externalId"], entry["active"], entry[SEAT]) == (hired["id"], True, {"seatStatus": "active"})
    assert seats == await company.seats("ada") == ["active"]
    assert (back.status_code, back.headers["location"]) == (303, "/seats")
    assert who["person"] == {"email": company.talk.address("ada"), "name": "Ada"}
    assert who["memberships"]["nodes"] == [{"role": "MEMBER", "workspace": {"id": company.talk.scene.id}}]


async def test_of_their_password_nothing_stays_here(company: Company) -> None:
    await company.hire("joan")

    kept = await company.talk.scene.world.value(
        "select u::text || (select string_agg(a::text, '') from audit_record a where a.account_id = u.account_id)"
        " from directory_user u where account_id = $1 and user_name = 'joan'",
        company.talk.scene.number,
    )

    assert "joan" in kept
    assert PASSWORD not in kept


async def test_what_changes_there_changes_here(company: Company) -> None:
    hired = await company.hire("grace")
    other = company.talk.address("admiral")
    told = company.told("grace", displayName="Admiral", title="Analyst", emails=[{"value": other}])

    await company.tell("PUT", f"/Users/{hired['id']}", told)

    entry = await company.entry("grace")
    assert entry is not None
    assert (entry["displayName"], entry["title"], entry["active"]) == ("Admiral", "Analyst", True)
    assert [email["value"] for email in entry["emails"]] == [other]


async def test_whoever_is_locked_there_is_out_at_once_and_comes_back(company: Company, tab: Browser) -> None:
    path = f"/Users/{(await company.hire('kay'))['id']}"
    await company.sign_in(tab, "kay")

    await company.tell("PUT", path, company.told("kay", active=False))

    assert refused(await tab.ask(WHO))
    assert await company.seats("kay") == ["released"]
    with pytest.raises(StrandedError, match="locked"):
        await company.sign_in(tab, "kay")

    await company.tell("PUT", path, company.told("kay"))

    assert (await company.sign_in(tab, "kay")).status_code == 303
    assert await company.seats("kay") == ["released", "active"]


async def test_whoever_is_deleted_there_is_gone_here_at_once(company: Company, tab: Browser) -> None:
    hired = await company.hire("hedy")
    await company.sign_in(tab, "hedy")

    await company.tell("DELETE", f"/Users/{hired['id']}")

    assert refused(await tab.ask(WHO))
    assert await company.entry("hedy") is None
    assert await company.seats("hedy") == ["released"]


async def test_a_group_there_is_a_group_here_and_its_people_are_told(company: Company) -> None:
    mary, jean = await company.hire("mary"), await company.hire("jean")
    told = {"schemas": [GROUP], "displayName": "Analysts", "members": [company.member(mary), company.member(jean)]}
    made = await company.tell("POST", "/Groups", told)
    both = await company.members("Analysts")

    await company.tell("PUT", f"/Groups/{made['id']}", told | {"members": [company.member(jean)]})

    assert both == {mary["id"], jean["id"]}
    assert await company.members("Analysts") == {jean["id"]}


async def test_whoever_has_no_account_there_does_not_come_here(company: Company, tab: Browser) -> None:
    sent = await tab.leave(company.connection)

    with pytest.raises(StrandedError):
        await visit(company.address, sent.headers["location"], login="mallory", password=PASSWORD)

    assert refused(await tab.ask(WHO))
