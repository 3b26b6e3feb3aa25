"""Access tokens: our own short-lived word on who calls, and from which session.

A token names a person, their session and the person's epoch, and nothing else.
It carries no role, plan or workspace: the database decides about those on every
request, so that a demotion acts on tokens already out. Whoever verifies one must
still ask that the session lives and that the epoch is the person's current one.

Tokens are RS256 JSON Web Tokens, made and verified by python-jose. That library
forgives much: it reads the algorithm from the token, accepts embedded keys,
unknown critical headers and missing claims, and raises anything. So nothing
reaches it that we have not looked at, and nothing is believed because it passed:

* At most 4096 characters of three base64url parts, in their only spelling.
* The header must be, byte for byte, what we write for a key in force. No header
  is parsed, so `none`, HMAC, `jwk`, `jku`, `x5u`, `crit` have nowhere to stand.
* The key is a typed RSA public key, never bytes that an HMAC could take for a secret.
* Exactly nine claims, times as whole seconds, a life of an hour at most. python-jose
  would ask the system clock; its time checks are off, and ours ask the given `now`.
* Whatever goes wrong, the answer is one sentence, and the reason is its `__cause__`.

Keys rotate in three steps: announce the next key in `others`, so that everybody
who copies our key set learns it; sign with it, and keep the last one in `others`;
drop that one when its last token has expired, an hour later.
"""

from __future__ import annotations

import json
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, TypeGuard

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from jose import jwk, jwt

from auth.refusal import refused
from kernel.errors import InvalidInput

LIFETIME = timedelta(minutes=5)
"""How long a token lives unless its maker says otherwise."""

_SECOND = timedelta(seconds=1)
_LONGEST_LIFE = timedelta(hours=1)
_LEEWAY = 30
_LARGEST = 4096
_ALGORITHM = "RS256"
_LEAST_BITS = 2048
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_CLAIMS = frozenset({"aud", "iss", "exp", "iat", "nbf", "sub", "jti", "sid", "epoch"})
_EPOCHS = range(2**63)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# `require_exp` would switch python-jose's own look at the clock back on; `_CLAIMS` requires it instead.
_OPTIONS = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token says: public id texts of a person and a session, and the person's epoch."""

    person: str
    session: str
    epoch: int

    def __post_init__(self) -> None:
        assert _is_name(self.person), f"{self.person!r} is not a public id"
        assert _is_name(self.session), f"{self.session!r} is not a public id"
        assert _is_epoch(self.epoch), "an epoch counts up from zero"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token that holds: who, from which session and epoch, its own id, and its end."""

    person: str
    session: str
    epoch: int
    id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies our tokens. `kid` is its RFC 7638 thumbprint, `header` the only header it accepts."""

    kid: str
    header: str
    typed: Any = field(repr=False, compare=False)

    @property
    def jwk(self) -> dict[str, str]:
        """The key as a member of a public JSON Web Key Set."""
        return {**self.typed.to_dict(), "kid": self.kid, "use": "sig"}


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that makes our tokens, with the public half that verifies them."""

    public: PublicKey
    typed: Any = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes tokens with one key, and verifies those of that key and of the `others` in force."""

    issuer: str
    audience: str
    signing: PrivateKey
    others: tuple[PublicKey, ...] = ()

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """Every key in force, the signing one first."""
        return (self.signing.public, *self.others)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public JSON Web Key Set, by which others can verify our tokens."""
        return {"keys": [key.jwk for key in self.keys]}

    def sign(self, claim: Claim, now: datetime, lifetime: timedelta = LIFETIME) -> str:
        """A new token for this claim, from `now` on, for at most an hour."""
        assert _SECOND <= lifetime <= _LONGEST_LIFE, "a token lives up to an hour"
        claims = _claims(self, claim, _seconds(now), lifetime // _SECOND)
        headers = {"kid": self.signing.public.kid, "typ": "at+jwt"}
        token: str = jwt.encode(claims, self.signing.typed, algorithm=_ALGORITHM, headers=headers)
        assert token.startswith(self.signing.public.header + "."), "python-jose spells its headers in another way"
        assert len(token) <= _LARGEST, "the issuer, audience or key is too long for a token"
        return token

    def verify(self, token: str, now: datetime) -> AccessToken:
        """What the token says, if it is ours and in force at `now`. Raises Unauthenticated."""
        moment = _seconds(now)
        try:
            return _token(_believed(self, token), moment)
        # Nothing a forged token makes a parser raise may look different from the outside.
        except Exception as reason:
            raise refused() from reason


def generate(bits: int = _LEAST_BITS) -> str:
    """A new RSA private key, as an unencrypted PKCS #8 PEM."""
    assert bits >= _LEAST_BITS, "shorter RSA keys can be broken"
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def private_key(pem: str) -> PrivateKey:
    """The signing key in this PEM: RSA, unencrypted, 2048 bits or more. Raises InvalidInput."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The parser's words may quote the key, so they go no further.
        raise InvalidInput("The signing key is not an unencrypted private key in PEM.") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise InvalidInput("The signing key is not an RSA key.")
    return PrivateKey(_public(key.public_key()), jwk.construct(key, _ALGORITHM))


def public_key(pem: str) -> PublicKey:
    """The verification key in this PEM: RSA, 2048 bits or more. Raises InvalidInput."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidInput("The verification key is not a public key in PEM.") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise InvalidInput("The verification key is not an RSA key.")
    return _public(key)


