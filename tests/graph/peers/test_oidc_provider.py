"""A certified provider, `oidc-provider` from npm, in a process of its own: an admin connects it, and people come in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
import pytest

from tests.graph.surfing import ORIGIN, Browser, browser
from tests.peers.npm import installed
from tests.peers.running import QUICK, ahead, running
from tests.scenery import Scene, World

HERE = Path(__file__).parent / "oidc"
MOST_HOPS = 20
WHO = "{ viewer { person { email } memberships { nodes { role workspace { id } } } } }"
_FORM = re.compile(r'action="(http[^"]+/interaction/[^"]+)".*?name="prompt" value="(\w+)"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Peer:
    """The provider."""

    issuer: str

    async def register(self, redirect: str, algorithm: str = "RS256") -> dict[str, str]:
        """Register a client that is sent back there: its id and secret."""
        told = {"redirect_uris": [redirect], "id_token_signed_response_alg": algorithm}
        async with httpx2.AsyncClient() as client:
            answer = await client.post(f"{self.issuer}/reg", json=told)
        assert answer.status_code == 201, answer.text
        registered = answer.json()
        return {"clientId": registered["client_id"], "clientSecret": registered["client_secret"]}

    async def sign_in(self, address: str, who: str = "ada") -> dict[str, str]:
        """Go there with a browser of one's own, sign in and consent: the parameters that it sends back."""
        async with httpx2.AsyncClient(timeout=QUICK) as client:
            answer = await client.get(address)
            for _ in range(MOST_HOPS):
                if answer.status_code in {302, 303}:
                    place = urljoin(str(answer.url), answer.headers["location"])
                    if not place.startswith(self.issuer):
                        return dict(parse_qsl(urlsplit(place).query))
                    answer = await client.get(place)
                    continue
                action, prompt = _form(answer)
                told = {"prompt": prompt} | ({"login": who, "password": "x"} if prompt == "login" else {})
                answer = await client.post(action, data=told)
        raise AssertionError(f"the provider sent its browser around: {answer.text}")

    async def abort(self, address: str) -> dict[str, str]:
        """Go there, and think better of it."""
        async with httpx2.AsyncClient(timeout=QUICK) as client:
            answer = await client.get(address, follow_redirects=True)
            action, _ = _form(answer)
            answer = await client.get(f"{action}/abort")
            answer = await client.get(urljoin(str(answer.url), answer.headers["location"]))
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def _form(answer: httpx2.Response) -> tuple[str, str]:
    found = _FORM.search(answer.text)
    assert found, answer.text
    return found[1], found[2]


@asynccontextmanager
async def peer(script: Path, **told: Any) -> AsyncIterator[Peer]:
    """The provider, for as long as it is needed."""
    async with running("node", script, **({"claims": {}, "lean": False, "ahead": 0} | told)) as process:
        yield Peer((await process.tells())["issuer"])


@pytest.fixture(scope="module")
def script() -> Path:
    """Where the provider's script is, with what it needs."""
    return installed(HERE, "provide.mjs", "signing in at a certified provider is")


@pytest.fixture
async def tab(world: World) -> AsyncIterator[Browser]:
    async with browser(world) as made:
        yield made


async def connected(scene: Scene, idp: Peer, **registering: str) -> str:
    """An SSO connection as an admin makes it: named here, registered there, and enabled."""
    owner, change = scene.owner, scene.world.change
    shown = "... on SingleSignOn { id } ... on Problem { message }"
    made = await change(
        "createSsoConnection",
        owner,
        shows_=shown,
        workspace=scene.id,
        name="Acme",
        issuer=idp.issuer,
        clientId="not known yet",
    )
    connection = str(made.data["createSsoConnection"]["id"])
    client = await idp.register(f"{ORIGIN}/sso/{connection}/callback", **registering)
    told = await change("changeSsoConnection", owner, shows_=shown, connection=connection, enabled=True, **client)
    assert told.data["changeSsoConnection"] == {"id": connection}
    return connection


