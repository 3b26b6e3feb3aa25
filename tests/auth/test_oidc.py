from __future__ import annotations

import json
import string
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from auth.fetching import Fetcher
from auth.oidc import ForeignToken, Issuer, Issuers
from auth.refusal import SENTENCE
from kernel.errors import InvalidInput, Unauthenticated, Unavailable
from tests.auth import forging
from tests.auth.publishing import Publisher, http, key_set, publisher

NOW = datetime(2026, 3, 1, 12, 0, 0, 700_000, tzinfo=UTC)
MOMENT = int(NOW.timestamp())
MINUTE = timedelta(minutes=1)
ISSUER, US = "https://sign-in.test", "https://gateway.test/graphql"
KEY, OTHER = forging.rsa_key("issuer"), forging.rsa_key("another's")
KID = "2026-03"
FETCHER = Fetcher(development=True)
HEADER = {"alg": "RS256", "kid": KID, "typ": "at+jwt"}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": US,
    "sub": "ada",
    "jti": "c0ffee",
    "iat": MOMENT,
    "nbf": MOMENT,
    "exp": MOMENT + 3600,
    "name": "Ada Lovelace",
    "email": "ada@acme.test",
    "email_verified": True,
    "scope": "openid",
    "roles": ["owner"],
    "score": 0.5,
}
TOKEN = forging.signed(HEADER, CLAIMS, KEY)
ADA = ForeignToken(
    issuer=ISSUER,
    subject="ada",
    email="ada@acme.test",
    name="Ada Lovelace",
    token_id="c0ffee",
    expires_at=NOW.replace(microsecond=0) + timedelta(hours=1),
)


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[Publisher]:
    async with publisher(key_set(forging.jwk(KEY, KID, use="sig", alg="RS256"))) as server:
        yield server


@pytest.fixture(scope="session")
def issuers(server: Publisher) -> Issuers:
    return Issuers([Issuer(ISSUER, US, server.uri)], FETCHER)


def claiming(**changes: Any) -> str:
    return forging.signed(HEADER, CLAIMS | changes, KEY)


def headed(**changes: Any) -> str:
    return forging.signed(HEADER | changes, CLAIMS, KEY)


def lacking(claim: str) -> str:
    return forging.signed(HEADER, {name: value for name, value in CLAIMS.items() if name != claim}, KEY)


def unheaded(member: str) -> str:
    return forging.signed({name: value for name, value in HEADER.items() if name != member}, CLAIMS, KEY)


def written(**changes: str) -> str:
    """A token whose claims hold these JSON texts, however odd."""
    members = {name: json.dumps(value) for name, value in CLAIMS.items()} | changes
    text = ",".join(f'"{name}":{value}' for name, value in members.items())
    return forging.signed(HEADER, f"{{{text}}}".encode(), KEY)


async def refusal_of(token: str, issuers: Issuers, now: datetime = NOW) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as caught:
        await issuers.verify(token, now)
    return caught.value


async def test_a_token_tells_whom_its_issuer_vouches_for(issuers: Issuers) -> None:
    assert await issuers.verify(TOKEN, NOW) == ADA


async def test_a_token_may_be_for_others_too(issuers: Issuers) -> None:
    assert await issuers.verify(claiming(aud=["https://other.test", US]), NOW) == ADA


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", "jwt", "application/jwt"])
async def test_an_access_token_may_be_called_one_or_just_a_token(typ: str, issuers: Issuers) -> None:
    assert await issuers.verify(headed(typ=typ), NOW) == ADA


async def test_a_token_need_not_tell_its_type_or_its_beginning(issuers: Issuers) -> None:
    assert await issuers.verify(unheaded("typ"), NOW) == ADA
    assert await issuers.verify(lacking("nbf"), NOW) == ADA


async def test_a_thumbprint_in_the_header_harms_nobody(issuers: Issuers) -> None:
    assert await issuers.verify(headed(**{"x5t": "AAAA", "x5t#S256": "AAAA"}), NOW) == ADA


@pytest.mark.parametrize(("seconds", "holds"), [(-61, False), (-60, True), (3659, True), (3660, False)])
async def test_clocks_of_others_get_a_minute(seconds: int, holds: bool, issuers: Issuers) -> None:
    now = NOW.replace(microsecond=0) + timedelta(seconds=seconds)

    if holds:
        assert await issuers.verify(TOKEN, now) == ADA
    else:
        assert await refusal_of(TOKEN, issuers, now)


