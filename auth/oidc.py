"""Tokens of other issuers: the product's own sign-in, and whomever else is configured.

An issuer is trusted because our configuration names it, with its address for
keys and its algorithms. Nothing that arrives over the network widens that trust:
algorithms come from neither the token nor a discovery document, keys from
nowhere but the configured address, and the `iss` a token claims only picks the
configured issuer that it must then prove to come from.

* Algorithms are asymmetric. `none` and HMAC can't even be configured, and EdDSA
  goes by the name that fixes its curve (RFC 9864): Ed25519.
* The header may name an algorithm, a key, a type and a thumbprint. Anything else
  is refused: keys in the token (`jwk`, `x5c`), keys elsewhere (`jku`, `x5u`),
  `crit`, nested tokens. A token that does not name its key is refused as well.
* `typ` follows RFC 9068: `at+jwt`, also written `application/at+jwt`, is an access
  token; `JWT` or no `typ` is accepted only from issuers configured so, because it
  can't be told from an ID token. Every other type (logout, security event) is refused.
* `exp` and `iat` are required and `nbf` is heeded, as whole seconds, with a minute's
  leeway around `now`, because these are clocks of others. `aud` contains ours.
* An e-mail address is read only when the issuer says, with a literal `true`, that
  it verified it, and only in ASCII, where two that look the same are the same.

A bad token ends in the one sentence of `auth.refusal`. When the keys can't be had,
that is no fault of the token, and `Unavailable` says so.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, TypeGuard

from joserfc import jws
from joserfc.errors import BadSignatureError

from auth.fetching import Fetcher
from auth.jwks import PublishedKeys, json_object
from auth.refusal import refused
from kernel.errors import InvalidInput, Unavailable

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"},
)
"""What an issuer may be configured to sign with."""

TYPES = frozenset({"at+jwt", "JWT"})
"""What an issuer may be configured to call its access tokens; "JWT" includes no name at all."""

_HEADER = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
_LARGEST = 16_384
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_EMAIL = re.compile(r"(?=.{3,254}\Z)[!#-'*+\-./0-9=?A-Z^_`a-z{|}~]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")
_LONGEST_TEXT = 255
_LEEWAY = 60
_SECOND = timedelta(seconds=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Somebody whose tokens we accept, as configured. Raises InvalidInput when that would be unsafe."""

    issuer: str
    audience: str
    jwks_uri: str
    algorithms: tuple[str, ...] = ("RS256",)
    typ: tuple[str, ...] = ("at+jwt", "JWT")

    def __post_init__(self) -> None:
        if not (self.issuer and self.audience):
            raise InvalidInput("An issuer needs its own name, and the audience that is us.")
        if not self.algorithms or not ALGORITHMS.issuperset(self.algorithms):
            raise InvalidInput(f"The algorithms of {self.issuer} must be some of {', '.join(sorted(ALGORITHMS))}.")
        if not self.typ or not TYPES.issuperset(self.typ):
            raise InvalidInput(f"The token types of {self.issuer} must be some of {', '.join(sorted(TYPES))}.")


@dataclass(frozen=True, slots=True)
class ForeignToken:
    """A token that holds: whom the issuer vouches for. `issuer` and `subject` together name one person.

    `token_id` is the token's `jti`; or, where the issuer gives none, "sha256:" and
    the digest of what it signed.
    """

    issuer: str
    subject: str
    email: str | None
    name: str | None
    token_id: str
    expires_at: datetime


class Issuers:
    """Every configured issuer, with the keys that each publishes.

    Keys come through `fetcher`. Raises InvalidInput for an address that it would never fetch.
    """

    def __init__(self, issuers: Iterable[Issuer], fetcher: Fetcher) -> None:
        self._trusted: dict[str, tuple[Issuer, PublishedKeys]] = {}
        for issuer in issuers:
            if issuer.issuer in self._trusted:
                raise InvalidInput(f"The issuer {issuer.issuer} is configured twice.")
            fetcher.check(issuer.jwks_uri)
            self._trusted[issuer.issuer] = issuer, PublishedKeys(issuer.jwks_uri, issuer.algorithms, fetcher)

    async def verify(self, token: str, now: datetime) -> ForeignToken:
        """Whom the token vouches for at `now`. Raises Unauthenticated, and Unavailable when keys can't be had."""
        moment = _seconds(now)
        try:
            issuer, claims = await self._believed(token, now)
            return _vouched(issuer, claims, token, moment)
        except Unavailable:
            raise
        # Nothing a forged token makes a parser raise may look different from the outside.
        except Exception as reason:
            raise refused() from reason

    async def _believed(self, token: str, now: datetime) -> tuple[Issuer, dict[str, Any]]:
        """The issuer, and the claims under a good signature of its."""
        _, claims = _parts(token)
        issuer, keys = self._claimed(claims)
        return issuer, await claims_under(token, issuer, keys, now)

    def _claimed(self, claims: bytes) -> tuple[Issuer, PublishedKeys]:
        """The configured issuer that the unproven claims name."""
        found = self._trusted.get(json_object(claims)["iss"])
        if found is None:
            raise ValueError("iss is not an issuer that we trust")
        return found


