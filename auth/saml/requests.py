"""Requests: what we tell an identity provider of ourselves, and how we send it a browser.

A request goes by redirect: deflated, in base 64, in the address. It is not signed; what
it asks for is in our row of the login, and the answer has to name its id.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from lxml import etree

from auth.saml.documents import ASSERTION, METADATA, PROTOCOL, Element, tag

_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"


@dataclass(frozen=True, slots=True)
class Request:
    """What we ask a provider for: by whom, about which login, where to answer."""

    id: str
    entity: str
    """What the provider calls us."""

    answers: str
    """The address to which it posts its answer."""

    sign_in: str
    """The address to which it wants browsers sent."""

    again: bool
    """Whether people have to prove who they are, whatever session the provider has."""


def address(request: Request, state: str, now: datetime) -> str:
    """Where to send a browser."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(etree.tostring(_request(request, now))) + packer.flush()
    told = urlencode({"SAMLRequest": b64encode(packed).decode(), "RelayState": state})
    return f"{request.sign_in}{'&' if '?' in request.sign_in else '?'}{told}"


def described(entity: str, answers: str) -> bytes:
    """What we say of ourselves: the metadata of one SSO connection."""
    root = etree.Element(tag(METADATA, "EntityDescriptor"), {"entityID": entity}, nsmap={"md": METADATA})
    told = {"AuthnRequestsSigned": "false", "WantAssertionsSigned": "true", "protocolSupportEnumeration": PROTOCOL}
    role = etree.SubElement(root, tag(METADATA, "SPSSODescriptor"), told)
    service = {"Binding": _POST, "Location": answers, "index": "0", "isDefault": "true"}
    etree.SubElement(role, tag(METADATA, "AssertionConsumerService"), service)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written


def _request(request: Request, now: datetime) -> Element:
    told = {
        "ID": request.id,
        "Version": "2.0",
        "IssueInstant": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "Destination": request.sign_in,
        "ProtocolBinding": _POST,
        "AssertionConsumerServiceURL": request.answers,
    }
    again = {"ForceAuthn": "true"} if request.again else {}
    root = etree.Element(tag(PROTOCOL, "AuthnRequest"), told | again, nsmap={"samlp": PROTOCOL, "saml": ASSERTION})
    etree.SubElement(root, tag(ASSERTION, "Issuer")).text = request.entity
    return root
