"""Mapping: which attributes of an assertion name somebody, their address, and how they are called.

Every provider names attributes in its own way. Where an SSO connection does not say
which to read, the common spellings of an address and a name are looked for. Who somebody
is, is the `NameID`, unless the connection names an attribute for that.
"""

from __future__ import annotations

from dataclasses import dataclass

from auth.oidc import email_in, is_text
from auth.saml.documents import NAMES, Element, only, shown, words
from auth.sso.rules import LoginRefused

_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
EMAILS = (f"{_CLAIMS}emailaddress", "urn:oid:0.9.2342.19200300.100.1.3", "email", "mail", "emailAddress", "Email")
"""The common names of an address."""

CALLED = (
    "http://schemas.microsoft.com/identity/claims/displayname",
    "urn:oid:2.16.840.1.113730.3.1.241",
    "displayName",
    "name",
    f"{_CLAIMS}name",
)
"""The common names of what somebody is called."""

_LONGEST_SUBJECT = 255
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Mapping:
    """The attributes that an SSO connection reads; None for the usual ones."""

    subject: str | None = None
    email: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom an assertion names."""

    subject: str
    email: str | None
    """Their address, in lower case."""

    name: str | None


def named(assertion: Element, subject: Element, mapping: Mapping) -> Vouched:
    """Whom an assertion names. Raises LoginRefused."""
    told = _attributes(assertion)
    name_id = only(subject, "a:NameID", "NameIDs")
    who = words(name_id, "NameID", _LONGEST_SUBJECT)
    emails = (mapping.email,) if mapping.email else EMAILS
    email = _one(told, emails) or (who if mapping.email is None and name_id.get("Format") == _FORMAT else None)
    called = _one(told, (mapping.name,) if mapping.name else CALLED, strict=mapping.name is not None)
    address = email_in({"email": email})
    return Vouched(
        subject=_subject(name_id, who, told, mapping),
        email=address.lower() if address else None,
        name=called if is_text(called, _LONGEST_NAME) else None,
    )


def _subject(name_id: Element, who: str, told: dict[str, list[str]], mapping: Mapping) -> str:
    if mapping.subject is None:
        if name_id.get("Format") == _TRANSIENT:
            raise LoginRefused("The NameID is another one each time. Let the provider send a lasting one.")
        return who
    found = _one(told, (mapping.subject,))
    if not is_text(found, _LONGEST_SUBJECT):
        raise LoginRefused(f"The assertion has no usable attribute {shown(mapping.subject)}, which names the person.")
    return found


def _one(told: dict[str, list[str]], names: tuple[str, ...], *, strict: bool = True) -> str | None:
    """The value of the first of these attributes that is there. Raises LoginRefused where it has several."""
    found = next((told[name] for name in names if told.get(name)), [])
    if len(set(found)) > 1 and strict:
        raise LoginRefused("An attribute that names somebody has several values, so nobody knows which counts.")
    return found[0] if len(set(found)) == 1 else None


def _attributes(assertion: Element) -> dict[str, list[str]]:
    """The texts of every attribute by its name, of all that have it."""
    told: dict[str, list[str]] = {}
    for attribute in assertion.findall("a:AttributeStatement/a:Attribute", NAMES):
        values = [each.text.strip() for each in attribute.findall("a:AttributeValue", NAMES) if _is_text(each)]
        told.setdefault(attribute.get("Name", ""), []).extend(values)
    return told


def _is_text(value: Element) -> bool:
    return not len(value) and bool((value.text or "").strip())
