"""Answers: whom a provider's SAML response vouches for, to us, now, and as we asked.

The response, the assertion in it, or both are signed. Where a part is signed, its signed
form is all that is read of it; of a response that is not signed itself, what stands
around the assertion can only refuse. There is one assertion in the whole document, and
anything that looks like a second one, or like a signature elsewhere, is refused.

Not supported, and said so: encrypted assertions, answers by redirect, artifacts.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest

from lxml import etree

from auth.oidc import is_text
from auth.saml.certificates import Certificate
from auth.saml.documents import (
    ASSERTION,
    LARGEST,
    NAMES,
    PROTOCOL,
    Element,
    only,
    parse,
    shown,
    tag,
    words,
)
from auth.saml.mapping import Mapping, named
from auth.saml.signatures import identified, signed
from auth.sso.rules import FLOW_LIVES, Claimed, LoginRefused

LEEWAY = timedelta(minutes=2)
"""How far a provider's clock may be from ours."""

_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(?:Z|\+00:00)")
_CONDITIONS = frozenset(tag(ASSERTION, name) for name in ("AudienceRestriction", "OneTimeUse", "ProxyRestriction"))
_NEVER = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer has to be: from whom, to whom, to which request, signed by which key."""

    issuer: str
    """The provider's entity id."""

    audience: str
    """Our own."""

    address: str
    """Where answers to this SSO connection are posted."""

    request: str
    """The id of what we asked."""

    certificates: Sequence[Certificate]
    mapping: Mapping
    again: bool = False
    """Whether they had to prove anew who they are."""


@dataclass(frozen=True, slots=True)
class Believed:
    """Whom an answer vouches for, and the assertion that does, which counts once."""

    claimed: Claimed
    assertion: str
    until: datetime
    """From when on it doesn't hold anyway."""


def opened(text: str) -> Element:
    """The response in a posted field. Raises LoginRefused."""
    if len(text) > 2 * LARGEST:
        raise LoginRefused(f"The document has more than {LARGEST // 1024} kB.")
    try:
        raw = b64decode("".join(text.split()), validate=True)
    except (NotBase64, ValueError) as reason:
        raise LoginRefused("The answer is not in base 64.") from reason
    root = parse(raw)
    if root.tag != tag(PROTOCOL, "Response"):
        raise LoginRefused("The answer is no SAML response.")
    return root


def believe(text: str, expected: Expected, now: datetime) -> Believed:
    """Whom a posted answer vouches for. Raises LoginRefused."""
    root = opened(text)
    _check_shape(root)
    (found,) = root.findall("a:Assertion", NAMES)
    covering, covered = (signed(each, expected.certificates, now) for each in (root, found))
    if covering is None and covered is None:
        raise LoginRefused("Nothing of the answer is signed.")
    response = root if covering is None else covering
    assertion = covered if covered is not None else only(response, "a:Assertion", "assertions")
    _check_response(response, expected, now)
    return _believed(assertion, expected, now)


def _check_shape(root: Element) -> None:
    """Refuse a document of which two readers could read two things."""
    places = [etree.QName(element).localname for element in root.iter(etree.Element)]
    if "EncryptedAssertion" in places:
        raise LoginRefused("The assertion is encrypted. Switch that off at the provider: answers come by TLS.")
    if "Assertion" not in places and _status(root) != _SUCCESS:
        raise LoginRefused(f"The provider refused: {shown(_status(root))}.")
    if places.count("Assertion") != 1 or places.count("Response") != 1 or not root.findall("a:Assertion", NAMES):
        raise LoginRefused("The answer needs exactly one assertion, right in the response.")
    may = [root, *root.findall("a:Assertion", NAMES)]
    standing = [signature for each in may for signature in each.findall("s:Signature", NAMES)]
    if places.count("Signature") != len(standing) or places.count("SignedInfo") != len(standing):
        raise LoginRefused("A signature stands where none may stand, or only looks like one.")
    if root.findall(".//s:Object", NAMES):
        raise LoginRefused("A signature carries an object along, which we don't allow.")


def _status(root: Element) -> str:
    """What the provider says became of our request, as closely as it says it."""
    codes = [code.get("Value", "") for code in root.findall("p:Status//p:StatusCode", NAMES)]
    return codes[-1] if codes else "without a status"


def _check_response(response: Element, expected: Expected, now: datetime) -> None:
    identified(response)
    _check_version(response, now)
    if response.get("Destination") != expected.address:
        raise LoginRefused(f"The answer is for {shown(response.get('Destination'))}, not for us.")
    if not compare_digest(response.get("InResponseTo", "").encode(), expected.request.encode()):
        raise LoginRefused("The answer is to another request than the one of this login.")
    if response.findall("a:Issuer", NAMES):
        _check_issuer(response, expected)
    status = only(response, "p:Status", "statuses")
    if only(status, "p:StatusCode", "status codes").get("Value") != _SUCCESS:
        raise LoginRefused(f"The provider refused: {shown(_status(response))}.")