def _public(key: rsa.RSAPublicKey) -> PublicKey:
    if key.key_size < _LEAST_BITS:
        raise InvalidInput(f"An RSA key needs {_LEAST_BITS} bits or more, not {key.key_size}.")
    typed = jwk.construct(key, _ALGORITHM)
    members = typed.to_dict()
    kid = _text(sha256(_compact({name: members[name] for name in ("e", "kty", "n")})).digest())
    return PublicKey(kid, _text(_compact({"alg": _ALGORITHM, "kid": kid, "typ": "at+jwt"})), typed)


def _claims(signer: Signer, claim: Claim, moment: int, life: int) -> dict[str, str | int]:
    return {
        "iss": signer.issuer,
        "aud": signer.audience,
        "sub": claim.person,
        "sid": claim.session,
        "epoch": claim.epoch,
        "jti": secrets.token_urlsafe(16),
        "iat": moment,
        "nbf": moment,
        "exp": moment + life,
    }


def _believed(signer: Signer, token: str) -> dict[str, Any]:
    """The claims under a good signature of ours, for us."""
    if len(token) > _LARGEST or not _COMPACT.fullmatch(token):
        raise ValueError("not three parts of base64url in 4096 characters")
    header, _, signature = token.split(".")
    if _text(_bytes(signature)) != signature:
        raise ValueError("the signature is not in its only spelling")
    key = next((key for key in signer.keys if key.header == header), None)
    if key is None:
        raise ValueError("not our header for a key in force")
    names = {"audience": signer.audience, "issuer": signer.issuer}
    claims: dict[str, Any] = jwt.decode(token, key.typed, algorithms=[_ALGORITHM], options=_OPTIONS, **names)
    # python-jose lets both be absent, and lets an audience be one of many.
    if (claims.get("aud"), claims.get("iss")) != (signer.audience, signer.issuer):
        raise ValueError("not from us, or not for us")
    return claims


def _token(claims: dict[str, Any], moment: int) -> AccessToken:
    """The token these claims make, if they are complete, well typed and in force."""
    if claims.keys() != _CLAIMS:
        raise ValueError("claims are missing, or there are others than ours")
    person, session, name = claims["sub"], claims["sid"], claims["jti"]
    if not (_is_name(person) and _is_name(session) and _is_name(name)):
        raise ValueError("sub, sid or jti is not an id")
    issued, begins, ends, epoch = claims["iat"], claims["nbf"], claims["exp"], claims["epoch"]
    if not (_is_whole(issued) and _is_whole(begins) and _is_whole(ends) and _is_epoch(epoch)):
        raise ValueError("iat, nbf, exp or epoch is not a whole number")
    if not (issued <= begins < ends and ends - issued <= _LONGEST_LIFE // _SECOND):
        raise ValueError("the token's life is too long, or runs backward")
    # Only the beginning gets leeway, for clocks of ours that differ: an end is an end.
    if not begins - _LEEWAY <= moment < ends:
        raise ValueError("the token is not yet or no longer in force")
    return AccessToken(person, session, epoch, name, _BEGINNING + ends * _SECOND)


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_whole(value: object) -> TypeGuard[int]:
    # True is an int to Python, and 1.0 equals one.
    return type(value) is int


def _is_epoch(value: object) -> TypeGuard[int]:
    return _is_whole(value) and value in _EPOCHS


def _seconds(moment: datetime) -> int:
    assert moment.tzinfo is not None, "now is an aware instant"
    return (moment - _BEGINNING) // _SECOND


def _compact(members: dict[str, str]) -> bytes:
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