async def claims_under(
    token: str,
    issuer: Issuer,
    keys: PublishedKeys,
    now: datetime,
    typ: tuple[str, ...] | None = None,
    *,
    nameless: bool = False,
) -> dict[str, Any]:
    """The claims under a good signature of an issuer, yet unread; what the header says is checked.

    `typ` is what the token may be called, where that is not what the issuer's tokens are called.
    A `nameless` token needs not name its key where the issuer has only one (OpenID Connect Core, 10.1).
    Raises Unavailable when the keys can't be had, and whatever a forged token makes a parser raise.
    """
    header, _ = _parts(token)
    kid, algorithm = _checked(json_object(header), issuer, typ or issuer.typ, nameless=nameless)
    key = await keys.find(kid, algorithm, now)
    try:
        signed = jws.deserialize_compact(token, key, algorithms=[algorithm])
    except BadSignatureError:
        # An issuer may have another key under the same name by now.
        signed = jws.deserialize_compact(token, await keys.find_anew(kid, algorithm, now), algorithms=[algorithm])
    return json_object(signed.payload)


def _parts(token: str) -> tuple[bytes, bytes]:
    """The header and the claims of a token, unproven."""
    if len(token) > _LARGEST or not _COMPACT.fullmatch(token):
        raise ValueError("not three parts of base64url in 16384 characters")
    header, claims, _ = (_bytes(part) for part in token.split("."))
    return header, claims


def _checked(header: dict[str, Any], issuer: Issuer, typ: tuple[str, ...], *, nameless: bool) -> tuple[str | None, str]:
    """The kid, if there has to be one, and the algorithm of a header that holds nothing dangerous."""
    if not _HEADER.issuperset(header):
        raise ValueError("the header has members that we don't allow")
    if header.get("alg") not in issuer.algorithms:
        raise ValueError("alg is not configured for this issuer")
    if not _allowed(header.get("typ", "JWT"), typ):
        raise ValueError("typ is not configured for this issuer")
    if nameless and "kid" not in header:
        return None, header["alg"]
    if not is_text(header.get("kid")):
        raise ValueError("kid is missing or not a text")
    return header["kid"], header["alg"]


def _allowed(typ: object, allowed: tuple[str, ...]) -> bool:
    # Media types ignore case, and may leave out their "application/" (RFC 7515, 4.1.9).
    return isinstance(typ, str) and typ.lower().removeprefix("application/") in {name.lower() for name in allowed}


def _vouched(issuer: Issuer, claims: dict[str, Any], token: str, moment: int) -> ForeignToken:
    if claims["iss"] != issuer.issuer:
        raise ValueError("iss is another issuer")
    if not _for_us(claims.get("aud"), issuer.audience):
        raise ValueError("aud is not us")
    if not is_text(claims.get("sub")):
        raise ValueError("sub is missing or not a text")
    return ForeignToken(
        issuer=issuer.issuer,
        subject=claims["sub"],
        email=_email(claims),
        name=claims["name"] if is_text(claims.get("name")) else None,
        token_id=_token_id(claims, token),
        expires_at=_BEGINNING + _end(claims, moment) * _SECOND,
    )


def _for_us(audience: object, ours: str) -> bool:
    several = audience if isinstance(audience, list) else [audience]
    return ours in several and all(isinstance(each, str) for each in several)


def in_force(claims: dict[str, Any], now: datetime) -> int:
    """When the token ends, if it is in force: seconds since 1970. Raises ValueError, KeyError."""
    return _end(claims, _seconds(now))


def _end(claims: dict[str, Any], moment: int) -> int:
    issued, begins, ends = claims["iat"], claims.get("nbf", moment), claims["exp"]
    # True is an int to Python, and a number such as 1e999 is a float.
    if any(type(each) is not int for each in (issued, begins, ends)):
        raise ValueError("iat, nbf or exp is not a whole number")
    if max(issued, begins) > moment + _LEEWAY or ends <= moment - _LEEWAY:
        raise ValueError("the token is not yet or no longer in force")
    return int(ends)


def _token_id(claims: dict[str, Any], token: str) -> str:
    if is_text(claims.get("jti")):
        return str(claims["jti"])
    # Without the signature: an elliptic curve can sign the same thing in many ways.
    return "sha256:" + sha256(token.rpartition(".")[0].encode()).hexdigest()


def _email(claims: dict[str, Any]) -> str | None:
    return email_in(claims) if claims.get("email_verified") is True else None


def email_in(claims: dict[str, Any]) -> str | None:
    """The address that claims name, as they spell it; None for what is not plausible, or not ASCII."""
    email = claims.get("email")
    return email if isinstance(email, str) and _EMAIL.fullmatch(email) is not None else None


def is_text(value: object, longest: int = _LONGEST_TEXT) -> TypeGuard[str]:
    """Whether this is a text that can be stored and shown: no control character, no lone surrogate."""
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()


def _seconds(moment: datetime) -> int:
    assert moment.tzinfo is not None, "now is an aware instant"
    return (moment - _BEGINNING) // _SECOND


def _bytes(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
