"""An identity provider that writes SAML answers, as well or as badly as a test tells it to."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import new
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree

from auth.saml import certificates
from auth.saml.answers import Expected
from auth.saml.mapping import Mapping

P = "urn:oasis:names:tc:SAML:2.0:protocol"
A = "urn:oasis:names:tc:SAML:2.0:assertion"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = f"{DS}enveloped-signature"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
RSA_SHA1 = f"{DS}rsa-sha1"
ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA1 = f"{DS}sha1"
EMAIL = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
NS = {"p": P, "a": A, "ds": DS}

ISSUER = "https://idp.test/metadata"
AUDIENCE = "https://seats.test/sso/x/metadata"
ADDRESS = "https://seats.test/sso/x/acs"
REQUEST = "_request"

Element = Any


@dataclass(frozen=True)
class Asking:
    """Who asks the providers that are made meanwhile, for what, and in which domain their people are."""

    now: datetime | None = None
    audience: str = AUDIENCE
    address: str = ADDRESS
    request: str = REQUEST
    domain: str = "acme.test"


ASKING = ContextVar("ASKING", default=Asking())  # noqa: B039 - it is frozen

RESPONSE = """<samlp:Response xmlns:samlp="{p}" xmlns:saml="{a}" ID="{response_id}" Version="{version}"\
 IssueInstant="{now}"{destination}{in_response_to}>{response_issuer}{extensions}\
<samlp:Status>{status}</samlp:Status>{assertion}</samlp:Response>"""

ASSERTION = """<saml:Assertion xmlns:saml="{a}" xmlns:xs="http://www.w3.org/2001/XMLSchema"\
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="{assertion_id}" Version="{assertion_version}"\
 IssueInstant="{now}">{issuer}<saml:Subject>{name_id}<saml:SubjectConfirmation Method="{method}">\