def _believed(assertion: Element, expected: Expected, now: datetime) -> Believed:
    name = identified(assertion)
    _check_version(assertion, now)
    _check_issuer(assertion, expected)
    subject = only(assertion, "a:Subject", "subjects")
    until = _check_confirmation(subject, expected, now)
    _check_conditions(only(assertion, "a:Conditions", "conditions"), expected, now)
    statement = only(assertion, "a:AuthnStatement", "statements of a sign-in")
    proved, ends = _proved(statement, expected, now), _ends(statement, now)
    vouched, index = named(assertion, subject, expected.mapping), statement.get("SessionIndex")
    claimed = Claimed(
        subject=vouched.subject,
        email=vouched.email,
        name=vouched.name,
        proved_at=min(proved, now),
        provider_session=index if is_text(index) else None,
        ends_at=None if ends is None else int(ends.timestamp()),
    )
    return Believed(claimed, name, until + LEEWAY)


def _check_version(element: Element, now: datetime) -> None:
    if element.get("Version") != "2.0":
        raise LoginRefused("The answer is not of SAML 2.0.")
    if _instant(element, "IssueInstant") > now + LEEWAY:
        raise LoginRefused("The answer is of the future: the provider's clock or ours is wrong.")


def _check_issuer(element: Element, expected: Expected) -> None:
    issuer = only(element, "a:Issuer", "issuers")
    if issuer.get("Format", _ENTITY) != _ENTITY or words(issuer, "issuer") != expected.issuer:
        raise LoginRefused(f"The answer is of the issuer {shown(issuer.text)}, not of {expected.issuer}.")


def _check_confirmation(subject: Element, expected: Expected, now: datetime) -> datetime:
    """Until when whoever carries the assertion may be taken for its subject."""
    confirmation = only(subject, "a:SubjectConfirmation", "confirmations of its subject")
    told = only(confirmation, "a:SubjectConfirmationData", "confirmations of its subject with data")
    if confirmation.get("Method") != _BEARER:
        raise LoginRefused("The assertion is not for its bearer.")
    if told.get("Recipient") != expected.address:
        raise LoginRefused(f"The assertion's recipient is {shown(told.get('Recipient'))}, not us.")
    if not compare_digest(told.get("InResponseTo", "").encode(), expected.request.encode()):
        raise LoginRefused("The assertion is to another request than the one of this login.")
    until = _instant(told, "NotOnOrAfter")
    _check_span(told, now)
    return min(until, _NEVER)


def _check_conditions(conditions: Element, expected: Expected, now: datetime) -> None:
    _check_span(conditions, now)
    if any(child.tag not in _CONDITIONS for child in conditions.iterchildren(etree.Element)):
        raise LoginRefused("The assertion has a condition that we don't know.")
    restrictions = conditions.findall("a:AudienceRestriction", NAMES)
    audiences = [each.findall("a:Audience", NAMES) for each in restrictions]
    if not audiences or not all(audiences):
        raise LoginRefused("The assertion does not say for whom it is: it has no audience.")
    for audience in (each for several in audiences for each in several):
        if words(audience, "audience") != expected.audience:
            raise LoginRefused(f"The assertion is for {shown(audience.text)}, not only for {expected.audience}.")


def _proved(statement: Element, expected: Expected, now: datetime) -> datetime:
    """When they proved who they are. Raises LoginRefused where it had to be just now."""
    proved = _instant(statement, "AuthnInstant")
    if proved > now + LEEWAY:
        raise LoginRefused("They signed in at the provider in the future: its clock or ours is wrong.")
    if expected.again and proved < now - FLOW_LIVES:
        raise LoginRefused("They had to prove anew who they are, and the provider says that they did not.")
    return proved


def _ends(statement: Element, now: datetime) -> datetime | None:
    """When the provider ends its own session."""
    if statement.get("SessionNotOnOrAfter") is None:
        return None
    ends = min(_instant(statement, "SessionNotOnOrAfter"), _NEVER)
    if ends <= now:
        raise LoginRefused("The provider's own session is over already.")
    return ends


def _check_span(element: Element, now: datetime) -> None:
    if element.get("NotBefore") is not None and _instant(element, "NotBefore") > now + LEEWAY:
        raise LoginRefused("The assertion is not yet in force: the provider's clock or ours is wrong.")
    if element.get("NotOnOrAfter") is not None and _instant(element, "NotOnOrAfter") <= now - LEEWAY:
        raise LoginRefused("The assertion is no longer in force.")


def _instant(element: Element, name: str) -> datetime:
    """An instant in an attribute, in UTC as SAML asks. Raises LoginRefused."""
    found = _INSTANT.fullmatch(element.get(name, ""))
    try:
        if found is not None:
            return datetime.fromisoformat(f"{found[1]}.{(found[2] or '0')[:6]:0<6}+00:00")
    except ValueError:
        pass
    raise LoginRefused(f"The answer has no {name} in UTC.")
