"""Certificates: the keys that an identity provider's answers may be signed with.

A key counts because an admin put its certificate here, whoever issued that; keys that an
answer brings along count for nothing. RSA from 2048 bits, or the curve P-256. After its
last day a certificate counts no more, so there may be two at a time.
"""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from kernel.errors import InvalidInput, Problem

MOST = 2
"""How many certificates of an SSO connection count at a time."""

WARNED_BEFORE = (timedelta(days=30), timedelta(days=7), timedelta(days=1))
"""How long before a certificate's last day its people are told, each time once."""

READ_EVERY = timedelta(days=1)
"""How often the metadata of a provider is read again."""

_LONGEST = 20_000
_SMALLEST, _LARGEST = 2_048, 8_192
_PEM = re.compile(r"-----(?:BEGIN|END) CERTIFICATE-----")

Key = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@dataclass(eq=False)
class TooManyCertificates(Problem):
    """As many certificates as can count do so already."""

    says = "Two certificates count at a time. Remove the one that is used no more."


@dataclass(eq=False)
class LastCertificate(Problem):
    """Without this certificate nobody could sign in."""

    says = "Nobody could sign in without it. Add the next certificate first, or switch the SSO connection off."


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate whose key may sign."""

    der: bytes
    key: Key
    subject: str
    begins_at: datetime
    expires_at: datetime

    @property
    def fingerprint(self) -> str:
        """Its SHA-256 in hex, as providers show it."""
        return sha256(self.der).hexdigest()


def read(text: str) -> Certificate:
    """The certificate in a text, PEM or the base 64 inside of it. Raises InvalidInput."""
    bare = "".join(_PEM.sub("", text).split()) if len(text) <= _LONGEST else ""
    try:
        return of(b64decode(bare, validate=True))
    except InvalidInput:
        raise
    # Whatever a parser of certificates raises, it is none.
    except Exception as reason:
        raise InvalidInput("That is not a certificate: paste one, from BEGIN CERTIFICATE to the end.") from reason


def of(der: bytes) -> Certificate:
    """The certificate in these bytes. Raises InvalidInput for a key that is too weak, ValueError for none."""
    found = x509.load_der_x509_certificate(der)
    return Certificate(
        der=found.public_bytes(Encoding.DER),
        key=_strong(found.public_key()),
        subject=found.subject.rfc4514_string()[:500],
        begins_at=found.not_valid_before_utc,
        expires_at=found.not_valid_after_utc,
    )


def insist_on_life(certificate: Certificate, now: datetime) -> None:
    """Refuse a certificate that counts no more. Raises InvalidInput."""
    if certificate.expires_at <= now:
        raise InvalidInput(f"This certificate expired on {certificate.expires_at:%Y-%m-%d}. Ask for the current one.")


def warnings_due(expires_at: datetime, now: datetime) -> int:
    """How many of the warnings before a certificate's last day are due."""
    return sum(expires_at - before <= now for before in WARNED_BEFORE)


def _strong(key: object) -> Key:
    if isinstance(key, rsa.RSAPublicKey) and _SMALLEST <= key.key_size <= _LARGEST:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise InvalidInput(f"The key of a certificate is RSA of {_SMALLEST} bits or more, or on the curve P-256.")
