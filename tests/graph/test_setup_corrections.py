"""What was mistyped about a provider that speaks SAML is corrected on the page of the setup link."""

from __future__ import annotations

import re

from auth.setup.rules import SetupPurpose
from tests.auth.saml.answering import certificate, key_of, pem
from tests.graph.crowd import evidence
from tests.graph.test_setup_forms import pasted, said, value, visitor
from tests.graph.test_setup_links import actions
from tests.scenery import Scene

READ = (
    "select sign_in_url, subject_attribute, email_attribute, name_attribute from sso_connection where account_id = $1"
)
NOW = {"signInUrl": "https://idp.test", "subjectAttribute": "", "emailAttribute": "", "nameAttribute": ""}


async def read(scene: Scene) -> list[str | None]:
    (row,) = await scene.world.rows(READ, scene.number)
    return list(row.values())


async def test_how_answers_are_read_is_shown_and_corrected(workspace: Scene) -> None:
    async with visitor(workspace, SetupPurpose.SSO) as who:
        made = await who.send("saml", metadata=await pasted(workspace))
        told = NOW | {"subjectAttribute": "oid", "emailAttribute": "work", "nameAttribute": "<full>"}
        changed = await who.send("read", **told)
        first = await read(workspace)
        await who.send("read", **NOW | {"signInUrl": "https://idp.test/sso"})

    shown = {name: value(changed, f"read-{name}") for name in NOW}
    assert {name: value(made, f"read-{name}") for name in NOW} == NOW
    assert shown == told
    assert "<full>" not in changed.text
    assert first == ["https://idp.test", "oid", "work", "<full>"]
    assert await read(workspace) == ["https://idp.test/sso", None, None, None]
    assert (await actions(workspace))[-2:] == [("sso.changed", "setup")] * 2


async def test_another_address_than_one_we_send_browsers_to_is_refused_beside_it(workspace: Scene) -> None:
    async with visitor(workspace, SetupPurpose.SSO) as who:
        await who.send("saml", metadata=await pasted(workspace))
        before = await evidence(workspace)
        script = await who.send("read", **NOW | {"signInUrl": "javascript:alert(1)", "emailAttribute": "work"})
        none = await who.send("read", **NOW | {"signInUrl": ""})
        long = await who.send("read", **NOW | {"emailAttribute": "a" * 501})

    assert [page.status_code for page in (script, none, long)] == [422] * 3
    assert "is not an address that we fetch" in said(script, "read-signInUrl")
    assert value(script, "read-emailAttribute") == "work"
    assert said(none, "read-signInUrl") == "Sign-in address is missing: fill it in."
    assert said(long, "read-emailAttribute") == "This is longer than the 500 characters it may have. Shorten it."
    assert await evidence(workspace) == before


async def test_a_second_certificate_counts_beside_the_first_and_a_third_does_not(workspace: Scene) -> None:
    now = await workspace.world.now()
    second, third = [pem(certificate(key_of(name), 365, now=now)) for name in ("next", "after that")]
    async with visitor(workspace, SetupPurpose.SSO) as who:
        first = await who.send("saml", metadata=await pasted(workspace))
        nonsense = await who.send("signs", certificate="-----BEGIN CERTIFICATE-----")
        both = await who.send("signs", certificate=second)
        before = await evidence(workspace)
        full = await who.send("signs", certificate=third)

    counting = [len(re.findall(r"<li>SHA-256 [0-9a-f]{64}, until <time", page.text)) for page in (first, both, full)]
    assert counting == [1, 2, 2]
    assert (nonsense.status_code, full.status_code) == (422, 422)
    assert said(nonsense, "signs-certificate").startswith("That is not a certificate")
    assert said(full, "signs-certificate").startswith("Two certificates count at a time.")
    assert await evidence(workspace) == before