async def come(tab: Browser, idp: Peer, connection: str, **asked: str) -> httpx2.Response:
    """Go to sign in, do so at the provider, and come back."""
    sent = await tab.leave(connection, **asked)
    assert sent.status_code == 303, sent.text
    return await tab.back(connection, await idp.sign_in(sent.headers["location"]))


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
async def test_somebody_comes_in_with_a_code_and_pkce(
    algorithm: str, script: Path, workspace: Scene, tab: Browser
) -> None:
    name = f"acme-{workspace.number:x}.test"
    await workspace.domain(name)
    claims = {"email": f"ada@{name}", "email_verified": True, "name": "Ada"}
    async with peer(script, claims=claims, ahead=await ahead(workspace.world)) as idp:
        connection = await connected(workspace, idp, algorithm=algorithm)

        back = await come(tab, idp, connection, next="/seats")

    who = (await tab.ask(WHO)).json()["data"]["viewer"]
    assert (back.status_code, back.headers["location"]) == (303, "/seats")
    assert who["person"] == {"email": f"ada@{name}"}
    assert who["memberships"]["nodes"] == [{"role": "MEMBER", "workspace": {"id": workspace.id}}]


async def test_an_address_that_the_userinfo_alone_tells_counts(script: Path, workspace: Scene, tab: Browser) -> None:
    name = f"acme-{workspace.number:x}.test"
    await workspace.domain(name)
    claims = {"email": f"ada@{name}", "email_verified": True}
    async with peer(script, claims=claims, lean=True, ahead=await ahead(workspace.world)) as idp:
        connection = await connected(workspace, idp)

        back = await come(tab, idp, connection)

    assert back.status_code == 303
    assert (await tab.ask(WHO)).json()["data"]["viewer"]["person"] == {"email": f"ada@{name}"}


async def test_an_owner_tests_it_and_enforces_it(script: Path, workspace: Scene, tab: Browser) -> None:
    claims = {"email": workspace.owner.email, "email_verified": True}
    async with peer(script, claims=claims, ahead=await ahead(workspace.world)) as idp:
        connection = await connected(workspace, idp)
        shown = "... on SsoTestStarted { url login { id } }"
        started = await workspace.world.change("startSsoTest", workspace.owner, shows_=shown, connection=connection)
        test = started.data["startSsoTest"]

        sent = await tab.go(test["url"])
        back = await tab.back(connection, await idp.sign_in(sent.headers["location"]))

    document = "query($id: ID!) { node(id: $id) { ... on SsoLogin { state reason connection { testedAt } } } }"
    told = (await workspace.world.ask(document, workspace.owner, id=test["login"]["id"])).data["node"]
    assert back.status_code == 200
    assert (told["state"], told["reason"]) == ("DONE", None)
    assert told["connection"]["testedAt"]


async def test_whoever_thinks_better_of_it_is_refused_and_the_trace_says_so(
    script: Path, workspace: Scene, tab: Browser
) -> None:
    async with peer(script, ahead=await ahead(workspace.world)) as idp:
        connection = await connected(workspace, idp)
        sent = await tab.leave(connection)

        back = await tab.back(connection, await idp.abort(sent.headers["location"]))

    reason = await workspace.world.value("select reason from sso_login where account_id = $1", workspace.number)
    assert back.status_code == 403
    assert reason == "The provider refused: access_denied End-User aborted interaction."


async def test_a_wrong_secret_is_refused_by_the_provider_and_the_trace_says_so(
    script: Path, workspace: Scene, tab: Browser
) -> None:
    async with peer(script, ahead=await ahead(workspace.world)) as idp:
        connection = await connected(workspace, idp)
        input_ = {"connection": connection, "clientSecret": "another"}
        assert (await workspace.world.change("changeSsoConnection", workspace.owner, **input_)).data

        back = await come(tab, idp, connection)

    reason = await workspace.world.value("select reason from sso_login where account_id = $1", workspace.number)
    assert back.status_code == 403
    assert "invalid_client" in reason