async def test_a_token_without_an_id_is_named_by_what_was_signed(issuers: Issuers) -> None:
    one, same, other = lacking("jti"), lacking("jti"), claiming(jti="", sub="bob")

    names = [(await issuers.verify(token, NOW)).token_id for token in (one, same, other)]

    assert names[0] == names[1] != names[2]
    assert {len(name) for name in names} == {len("sha256:") + 64}


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": "false"},
        {"email_verified": 1},
        {"email_verified": None},
        {"email": ""},
        {"email": None},
        {"email": ["ada@acme.test"]},
        {"email": "ada"},
        {"email": "@acme.test"},
        {"email": "ada@acme"},
        {"email": "ada@acme.test\0"},
        {"email": "ada@acme.test\n"},
        {"email": "ada@evil.test,ada@acme.test"},
        {"email": "ada@evil.test ada@acme.test"},
        {"email": "Ada <ada@acme.test>"},
        {"email": "ada@@acme.test"},
        {"email": "аda@acme.test"},  # noqa: RUF001 - a Cyrillic letter
        {"email": "ada@acmе.test"},  # noqa: RUF001 - a Cyrillic letter
        {"email": "ada@\ud800.test"},
        {"email": "a" * 65 + "@acme.test"},
        {"email": "ada@" + "a." * 200 + "test"},
        {"email": "ada@" + "a" * 10_000},
    ],
    ids=lambda claims: repr(claims)[:60],
)
async def test_an_address_that_is_not_verified_or_plausible_is_not_read(
    claims: dict[str, Any], issuers: Issuers
) -> None:
    token = await issuers.verify(claiming(**claims), NOW)

    assert (token.subject, token.email) == ("ada", None)


async def test_an_address_without_a_word_on_its_verification_is_not_read(issuers: Issuers) -> None:
    assert (await issuers.verify(lacking("email_verified"), NOW)).email is None


@pytest.mark.parametrize(
    "name", ["", None, 1, ["Ada"], "Ada\0", "Ada\n", "a" * 256, "\ud800"], ids=lambda n: repr(n)[:9]
)
async def test_a_name_that_can_not_be_shown_is_not_read(name: object, issuers: Issuers) -> None:
    assert (await issuers.verify(claiming(name=name), NOW)).name is None


def test_none_and_symmetric_algorithms_can_not_even_be_configured() -> None:
    for algorithm in ("none", "NONE", "HS256", "HS384", "HS512", "EdDSA", "RSA1_5", "dir", ""):
        with pytest.raises(InvalidInput):
            Issuer(ISSUER, US, "https://sign-in.test/keys", algorithms=("RS256", algorithm))


