"""Answers that must be refused: each is made by a provider that misbehaves, or by somebody who bends a good one.

Whoever is vouched for by the provider is `ada`; whom an attacker would like to be is `owner`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives import hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from tests.auth.saml.answering import (
    DS,
    ECDSA_SHA256,
    EMAIL,
    ENVELOPED,
    EXC,
    NS,
    RSA_SHA1,
    SHA1,
    SUCCESS,
    A,
    Idp,
    P,
    Signing,
    at,
    attribute,
    curve_of,
    key_info,
    key_of,
    serialized,
    sign,
    signature_of,
)

VICTIM = "owner"
Make = Callable[[], tuple[Idp, bytes]]
CASES: dict[str, Make] = {}
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"


def case(name: str) -> Callable[[Make], Make]:
    def kept(make: Make) -> Make:
        CASES[name] = make
        return make

    return kept


def told(name: str, **change: str) -> None:
    """A provider that says what it should not, under a good signature."""
    CASES[name] = lambda: _of(Idp(told=change))


def signing(name: str, parts: tuple[str, ...] = ("assertion",), **change: Any) -> None:
    """A provider that signs in a way that we don't allow."""
    CASES[name] = lambda: _of(Idp(signing=Signing(**change)), parts=parts)


def bent(name: str, bend: Callable[[bytes], bytes], **idp: Any) -> None:
    """A good answer, whose text was changed on its way."""

    def make() -> tuple[Idp, bytes]:
        made = Idp(**idp)
        return made, bend(made.raw())

    CASES[name] = make


def moved(name: str, bend: Callable[[Idp, Any], Any], **idp: Any) -> None:
    """A good answer, whose elements were moved on their way."""

    def make() -> tuple[Idp, bytes]:
        made = Idp(**idp)
        return made, serialized(bend(made, made.document()))

    CASES[name] = make


def _of(idp: Idp, parts: tuple[str, ...] = ("assertion",)) -> tuple[Idp, bytes]:
    idp.parts = parts
    return idp, idp.raw()


def assertion(root: Any) -> Any:
    return root.find("a:Assertion", NS)


def evil(found: Any, name: str = "_evil") -> Any:
    """The same element, unsigned, about whom the attacker would like to be."""
    copy = deepcopy(found)
    for signature in copy.findall(".//ds:Signature", NS):
        signature.getparent().remove(signature)
    for who in copy.iter(f"{{{A}}}NameID"):
        who.text = VICTIM
    copy.set("ID", name)
    return copy


# Signature wrapping, by the numbers that the literature gives it


def _xsw1(_: Idp, root: Any) -> Any:
    """The signed response, moved into the signature of a forged one."""
    forged = evil(root)
    signature = deepcopy(root.find("ds:Signature", NS))
    forged.insert(1, signature)
    holder = etree.SubElement(signature, f"{{{DS}}}Object")
    holder.append(_unsigned(root))
    return forged


def _xsw2(_: Idp, root: Any) -> Any:
    """The signed response, moved in front of the signature of a forged one."""
    forged = evil(root)
    forged.insert(1, deepcopy(root.find("ds:Signature", NS)))
    forged.insert(1, _unsigned(root))
    return forged


def _xsw3(_: Idp, root: Any) -> Any:
    """A forged assertion in front of the signed one."""
    found = assertion(root)
    root.insert(root.index(found), evil(found))
    return root


def _xsw4(_: Idp, root: Any) -> Any:
    """The signed assertion inside a forged one."""
    found = assertion(root)
    forged = evil(found)
    root.replace(found, forged)
    forged.append(found)
    return root


def _xsw5(_: Idp, root: Any) -> Any:
    """The signature in a forged assertion, and what it signs behind that."""
    found = assertion(root)
    forged = evil(found)
    forged.insert(1, deepcopy(found.find("ds:Signature", NS)))
    root.replace(found, forged)
    root.append(_unsigned(found))
    return root


def _xsw6(_: Idp, root: Any) -> Any:
    """The signature in a forged assertion, and what it signs inside of the signature."""
    found = assertion(root)
    forged = evil(found)
    signature = deepcopy(found.find("ds:Signature", NS))
    signature.append(_unsigned(found))
    forged.insert(1, signature)
    root.replace(found, forged)
    return root


