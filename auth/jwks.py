"""The keys that an issuer publishes: fetched, weighed, remembered.

What is fetched is a stranger's text, even from an issuer that we trust, so it comes
through `auth.fetching`. Of its keys only those stay that can verify a signature of a
pinned algorithm and are long enough; a bad key is left out and harms no other.

A set is fetched anew when a token names a key that is not in it, or when it is an
hour old, so that a withdrawn key goes; at most once a minute, failures included,
so that nobody can make us a weapon against the issuer; and once at a time. While
the issuer is silent the remembered keys hold, for a day. Longer would let whoever
can cut us off from the issuer keep a stolen key alive.
"""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from joserfc.jws import JWSRegistry

from auth.fetching import Fetcher
from kernel.errors import Unavailable

_AGE_TO_RENEW = timedelta(hours=1)
_AGE_TO_FORGET = timedelta(days=1)
_BETWEEN_TRIES = timedelta(minutes=1)
_MOST_KEYS = 100
_LEAST_RSA_BITS = 2048

Keys = dict[tuple[str, str], Key]
"""Keys by kid and algorithm."""


class PublishedKeys:
    """The remembered keys of one issuer, for the algorithms that we pinned."""

    def __init__(self, uri: str, algorithms: tuple[str, ...], fetcher: Fetcher) -> None:
        self._uri, self._algorithms, self._fetcher = uri, algorithms, fetcher
        self._keys: Keys = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._failure: Exception | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str, now: datetime) -> Key:
        """The key of this name, for this algorithm; None names the only key of an issuer that has one.

        Raises LookupError when the issuer publishes none, and Unavailable when
        the issuer can't be asked and no remembered key decides.
        """
        missing = self._named(kid, algorithm, now) is None
        if (missing or not self._lately(self._fetched_at, now, _AGE_TO_RENEW)) and self._may_fetch(now):
            self._tried_at = now
            self._fetching = asyncio.create_task(self._fetch(now))
            missing = True
        if missing and self._fetching is not None:
            # A caller who hangs up must not take down the answer that others wait for.
            await asyncio.shield(self._fetching)
        return self._decided(kid, algorithm, now)

    async def find_anew(self, kid: str | None, algorithm: str, now: datetime) -> Key:
        """The same, after asking the issuer again if it was not asked in the last minute."""
        if self._may_fetch(now):
            self._tried_at = now
            self._fetching = asyncio.create_task(self._fetch(now))
            await asyncio.shield(self._fetching)
        return self._decided(kid, algorithm, now)

    def _decided(self, kid: str | None, algorithm: str, now: datetime) -> Key:
        key = self._named(kid, algorithm, now)
        if key is not None:
            return key
        if self._failure is not None:
            raise Unavailable("Your sign-in can't be checked right now. Try again in a minute.") from self._failure
        raise LookupError("the issuer publishes no such key")

    def _named(self, kid: str | None, algorithm: str, now: datetime) -> Key | None:
        held = self._held(now)
        names = {name for name, _ in held} if kid is None else {kid}
        # Among several, a token that doesn't name its own can't be told from a forged one.
        return held.get((names.pop(), algorithm)) if len(names) == 1 else None

    def _held(self, now: datetime) -> Keys:
        return self._keys if self._lately(self._fetched_at, now, _AGE_TO_FORGET) else {}

    def _may_fetch(self, now: datetime) -> bool:
        idle = self._fetching is None or self._fetching.done()
        return idle and not self._lately(self._tried_at, now, _BETWEEN_TRIES)

    @staticmethod
    def _lately(then: datetime | None, now: datetime, span: timedelta) -> bool:
        # A clock that was set back must not stop the fetching until it has caught up.
        return then is not None and abs(now - then) < span

    async def _fetch(self, now: datetime) -> None:
        try:
            answer = await self._fetcher.get(self._uri, "application/jwk-set+json, application/json")
            self._keys, self._fetched_at, self._failure = _weighed(answer, self._algorithms), now, None
        # Whatever kept the keys from us, the remedy is the same: remember why, and try again later.
        except Exception as failure:  # noqa: BLE001
            self._failure = failure


def json_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in these bytes: UTF-8, no member twice, no NaN. Raises ValueError, TypeError."""
    parsed = json.loads(raw.decode(), object_pairs_hook=_once_each, parse_constant=_no_number)
    if not isinstance(parsed, dict):
        raise TypeError("the JSON is not an object")
    return parsed


def _once_each(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a JSON object names a member twice")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _weighed(answer: bytes, algorithms: tuple[str, ...]) -> Keys:
    """The keys in a JSON Web Key Set that we would trust. Raises ValueError when it is none."""
    members = json_object(answer).get("keys")
    if not isinstance(members, list) or len(members) > _MOST_KEYS:
        raise ValueError("the answer is not a set of keys")
    found: Keys = {}
    for member in members:
        # Whatever keeps a key from being read, the others are as good as before.
        with suppress(Exception):
            _take(found, _key(member), algorithms)
    return found


def _take(found: Keys, key: Key, algorithms: tuple[str, ...]) -> None:
    for algorithm in algorithms:
        with suppress(JoseError):
            JWSRegistry.algorithms[algorithm].check_key(key)
            key.check_key_op("verify")
            found.setdefault((str(key.kid), algorithm), key)


def _key(member: dict[str, Any]) -> Key:
    """A public key with a name, of a sound length. Raises whatever a stranger's JSON can provoke."""
    if not isinstance(member.get("kid"), str):
        raise TypeError("the key has no name")
    if "d" in member:
        raise ValueError("the issuer published its private key")
    if member["kty"] == "RSA" and _bits(member["n"]) < _LEAST_RSA_BITS:
        raise ValueError("the RSA key is too short")
    return JWKRegistry.import_key(member)


def _bits(number: str) -> int:
    return int.from_bytes(urlsafe_b64decode(number + "==")).bit_length()
