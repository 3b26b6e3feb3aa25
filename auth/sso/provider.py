"""OpenID Connect: what we say to an identity provider, and what we believe of its answer.

Authlib writes our requests: the address that a browser is sent to, with PKCE, and
the exchange of a code. What comes back is read by us, because a library's defaults
believe too much of it: algorithms come from the code and not from the provider's
description, `iss` and the audience are exactly what is expected, a subject is
required, an access token is no ID token, and an answer without an ID token is no
login. `auth.oidc` has the rules for a header and its times.

Of a provider's description we keep four addresses and three words. Authlib takes
every member of a description for an option of its HTTP client (`proxy`, `verify`,
`transport`), so it is never shown one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from authlib.integrations.starlette_client import StarletteOAuth2App

from auth.fetching import Fetcher, NotFetched
from auth.jwks import PublishedKeys, json_object
from auth.oidc import ALGORITHMS, Issuer, claims_under, email_in, in_force, is_text
from auth.sso.rules import FLOW_LIVES, Claimed, Left, LoginRefused
from kernel.errors import InvalidInput, Unavailable

SCOPE = "openid email profile"
"""What we ask for."""

_DESCRIBED_FOR = timedelta(hours=1)
_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
_WELL_KNOWN = "/.well-known/openid-configuration"
_BASIC, _POST, _NONE = "client_secret_basic", "client_secret_post", "none"
_MOST_REMEMBERED = 1_000
_LEEWAY = timedelta(minutes=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = 2**33  # seconds since 1970, far beyond anybody's calendar


@dataclass(frozen=True, slots=True)
class Described:
    """What a provider says of itself, as far as we listen."""

    issuer: str
    authorization: str
    token: str
    jwks: str
    userinfo: str | None
    says_issuer: bool
    """Whether its answers name it (RFC 9207)."""

    post: bool
    """Whether it takes our secret in the body alone."""


@dataclass(frozen=True, slots=True)
class Client:
    """We, as one provider knows us."""

    connection_id: int
    issuer: str
    client_id: str
    secret: str | None = field(repr=False)
    redirect: str


@dataclass(frozen=True, slots=True)
class Secrets:
    """What one login keeps from everybody but the provider."""

    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    again: bool = False
    """Whether they have to prove who they are, whatever session the provider has."""


class Providers:
    """Every provider we have spoken to lately, with what it said of itself and the keys it publishes."""

    def __init__(self, fetcher: Fetcher) -> None:
        self.fetcher = fetcher
        self._described: dict[tuple[int, str], tuple[datetime, Described]] = {}
        self._keys: dict[tuple[int, str], PublishedKeys] = {}

    async def describe(self, client: Client, now: datetime, *, anew: bool = False) -> Described:
        """What the provider says of itself, at most an hour ago. Raises LoginRefused."""
        key = client.connection_id, client.issuer
        known = self._described.get(key)
        if known and not anew and abs(now - known[0]) < _DESCRIBED_FOR:
            return known[1]
        found = await self.look(client.issuer)
        _remember(self._described, key, (now, found))
        return found

    async def look(self, issuer: str) -> Described:
        """What a provider says of itself now. Raises LoginRefused."""
        uri = issuer.rstrip("/") + _WELL_KNOWN
        try:
            told = json_object(await self.fetcher.get(uri, "application/json"))
        except NotFetched as failure:
            raise LoginRefused(f"The description at {uri} can't be read. {failure}") from failure
        except (ValueError, TypeError, RecursionError) as failure:
            raise LoginRefused(f"The description at {uri} is not a JSON object.") from failure
        return self._weighed(told, issuer)

    async def leave(self, client: Client, described: Described, state: str, secrets: Secrets) -> str:
        """Where to send a browser."""
        app = self._app(client, described)
        again = {"prompt": "login", "max_age": 0} if secrets.again else {}
        made = await app.create_authorization_url(
            client.redirect, state=state, nonce=secrets.nonce, code_verifier=secrets.verifier, **again
        )
        return str(made["url"])

    async def exchange(self, client: Client, described: Described, code: str, verifier: str) -> Mapping[str, Any]:
        """The tokens that a code stands for. Raises LoginRefused."""
        try:
            answer = await self._app(client, described).fetch_access_token(
                client.redirect, code=code, code_verifier=verifier
            )
        # Whatever a provider's answer makes a library raise, it is no login.
        except Exception as failure:
            said = _without(_words(failure), client.secret, code, verifier)
            raise LoginRefused(f"The provider did not exchange the code. {said}") from failure
        if not isinstance(answer, Mapping) or not isinstance(answer.get("id_token"), str):
            raise LoginRefused("The provider's answer holds no ID token: it signs in nobody.")
        return answer

    async def believe(
        self, client: Client, described: Described, answer: Mapping[str, Any], secrets: Secrets, now: datetime
    ) -> Claimed:
        """Whom an answer vouches for. Raises LoginRefused, and Unavailable when the keys can't be had."""
        try:
            claims = await self._proven(client, described, answer["id_token"], now)
            _check(claims, client, secrets.nonce, now)
            proved_at = _proved(claims, now, again=secrets.again)
        except Unavailable as failure:
            raise LoginRefused(f"The provider's keys at {described.jwks} can't be had.") from failure
        except LoginRefused:
            raise
        # Nothing a forged token makes a parser raise may be anything but a refusal.
        except Exception as reason:
            raise LoginRefused(f"The ID token was refused: {_words(reason)}") from reason
        return _claimed(await self._with_userinfo(described, answer, claims), proved_at)

    async def left(self, client: Client, described: Described, token: str, now: datetime) -> Left:
        """Who signed out, by a logout token. Raises LoginRefused."""
        try:
            claims = await self._proven(client, described, token, now, ("logout+jwt", "JWT"))
            return _left(claims, client, now)
        except Unavailable as failure:
            raise LoginRefused(f"The provider's keys at {described.jwks} can't be had.") from failure
        # Nothing a forged token makes a parser raise may be anything but a refusal.
        except Exception as reason:
            raise LoginRefused(f"The logout token was refused: {_words(reason)}") from reason

    async def _proven(
        self, client: Client, described: Described, token: str, now: datetime, typ: tuple[str, ...] = ("JWT",)
    ) -> dict[str, Any]:
        key = client.connection_id, described.jwks
        if key not in self._keys:
            _remember(self._keys, key, PublishedKeys(described.jwks, tuple(sorted(ALGORITHMS)), self.fetcher))
        issuer = Issuer(client.issuer, client.client_id, described.jwks, tuple(sorted(ALGORITHMS)), ("JWT",))
        return await claims_under(token, issuer, self._keys[key], now, typ, nameless=True)

    async def _with_userinfo(
        self, described: Described, answer: Mapping[str, Any], claims: dict[str, Any]
    ) -> dict[str, Any]:
        """The claims, with those of the userinfo where the ID token names no address. Raises LoginRefused."""
        access = answer.get("access_token")
        if "email" in claims or described.userinfo is None or not is_text(access, 16_384):
            return claims
        try:
            told = json_object(await self.fetcher.get(described.userinfo, "application/json", bearer=access))
        except (NotFetched, ValueError, TypeError, RecursionError) as failure:
            raise LoginRefused("The userinfo can't be read, and the ID token names no address.") from failure
        if told.get("sub") != claims["sub"]:
            raise LoginRefused("The userinfo speaks of another subject than the ID token.")
        return {**{name: told[name] for name in ("email", "email_verified", "name") if name in told}, **claims}

    def _app(self, client: Client, described: Described) -> Any:
        method = _NONE if client.secret is None else _POST if described.post else _BASIC
        return StarletteOAuth2App(
            None,
            client_id=client.client_id,
            client_secret=client.secret,
            authorize_url=described.authorization,
            access_token_url=described.token,
            client_kwargs={
                "scope": SCOPE,
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": method,
                "transport": self.fetcher.transport(),
                "trust_env": False,
                "follow_redirects": False,
            },
            user_agent="Seatgraph",
        )

    def _weighed(self, told: dict[str, Any], issuer: str) -> Described:
        if told.get("issuer") != issuer:
            raise LoginRefused(f"The description speaks of the issuer {_shown(told.get('issuer'))}, not of {issuer}.")
        methods = told.get("token_endpoint_auth_methods_supported")
        known = methods if isinstance(methods, list) else [_BASIC]
        return Described(
            issuer=issuer,
            authorization=self._address(told, "authorization_endpoint"),
            token=self._address(told, "token_endpoint"),
            jwks=self._address(told, "jwks_uri"),
            userinfo=self._address(told, "userinfo_endpoint") if "userinfo_endpoint" in told else None,
            says_issuer=told.get("authorization_response_iss_parameter_supported") is True,
            post=_BASIC not in known and _POST in known,
        )

    def _address(self, told: dict[str, Any], name: str) -> str:
        address = told.get(name)
        if not isinstance(address, str):
            raise LoginRefused(f"The description has no {name}.")
        try:
            self.fetcher.check(address)
        except InvalidInput as refusal:
            raise LoginRefused(f"The description can't be used. {refusal.message}") from refusal
        return address


