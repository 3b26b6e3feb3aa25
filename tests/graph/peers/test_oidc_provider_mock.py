"""A provider from PyPI, `oidc-provider-mock`, in a process of its own: people come in by its pages, or deny it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.graph.peers.browsing import visit
from tests.graph.surfing import ORIGIN, Browser, browser
from tests.peers.pypi import installed
from tests.peers.running import QUICK, ahead, running
from tests.scenery import Scene, World

HERE = Path(__file__).parent / "pypi"
WHO = "{ viewer { person { email } memberships { nodes { role workspace { id } } } } }"
SHOWN = "... on SingleSignOn { id } ... on Problem { message }"


@dataclass(frozen=True, slots=True)
class Peer:
    """The provider."""

    issuer: str

    async def register(self, redirect: str) -> dict[str, str]:
        """Register a client that is sent back there: its id and secret."""
        async with httpx2.AsyncClient(timeout=QUICK) as client:
            answer = await client.post(f"{self.issuer}/oauth2/clients", json={"redirect_uris": [redirect]})
        assert answer.status_code == 201, answer.text
        registered = answer.json()
        return {"clientId": registered["client_id"], "clientSecret": registered["client_secret"]}


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python that has the provider."""
    return installed(HERE, "signing in at oidc-provider-mock is")


@pytest.fixture
async def tab(world: World) -> AsyncIterator[Browser]:
    async with browser(world) as made:
        yield made


@asynccontextmanager
async def peer(python: Path, world: World, **people: Any) -> AsyncIterator[Peer]:
    """The provider, which knows these people, for as long as it is needed."""
    told = {"people": people, "ahead": await ahead(world)}
    async with running(python, HERE / "serve_mock.py", **told) as process:
        yield Peer((await process.tells())["address"])


async def connected(scene: Scene, idp: Peer) -> str:
    """An SSO connection as an admin makes it: named here, registered there, and enabled."""
    owner, change = scene.owner, scene.world.change
    told = {"workspace": scene.id, "name": "Acme", "issuer": idp.issuer, "clientId": "not known yet"}
    made = await change("createSsoConnection", owner, shows_=SHOWN, **told)
    connection = str(made.data["createSsoConnection"]["id"])
    client = await idp.register(f"{ORIGIN}/sso/{connection}/callback")
    await change("changeSsoConnection", owner, shows_=SHOWN, connection=connection, enabled=True, **client)
    return connection


async def test_somebody_comes_in_by_its_page(python: Path, workspace: Scene, tab: Browser) -> None:
    name = f"acme-{workspace.number:x}.test"
    await workspace.domain(name)
    ada = {"email": f"ada@{name}", "email_verified": True, "name": "Ada"}
    async with peer(python, workspace.world, ada=ada) as idp:
        connection = await connected(workspace, idp)
        sent = await tab.leave(connection, next="/seats")

        back = await tab.back(connection, await visit(idp.issuer, sent.headers["location"], sub="ada"))

    who = (await tab.ask(WHO)).json()["data"]["viewer"]
    assert (back.status_code, back.headers["location"]) == (303, "/seats")
    assert who["person"] == {"email": f"ada@{name}"}
    assert who["memberships"]["nodes"] == [{"role": "MEMBER", "workspace": {"id": workspace.id}}]


# Whoever denies it comes back without the state that we gave, so we can't tell which login they denied.
REFUSED = {
    "denies": ({"action": "deny"}, "The state is not of a login"),
    "is a stranger": ({"sub": "eve"}, "Nobody is linked to this subject yet"),
}


@pytest.mark.parametrize(("answered", "reason"), REFUSED.values(), ids=REFUSED.keys())
async def test_whoever_denies_it_or_is_a_stranger_stays_outside(
    answered: dict[str, str], reason: str, python: Path, workspace: Scene, tab: Browser
) -> None:
    await workspace.domain(f"acme-{workspace.number:x}.test")
    stranger = f"eve@elsewhere-{workspace.number:x}.test"
    async with peer(python, workspace.world, eve={"email": stranger}) as idp:
        connection = await connected(workspace, idp)
        sent = await tab.leave(connection)

        back = await tab.back(connection, await visit(idp.issuer, sent.headers["location"], **answered))

    told = await workspace.world.value("select reason from sso_login where account_id = $1", workspace.number)
    assert back.status_code == 403
    assert told.startswith(reason)
    assert not await workspace.world.rows("select from person where email = $1", stranger)
    assert (await tab.ask(WHO)).json()["data"] is None


async def test_a_code_serves_once_and_one_browser(python: Path, workspace: Scene, tab: Browser) -> None:
    name = f"acme-{workspace.number:x}.test"
    await workspace.domain(name)
    async with peer(python, workspace.world, ada={"email": f"ada@{name}"}) as idp:
        connection = await connected(workspace, idp)
        sent = await tab.leave(connection)
        told = await visit(idp.issuer, sent.headers["location"], sub="ada")
        async with browser(workspace.world) as thief:
            once = await tab.back(connection, told)
            stolen = await thief.back(connection, told)
            twice = await tab.back(connection, told)
            strange = (await thief.ask(WHO)).json()["data"]

    assert [once.status_code, stolen.status_code, twice.status_code] == [303, 403, 403]
    assert strange is None
