"""The forms of setup links: whoever has a browser and no client finishes the one thing a link is for."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx2
import pytest

from auth.setup.rules import SetupPurpose
from gateway.setup_forms import AFTER, MAKING, filled
from kernel import ids
from tests.auth.providing import provider
from tests.auth.publishing import http, publisher
from tests.auth.saml.answering import certificate, key_of, pem
from tests.graph.crowd import evidence
from tests.graph.surfing import ORIGIN, browser
from tests.graph.test_setup_links import actions, handed
from tests.scenery import Scene

PAGE = {"accept": "text/html,*/*;q=0.8", "origin": ORIGIN}
METADATA = (
    '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.test">'
    '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
    '<md:KeyDescriptor><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
    "<ds:X509Certificate>{bare}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.test"/>'
    "</md:IDPSSODescriptor></md:EntityDescriptor>"
)


@dataclass
class Visitor:
    """Somebody with a browser, and a link that they have opened."""

    client: httpx2.AsyncClient

    async def look(self) -> httpx2.Response:
        """The page as it stands."""
        return await self.client.get("/setup/form", headers=PAGE)

    async def send(self, act: str, **typed: str) -> httpx2.Response:
        """A form, filled in; what the browser shows then."""
        sent = await self.client.post("/setup/form", data={"act": act, **typed}, headers=PAGE)
        return await self.look() if sent.status_code == 303 else sent


@asynccontextmanager
async def visitor(scene: Scene, purpose: SetupPurpose) -> AsyncIterator[Visitor]:
    """Somebody who has opened a link for one purpose."""
    text = await handed(scene, purpose)
    async with browser(scene.world) as tab:
        opened = await tab.client.post("/setup", params={"link": text}, headers=PAGE)
        assert (opened.status_code, opened.headers["location"]) == (303, "/setup/form")
        yield Visitor(tab.client)


def said(page: httpx2.Response, field: str) -> str:
    """What is said to be wrong beside a field."""
    found = re.search(rf'<small id="{field}-wrong" role="alert" class="wrong">(.*?)</small>', page.text)
    return unescape(found[1]) if found else ""


def value(page: httpx2.Response, field: str) -> str:
    """What stands in a field."""
    found = re.search(rf'<input id="{field}"[^>]* value="([^"]*)"', page.text)
    found = found or re.search(rf'<textarea id="{field}"[^>]*>([^<]*)</textarea>', page.text)
    assert found, f"there is no field {field}"
    return unescape(found[1])


async def pasted(scene: Scene) -> str:
    """Metadata of a provider."""
    found = certificate(key_of("idp"), 365, now=await scene.world.now())
    return METADATA.format(bare=pem(found).split("-----")[2])


async def test_a_provider_that_speaks_openid_connect_is_connected_and_tried(workspace: Scene) -> None:
    async with visitor(workspace, SetupPurpose.SSO) as who, provider() as idp:
        first = await who.look()
        made = await who.send("oidc", issuer=idp.issuer, clientId="seatgraph", clientSecret="s3cret-s3cret")
        begun = await who.send("test")
        after = await who.look()
        issuer = idp.issuer

    (row,) = await workspace.world.rows("select * from sso_connection where account_id = $1", workspace.number)
    assert (first.status_code, made.status_code, begun.status_code) == (200, 200, 200)
    assert (row["issuer"], row["client_id"], row["sealed_secret"] is None, row["enabled"]) == (
        issuer,
        "seatgraph",
        False,
        False,
    )
    assert value(made, "callback").endswith(f"/sso/{ids.encode('sso', row['id'])}/callback")
    assert re.search(r'<a href="[^"]*/login\?test=[\w-]+"', begun.text)
    assert "The last test has not come back yet." in after.text
    assert "s3cret" not in made.text + begun.text + after.text
    assert [each for each in await actions(workspace) if each[1] == "setup"] == [
        ("setup_link.opened", "setup"),
        ("sso.created", "setup"),
        ("login.test_started", "setup"),
    ]


async def test_what_was_mistyped_is_corrected(workspace: Scene) -> None:
    async with visitor(workspace, SetupPurpose.SSO) as who, provider() as idp:
        await who.send("oidc", issuer=idp.issuer, clientId="seatgraf")
        nothing = await who.send("correct")
        long = await who.send("correct", clientId="a" * 600, clientSecret="s3cret-s3cret")
        done = await who.send("correct", clientId="seatgraph")

    assert (nothing.status_code, long.status_code, done.status_code) == (422, 422, 200)
    assert said(nothing, "correct-clientId") == "Nothing is filled in. Write what is to be changed."
    assert said(long, "correct-clientId").startswith("A client id is 1 to")
    assert (value(long, "correct-clientId"), value(long, "correct-clientSecret")) == ("a" * 600, "")
    sql = "select client_id from sso_connection where account_id = $1"
    assert await workspace.world.value(sql, workspace.number) == "seatgraph"


async def test_what_was_typed_stands_there_still_but_for_secrets(workspace: Scene) -> None:
    wrong = {"issuer": 'https://127.0.0.1:9/"><b>', "clientId": "seat <b>", "clientSecret": "s3cret-s3cret"}
    async with visitor(workspace, SetupPurpose.SSO) as who:
        before = await evidence(workspace)
        refused = await who.send("oidc", **wrong)
        missing = await who.send("oidc", issuer="https://idp.test", clientSecret="s3cret-s3cret")
        long = await who.send("oidc", issuer="https://idp.test/" + "a" * 2_000, clientId="seatgraph")

    assert [page.status_code for page in (refused, missing, long)] == [422, 422, 422]
    assert (value(refused, "oidc-issuer"), value(refused, "oidc-clientId")) == (wrong["issuer"], wrong["clientId"])
    assert value(refused, "oidc-clientSecret") == value(missing, "oidc-clientSecret") == ""
    assert "<b>" not in refused.text
    assert "s3cret" not in refused.text + missing.text
    assert said(refused, "oidc-issuer")
    assert said(missing, "oidc-clientId") == "Client id is missing: fill it in."
    assert said(long, "oidc-issuer") == "This is longer than the 2,000 characters it may have. Shorten it."
    assert await evidence(workspace) == before


@pytest.mark.parametrize("by", ["metadataUrl", "metadata"])
async def test_a_provider_that_speaks_saml_is_connected_by_its_metadata(workspace: Scene, by: str) -> None:
    text = await pasted(workspace)
    async with visitor(workspace, SetupPurpose.SSO) as who, publisher(http(text.encode())) as published:
        made = await who.send("saml", **{by: published.uri if by == "metadataUrl" else text})

    (row,) = await workspace.world.rows("select * from sso_connection where account_id = $1", workspace.number)
    assert (row["kind"], row["issuer"]) == ("saml", "https://idp.test")
    assert value(made, "entity") == row["client_id"]
    assert value(made, "acs").endswith(f"/sso/{ids.encode('sso', row['id'])}/acs")


async def test_metadata_that_can_not_be_used_is_told_beside_it(workspace: Scene) -> None:
    async with visitor(workspace, SetupPurpose.SSO) as who:
        before = await evidence(workspace)
        both = await who.send("saml", metadataUrl="https://idp.test/metadata", metadata="<a/>")
        neither = await who.send("saml")
        nonsense = await who.send("saml", metadata="<html>&lt;down</html>")
        huge = await who.send("saml", metadata="x" * (256 * 1024 + 1))

    one_of_two = "Fill in one of the two: the address of the metadata, or the metadata itself."
    assert said(both, "saml-metadataUrl") == said(neither, "saml-metadataUrl") == one_of_two
    assert "The metadata can't be used." in said(nonsense, "saml-metadata")
    assert "&lt;html&gt;&amp;lt;down&lt;/html&gt;</textarea>" in nonsense.text
    assert said(huge, "saml-metadata") == "This is longer than the 262,144 characters it may have. Shorten it."
    assert await evidence(workspace) == before


async def test_a_directory_is_connected_and_its_token_is_shown_once(workspace: Scene) -> None:
    async with visitor(workspace, SetupPurpose.DIRECTORY) as who:
        made = await who.send("directory", name="Okta <1>")
        token = await who.send("token")
        again = await who.look()
        await who.send("token")
        third = await who.send("token")

    text = value(token, "token")
    async with browser(workspace.world) as tab:
        seen = await tab.client.get("/scim/v2/Users", headers={"authorization": f"Bearer {text}"})
    assert value(made, "address").endswith("/scim/v2")
    assert "Okta &lt;1&gt;" in made.text
    assert seen.status_code == 200
    assert text not in again.text
    assert "Tokens that count: 1 of 2." in again.text
    assert third.status_code == 422
    assert 'role="alert" class="wrong">' in third.text


async def test_a_domain_is_proven_as_soon_as_its_record_is_there(workspace: Scene) -> None:
    name = f"acme-{workspace.number:x}.test"
    async with visitor(workspace, SetupPurpose.DOMAIN) as who:
        wrong = await who.send("domain", name="gmail.com")
        added = await who.send("domain", name=name)
        record = value(added, "record"), value(added, "value")
        early = await who.send("check")
        workspace.world.names.records[record[0]] = [record[1]]
        proven = await who.send("check")

    assert said(wrong, "domain-name")
    assert record[0] == f"_seatgraph.{name}"
    assert early.status_code == 422
    assert 'role="alert" class="wrong">' in early.text
    assert f"<strong>{name}</strong> is proven." in proven.text
    sql = "select verified_at is not null from workspace_domain where account_id = $1"
    assert await workspace.world.value(sql, workspace.number) is True


async def test_a_link_makes_one_thing_however_often_its_form_is_sent(workspace: Scene) -> None:
    async with visitor(workspace, SetupPurpose.DOMAIN) as who:
        await who.send("domain", name=f"one-{workspace.number:x}.test")
        before = await evidence(workspace)
        again = await who.send("domain", name=f"two-{workspace.number:x}.test")
        other = await who.send("directory", name="Okta")

    assert f"one-{workspace.number:x}.test" in again.text
    assert other.status_code == 200
    assert await evidence(workspace) == before


STRANGE: list[dict[str, str]] = [
    {},
    {"origin": "https://evil.test"},
    {"origin": "null"},
    {"origin": "https://evil.test", "sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "cross-site"},
]


@pytest.mark.parametrize("headers", STRANGE, ids=str)
async def test_another_site_can_send_no_form_and_open_no_link(workspace: Scene, headers: dict[str, str]) -> None:
    asked = headers | {"accept": "text/html"}
    text = await handed(workspace, SetupPurpose.DOMAIN)
    async with visitor(workspace, SetupPurpose.DOMAIN) as who:
        before = await evidence(workspace)
        sent = await who.client.post("/setup/form", data={"act": "domain", "name": "acme.test"}, headers=asked)
        opened = await who.client.post("/setup", params={"link": text}, headers=asked)

    assert (sent.status_code, opened.status_code) == (403, 403)
    assert "set-cookie" not in opened.headers
    assert await evidence(workspace) == before


SPOILED: list[Any] = [b"", b"\xff\xfe", b"act=domain&act=check", b"&".join([b"a=1"] * 30), b"act=%ff&name=%ff"]


@pytest.mark.parametrize("body", SPOILED, ids=lambda body: str(body[:20]))
async def test_what_is_no_form_of_ours_does_nothing(workspace: Scene, body: bytes) -> None:
    headers = PAGE | {"content-type": "application/x-www-form-urlencoded"}
    async with visitor(workspace, SetupPurpose.DOMAIN) as who:
        before = await evidence(workspace)
        sent = await who.client.post("/setup/form", content=body, headers=headers)

    assert sent.status_code in {303, 400}
    assert await evidence(workspace) == before


async def test_a_body_that_is_too_long_is_refused(workspace: Scene) -> None:
    async with visitor(workspace, SetupPurpose.SSO) as who:
        sent = await who.send("saml", metadata="x" * (1024 * 1024))

    assert sent.status_code == 413


async def test_a_card_number_goes_nowhere(workspace: Scene) -> None:
    async with visitor(workspace, SetupPurpose.DIRECTORY) as who:
        sent = await who.send("directory", name="4242 4242 4242 4242")

    assert sent.status_code == 422
    assert said(sent, "directory-name").startswith("Something in this request looks like a card number")


async def test_without_an_open_link_there_is_no_form(workspace: Scene) -> None:
    async with visitor(workspace, SetupPurpose.SSO) as who:
        await workspace.world.run(
            "update setup_link set revoked_at = opened_at where account_id = $1", workspace.number
        )
        revoked, sent = await who.look(), await who.send("oidc", issuer="https://idp.test", clientId="seatgraph")
    async with browser(workspace.world) as tab:
        never = await Visitor(tab.client).look()
        tab.client.cookies.set("seatgraph-setup", "sgt_" + "a" * 43)
        forged = await Visitor(tab.client).look()

    assert [page.status_code for page in (revoked, sent, never, forged)] == [404] * 4
    assert all("What you opened counts no more" in page.text for page in (revoked, sent, never, forged))


async def test_whoever_comes_back_by_the_link_finds_their_forms(workspace: Scene) -> None:
    text = await handed(workspace, SetupPurpose.SSO)
    async with browser(workspace.world) as tab:
        await tab.client.post("/setup", params={"link": text}, headers=PAGE)
        back = await tab.client.get("/setup", params={"link": text})
    async with browser(workspace.world) as another:
        elsewhere = await another.client.get("/setup", params={"link": text})

    assert (back.status_code, back.headers["location"]) == (303, "/setup/form")
    assert elsewhere.status_code == 404


async def test_its_cookie_is_read_by_no_script_and_its_pages_run_none(workspace: Scene) -> None:
    text = await handed(workspace, SetupPurpose.SSO)
    async with browser(workspace.world) as tab:
        opened = await tab.client.post("/setup", params={"link": text}, headers=PAGE)
        page = await tab.client.get("/setup/form", headers=PAGE)

    cookie = opened.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("seatgraph-setup=sgu_", "httponly", "samesite=lax", "max-age=3600"))
    assert "sgu_" not in page.text + opened.text
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")


@pytest.mark.parametrize("purpose", SetupPurpose)
async def test_every_field_has_a_label_and_a_sentence_of_its_own(workspace: Scene, purpose: SetupPurpose) -> None:
    async with visitor(workspace, purpose) as who:
        page = (await who.look()).text

    fields = re.findall(r'<(?:input|textarea) id="([\w-]+)"', page)
    assert sorted(fields) == sorted(re.findall(r'<label for="([\w-]+)"', page))
    assert all(f'id="{one}-help"' in page for one in fields)
    assert len(fields) == sum(len(form.fields) for form in MAKING[purpose])


def test_the_forms_speak_of_every_purpose() -> None:
    assert set(MAKING) == set(AFTER) == set(SetupPurpose)
    assert all(filled(form, {}).input == form.also for forms in MAKING.values() for form in forms)