def _check(claims: dict[str, Any], client: Client, nonce: str, now: datetime) -> None:
    """Insist on what OpenID Connect asks of an ID token. Raises ValueError."""
    if claims.get("iss") != client.issuer:
        raise ValueError("iss is another issuer")
    if claims.get("aud") not in (client.client_id, [client.client_id]):
        raise ValueError("aud is not exactly our client id")
    if claims.get("azp", client.client_id) != client.client_id:
        raise ValueError("azp is another client")
    if claims.get("nonce") != nonce:
        raise ValueError("nonce is not the one of this login")
    if not is_text(claims.get("sub")):
        raise ValueError("sub is missing, empty or not a text")
    if (ends := _ends(claims)) is not None and ends <= now.timestamp():
        raise ValueError("session_expiry is over: the provider's own session has ended")
    in_force(claims, now)


def _left(claims: dict[str, Any], client: Client, now: datetime) -> Left:
    """Insist on what Back-Channel Logout asks of a logout token. Raises ValueError, TypeError."""
    if claims.get("iss") != client.issuer or claims.get("aud") not in (client.client_id, [client.client_id]):
        raise ValueError("iss or aud is another's")
    happened = claims.get("events")
    if not isinstance(happened, dict) or not isinstance(happened.get(_LOGOUT), dict):
        raise TypeError("it tells of no logout")
    if "nonce" in claims:
        raise ValueError("it is an ID token")
    in_force(claims, now)
    subject, session = claims.get("sub"), claims.get("sid")
    if not all(each is None or is_text(each) for each in (subject, session)) or subject is session is None:
        raise ValueError("it names neither a subject nor a session")
    return Left(subject, session)


