"""SAML answers that hold: what is read of them, in every way in which providers sign."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import signxml

from auth.saml import certificates
from auth.saml.answers import believe
from auth.saml.mapping import Mapping
from auth.sso.rules import LoginRefused
from tests.auth.saml.answering import (
    DS,
    ECDSA_SHA256,
    EMAIL,
    NS,
    Idp,
    Signing,
    at,
    attribute,
    certificate,
    curve_of,
    key_of,
    own,
    pem,
    posted,
    serialized,
    sign,
)

PARTS = [("assertion",), ("response",), ("assertion", "response")]


@pytest.mark.parametrize("parts", PARTS, ids="+".join)
def test_an_answer_holds_however_it_is_signed(parts: tuple[str, ...]) -> None:
    idp = Idp(parts=parts)

    believed = believe(posted(idp.raw()), idp.expected(), idp.now)

    assert (believed.claimed.subject, believed.claimed.email, believed.claimed.name) == ("ada", "ada@acme.test", "Ada")
    assert believed.claimed.provider_session == "s1"
    assert believed.claimed.proved_at == idp.now
    assert believed.assertion.startswith("_a")


@pytest.mark.parametrize("parts", PARTS, ids="+".join)
def test_another_library_finds_the_same_part_signed(parts: tuple[str, ...]) -> None:
    idp = Idp(parts=parts)
    root = idp.document()

    for part in parts:
        where = "./" if part == "response" else "./{urn:oasis:names:tc:SAML:2.0:assertion}Assertion/"
        found = signxml.XMLVerifier().verify(
            serialized(root),
            x509_cert=own(idp.key),
            id_attribute="ID",
            expect_config=signxml.SignatureConfiguration(location=where),
        )
        assert found.signed_xml.get("ID") == idp.part(root, part).get("ID")


@pytest.mark.parametrize("parts", PARTS, ids="+".join)
def test_prefixes_that_only_values_use_can_be_kept(parts: tuple[str, ...]) -> None:
    idp = Idp(parts=parts, signing=Signing(prefixes="xs #default"))

    assert believe(posted(idp.raw()), idp.expected(), idp.now).claimed.subject == "ada"


def test_a_key_on_the_curve_signs_as_well() -> None:
    idp = Idp(key=curve_of("idp"), signing=Signing(method=ECDSA_SHA256))

    assert believe(posted(idp.raw()), idp.expected(), idp.now).claimed.subject == "ada"


def test_either_of_two_certificates_may_sign() -> None:
    old, new = Idp(), Idp(key=key_of("next"))
    both = replace(old.expected(), certificates=[*old.expected().certificates, *new.expected().certificates])

    for idp in (old, new):
        assert believe(posted(idp.raw()), both, idp.now).claimed.subject == "ada"


def test_a_certificate_counts_until_its_last_day() -> None:
    idp = Idp()
    ends = replace(idp.expected(), certificates=[certificates.read(pem(certificate(idp.key, days=0)))])

    with pytest.raises(LoginRefused, match="expired on"):
        believe(posted(idp.raw()), ends, idp.now)


def test_a_comment_hides_nothing_of_a_text() -> None:
    idp = Idp(told={"name_id": "<saml:NameID>ada<!-- -->@acme.test.evil.test</saml:NameID>"})

    assert believe(posted(idp.raw()), idp.expected(), idp.now).claimed.subject == "ada@acme.test.evil.test"


def test_a_signature_may_have_an_id_and_the_text_behind_it_stays() -> None:
    idp = Idp(parts=())
    root = idp.plain()
    found = root.find("a:Assertion", NS)
    found[0].tail = "\n  "
    made = sign(found, Signing(), idp.key)
    made.set("Id", "_s1")
    made.tail, found[0].tail = "\n  ", None

    assert believe(posted(serialized(root)), idp.expected(), idp.now).claimed.subject == "ada"


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_field_may_come_in_lines(*, wrapped: bool) -> None:
    idp = Idp()
    text = b64encode(idp.raw()).decode()
    lines = "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76)) if wrapped else text

    assert believe(lines, idp.expected(), idp.now).claimed.subject == "ada"


def test_a_mark_of_the_encoding_and_a_declaration_are_fine() -> None:
    idp = Idp()
    raw = b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n" + idp.raw()

    assert believe(posted(raw), idp.expected(), idp.now).claimed.subject == "ada"


# Who it is


def test_a_connection_says_which_attributes_count() -> None:
    told = attribute("oid", "7f3") + attribute("work", "Ada@Acme.test") + attribute("full", "Ada L.")
    idp = Idp(told={"attributes": told + attribute(EMAIL, "other@acme.test")})

    found = believe(posted(idp.raw()), idp.expected(Mapping("oid", "work", "full")), idp.now).claimed

    assert (found.subject, found.email, found.name) == ("7f3", "ada@acme.test", "Ada L.")


def test_a_name_id_that_is_an_address_gives_the_address() -> None:
    form = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
    told = {"name_id": f'<saml:NameID Format="{form}">Ada@acme.test</saml:NameID>', "attributes": ""}
    idp = Idp(told=told)

    found = believe(posted(idp.raw()), idp.expected(), idp.now).claimed

    assert (found.subject, found.email) == ("Ada@acme.test", "ada@acme.test")


def test_nobody_guesses_an_address() -> None:
    idp = Idp(told={"attributes": "", "name_id": "<saml:NameID>ada@acme.test</saml:NameID>"})

    assert believe(posted(idp.raw()), idp.expected(), idp.now).claimed.email is None


# When


def test_the_end_of_the_providers_session_is_told() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    ends = now + timedelta(hours=1)
    statement = f'<saml:AuthnStatement AuthnInstant="{at(now)}" SessionNotOnOrAfter="{at(ends)}"/>'
    idp = Idp(now=now, told={"statement": statement})

    found = believe(posted(idp.raw()), idp.expected(), idp.now).claimed

    assert found.ends_at == int(ends.timestamp())


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%f0Z", "%Y-%m-%dT%H:%M:%S.1+00:00"])
def test_instants_come_with_and_without_parts_of_seconds(form: str) -> None:
    now = datetime.now(UTC)
    statement = f'<saml:AuthnStatement AuthnInstant="{now.strftime(form)}"/>'
    idp = Idp(now=now, told={"statement": statement})

    assert believe(posted(idp.raw()), idp.expected(), idp.now).claimed.proved_at is not None


@pytest.mark.parametrize("ahead", [timedelta(seconds=-100), timedelta(seconds=100)])
def test_clocks_may_differ_a_little(ahead: timedelta) -> None:
    idp = Idp()
    raw = posted(idp.raw())

    assert believe(raw, idp.expected(), idp.now + ahead).claimed.subject == "ada"


def test_whoever_had_to_prove_it_anew_did() -> None:
    idp = Idp()

    assert believe(posted(idp.raw()), idp.expected(again=True), idp.now).claimed.proved_at == idp.now


def test_whatever_a_key_info_says_is_not_read() -> None:
    told = "<ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data>"
    inside = f'<ds:KeyInfo xmlns:ds="{DS}">{told}</ds:KeyInfo>'
    idp = Idp(signing=Signing(inside=inside))

    assert believe(posted(idp.raw()), idp.expected(), idp.now).claimed.subject == "ada"