ODD_MEMBERS: dict[str, tuple[Any, ...]] = {
    "alg": (None, 1, ["RS256"], {}, "rs256", ""),
    "kid": (None, 1, [KID], {}, "", "a" * 256, "../../dev/null", "\0", "\ud800", "nobody"),
    "typ": (None, 1, ["JWT"], {}, "", "logout+jwt", "secevent+jwt", "dpop+jwt", "application/", "id+jwt"),
    "jwk": (forging.jwk(KEY, KID), None),
    "jku": ("https://attacker.test/keys",),
    "x5u": ("https://attacker.test/chain",),
    "x5c": (["MIIB"], []),
    "crit": (["exp"], [], ["b64"], None),
    "b64": (False, True),
    "cty": ("JWT",),
    "enc": ("A256GCM",),
    "zip": ("DEF",),
    "anything": (1,),
}
ODD_CLAIMS: dict[str, tuple[Any, ...]] = {
    "iss": (None, 1, [ISSUER], {}, "", ISSUER + "/", ISSUER.upper(), "https://attacker.test"),
    "aud": (
        None,
        1,
        {},
        [],
        "",
        US + "/",
        "https://other.test",
        ["https://other.test"],
        [US, 1],
        [[US]],
        US[:-1],
    ),
    "sub": (None, 1, True, [], {}, "", "a" * 256, "a\0", "a\n", "\ud800"),
}
HOSTILE: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "two dots alone": lambda: "..",
    "alg none": lambda: forging.unsigned(HEADER | {"alg": "none"}, CLAIMS) + ".",
    "alg none, with a signature": lambda: headed(alg="none"),
    "our token without its signature": lambda: TOKEN.rpartition(".")[0] + ".",
    **{
        f"{alg} keyed with the public {form}": partial(forging.hmac_signed, HEADER | {"alg": alg}, CLAIMS, secret)
        for alg in ("HS256", "RS256")
        for form, secret in (("PEM", forging.public_pem(KEY).encode()), ("DER", forging.public_der(KEY)))
    },
    "an algorithm that is not configured": lambda: jws.serialize_compact(
        HEADER | {"alg": "RS512"}, json.dumps(CLAIMS), RSAKey.import_key(KEY), algorithms=["RS512"]
    ),
    **{f"{member} missing": partial(unheaded, member) for member in ("alg", "kid")},
    **{
        f"{member}, odd in way {way}": partial(headed, **{member: odd})
        for member, odds in ODD_MEMBERS.items()
        for way, odd in enumerate(odds)
    },
    "an embedded key": lambda: forging.signed(HEADER | {"jwk": forging.jwk(OTHER, KID)}, CLAIMS, OTHER),
    "a header of more than 512 bytes": lambda: headed(x5t="A" * 512),
    "header not JSON": lambda: forging.signed(b"alg", CLAIMS, KEY),
    "header not UTF-8": lambda: forging.signed(b'{"alg":"\xff"}', CLAIMS, KEY),
    "header UTF-16": lambda: forging.signed(json.dumps(HEADER).encode("utf-16"), CLAIMS, KEY),
    "header a list": lambda: forging.signed(b"[]", CLAIMS, KEY),
    "header deep": lambda: forging.signed(b'{"alg":' + b"[" * 4000, CLAIMS, KEY),
    "header, a member twice": lambda: forging.signed(b'{"alg":"none",' + json.dumps(HEADER).encode()[1:], CLAIMS, KEY),
    "claims deep": lambda: forging.signed(HEADER, b'{"iss":' + b"[" * 8000, KEY),
    "claims not JSON": lambda: forging.signed(HEADER, b"ada", KEY),
    "claims null": lambda: forging.signed(HEADER, b"null", KEY),
    "claims a list": lambda: forging.signed(HEADER, b"[]", KEY),
    "sub twice": lambda: forging.signed(HEADER, json.dumps(CLAIMS)[:-1].encode() + b',"sub":"eve"}', KEY),
    "a claim NaN": lambda: written(score="NaN"),
    "another's key under this kid": lambda: forging.signed(HEADER, CLAIMS, OTHER),
    **{f"{claim} missing": partial(lacking, claim) for claim in ("iss", "aud", "sub", "iat", "exp")},
    **{
        f"{claim} {odd!r}"[:40]: partial(claiming, **{claim: odd}) for claim, odds in ODD_CLAIMS.items() for odd in odds
    },
    **{
        f"{claim} {odd[:12]}": partial(written, **{claim: odd})
        for claim in ("iat", "nbf", "exp")
        for odd in (
            f'"{MOMENT + 1}"',
            f"{MOMENT + 1}.0",
            "true",
            "null",
            "1e999",
            "-1e999",
            "NaN",
            "[]",
            "1" * 30,
            "9" * 5000,
        )
    },
    "expired": lambda: claiming(exp=MOMENT - 60),
    "an end beyond all calendars": lambda: claiming(exp=10**12),
    "nbf ahead": lambda: claiming(nbf=MOMENT + 61),
    "iat ahead": lambda: claiming(iat=MOMENT + 61),
    "5 MB of claims": lambda: claiming(sub="a" * 5_000_000),
    "5 MB of letters": lambda: "a" * 5_000_000,
    "5 MB of dots": lambda: "." * 5_000_000,
    "20 kB of claims": lambda: claiming(groups="a" * 15_000),
    "one dot": lambda: TOKEN.replace(".", "", 1),
    "four dots, as encrypted tokens have": lambda: TOKEN + ".AA.AA",
    "an empty middle": lambda: TOKEN.split(".")[0] + ".." + TOKEN.split(".")[2],
    "truncated by one": lambda: TOKEN[:-1],
    "padded": lambda: TOKEN + "==",
    "a line after it": lambda: TOKEN + "\n",
    "its scheme before it": lambda: "Bearer " + TOKEN,
    "not ASCII": lambda: TOKEN[:-1] + "é",
    "a lone surrogate": lambda: TOKEN[:-1] + "\ud800",
    "another spelling of the same signature": lambda: TOKEN[:-1] + chr(ord(TOKEN[-1]) + 1),
    "one bit of the signature": lambda: TOKEN[:-20] + ("A" if TOKEN[-20] != "A" else "B") + TOKEN[-19:],
}