def _proved(claims: dict[str, Any], now: datetime, *, again: bool) -> datetime | None:
    """When they proved who they are, if the provider says so. Raises ValueError where it had to be just now."""
    said = claims.get("auth_time")
    proved = _BEGINNING + timedelta(seconds=said) if type(said) is int and 0 < said < _NEVER else None
    known = proved if proved is not None and proved <= now + _LEEWAY else None
    if again and (known is None or known < now - FLOW_LIVES):
        raise ValueError("auth_time does not say that they proved who they are just now")
    return known and min(known, now)


def _ends(claims: dict[str, Any]) -> int | None:
    """When the provider ends its own session, if it says so: seconds since 1970."""
    ends = claims.get("session_expiry")
    return ends if type(ends) is int else None


def _claimed(claims: dict[str, Any], proved_at: datetime | None) -> Claimed:
    # Many providers don't say whether they verified an address; the domain is proven to us anyway.
    vouched = claims.get("email_verified", True) is True
    email = email_in(claims)
    return Claimed(
        subject=claims["sub"],
        email=email.lower() if email and vouched else None,
        name=claims["name"] if is_text(claims.get("name"), 200) else None,
        proved_at=proved_at,
        provider_session=claims["sid"] if is_text(claims.get("sid")) else None,
        ends_at=_ends(claims),
    )


def _words(reason: BaseException) -> str:
    """What went wrong, in the words of whoever noticed, if they are fit to be read."""
    said = " ".join(str(reason).split())[:200]
    return f"{type(reason).__name__}: {said}." if said.isprintable() and said else f"{type(reason).__name__}."


def _without(text: str, *secrets: str | None) -> str:
    """The text, in which a provider may have said again what we told it alone."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    return text


def _shown(value: object) -> str:
    return repr(value)[:200]


def _remember(kept: dict[Any, Any], key: Any, value: Any) -> None:
    """Keep a value, and let the oldest go when there are many."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > _MOST_REMEMBERED:
        del kept[next(iter(kept))]