def _xsw7(_: Idp, root: Any) -> Any:
    """A forged assertion with the same id, in the extensions."""
    found = assertion(root)
    extensions = etree.Element(f"{{{P}}}Extensions")
    extensions.append(evil(found, found.get("ID")))
    root.insert(1, extensions)
    return root


def _xsw8(_: Idp, root: Any) -> Any:
    """The signature in a forged assertion with the same id, and what it signs in an object of that."""
    found = assertion(root)
    forged = evil(found, found.get("ID"))
    signature = deepcopy(found.find("ds:Signature", NS))
    etree.SubElement(signature, f"{{{DS}}}Object").append(_unsigned(found))
    forged.insert(1, signature)
    root.replace(found, forged)
    return root


def _unsigned(found: Any) -> Any:
    copy = deepcopy(found)
    copy.remove(copy.find("ds:Signature", NS))
    return copy


for number, wrap in enumerate((_xsw1, _xsw2, _xsw3, _xsw4, _xsw5, _xsw6, _xsw7, _xsw8), 1):
    moved(f"signature wrapping {number}", wrap, parts=("response",) if number < 3 else ("assertion",))


def _advised(_: Idp, root: Any) -> Any:
    """A forged assertion around, and the signed one as its advice."""
    found = assertion(root)
    forged = evil(found)
    root.replace(found, forged)
    etree.SubElement(forged, f"{{{A}}}Advice").append(found)
    return root


def _lifted(_: Idp, root: Any) -> Any:
    """The signature of the assertion, moved to the response."""
    found = assertion(root)
    root.insert(1, found.find("ds:Signature", NS))
    assertion(root).find("a:Subject/a:NameID", NS).text = VICTIM
    return root


def _below(_: Idp, root: Any) -> Any:
    """The signature deeper in the assertion than it may stand."""
    found = assertion(root)
    found.find("a:Subject", NS).append(found.find("ds:Signature", NS))
    return root


def _doubled(_: Idp, root: Any) -> Any:
    found = assertion(root)
    found.insert(1, deepcopy(found.find("ds:Signature", NS)))
    return root


def _wrapped(_: Idp, root: Any) -> Any:
    """Not right in the response."""
    found = assertion(root)
    etree.SubElement(root, f"{{{P}}}Extensions").append(found)
    return root


def _assertion_alone(_: Idp, root: Any) -> Any:
    return assertion(root)


moved("a forged assertion with the signed one as advice", _advised)
moved("a signature lifted to the response", _lifted)
moved("a signature deeper than it may stand", _below)
moved("a signature twice", _doubled)
moved("an assertion that is not right in the response", _wrapped)
moved("an assertion without a response", _assertion_alone)


@case("two assertions, both signed")
def _two() -> tuple[Idp, bytes]:
    idp = Idp()
    root = idp.document()
    idp.subject = VICTIM
    root.append(assertion(idp.document()))
    return idp, serialized(root)


@case("two assertions in a signed response")
def _two_inside() -> tuple[Idp, bytes]:
    idp = Idp()
    root = idp.plain()
    idp.subject = VICTIM
    root.append(assertion(idp.plain()))
    sign(root, Signing(), idp.key)
    return idp, serialized(root)


@case("no assertion")
def _none() -> tuple[Idp, bytes]:
    idp = Idp(told={"assertion": ""})
    root = idp.plain()
    sign(root, Signing(), idp.key)
    return idp, serialized(root)


@case("an encrypted assertion")
def _encrypted() -> tuple[Idp, bytes]:
    idp = Idp(told={"assertion": '<saml:EncryptedAssertion xmlns:saml="{a}"/>'})
    root = idp.plain()
    sign(root, Signing(), idp.key)
    return idp, serialized(root)


# Changed on the way

bent("another subject", lambda raw: raw.replace(b">ada<", b">owner<"))
bent("another subject in a signed response", lambda raw: raw.replace(b">ada<", b">owner<"), parts=("response",))
bent("another address", lambda raw: raw.replace(b"ada@", b"owner@"))
bent("another signature value", lambda raw: re.sub(rb"(<ds:SignatureValue>)....", rb"\1AAAA", raw))
bent("a signature value that is no base 64", lambda raw: re.sub(rb"(<ds:SignatureValue>)....", rb"\1!!!!", raw))
bent("no signature value", lambda raw: re.sub(rb"<ds:SignatureValue>.*</ds:SignatureValue>", b"", raw, flags=re.DOTALL))
bent("no signed info", lambda raw: re.sub(rb"<ds:SignedInfo>.*</ds:SignedInfo>", b"", raw, flags=re.DOTALL))
bent(
    "a comment in a digest",
    lambda raw: re.sub(rb"<ds:DigestValue>", b"<ds:DigestValue><!--AAAA-->", raw),
)
bent("a signed info of another signature", lambda raw: re.sub(rb"(<ds:SignatureValue>)", rb"<ds:SignedInfo/>\1", raw))
moved("nothing is signed", lambda _, root: root, parts=())


