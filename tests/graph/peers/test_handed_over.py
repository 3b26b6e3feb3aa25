"""An admin hands a setup link to their IT, who fill in its forms, and people then come in at a provider of others."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path

import httpx2
import pytest

from auth.policy import Role
from auth.setup.rules import SetupPurpose
from kernel import ids
from tests.auth.saml.answering import ISSUER, certificate, key_of, pem
from tests.auth.saml.surfing import Visitor as Tab
from tests.auth.saml.surfing import visitor as tab
from tests.graph.peers import test_oidc_provider as openid
from tests.graph.peers import test_samlp as saml
from tests.graph.test_setup_forms import METADATA, Visitor, value, visitor
from tests.peers.npm import installed
from tests.peers.running import ahead
from tests.scenery import Scene

WHO = "{ viewer { person { email } memberships { nodes { role workspace { id } } } } }"


@pytest.fixture(scope="module")
def certified() -> Path:
    """Where the certified provider's script is, with what it needs."""
    return installed(openid.HERE, "provide.mjs", "signing in where IT connected a certified provider is")


@pytest.fixture(scope="module")
def samlp() -> Path:
    """Where the script of the provider that speaks SAML is, with what it needs."""
    return installed(saml.HERE, "provide.mjs", "signing in where IT connected a provider that speaks SAML is")


@asynccontextmanager
async def handed_to_it(scene: Scene) -> AsyncIterator[tuple[Visitor, Tab]]:
    """Somebody of IT who has opened a link, and the same browser as it goes to providers."""
    async with visitor(scene, SetupPurpose.SSO) as forms:
        yield forms, Tab(scene.world, forms.client)


async def begun(forms: Visitor) -> str:
    """The address of a test that IT begins."""
    page = await forms.send("test")
    found = re.search(r'<a href="([^"]*/login\?test=[\w-]+)"', page.text)
    assert found, page.text
    return unescape(found[1])


async def let_in(scene: Scene) -> str:
    """The SSO connection that IT made, which an admin switches on."""
    number = await scene.world.value("select id from sso_connection where account_id = $1", scene.number)
    connection = ids.encode("sso", number)
    switched = await scene.world.change(
        "changeSsoConnection",
        scene.members[Role.ADMIN],
        shows_="... on SingleSignOn { enabled }",
        connection=connection,
        enabled=True,
    )
    assert switched.data["changeSsoConnection"] == {"enabled": True}
    return connection


async def tried_by_saml(forms: Visitor, browser: Tab, idp: saml.Peer, connection: str) -> httpx2.Response:
    """The page after IT has begun a test and signed in at the provider."""
    sent = await browser.go(await begun(forms))
    told = await idp.sign_in(sent.headers["location"])
    await browser.finish(await browser.post(connection, *told))
    return await forms.look()


async def test_people_come_in_by_openid_connect_where_it_filled_in_the_form(certified: Path, workspace: Scene) -> None:
    name = f"acme-{workspace.number:x}.test"
    await workspace.domain(name)
    claims = {"email": f"ada@{name}", "email_verified": True, "name": "Ada"}
    async with (
        openid.peer(certified, claims=claims, ahead=await ahead(workspace.world)) as idp,
        handed_to_it(workspace) as (forms, browser),
        tab(workspace.world) as employee,
    ):
        made = await forms.send("oidc", issuer=idp.issuer, clientId="not known yet")
        client = await idp.register(value(made, "callback"))
        await forms.send("correct", **client)
        connection = await let_in(workspace)
        sent = await browser.go(await begun(forms))
        await browser.back(connection, await idp.sign_in(sent.headers["location"]))
        tried = await forms.look()
        back = await openid.come(employee, idp, connection, next="/seats")
        who = (await employee.ask(WHO)).json()["data"]["viewer"]

    assert "The last test worked:" in tried.text
    assert client["clientSecret"] not in made.text + tried.text
    assert (back.status_code, back.headers["location"]) == (303, "/seats")
    assert who["person"] == {"email": f"ada@{name}"}
    assert who["memberships"]["nodes"] == [{"role": "MEMBER", "workspace": {"id": workspace.id}}]


@pytest.mark.parametrize("by", ["metadataUrl", "metadata"])
async def test_people_come_in_by_saml_where_it_filled_in_the_form(by: str, samlp: Path, workspace: Scene) -> None:
    name = f"acme-{workspace.number:x}.test"
    await workspace.domain(name)
    async with (
        saml.peer(samlp, workspace.world, f"ada@{name}", signResponse=True) as idp,
        handed_to_it(workspace) as (forms, browser),
        tab(workspace.world) as employee,
    ):
        made = await forms.send("saml", **{by: await told_of(idp) if by == "metadata" else idp.metadata})
        connection = await let_in(workspace)
        tried = await tried_by_saml(forms, browser, idp, connection)
        back = await come(employee, idp, connection)
        who = (await employee.ask(WHO)).json()["data"]["viewer"]

    assert value(made, "acs").endswith(f"/sso/{connection}/acs")
    assert "The last test worked:" in tried.text
    assert back.status_code == 303
    assert who["person"] == {"email": f"ada@{name}"}
    assert who["memberships"]["nodes"] == [{"role": "MEMBER", "workspace": {"id": workspace.id}}]


async def test_it_corrects_what_a_test_shows_to_be_wrong_and_people_come_in(samlp: Path, workspace: Scene) -> None:
    name, now = f"acme-{workspace.number:x}.test", await workspace.world.now()
    await workspace.domain(name)
    old, new = [pem(certificate(key_of(whose), 365, now=now)) for whose in ("a former one", "peer")]
    async with (
        saml.peer(samlp, workspace.world, f"ada@{name}") as idp,
        handed_to_it(workspace) as (forms, browser),
        tab(workspace.world) as employee,
    ):
        stale = METADATA.format(bare=old.split("-----")[2]).replace('https://idp.test"', f'{ISSUER}"', 1)
        await forms.send("saml", metadata=stale)
        connection = await let_in(workspace)
        mapped = {"subjectAttribute": "", "emailAttribute": "cost center", "nameAttribute": ""}
        await forms.send("read", signInUrl=f"{idp.address}/sso", **mapped)
        unsigned = await tried_by_saml(forms, browser, idp, connection)
        await forms.send("signs", certificate=new)
        tried = await tried_by_saml(forms, browser, idp, connection)
        nobody = await come(employee, idp, connection)
        await forms.send("read", signInUrl=f"{idp.address}/sso", **mapped | {"emailAttribute": ""})
        back = await come(employee, idp, connection)

    assert "The last test failed. No certificate of this SSO connection made the signature." in unsigned.text
    assert "The last test worked:" in tried.text
    assert ", with no address." in tried.text
    assert (nobody.status_code, back.status_code) == (403, 303)


async def told_of(idp: saml.Peer) -> str:
    """What the provider says of itself, as somebody copies it."""
    async with httpx2.AsyncClient() as client:
        return (await client.get(idp.metadata)).text


async def come(employee: Tab, idp: saml.Peer, connection: str) -> httpx2.Response:
    """Go to sign in, do so at the provider, and come back."""
    sent = await employee.leave(connection)
    told = await idp.sign_in(sent.headers["location"])
    return await employee.finish(await employee.post(connection, *told))