@pytest.mark.parametrize("forge", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_token_is_refused_in_the_same_words(forge: Callable[[], str], issuers: Issuers) -> None:
    refusal = await refusal_of(forge(), issuers)

    assert refusal.message == SENTENCE
    assert refusal.details == {}
    assert refusal.__cause__ is not None


async def test_a_token_as_long_as_we_read_is_read(issuers: Issuers) -> None:
    assert await issuers.verify(claiming(groups="a" * 11_000), NOW) == ADA


@given(
    place=st.integers(0, len(TOKEN) - 1), character=st.sampled_from(string.ascii_letters + string.digits + "-_.=+ \0é")
)
@settings(deadline=None)
async def test_any_one_changed_character_of_a_valid_token_is_refused(
    place: int, character: str, issuers: Issuers
) -> None:
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]

    if changed != TOKEN:
        assert (await refusal_of(changed, issuers)).message == SENTENCE


ODD_HEADERS = ({"alg": "none"}, {"alg": "HS256"}, {"alg": "RS512"}, {"typ": "x"}, {"jku": "x"}, {"kid": "a" * 256})


async def test_a_stranger_causes_no_request(server: Publisher) -> None:
    fresh = Issuers([Issuer(ISSUER, US, server.uri)], FETCHER)
    before = len(server.asked)

    for token in (claiming(iss="https://attacker.test"), *(headed(**odd) for odd in ODD_HEADERS)):
        assert await refusal_of(token, fresh)

    assert len(server.asked) == before


async def test_a_made_up_key_name_costs_the_issuer_one_request_a_minute(server: Publisher) -> None:
    fresh = Issuers([Issuer(ISSUER, US, server.uri)], FETCHER)
    before = len(server.asked)

    for second in range(120):
        await refusal_of(headed(kid=f"made up {second}"), fresh, NOW + timedelta(seconds=second))

    assert len(server.asked) == before + 2


async def test_an_issuer_may_rotate_its_keys() -> None:
    async with publisher(key_set(forging.jwk(KEY, KID))) as server:
        issuers = Issuers([Issuer(ISSUER, US, server.uri)], FETCHER)
        await issuers.verify(TOKEN, NOW)
        server.answer = key_set(forging.jwk(KEY, KID), forging.jwk(OTHER, "2026-04"))
        new = forging.signed(HEADER | {"kid": "2026-04"}, CLAIMS, OTHER)

        assert await refusal_of(new, issuers, NOW + MINUTE / 2)
        assert await issuers.verify(new, NOW + MINUTE) == ADA
        assert await issuers.verify(TOKEN, NOW + MINUTE) == ADA
        assert len(server.asked) == 2


async def test_a_silent_issuer_makes_sign_in_unavailable_and_not_the_token_bad() -> None:
    async with publisher(http(b"<h1>Down for maintenance</h1>")) as server:
        issuers = Issuers([Issuer(ISSUER, US, server.uri)], FETCHER)

        with pytest.raises(Unavailable):
            await issuers.verify(TOKEN, NOW)
        server.answer = key_set(forging.jwk(KEY, KID))
        with pytest.raises(Unavailable):
            await issuers.verify(TOKEN, NOW + MINUTE / 2)
        assert await issuers.verify(TOKEN, NOW + MINUTE) == ADA


async def test_remembered_keys_decide_while_the_issuer_is_down() -> None:
    async with publisher(key_set(forging.jwk(KEY, KID))) as server:
        issuers = Issuers([Issuer(ISSUER, US, server.uri)], FETCHER)
        await issuers.verify(TOKEN, NOW)
        server.answer = http(b"", "503 Service Unavailable")

        with pytest.raises(Unavailable):
            await issuers.verify(headed(kid="2026-04"), NOW + MINUTE)
        assert await issuers.verify(TOKEN, NOW + MINUTE) == ADA
        assert await refusal_of(forging.signed(HEADER, CLAIMS, OTHER), issuers, NOW + MINUTE)


@pytest.mark.parametrize("key", [forging.jwk(KEY, KID, use="enc"), forging.jwk(forging.rsa_key("weak", 1024), KID)])
async def test_a_key_for_encryption_or_of_1024_bits_verifies_nothing(key: dict[str, Any]) -> None:
    weak = forging.signed(HEADER, CLAIMS, forging.rsa_key("weak", 1024))
    async with publisher(key_set(key)) as server:
        issuers = Issuers([Issuer(ISSUER, US, server.uri)], FETCHER)

        assert await refusal_of(TOKEN, issuers)
        assert await refusal_of(weak, issuers)