# Documents


bent("a document type", lambda raw: b"<!DOCTYPE x>" + raw)
bent("an entity", lambda raw: b'<!DOCTYPE x [<!ENTITY e "owner">]>' + raw.replace(b">ada<", b">&e;<"))
bent(
    "an entity of a file",
    lambda raw: b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + raw.replace(b">ada<", b">&e;<"),
)
bent(
    "a billion laughs",
    lambda raw: (
        b'<!DOCTYPE x [<!ENTITY a0 "ha">'
        + b"".join(b'<!ENTITY a%d "%s">' % (n + 1, b"&a%d;" % n * 10) for n in range(9))
        + b"]>"
        + raw.replace(b">ada<", b">&a9;<")
    ),
)
bent("a document type of somebody else", lambda raw: b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">' + raw)
bent("an entity that nobody declared", lambda raw: raw.replace(b">ada<", b">&owner;<"))
bent("a processing instruction before it", lambda raw: b"<?x y?>" + raw)
bent("a processing instruction behind it", lambda raw: raw + b"<?x y?>")
told("a processing instruction in the NameID", name_id="<saml:NameID>owner<?x y?>.evil.test</saml:NameID>")
bent("UTF-16", lambda raw: raw.decode().encode("utf-16"))
bent("UTF-16 without a mark", lambda raw: raw.decode().encode("utf-16-le"))
bent("Latin-1", lambda raw: b"<?xml version='1.0' encoding='ISO-8859-1'?>" + raw)
bent("UTF-7", lambda raw: b"<?xml version='1.0' encoding='UTF-7'?>" + raw.replace(b">ada<", b">+AG8AdwBuAGUAcg-<"))
bent("bytes that are no UTF-8", lambda raw: raw.replace(b">ada<", b">\xff\xfe<"))
bent("300 kB", lambda raw: raw.replace(b"</samlp:Response>", b" " * 300_000 + b"</samlp:Response>"))
bent("8 MB", lambda raw: raw.replace(b"</samlp:Response>", b" " * 8_000_000 + b"</samlp:Response>"))
bent("deeper than anybody needs", lambda _: b"<a>" * 60_000)
bent("thousands of attributes", lambda _: b"<a %s/>" % _many(b'b%d=""'))
bent(
    "thousands of namespaces",
    lambda raw: raw.replace(
        b"<saml:Subject>", b"<a %s/><saml:Subject>" % b" ".join(b'xmlns:b%d="c"' % n for n in range(5_000))
    ),
)
bent("half a document", lambda raw: raw[: len(raw) // 2])
bent("two documents", lambda raw: raw + raw)
bent("nothing", lambda _: b"")
bent("HTML", lambda _: b"<!doctype html><p>Sign in</p>")
bent("JSON", lambda _: b'{"sub": "owner"}')
bent("a namespace without a declaration", lambda _: b'<samlp:Response ID="_r"/>')


def _many(form: bytes) -> bytes:
    return b" ".join(form % number for number in range(5_000))


# Ids


bent("an id twice", lambda raw: raw.replace(b"<saml:Subject>", b'<saml:Subject ID="_x"/><saml:Subject ID="_x">'))
bent(
    "an id that is spelled in two ways",
    lambda raw: re.sub(rb"(<samlp:Status)(>)", rb'\1 Id="%s"\2' % _id(raw), raw),
)
bent(
    "an id of XML itself",
    lambda raw: re.sub(rb"(<samlp:Status)(>)", rb'\1 xml:id="%s"\2' % _id(raw), raw),
)


def _id(raw: bytes) -> bytes:
    found = re.search(rb"<saml:Assertion[^>]* ID=\"([^\"]+)\"", raw)
    assert found is not None
    return found[1]


told("an assertion without an id", assertion_id="")
told("an id with a space", assertion_id="_a b")


# How it is signed


signing("SHA-1 in the signature", method=RSA_SHA1)
signing("SHA-1 in the digest", digest=SHA1)
signing("SHA-1 in both", method=RSA_SHA1, digest=SHA1)
signing("SHA-1 over a response", parts=("response",), method=RSA_SHA1, digest=SHA1)
signing("the inclusive canonical form", form=INCLUSIVE)
signing("a canonical form with comments", form=f"{EXC}WithComments")
_E, _X = f'<ds:Transform Algorithm="{ENVELOPED}"/>', f'<ds:Transform Algorithm="{EXC}"/>'
signing("no transforms", transforms=())
signing("only the enveloped transform", transforms=(_E,))
signing("transforms in another order", transforms=(_X, _E))
signing("a transform twice", transforms=(_E, _E, _X))
signing("an inclusive transform", transforms=(_E, f'<ds:Transform Algorithm="{INCLUSIVE}"/>'))
signing("a transform with comments", transforms=(_E, f'<ds:Transform Algorithm="{EXC}WithComments"/>'))
_XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
_XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
_SHEET = '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"/>'
_PATH = "<ds:XPath>not(ancestor-or-self::*[local-name()='NameID'])</ds:XPath>"
signing("an XPath transform", transforms=(_E, f'<ds:Transform Algorithm="{_XPATH}">{_PATH}</ds:Transform>', _X))
signing("an XPath in the enveloped transform", transforms=(_E.replace("/>", f">{_PATH}</ds:Transform>"), _X))
signing("an XSLT transform", transforms=(_E, f'<ds:Transform Algorithm="{_XSLT}">{_SHEET}</ds:Transform>', _X))
signing("a base 64 transform", transforms=(_E, f'<ds:Transform Algorithm="{DS}base64"/>', _X))
signing("two references", references=2)
signing("no reference", references=0)
signing("a reference to the whole document", uri="")
signing("a reference to nothing here", uri="#_nobody")
signing("a reference to a file", uri="file:///etc/hostname")
signing("a reference to a pointer", uri="#xpointer(/)")
signing("many prefixes", prefixes=" ".join(f"p{number}" for number in range(30)))
signing("a key of somebody else", key=key_of("somebody else"))
signing("a key of somebody else over the response", parts=("response",), key=key_of("somebody else"))
signing("a curve where the key is RSA", key=curve_of("somebody else"), method=ECDSA_SHA256)
signing("an object in the signature", inside=f'<ds:Object xmlns:ds="{DS}">x</ds:Object>')
signing("an empty signature value", value="")


@case("a good assertion in a response that somebody else signed")
def _half() -> tuple[Idp, bytes]:
    idp = Idp()
    root = idp.document()
    sign(root, Signing(key=key_of("somebody else")), idp.key)
    return idp, serialized(root)


@case("a forged assertion in a response that the provider signed")
def _other_half() -> tuple[Idp, bytes]:
    idp = Idp()
    root = idp.plain()
    sign(assertion(root), Signing(key=key_of("somebody else")), idp.key)
    sign(root, Signing(), idp.key)
    return idp, serialized(root)


@case("another certificate in its KeyInfo")
def _brought() -> tuple[Idp, bytes]:
    idp = Idp(signing=Signing(key=key_of("somebody else"), inside=key_info(key_of("somebody else"))))
    idp.subject = VICTIM
    return idp, idp.raw()


@case("a bare key in its KeyInfo")
def _bare() -> tuple[Idp, bytes]:
    numbers = key_of("somebody else").public_key().public_numbers()
    modulus, exponent = (
        b64encode(each.to_bytes((each.bit_length() + 7) // 8)).decode() for each in (numbers.n, numbers.e)
    )
    inside = (
        f'<ds:KeyInfo xmlns:ds="{DS}"><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{modulus}</ds:Modulus>'
        f"<ds:Exponent>{exponent}</ds:Exponent></ds:RSAKeyValue></ds:KeyValue></ds:KeyInfo>"
    )
    idp = Idp(signing=Signing(key=key_of("somebody else"), inside=inside), subject=VICTIM)
    return idp, idp.raw()


@case("a change in what an XPath transform leaves out")
def _left_out() -> tuple[Idp, bytes]:
    transforms = (_E, f'<ds:Transform Algorithm="{_XPATH}">{_PATH}</ds:Transform>', _X)
    idp = Idp(told={"assertion_id": "_a"})
    found = assertion(idp.plain())
    found.find("a:Subject", NS).remove(found.find("a:Subject/a:NameID", NS))
    digested = etree.tostring(found, method="c14n", exclusive=True)
    idp.signing = Signing(transforms=transforms, digested=digested)
    return idp, idp.raw().replace(b">ada<", b">owner<")


@case("an HMAC under the public key")
def _hmac() -> tuple[Idp, bytes]:
    idp = Idp(subject=VICTIM)
    root = idp.plain()
    found = assertion(root)
    signature = signature_of(found, Signing(value=""), idp.key)
    signature[0][1].set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")
    secret = hmac.HMAC(idp.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), SHA256())
    secret.update(etree.tostring(signature[0], method="c14n", exclusive=True))
    signature[1].text = b64encode(secret.finalize()).decode()
    found.insert(1, signature)
    return idp, serialized(root)


@case("a signature on another curve")
def _curve() -> tuple[Idp, bytes]:
    idp = Idp(signing=Signing(key=curve_of("big", ec.SECP384R1), method=ECDSA_SHA256))
    return idp, idp.raw()


@case("a digest of nothing")
def _void() -> tuple[Idp, bytes]:
    """A relative namespace, of which libxml2 makes no canonical form, and a digest of that."""
    idp = Idp(signing=Signing(digested=b""))
    return idp, idp.raw().replace(b"<saml:Subject>", b'<x xmlns="relative"/><saml:Subject>')


# What it says, under a good signature


told("no destination", destination="")
told("another destination", destination=' Destination="https://elsewhere.test/acs"')
told("another recipient", recipient=' Recipient="https://elsewhere.test/acs"')
told("no recipient", recipient="")
told("another issuer", issuer="<saml:Issuer>https://elsewhere.test</saml:Issuer>")
told("another issuer of the response", response_issuer="<saml:Issuer>https://elsewhere.test</saml:Issuer>")
told("no issuer", issuer="")
told("two issuers", issuer="<saml:Issuer>https://idp.test/metadata</saml:Issuer>" * 2)
told("an issuer in another format", issuer='<saml:Issuer Format="urn:x">https://idp.test/metadata</saml:Issuer>')
told("another request", in_response_to=' InResponseTo="_other"')
told("no request", in_response_to="")
told("another request of the assertion", confirmed=' InResponseTo="_other"')
told("no request of the assertion", confirmed="")
told("another version", version="1.1")
told("another version of the assertion", assertion_version="1.1")
told("no conditions", conditions="")
told("no audience", conditions="<saml:Conditions/>")
_AUDIENCE = "<saml:Conditions><saml:AudienceRestriction>{}</saml:AudienceRestriction></saml:Conditions>"
_OURS = "<saml:Audience>https://seats.test/sso/x/metadata</saml:Audience>"
_OTHER = "<saml:Audience>https://elsewhere.test</saml:Audience>"
told("another audience", conditions=_AUDIENCE.format(_OTHER))
told("several audiences", conditions=_AUDIENCE.format(_OURS + _OTHER))
told("an empty restriction", conditions=_AUDIENCE.format(""))
told(
    "a second restriction to somebody else",
    conditions=_AUDIENCE.format(_OURS + "</saml:AudienceRestriction><saml:AudienceRestriction>" + _OTHER),
)
told(
    "a condition that nobody knows",
    conditions=_AUDIENCE.format(_OURS).replace("</saml:Conditions>", "<saml:Condition/></saml:Conditions>"),
)
told("a holder of a key", method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key")
told("no end of the confirmation", until="")
told("a time that is none", until=' NotOnOrAfter="tomorrow"')
told("a time in another zone", until=' NotOnOrAfter="2999-01-01T00:00:00+14:00"')
told("a time that no calendar has", until=' NotOnOrAfter="2999-02-31T00:00:00Z"')
told("no sign-in", statement="")
told("two NameIDs", name_id="<saml:NameID>ada</saml:NameID><saml:NameID>owner</saml:NameID>")
told("no NameID", name_id="")
told("an empty NameID", name_id="<saml:NameID/>")
told("a NameID of blanks", name_id="<saml:NameID>  </saml:NameID>")
told("a NameID with an element", name_id="<saml:NameID>ada<b>owner</b></saml:NameID>")
told("a NameID of 300 letters", name_id=f"<saml:NameID>{'a' * 300}</saml:NameID>")
told("a NameID with a line", name_id="<saml:NameID>ada&#10;owner</saml:NameID>")
told(
    "a NameID of the moment",
    name_id='<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient">ada</saml:NameID>',
)
told("an encrypted NameID", name_id="<saml:EncryptedID/>")
told("a NameID that only looks like one", name_id='<NameID xmlns="urn:oasis:names:tc:SAML:2.0:assertion/">ada</NameID>')
told("several addresses", attributes=attribute(EMAIL, "ada@acme.test", "owner@acme.test"))
told("an address in two attributes", attributes=attribute(EMAIL, "ada@acme.test") + attribute(EMAIL, "b@acme.test"))
_FAILED = "urn:oasis:names:tc:SAML:2.0:status:{}"
told("a failure", status=f'<samlp:StatusCode Value="{_FAILED.format("Responder")}"/>')
told(
    "a success inside of a failure",
    status=f'<samlp:StatusCode Value="{_FAILED.format("AuthnFailed")}">{SUCCESS}</samlp:StatusCode>',
)
told("two statuses", status=SUCCESS * 2)
told("no status", status="")
told(
    "a status in another namespace", status=SUCCESS.replace("samlp:", "x:").replace(" Value", ' xmlns:x="urn:x" Value')
)


def _at(name: str, **delta: float) -> None:
    """A provider whose clock is this far from ours."""

    def make() -> tuple[Idp, bytes]:
        idp = Idp()
        raw_of = Idp(now=idp.now + timedelta(**delta))
        return idp, raw_of.raw()

    CASES[name] = make


_at("an answer of an hour ago", hours=-1)
_at("an answer of tomorrow", days=1)


@case("conditions that are over")
def _over() -> tuple[Idp, bytes]:
    idp = Idp()
    idp.told = {"conditions": _spanned(idp, f'NotOnOrAfter="{at(idp.now - timedelta(minutes=5))}"')}
    return idp, idp.raw()


@case("conditions that have yet to begin")
def _early() -> tuple[Idp, bytes]:
    idp = Idp()
    idp.told = {"conditions": _spanned(idp, f'NotBefore="{at(idp.now + timedelta(minutes=5))}"')}
    return idp, idp.raw()


@case("a confirmation that is over")
def _confirmed() -> tuple[Idp, bytes]:
    idp = Idp()
    idp.told = {"until": f' NotOnOrAfter="{at(idp.now - timedelta(minutes=5))}"'}
    return idp, idp.raw()


@case("a session of the provider that is over")
def _session() -> tuple[Idp, bytes]:
    idp = Idp()
    ended = at(idp.now - timedelta(hours=1))
    idp.told = {"statement": f'<saml:AuthnStatement AuthnInstant="{at(idp.now)}" SessionNotOnOrAfter="{ended}"/>'}
    return idp, idp.raw()


@case("a sign-in of the future")
def _future() -> tuple[Idp, bytes]:
    idp = Idp()
    idp.told = {"statement": f'<saml:AuthnStatement AuthnInstant="{at(idp.now + timedelta(hours=1))}"/>'}
    return idp, idp.raw()


def _spanned(idp: Idp, span: str) -> str:
    return re.sub(r"<saml:Conditions [^>]*>", f"<saml:Conditions {span}>", idp.values()["conditions"])


# Things that only look like ours


bent("a response of another namespace", lambda raw: raw.replace(P.encode(), P.encode() + b"/"))
bent("an assertion of another namespace", lambda raw: raw.replace(A.encode(), A.upper().encode()))
bent("a signature of another namespace", lambda raw: raw.replace(DS.encode(), DS.encode().rstrip(b"#")))
bent(
    "a second assertion of another namespace",
    lambda raw: raw.replace(b"<samlp:Status>", b'<x:Assertion xmlns:x="urn:x"/><samlp:Status>'),
)
bent(
    "a second signature of another namespace",
    lambda raw: raw.replace(b"<samlp:Status>", b'<x:Signature xmlns:x="urn:x"/><samlp:Status>'),
)
bent("a request in its place", lambda raw: raw.replace(b"samlp:Response", b"samlp:AuthnRequest"))
