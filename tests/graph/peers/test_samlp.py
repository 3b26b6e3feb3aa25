"""A provider that others wrote, `samlp` from npm, in a process of its own: an admin connects it, and people come in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.auth.saml.answering import ISSUER, certificate, key_of, pem
from tests.auth.saml.surfing import Visitor, visitor
from tests.peers.npm import installed
from tests.peers.running import QUICK, ahead, running
from tests.scenery import Scene, World

HERE = Path(__file__).parent / "saml"
WHO = "{ viewer { person { email } memberships { nodes { role workspace { id } } } } }"
SHOWN = "... on SingleSignOn { id issuer signInUrl } ... on Problem { message }"
_FIELD = re.compile(r'name="(SAMLResponse|RelayState)"\s+value="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Peer:
    """The provider."""

    address: str

    @property
    def metadata(self) -> str:
        """Where it describes itself."""
        return f"{self.address}/metadata"

    async def sign_in(self, address: str) -> tuple[str, str]:
        """Go there with a browser of one's own, signed in already: the answer and the state that its form has."""
        async with httpx2.AsyncClient(timeout=QUICK) as client:
            answer = await client.get(address)
        found = {name: unescape(value) for name, value in _FIELD.findall(answer.text)}
        assert found.keys() == {"SAMLResponse", "RelayState"}, answer.text
        return found["SAMLResponse"], found["RelayState"]


@asynccontextmanager
async def peer(script: Path, world: World, email: str, **signing: Any) -> AsyncIterator[Peer]:
    """The provider, for as long as it is needed."""
    now, key = await world.now(), key_of("peer")
    told = {
        "issuer": ISSUER,
        "email": email,
        "ahead": await ahead(world),
        "signing": {
            "key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "cert": pem(certificate(key, now=now)),
            **signing,
        },
    }
    async with running("node", script, **told) as process:
        yield Peer((await process.tells())["address"])


@pytest.fixture(scope="module")
def script() -> Path:
    """Where the provider's script is, with what it needs."""
    return installed(HERE, "provide.mjs", "signing in at a provider that speaks SAML is")


@pytest.fixture
async def tab(world: World) -> AsyncIterator[Visitor]:
    async with visitor(world) as made:
        yield made


async def connected(scene: Scene, idp: Peer) -> str:
    """An SSO connection as an admin makes it, from the provider's own metadata."""
    owner, change = scene.owner, scene.world.change
    told = {"workspace": scene.id, "name": "Acme", "metadataUrl": idp.metadata}
    made = (await change("createSamlConnection", owner, shows_=SHOWN, **told)).data["createSamlConnection"]
    assert (made["issuer"], made["signInUrl"]) == (ISSUER, f"{idp.address}/sso")
    await change("changeSsoConnection", owner, connection=made["id"], enabled=True)
    return str(made["id"])


WAYS: dict[str, dict[str, Any]] = {
    "the assertion": {},
    "the response": {"signResponse": True, "signAssertion": False},
    "both": {"signResponse": True},
    "both, with prefixes": {"signResponse": True, "signatureNamespacePrefix": "ds"},
}


@pytest.mark.parametrize("signing", WAYS.values(), ids=WAYS.keys())
async def test_somebody_comes_in_whatever_is_signed(
    signing: dict[str, Any], script: Path, workspace: Scene, tab: Visitor
) -> None:
    name = f"acme-{workspace.number:x}.test"
    await workspace.domain(name)
    async with peer(script, workspace.world, f"ada@{name}", **signing) as idp:
        connection = await connected(workspace, idp)
        sent = await tab.leave(connection, next="/seats")

        told = await idp.sign_in(sent.headers["location"])

    back = await tab.finish(await tab.post(connection, *told))
    who = (await tab.ask(WHO)).json()["data"]["viewer"]
    assert (back.status_code, back.headers["location"]) == (303, "/seats")
    assert who["person"] == {"email": f"ada@{name}"}
    assert who["memberships"]["nodes"] == [{"role": "MEMBER", "workspace": {"id": workspace.id}}]


@pytest.mark.parametrize(
    ("signing", "reason"),
    [
        ({"signAssertion": False}, "Nothing of the answer is signed."),
        ({"signatureAlgorithm": "rsa-sha1"}, "which we don't allow"),
        ({"digestAlgorithm": "sha1"}, "A digest is not of SHA-2"),
    ],
)
async def test_what_it_signs_badly_lets_nobody_in(
    signing: dict[str, Any], reason: str, script: Path, workspace: Scene, tab: Visitor
) -> None:
    name = f"acme-{workspace.number:x}.test"
    await workspace.domain(name)
    async with peer(script, workspace.world, f"ada@{name}", **signing) as idp:
        connection = await connected(workspace, idp)
        sent = await tab.leave(connection)

        told = await idp.sign_in(sent.headers["location"])

    back = await tab.post(connection, *told)
    (login,) = await workspace.world.rows("select * from sso_login where account_id = $1", workspace.number)
    assert back.status_code == 403
    assert reason in login["reason"]