<saml:SubjectConfirmationData{recipient}{confirmed}{until}/></saml:SubjectConfirmation></saml:Subject>\
{conditions}{statement}<saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"""

SUCCESS = '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>'


def at(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@cache
def key_of(whose: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    del whose  # each name has a key of its own
    return rsa.generate_private_key(65_537, bits)


@cache
def curve_of(whose: str, curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    del whose
    return ec.generate_private_key(curve())


def certificate(key: Any, days: int = 365, *, now: datetime | None = None) -> x509.Certificate:
    """A certificate of a key, which ends after so many days."""
    begins = (now or datetime.now(UTC)) - timedelta(days=2)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.test")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=2 + days, seconds=-1))
        .sign(key, hashes.SHA256())
    )


@cache
def own(key: Any) -> x509.Certificate:
    """The certificate that comes with a key."""
    return certificate(key)


def key_info(key: Any) -> str:
    """What a signature says of its key."""
    bare = "".join(pem(own(key)).split("-----")[2].split())
    told = f"<ds:X509Data><ds:X509Certificate>{bare}</ds:X509Certificate></ds:X509Data>"
    return f'<ds:KeyInfo xmlns:ds="{DS}">{told}</ds:KeyInfo>'


def pem(found: x509.Certificate) -> str:
    return found.public_bytes(Encoding.PEM).decode()


def der(found: x509.Certificate) -> bytes:
    return found.public_bytes(Encoding.DER)


def attribute(name: str, *values: str) -> str:
    told = "".join(f'<saml:AttributeValue xsi:type="xs:string">{value}</saml:AttributeValue>' for value in values)
    return f'<saml:Attribute Name="{name}">{told}</saml:Attribute>'


@dataclass
class Signing:
    """How a part is signed."""

    key: Any = None
    method: str = RSA_SHA256
    digest: str = SHA256
    form: str = EXC
    transforms: Sequence[str] = (f'<ds:Transform Algorithm="{ENVELOPED}"/>', f'<ds:Transform Algorithm="{EXC}"/>')
    uri: str | None = None
    references: int = 1
    inside: str | None = None
    """What is in the signature before its end: what it says of its key, unless told otherwise."""

    prefixes: str = ""
    value: str | None = None
    digested: bytes | None = None
    """What the digest is made of, in place of what is signed."""


@dataclass
class Idp:
    """What it says, and how it signs it; `now` is its clock."""

    now: datetime = field(default_factory=lambda: ASKING.get().now or datetime.now(UTC))
    key: Any = field(default_factory=lambda: key_of("idp"))
    parts: tuple[str, ...] = ("assertion",)
    """What is signed, in this order."""

    signing: Signing = field(default_factory=Signing)
    subject: str = "ada"
    told: dict[str, str] = field(default_factory=dict)
    issuer: str = ISSUER
    audience: str = field(default_factory=lambda: ASKING.get().audience)
    address: str = field(default_factory=lambda: ASKING.get().address)
    request: str = field(default_factory=lambda: ASKING.get().request)
    domain: str = field(default_factory=lambda: ASKING.get().domain)

    def document(self) -> Element:
        """The signed answer, as a tree."""
        root = self.plain()
        for part in self.parts:
            sign(self.part(root, part), self.signing, self.key)
        return root

    def plain(self) -> Element:
        """The answer before it is signed."""
        values = self.values() | self.told
        values["assertion"] = self.told.get("assertion", ASSERTION).format(**values)
        return etree.fromstring(RESPONSE.format(**values).encode())

    def part(self, root: Element, name: str) -> Element:
        return root if name == "response" else root.find("a:Assertion", NS)

    def raw(self) -> bytes:
        return serialized(self.document())

    def values(self) -> dict[str, str]:
        end = self.now + timedelta(minutes=5)
        span = f'NotBefore="{at(self.now - timedelta(minutes=1))}" NotOnOrAfter="{at(end)}"'
        return {
            "p": P,
            "a": A,
            "response_id": f"_r{secrets.token_hex(8)}",
            "assertion_id": f"_a{secrets.token_hex(8)}",
            "version": "2.0",
            "assertion_version": "2.0",
            "now": at(self.now),
            "destination": f' Destination="{self.address}"',
            "in_response_to": f' InResponseTo="{self.request}"',
            "response_issuer": f"<saml:Issuer>{self.issuer}</saml:Issuer>",
            "issuer": f"<saml:Issuer>{self.issuer}</saml:Issuer>",
            "extensions": "",
            "status": SUCCESS,
            "name_id": f"<saml:NameID>{self.subject}</saml:NameID>",
            "method": "urn:oasis:names:tc:SAML:2.0:cm:bearer",
            "recipient": f' Recipient="{self.address}"',
            "confirmed": f' InResponseTo="{self.request}"',
            "until": f' NotOnOrAfter="{at(end)}"',
            "conditions": f"<saml:Conditions {span}><saml:AudienceRestriction>"
            f"<saml:Audience>{self.audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>",
            "statement": f'<saml:AuthnStatement AuthnInstant="{at(self.now)}" SessionIndex="s1">'
            "<saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
            "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>",
            "attributes": attribute(EMAIL, f"ada@{self.domain}") + attribute("displayName", "Ada"),
        }

    def expected(self, mapping: Mapping | None = None, *, again: bool = False) -> Expected:
        """What we expect of it."""
        pinned = certificates.read(pem(own(self.key)))
        return Expected(self.issuer, self.audience, self.address, self.request, [pinned], mapping or Mapping(), again)


def sign(parent: Element, how: Signing, key: Any, at_child: int = 1) -> Element:
    """Put a signature into an element, behind its issuer."""
    signature = signature_of(parent, how, key)
    parent.insert(at_child, signature)
    return signature


def signature_of(parent: Element, how: Signing, key: Any) -> Element:
    prefixes = how.prefixes.split()
    kept = f'<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="{how.prefixes}"/>' if prefixes else ""
    transforms = "".join(how.transforms).replace(f'"{EXC}"/>', f'"{EXC}">{kept}</ds:Transform>')
    form = etree.tostring(
        parent, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes or None
    )
    covered = form if how.digested is None else how.digested
    digest = b64encode(new(how.digest.rpartition("#")[2], covered).digest()).decode()
    uri = f"#{parent.get('ID')}" if how.uri is None else how.uri
    reference = (
        f'<ds:Reference URI="{uri}"><ds:Transforms>{transforms}</ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{how.digest}"/><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>'
    )
    inside = key_info(key) if how.inside is None else how.inside
    signature = etree.fromstring(
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{how.form}"/>'
        f'<ds:SignatureMethod Algorithm="{how.method}"/>{reference * how.references}</ds:SignedInfo>'
        f"<ds:SignatureValue></ds:SignatureValue>{inside}</ds:Signature>"
    )
    told = etree.tostring(signature[0], method="c14n", exclusive=how.form == EXC)
    signature[1].text = how.value if how.value is not None else b64encode(made(told, how, how.key or key)).decode()
    return signature


def made(told: bytes, how: Signing, key: Any) -> bytes:
    """A signature of these bytes."""
    name = how.method.rpartition("-")[2]
    by = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha512": hashes.SHA512()}[name]
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(told, padding.PKCS1v15(), by)
    halves = decode_dss_signature(key.sign(told, ec.ECDSA(by)))
    return b"".join(half.to_bytes((key.curve.key_size + 7) // 8) for half in halves)


def serialized(root: Element) -> bytes:
    return etree.tostring(root)


def posted(raw: bytes) -> str:
    """A document as a browser posts it."""
    return b64encode(raw).decode()
