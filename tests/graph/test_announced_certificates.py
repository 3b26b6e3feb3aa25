"""Metadata is read again: whoever looks after single sign-on is told of a certificate before it signs."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

from auth.policy import Role
from tests.auth.publishing import http, publisher
from tests.auth.saml.answering import ISSUER, certificate, der, key_of, pem
from tests.graph.asking import work_off
from tests.scenery import Scene

DAY = timedelta(days=1)
METADATA = (
    '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{issuer}">'
    '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{keys}'
    '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.test"/>'
    "</md:IDPSSODescriptor></md:EntityDescriptor>"
)
KEY = (
    '<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
    "<ds:X509Certificate>{bare}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
)
SHOWN = "... on SingleSignOn { id }"
SEEN = "query($id: ID!) { node(id: $id) { ... on SingleSignOn { metadataReadAt announcedCertificates } } }"


def metadata(*found: Any, issuer: str = ISSUER) -> bytes:
    """Metadata that names these certificates."""
    keys = "".join(KEY.format(bare=pem(each).split("-----")[2]) for each in found)
    return METADATA.format(issuer=issuer, keys=keys).encode()


def fingerprint(found: Any) -> str:
    """The SHA-256 of a certificate."""
    return sha256(der(found)).hexdigest()


async def named(scene: Scene, whose: str) -> Any:
    """A certificate of the provider's that lives for longer than any of these tests."""
    return certificate(key_of(whose), 365, now=await scene.world.now())


async def connected(scene: Scene, uri: str) -> str:
    """An SSO connection that was made of the metadata there."""
    reply = await scene.world.change(
        "createSamlConnection", scene.owner, shows_=SHOWN, workspace=scene.id, name="Okta", metadataUrl=uri
    )
    connection: str = reply.data["createSamlConnection"]["id"]
    return connection


async def seen(scene: Scene, connection: str) -> Any:
    """What admins see of it."""
    return (await scene.world.ask(SEEN, scene.members[Role.ADMIN], id=connection)).data["node"]


async def told(scene: Scene) -> tuple[int, dict[str, int]]:
    """How often the audit log tells of a certificate, and how many letters each reader has."""
    world = scene.world
    records = await world.value(
        "select count(*) from audit_record where account_id = $1 and action = 'sso.certificate_announced'",
        scene.number,
    )
    letters = await world.rows(
        "select address, count(*) as many from letter where account_id = $1 and kind = 'certificate_announced'"
        " group by address",
        scene.number,
    )
    return records, {row["address"]: row["many"] for row in letters}


async def test_owners_and_admins_are_told_once_of_a_certificate_that_does_not_count(workspace: Scene) -> None:
    world, first, second = workspace.world, await named(workspace, "idp"), await named(workspace, "next")
    async with publisher(http(metadata(first))) as published:
        connection = await connected(workspace, published.uri)
        await work_off(world, later=2 * DAY)
        quiet = await told(workspace), (await seen(workspace, connection))["announcedCertificates"]

        published.answer = http(metadata(first, second))
        for days in (4, 4.5, 6):
            await work_off(world, later=days * DAY)
        shown = await seen(workspace, connection)

    readers = {workspace.members[role].email for role in (Role.OWNER, Role.ADMIN)}
    assert quiet == ((0, {}), [])
    assert await told(workspace) == (1, dict.fromkeys(readers, 1))
    assert shown["announcedCertificates"] == [fingerprint(second)]
    counting = "select count(*) from sso_certificate where account_id = $1 and removed_at is null"
    assert await world.value(counting, workspace.number) == 1


async def test_one_that_is_added_is_announced_no_more_nor_is_one_that_was_removed(workspace: Scene) -> None:
    world, first, second = workspace.world, await named(workspace, "idp"), await named(workspace, "next")
    async with publisher(http(metadata(first, second))) as published:
        connection = await connected(workspace, published.uri)
        sql = "update sso_certificate set removed_at = created_at where account_id = $1 and fingerprint = $2"
        await world.run(sql, workspace.number, fingerprint(first))
        third = await named(workspace, "third")
        published.answer = http(metadata(first, third))
        await work_off(world, later=2 * DAY)
        before = await seen(workspace, connection)

        await world.change("addSsoCertificate", workspace.owner, connection=connection, certificate=pem(third))
        after = await seen(workspace, connection)

    assert before["announcedCertificates"] == [fingerprint(third)]
    assert after["announcedCertificates"] == []
    assert (await told(workspace))[0] == 1


async def test_what_can_not_be_read_or_speaks_of_another_provider_tells_of_nothing(workspace: Scene) -> None:
    world, first, second = workspace.world, await named(workspace, "idp"), await named(workspace, "next")
    async with publisher(http(metadata(first))) as published:
        connection = await connected(workspace, published.uri)
        made = (await seen(workspace, connection))["metadataReadAt"]
        for days, answer in enumerate(_silent(second), 1):
            published.answer = answer
            await work_off(world, later=2 * days * DAY)
        shown = await seen(workspace, connection)

    assert await told(workspace) == (0, {})
    assert shown["announcedCertificates"] == []
    assert shown["metadataReadAt"] > made


def _silent(found: Any) -> list[bytes]:
    """Answers that name nothing that counts."""
    another = metadata(found, issuer="https://another.test")
    return [http(another), http(b"<html>down</html>"), http(b"", "503 Down")]
