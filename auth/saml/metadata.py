"""Metadata: what an identity provider that speaks SAML says of itself.

Its name, the address to which it wants browsers sent, and the certificates that sign its
answers. An admin gives us the document, or the address of it, or the three by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from auth.fetching import Fetcher, NotFetched
from auth.saml import certificates
from auth.saml.certificates import MOST, Certificate
from auth.saml.documents import METADATA, NAMES, Element, parse, tag
from auth.sso.rules import ConnectionUnreachable, LoginRefused
from kernel.errors import InvalidInput

_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Described:
    """What a provider says of itself, as far as we listen."""

    issuer: str
    """Its entity id."""

    sign_in: str
    """Where it wants browsers sent, by redirect."""

    certificates: Sequence[Certificate]
    """One or two, whose keys sign its answers."""


async def fetched(fetcher: Fetcher, uri: str, now: datetime) -> Described:
    """What a provider says of itself at an address. Raises InvalidInput, or ConnectionUnreachable."""
    fetcher.check(uri)
    try:
        raw = await fetcher.get(uri, "application/samlmetadata+xml, application/xml, text/xml")
    except NotFetched as failure:
        raise ConnectionUnreachable(f"The metadata at {uri} can't be read. {failure}") from failure
    return read(raw, fetcher, now)


async def again(fetcher: Fetcher, uri: str, issuer: str, now: datetime) -> Sequence[Certificate] | None:
    """The certificates that a provider names by now; None where it can't be read, or speaks of another provider."""
    try:
        told = await fetched(fetcher, uri, now)
    except (ConnectionUnreachable, InvalidInput):
        return None
    return told.certificates if told.issuer == issuer else None


def read(raw: bytes, fetcher: Fetcher, now: datetime) -> Described:
    """What a document says of a provider. Raises ConnectionUnreachable."""
    try:
        entity, role = _provider(parse(raw))
        told = given(entity.get("entityID", ""), _address(role), _certificates(role), now)
        fetcher.check(told.sign_in)
    except (LoginRefused, InvalidInput) as reason:
        said = reason.message if isinstance(reason, InvalidInput) else str(reason)
        raise ConnectionUnreachable(f"The metadata can't be used. {said}") from reason
    return told


def given(issuer: str, sign_in: str, texts: Sequence[str], now: datetime) -> Described:
    """The same, from its parts. Raises InvalidInput."""
    if not (0 < len(issuer) <= _LONGEST and issuer.isprintable() and issuer == issuer.strip()):
        raise InvalidInput("A provider's entity id is 1 to 2000 printable characters, such as its address.")
    found = {each.fingerprint: each for each in map(certificates.read, texts)}
    living = sorted((each for each in found.values() if each.expires_at > now), key=lambda each: each.expires_at)
    if not living:
        raise InvalidInput("There is no certificate for signatures that has not expired.")
    # Where a provider names more, those that live longest are the ones to come.
    return Described(issuer, sign_in, living[-MOST:])


def _provider(root: Element) -> tuple[Element, Element]:
    """The one provider that a document describes, and its role as one."""
    entities = [root] if root.tag == tag(METADATA, "EntityDescriptor") else root.findall(".//m:EntityDescriptor", NAMES)
    found = [(entity, role) for entity in entities for role in entity.findall("m:IDPSSODescriptor", NAMES)]
    if len(found) != 1:
        raise LoginRefused(f"It describes {len(found) or 'no'} identity providers, where it needs one.")
    return found[0]


def _address(role: Element) -> str:
    services = role.findall("m:SingleSignOnService", NAMES)
    found = [each.get("Location", "") for each in services if each.get("Binding") == _REDIRECT]
    if not found:
        raise LoginRefused("It has no address to which browsers can be sent by redirect.")
    return str(found[0])


def _certificates(role: Element) -> list[str]:
    """The certificates of its keys for signatures, as they are written there."""
    keys = [key for key in role.findall("m:KeyDescriptor", NAMES) if key.get("use", "signing") == "signing"]
    return [each.text or "" for key in keys for each in key.findall("s:KeyInfo/s:X509Data/s:X509Certificate", NAMES)]
