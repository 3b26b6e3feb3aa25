"""SSO connections by SAML, as admins make and change them, and the certificates that sign for them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from auth.policy import Role
from tests.auth.publishing import http, publisher
from tests.auth.saml.answering import ISSUER, Signing, attribute, certificate, curve_of, key_of, pem
from tests.auth.saml.surfing import idp_of, visitor
from tests.graph.surfing import ORIGIN
from tests.scenery import Reply, Scene

SHOWN = (
    "__typename ... on Problem { message } ... on SingleSignOn { id kind issuer clientId signInUrl metadataUrl enabled"
    " idpInitiated subjectAttribute emailAttribute nameAttribute certificates { id fingerprint } }"
)
PINNED = "__typename ... on Problem { message } ... on SsoCertificate { id fingerprint expiresAt removedAt }"
METADATA = (
    '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{issuer}">'
    '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{keys}'
    '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.test/p"/>'
    '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{address}"/>'
    "</md:IDPSSODescriptor></md:EntityDescriptor>"
)
KEY = (
    '<md:KeyDescriptor{use}><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
    "<ds:X509Certificate>{bare}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
)


def key_of_metadata(found: Any, use: str = ' use="signing"') -> str:
    return KEY.format(use=use, bare=pem(found).split("-----")[2])


def metadata(*keys: str, address: str = "https://idp.test/sso") -> str:
    return METADATA.format(issuer=ISSUER, keys="".join(keys), address=address)


async def valid(scene: Scene, name: str = "idp", days: int = 365) -> Any:
    return certificate(key_of(name), days, now=await scene.world.now())


async def asked(scene: Scene, **told: Any) -> Reply:
    return await scene.world.change(
        "createSamlConnection", scene.owner, shows_=SHOWN, workspace=scene.id, name="Okta", **told
    )


async def made(scene: Scene, **told: Any) -> Any:
    return (await asked(scene, **told)).data["createSamlConnection"]


async def pinned(scene: Scene, connection: str, found: Any) -> Reply:
    return await scene.world.change(
        "addSsoCertificate", scene.owner, shows_=PINNED, connection=connection, certificate=pem(found)
    )


async def actions(scene: Scene) -> list[str]:
    rows = await scene.world.rows("select action from audit_record where account_id = $1 order by seq", scene.number)
    return [row["action"] for row in rows]


# Made


async def test_metadata_makes_a_connection(workspace: Scene) -> None:
    first, second = await valid(workspace), await valid(workspace, "next")
    other = key_of_metadata(await valid(workspace, "for encryption"), ' use="encryption"')
    old = key_of_metadata(certificate(key_of("old"), 1, now=await workspace.world.now() - timedelta(days=9)))

    found = await made(workspace, metadata=metadata(old, other, key_of_metadata(first), key_of_metadata(second, "")))

    assert (found["kind"], found["issuer"], found["enabled"]) == ("SAML", ISSUER, False)
    assert found["signInUrl"] == "https://idp.test/sso"
    assert found["clientId"] == f"{ORIGIN}/sso/{found['id']}/metadata"
    assert {each["fingerprint"] for each in found["certificates"]} == {
        each.fingerprint(SHA256()).hex() for each in (first, second)
    }
    assert await actions(workspace) == ["sso.created"]


async def test_metadata_is_read_at_its_address(workspace: Scene) -> None:
    text = metadata(key_of_metadata(await valid(workspace)))
    async with publisher(http(text.encode())) as published:
        uri = published.uri
        found = await made(workspace, metadataUrl=uri)

    assert (found["issuer"], found["metadataUrl"]) == (ISSUER, uri)
    assert len(found["certificates"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><p>Sign in</p>",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        metadata().encode(),
        metadata(KEY.format(use="", bare="AAAA")).encode(),
        METADATA.replace("IDPSSODescriptor", "SPSSODescriptor").encode(),
    ],
)
async def test_metadata_that_can_not_be_used_is_told(body: bytes, workspace: Scene) -> None:
    async with publisher(http(body)) as published:
        found = await made(workspace, metadataUrl=published.uri)

    assert found["__typename"] == "ConnectionUnreachable"
    assert await actions(workspace) == []


async def test_a_provider_that_is_away_is_told(workspace: Scene) -> None:
    async with publisher(b"") as published:
        uri = published.uri

    assert (await made(workspace, metadataUrl=uri))["__typename"] == "ConnectionUnreachable"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "signInUrl": "https://idp.test/sso"},
        {"issuer": ISSUER, "signInUrl": "javascript:alert(1)", "certificates": ["one"]},
        {"issuer": ISSUER, "signInUrl": "http://idp.test/sso", "certificates": ["one"]},
        {"issuer": "", "signInUrl": "https://idp.test/sso", "certificates": ["one"]},
        {"issuer": ISSUER, "signInUrl": "https://idp.test/sso", "certificates": ["rubbish"]},
        {"issuer": ISSUER, "signInUrl": "https://idp.test/sso", "certificates": ["weak"]},
        {"issuer": ISSUER, "signInUrl": "https://idp.test/sso", "certificates": ["expired"]},
        {"issuer": ISSUER, "signInUrl": "https://idp.test/sso", "certificates": ["one"], "metadata": "<a/>"},
        {"metadataUrl": "http://10.0.0.1/metadata"},
        {"metadataUrl": "file:///etc/passwd"},
        {"metadata": "<a/>", "metadataUrl": "https://idp.test/metadata"},
    ],
)
async def test_what_can_not_be_right_is_refused(told: dict[str, Any], workspace: Scene) -> None:
    now = await workspace.world.now()
    known = {
        "one": pem(await valid(workspace)),
        "rubbish": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "weak": pem(certificate(key_of("weak", 1024), now=now)),
        "expired": pem(certificate(key_of("idp"), 1, now=now - timedelta(days=30))),
    }
    if "certificates" in told:
        told = {**told, "certificates": [known[name] for name in told["certificates"]]}

    reply = await asked(workspace, **told)

    assert reply.code == "INVALID_INPUT"
    assert await actions(workspace) == []


# Changed


async def test_a_change_of_what_is_read_asks_for_another_test(workspace: Scene) -> None:
    connection, world = await workspace.saml(), workspace.world
    await world.run(
        "update sso_connection set tested_at = created_at, tested_by = created_by where account_id = $1",
        workspace.number,
    )

    reply = await world.change(
        "changeSamlConnection",
        workspace.owner,
        shows_="... on SingleSignOn { subjectAttribute testedAt }",
        connection=connection,
        subjectAttribute=" oid ",
    )

    assert reply.data["changeSamlConnection"] == {"subjectAttribute": "oid", "testedAt": None}


async def test_one_kind_has_no_settings_of_the_other(workspace: Scene) -> None:
    world, saml, oidc = workspace.world, await workspace.saml(), await workspace.sso()

    replies = [
        await world.change("changeSamlConnection", workspace.owner, connection=oidc, idpInitiated=True),
        await world.change("changeSsoConnection", workspace.owner, connection=saml, clientSecret="secret"),
        await world.change(
            "addSsoCertificate", workspace.owner, connection=oidc, certificate=pem(await valid(workspace))
        ),
    ]

    assert [reply.code for reply in replies] == ["INVALID_INPUT"] * 3
    assert await actions(workspace) == []


# Certificates


async def test_certificates_are_rotated_without_a_pause(workspace: Scene) -> None:
    world, connection = workspace.world, await workspace.saml()
    name = f"acme-{workspace.number:x}.test"
    await workspace.domain(name)
    idp = idp_of(connection, await world.now())
    idp.told["attributes"] = attribute("email", f"ada@{name}")

    added = (await pinned(workspace, connection, await valid(workspace, "next"))).data["addSsoCertificate"]
    async with visitor(world) as tab:
        for key in ("idp", "next"):
            idp.signing = Signing(key=key_of(key))
            assert (await tab.sign_in(connection, idp)).status_code == 303
        shown = await world.ask(
            "query($id: ID!) { node(id: $id) { ... on SingleSignOn { certificates { id } } } }",
            workspace.members[Role.AUDITOR],
            id=connection,
        )
        (old,) = [each["id"] for each in shown.data["node"]["certificates"] if each["id"] != added["id"]]
        await world.change("removeSsoCertificate", workspace.owner, shows_=PINNED, certificate=old)
        idp.signing = Signing(key=key_of("idp"))
        back = await tab.sign_in(connection, idp)

    assert back.status_code == 403
    assert [each for each in await actions(workspace) if "certificate" in each] == [
        "sso_certificate.added",
        "sso_certificate.removed",
    ]


async def test_two_certificates_count_at_a_time(workspace: Scene) -> None:
    connection = await workspace.saml(certificates=2)

    third = await pinned(workspace, connection, await valid(workspace, "third"))

    assert third.data["addSsoCertificate"]["__typename"] == "TooManyCertificates"
    assert await actions(workspace) == []


async def test_two_admins_add_at_once_and_two_count(workspace: Scene) -> None:
    connection = await workspace.saml()
    found = [certificate(curve_of(name), now=await workspace.world.now()) for name in ("a", "b", "c")]

    replies = await asyncio.gather(*(pinned(workspace, connection, each) for each in found))

    assert sorted(reply.data["addSsoCertificate"]["__typename"] for reply in replies) == [
        "SsoCertificate",
        "TooManyCertificates",
        "TooManyCertificates",
    ]


async def test_the_last_certificate_stays_while_people_sign_in(workspace: Scene) -> None:
    world, connection = workspace.world, await workspace.saml()
    ask = "query($id: ID!) { node(id: $id) { ... on SingleSignOn { certificates { id } } } }"
    (only,) = (await world.ask(ask, workspace.owner, id=connection)).data["node"]["certificates"]

    kept = await world.change("removeSsoCertificate", workspace.owner, shows_=PINNED, certificate=only["id"])
    await world.change("changeSsoConnection", workspace.owner, connection=connection, enabled=False)
    gone = await world.change("removeSsoCertificate", workspace.owner, shows_=PINNED, certificate=only["id"])

    assert kept.data["removeSsoCertificate"]["__typename"] == "LastCertificate"
    assert gone.data["removeSsoCertificate"]["removedAt"]


@pytest.mark.parametrize("what", ["expired", "weak", "another curve", "the same", "rubbish"])
async def test_a_certificate_that_can_not_count_is_refused(what: str, workspace: Scene) -> None:
    world, connection = workspace.world, await workspace.saml()
    now = await world.now()

    texts = {
        "expired": pem(certificate(key_of("idp"), 1, now=now - timedelta(days=30))),
        "weak": pem(certificate(key_of("weak", 1024), now=now)),
        "another curve": pem(certificate(curve_of("big", ec.SECP384R1), now=now)),
        "rubbish": "A" * 30_000,
    }
    if what == "the same":
        added = certificate(key_of("next"), now=now)
        await pinned(workspace, connection, added)
        texts["the same"] = pem(added)
    before = await actions(workspace)

    reply = await world.change("addSsoCertificate", workspace.owner, connection=connection, certificate=texts[what])

    assert reply.code == "INVALID_INPUT"
    assert await actions(workspace) == before
