"""SAML answers that must be refused, each by us, and what two libraries would have said of them.

`signxml` is a signature layer alone, and `python3-saml` a whole service provider. Neither
decides anything of ours; what they let through is why the rules here are our own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import signxml
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from auth.saml.answers import believe
from auth.sso.rules import LoginRefused
from tests.auth.saml.answering import NS, Idp, own, pem, posted
from tests.auth.saml.hostile import CASES, VICTIM

Library = Callable[[Idp, bytes], str]


@pytest.mark.parametrize("make", CASES.values(), ids=CASES.keys())
def test_a_bad_answer_is_refused_in_a_sentence(make: Callable[[], tuple[Idp, bytes]]) -> None:
    idp, raw = make()

    with pytest.raises(LoginRefused) as refusal:
        believe(posted(raw), idp.expected(), idp.now)

    assert str(refusal.value).endswith(".")
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("text", ["", "!", "PGE+", "=", "<a/>", "A" * 600_000, "\u0430" * 8, "PGEv\x00Pg=="])
def test_what_is_posted_may_be_anything(text: str) -> None:
    idp = Idp()

    with pytest.raises(LoginRefused):
        believe(text, idp.expected(), idp.now)


def test_an_old_sign_in_does_not_prove_anything_anew() -> None:
    idp = Idp()
    idp.told = {"statement": f'<saml:AuthnStatement AuthnInstant="{(idp.now - timedelta(hours=1)).isoformat()}"/>'}

    with pytest.raises(LoginRefused):
        believe(posted(idp.raw()), idp.expected(again=True), idp.now)


def by_signxml(idp: Idp, raw: bytes) -> str:
    """Whom somebody believes who trusts what signxml says was signed."""
    try:
        found = signxml.XMLVerifier().verify(raw, x509_cert=own(idp.key), id_attribute="ID", validate_schema=False)
    # A library may raise anything at a bad document.
    except Exception:  # noqa: BLE001 - what a library of others raises is not known
        return ""
    names = [] if found.signed_xml is None else found.signed_xml.findall(".//a:NameID", NS)
    return names[0].text or "" if names else ""


def by_python3_saml(idp: Idp, raw: bytes) -> str:
    """Whom somebody believes who asks python3-saml, in its strict settings."""
    told = {
        "strict": True,
        "sp": {"entityId": idp.audience, "assertionConsumerService": {"url": idp.address}},
        "idp": {
            "entityId": idp.issuer,
            "singleSignOnService": {"url": "https://idp.test/sso"},
            "x509cert": pem(own(idp.key)),
        },
        "security": {"rejectDeprecatedAlgorithm": True, "wantNameId": True},
    }
    request = {"https": "on", "http_host": "seats.test", "script_name": "/sso/x/acs"}
    try:
        found = OneLogin_Saml2_Response(OneLogin_Saml2_Settings(told), posted(raw))
        return (found.get_nameid() or "") if found.is_valid(request, idp.request) else ""
    # The same.
    except Exception:  # noqa: BLE001 - what a library of others raises is not known
        return ""


def verdicts(library: Library) -> dict[str, str]:
    """Whom a library would have let in, by case."""
    found = {}
    for name, make in CASES.items():
        who = library(*make())
        if who:
            found[name] = who
    return found


LIBRARIES: dict[str, tuple[Library, int, set[str]]] = {
    # What is before a processing instruction is not the whole name.
    "signxml": (by_signxml, 87, {"a processing instruction in the NameID"}),
    "python3-saml": (by_python3_saml, 32, {"a change in what an XPath transform leaves out"}),
}
"""How many of the cases each lets in as somebody, and in which as the attacker's victim."""


@pytest.mark.parametrize(("library", "lets_in", "as_victim"), LIBRARIES.values(), ids=LIBRARIES.keys())
def test_a_library_alone_lets_in_what_we_refuse(library: Library, lets_in: int, as_victim: set[str]) -> None:
    found = verdicts(library)

    assert {name for name, who in found.items() if who == VICTIM} == as_victim
    assert len(found) == lets_in, sorted(found)


@pytest.mark.parametrize("library", [by_signxml, by_python3_saml])
@pytest.mark.parametrize("parts", [("assertion",), ("response",), ("assertion", "response")], ids="+".join)
def test_a_library_agrees_on_good_answers(library: Library, parts: tuple[str, ...]) -> None:
    idp = Idp(parts=parts)

    assert library(idp, idp.raw()) == "ada"