async def test_each_issuer_speaks_only_for_itself(server: Publisher) -> None:
    async with publisher(key_set(forging.jwk(OTHER, KID))) as elsewhere:
        second = Issuer("https://partner.test", US, elsewhere.uri)
        both = Issuers([Issuer(ISSUER, US, server.uri), second], FETCHER)
        of_partner = CLAIMS | {"iss": second.issuer}

        assert await both.verify(TOKEN, NOW) == ADA
        assert (await both.verify(forging.signed(HEADER, of_partner, OTHER), NOW)).issuer == second.issuer
        assert await refusal_of(forging.signed(HEADER, CLAIMS, OTHER), both)
        assert await refusal_of(forging.signed(HEADER, of_partner, KEY), both)


async def test_an_issuer_that_marks_its_access_tokens_gets_nothing_else_accepted(server: Publisher) -> None:
    strict = Issuers([Issuer(ISSUER, US, server.uri, typ=("at+jwt",))], FETCHER)

    assert await strict.verify(TOKEN, NOW) == ADA
    assert await refusal_of(headed(typ="JWT"), strict)
    assert await refusal_of(unheaded("typ"), strict)


async def test_an_issuer_that_never_marks_them_gets_only_plain_tokens_accepted(server: Publisher) -> None:
    plain = Issuers([Issuer(ISSUER, US, server.uri, typ=("JWT",))], FETCHER)

    assert await plain.verify(unheaded("typ"), NOW) == ADA
    assert await refusal_of(TOKEN, plain)


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS512", RSAKey.import_key(KEY)),
        ("PS256", RSAKey.import_key(KEY)),
        ("ES256", ECKey.generate_key("P-256")),
        ("ES512", ECKey.generate_key("P-521")),
        ("Ed25519", OKPKey.generate_key("Ed25519")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_issuer_may_sign_with_any_asymmetric_algorithm_that_is_configured(algorithm: str, key: Key) -> None:
    header = HEADER | {"alg": algorithm}
    token = jws.serialize_compact(header, json.dumps(CLAIMS), key, algorithms=[algorithm])
    async with publisher(key_set(key.as_dict(private=False) | {"kid": KID})) as server:
        issuers = Issuers([Issuer(ISSUER, US, server.uri, algorithms=(algorithm,))], FETCHER)

        assert await issuers.verify(token, NOW) == ADA
        assert await refusal_of(token[:-6] + "AAAAAA", issuers)


@pytest.mark.parametrize(
    "uri",
    [
        "http://sign-in.test/keys",
        "http://127.0.0.1/keys",
        "http://localhost/keys",
        "ftp://sign-in.test/keys",
        "file:///etc/passwd",
        "https:///keys",
        "https://user@sign-in.test/keys",
        "https://user:password@sign-in.test/keys",
        "https://sign-in.test/keys#fragment",
        "https://[::1/keys",
        "//sign-in.test/keys",
        "",
    ],
)
def test_keys_come_over_https_only(uri: str) -> None:
    with pytest.raises(InvalidInput):
        Issuers([Issuer(ISSUER, US, uri)], Fetcher())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9:8080", "localhost:8080", "[::1]:8080"])
def test_in_development_keys_may_come_from_this_machine(host: str) -> None:
    assert Issuers([Issuer(ISSUER, US, f"http://{host}/keys")], FETCHER)


@pytest.mark.parametrize(
    "host", ["sign-in.test", "10.0.0.1", "127.0.0.1.sign-in.test", "localhost.sign-in.test", "0.0.0.0"]
)
def test_in_development_too_nothing_else_may_do_without_https(host: str) -> None:
    with pytest.raises(InvalidInput):
        Issuers([Issuer(ISSUER, US, f"http://{host}/keys")], FETCHER)


@pytest.mark.parametrize("change", [{"issuer": ""}, {"audience": ""}, {"algorithms": ()}, {"typ": ()}, {"typ": ("x",)}])
def test_an_unsafe_issuer_can_not_be_configured(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Issuer(**{"issuer": ISSUER, "audience": US, "jwks_uri": "https://sign-in.test/keys"} | change)


def test_an_issuer_is_configured_once() -> None:
    issuer = Issuer(ISSUER, US, "https://sign-in.test/keys")

    with pytest.raises(InvalidInput, match="twice"):
        Issuers([issuer, issuer], FETCHER)


async def test_now_is_an_aware_instant(issuers: Issuers) -> None:
    with pytest.raises(AssertionError):
        await issuers.verify(TOKEN, NOW.replace(tzinfo=None))
