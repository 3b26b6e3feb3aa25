"""Tokens made by hand, so that they can be wrong in ways no library would allow."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

Part = dict[str, Any] | bytes
"""A header or claims: to be written as JSON, or given byte by byte."""


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """One key a name, as long as the tests run."""
    assert name
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def public_der(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def integer(number: int) -> str:
    return b64(number.to_bytes((number.bit_length() + 7) // 8))


def jwk(key: rsa.RSAPrivateKey, kid: str, **others: Any) -> dict[str, Any]:
    """The public key as a member of a key set."""
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": integer(numbers.n), "e": integer(numbers.e), "kid": kid, **others}


def unsigned(header: Part, claims: Part) -> str:
    """What a signature signs."""
    return ".".join(b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims))


def signed(header: Part, claims: Part, key: rsa.RSAPrivateKey) -> str:
    """A token under a true RS256 signature, whatever its header says."""
    body = unsigned(header, claims)
    return f"{body}.{b64(key.sign(body.encode(), padding.PKCS1v15(), SHA256()))}"


def hmac_signed(header: Part, claims: Part, secret: bytes) -> str:
    """A token under an HS256 signature, whatever its header says."""
    body = unsigned(header, claims)
    return f"{body}.{b64(hmac.digest(secret, body.encode(), hashlib.sha256))}"
