from __future__ import annotations

import json
import string
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from auth import tokens
from auth.refusal import SENTENCE
from auth.tokens import AccessToken, Claim, Signer
from kernel.errors import InvalidInput, Unauthenticated
from tests.auth import forging

NOW = datetime(2026, 3, 1, 12, 0, 0, 700_000, tzinfo=UTC)
MOMENT = int(NOW.timestamp())
KEY = forging.rsa_key("ours")
OTHER = forging.rsa_key("another's")
SIGNER = Signer("https://gateway.test", "https://gateway.test/graphql", tokens.private_key(forging.private_pem(KEY)))
KID = SIGNER.signing.public.kid
CLAIM = Claim(person="person_9f3ac1d2e4b70", session="session_0a1b2c3d4e5f6", epoch=7)
TOKEN = SIGNER.sign(CLAIM, NOW)
ALPHABET = string.ascii_letters + string.digits + "-_.=+/ \n\0é"

# As python-jose writes them: without spaces, in alphabetical order.
HEADER = json.dumps({"alg": "RS256", "kid": KID, "typ": "at+jwt"}, separators=(",", ":")).encode()
CLAIMS: dict[str, Any] = {
    "iss": SIGNER.issuer,
    "aud": SIGNER.audience,
    "sub": CLAIM.person,
    "sid": CLAIM.session,
    "epoch": 7,
    "jti": "c0ffee",
    "iat": MOMENT,
    "nbf": MOMENT,
    "exp": MOMENT + 300,
}


def refusal_of(token: str, signer: Signer = SIGNER, now: datetime = NOW) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as caught:
        signer.verify(token, now)
    return caught.value


def claiming(**changes: Any) -> str:
    """A token of ours in every way but these claims."""
    return forging.signed(HEADER, CLAIMS | changes, KEY)


def headed(**changes: Any) -> str:
    """A token under our true signature with these header members."""
    header = {"alg": "RS256", "kid": KID, "typ": "at+jwt"} | changes
    return forging.signed(json.dumps(header, separators=(",", ":")).encode(), CLAIMS, KEY)


def lacking(claim: str) -> str:
    return forging.signed(HEADER, {name: value for name, value in CLAIMS.items() if name != claim}, KEY)


def written(**changes: str) -> str:
    """A token whose claims hold these JSON texts, however odd."""
    members = {name: json.dumps(value) for name, value in CLAIMS.items()} | changes
    text = ",".join(f'"{name}":{value}' for name, value in members.items())
    return forging.signed(HEADER, f"{{{text}}}".encode(), KEY)


def flipped(token: str, place: int) -> str:
    """The token with one bit of its decoded signature turned over."""
    head, _, signature = token.rpartition(".")
    raw = bytearray(tokens._bytes(signature))
    raw[place] ^= 1
    return f"{head}.{forging.b64(bytes(raw))}"


def respelled(token: str) -> str:
    """The token with other last bits in its signature's text, which decode to nothing."""
    other = chr(ord(token[-1]) + 1)
    assert tokens._bytes((token[:-1] + other).rpartition(".")[2]) == tokens._bytes(token.rpartition(".")[2])
    return token[:-1] + other


def test_a_token_tells_who_calls_from_which_session_and_for_how_long() -> None:
    token = SIGNER.verify(TOKEN, NOW)

    assert (token.person, token.session, token.epoch) == (CLAIM.person, CLAIM.session, 7)
    assert token.expires_at == NOW.replace(microsecond=0) + timedelta(minutes=5)
    assert len(token.id) == 22


def test_every_token_has_an_id_of_its_own() -> None:
    assert SIGNER.verify(SIGNER.sign(CLAIM, NOW), NOW).id != SIGNER.verify(SIGNER.sign(CLAIM, NOW), NOW).id


def test_a_token_carries_no_role_plan_or_workspace() -> None:
    claims = json.loads(tokens._bytes(TOKEN.split(".")[1]))

    assert set(claims) == set(CLAIMS)
    assert {field.name for field in fields(AccessToken)} == {"person", "session", "epoch", "id", "expires_at"}


def test_a_token_made_by_hand_after_our_form_is_ours() -> None:
    for token in (claiming(), headed(), written()):
        assert SIGNER.verify(token, NOW).id == "c0ffee"


@pytest.mark.parametrize("seconds", [0, 1, 299])
def test_a_token_holds_from_its_first_second_to_its_last(seconds: int) -> None:
    assert SIGNER.verify(TOKEN, NOW.replace(microsecond=0) + timedelta(seconds=seconds)).epoch == 7


def test_a_token_ends_at_its_end_without_leeway() -> None:
    end = NOW.replace(microsecond=0) + timedelta(minutes=5)

    assert SIGNER.verify(TOKEN, end - timedelta(microseconds=1))
    assert refusal_of(TOKEN, now=end)


def test_a_clock_of_ours_may_be_half_a_minute_behind_another() -> None:
    made = NOW.replace(microsecond=0)

    assert SIGNER.verify(TOKEN, made - timedelta(seconds=30))
    assert refusal_of(TOKEN, now=made - timedelta(seconds=31))


def test_the_system_clock_is_not_asked() -> None:
    long_ago = datetime(1999, 12, 31, tzinfo=UTC)

    assert SIGNER.verify(SIGNER.sign(CLAIM, long_ago), long_ago).expires_at.year == 1999


def test_a_token_may_live_for_an_hour_and_no_longer() -> None:
    hour = SIGNER.sign(CLAIM, NOW, timedelta(hours=1))

    assert SIGNER.verify(hour, NOW + timedelta(minutes=59))
    with pytest.raises(AssertionError):
        SIGNER.sign(CLAIM, NOW, timedelta(hours=1, seconds=1))
    with pytest.raises(AssertionError):
        SIGNER.sign(CLAIM, NOW, timedelta(0))


HOSTILE: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "a word": lambda: "hello",
    "two dots alone": lambda: "..",
    "alg none": lambda: forging.unsigned({"alg": "none", "kid": KID, "typ": "at+jwt"}, CLAIMS) + ".",
    "alg none, with a signature": lambda: headed(alg="none"),
    "alg None in capitals": lambda: headed(alg="NONE"),
    "our token without its signature": lambda: TOKEN.rpartition(".")[0] + ".",
    "HS256 keyed with our public PEM": lambda: forging.hmac_signed(
        {"alg": "HS256", "kid": KID, "typ": "at+jwt"}, CLAIMS, forging.public_pem(KEY).encode()
    ),
    "HS256 keyed with our public DER": lambda: forging.hmac_signed(
        {"alg": "HS256", "kid": KID, "typ": "at+jwt"}, CLAIMS, forging.public_der(KEY)
    ),
    "our header over an HMAC with our public DER": lambda: forging.hmac_signed(HEADER, CLAIMS, forging.public_der(KEY)),
    "alg RS512": lambda: headed(alg="RS512"),
    "alg missing": lambda: forging.signed({"kid": KID, "typ": "at+jwt"}, CLAIMS, KEY),
    "alg a list": lambda: headed(alg=["RS256"]),
    "kid of nobody": lambda: headed(kid="nobody"),
    "kid a path": lambda: headed(kid="../../dev/null"),
    "kid missing": lambda: forging.signed({"alg": "RS256", "typ": "at+jwt"}, CLAIMS, KEY),
    "kid a number": lambda: headed(kid=1),
    "an embedded key": lambda: forging.signed(
        {"alg": "RS256", "kid": KID, "typ": "at+jwt", "jwk": forging.jwk(OTHER, KID)}, CLAIMS, OTHER
    ),
    "jku": lambda: headed(jku="https://attacker.test/keys"),
    "x5u": lambda: headed(x5u="https://attacker.test/chain"),
    "x5c": lambda: headed(x5c=["MIIB"]),
    "crit": lambda: headed(crit=["exp"], exp=1),
    "crit empty": lambda: headed(crit=[]),
    "b64 false": lambda: headed(b64=False, crit=["b64"]),
    "typ JWT": lambda: headed(typ="JWT"),
    "typ missing": lambda: forging.signed({"alg": "RS256", "kid": KID}, CLAIMS, KEY),
    "typ in capitals": lambda: headed(typ="AT+JWT"),
    "our header with spaces": lambda: forging.signed(json.loads(HEADER), CLAIMS, KEY),
    "our header in another order": lambda: forging.signed(
        f'{{"typ":"at+jwt","alg":"RS256","kid":"{KID}"}}'.encode(), CLAIMS, KEY
    ),
    "our header, a member twice": lambda: forging.signed(b'{"alg":"none",' + HEADER[1:], CLAIMS, KEY),
    "header not JSON": lambda: forging.signed(b"alg", CLAIMS, KEY),
    "header not UTF-8": lambda: forging.signed(b'{"alg":"\xff\xfe"}', CLAIMS, KEY),
    "header a list": lambda: forging.signed(b"[]", CLAIMS, KEY),
    "header deep": lambda: forging.signed(b"[" * 2000, b"{}", KEY),
    "header very deep": lambda: forging.signed(b"[" * 100_000, CLAIMS, KEY),
    "claims deep": lambda: forging.signed(HEADER, b'{"a":' + b"[" * 1500, KEY),
    "claims not JSON": lambda: forging.signed(HEADER, b"person", KEY),
    "claims not UTF-8": lambda: forging.signed(HEADER, b'{"sub":"\xff"}', KEY),
    "claims a list": lambda: forging.signed(HEADER, b"[]", KEY),
    "claims null": lambda: forging.signed(HEADER, b"null", KEY),
    "another's key under our kid": lambda: forging.signed(HEADER, CLAIMS, OTHER),
    "another's key under its own kid": lambda: Signer(
        SIGNER.issuer, SIGNER.audience, tokens.private_key(forging.private_pem(OTHER))
    ).sign(CLAIM, NOW),
    "another audience": lambda: claiming(aud="https://other.test"),
    "us among other audiences": lambda: claiming(aud=[SIGNER.audience, "https://other.test"]),
    "us as the only audience of a list": lambda: claiming(aud=[SIGNER.audience]),
    "aud null": lambda: claiming(aud=None),
    "another issuer": lambda: claiming(iss="https://attacker.test"),
    "our issuer with a slash": lambda: claiming(iss=SIGNER.issuer + "/"),
    "iss a list": lambda: claiming(iss=[SIGNER.issuer]),
    "iss null": lambda: claiming(iss=None),
    **{f"{claim} missing": partial(lacking, claim) for claim in CLAIMS},
    "a role": lambda: claiming(role="owner"),
    "at_hash": lambda: claiming(at_hash="x"),
    **{
        f"{claim} {odd[:12]}": partial(written, **{claim: odd})
        for claim in ("iat", "nbf", "exp", "epoch")
        for odd in (
            f'"{MOMENT + 1}"',
            f"{MOMENT + 1}.0",
            "true",
            "null",
            "1e999",
            "-1e999",
            "NaN",
            "Infinity",
            "[]",
            "{}",
            "1" * 30,
            "9" * 3000,
            "-1",
        )
    },
    **{
        f"{claim} {odd[:12]}": partial(written, **{claim: odd})
        for claim in ("sub", "sid", "jti")
        for odd in ("1", "null", "true", '""', '"a b"', '"a\\u0000"', '"\\ud800"', '"a\\n"', f'"{"a" * 129}"', "[]")
    },
    "epoch beyond 64 bits": lambda: claiming(epoch=2**63),
    "expired": lambda: claiming(iat=MOMENT - 301, nbf=MOMENT - 301, exp=MOMENT - 1),
    "expires right now": lambda: claiming(iat=MOMENT - 300, nbf=MOMENT - 300, exp=MOMENT),
    "nbf ahead": lambda: claiming(nbf=MOMENT + 31),
    "iat ahead": lambda: claiming(iat=MOMENT + 31, nbf=MOMENT + 31),
    "iat after nbf": lambda: claiming(iat=MOMENT + 1),
    "exp before nbf": lambda: claiming(iat=MOMENT, nbf=MOMENT + 20, exp=MOMENT + 10),
    "a life of an hour and a second": lambda: claiming(exp=MOMENT + 3601),
    "5 MB of claims": lambda: claiming(sub="a" * 5_000_000),
    "5 MB of letters": lambda: "a" * 5_000_000,
    "5 MB of dots": lambda: "." * 5_000_000,
    "4097 characters": lambda: TOKEN + "A" * (4097 - len(TOKEN)),
    "one dot": lambda: TOKEN.replace(".", "", 1),
    "three dots": lambda: TOKEN + ".AA",
    "four dots, as encrypted tokens have": lambda: TOKEN + ".AA.AA",
    "an empty middle": lambda: TOKEN.split(".")[0] + ".." + TOKEN.split(".")[2],
    "truncated by one": lambda: TOKEN[:-1],
    "half a signature": lambda: TOKEN[:-171],
    "padded": lambda: TOKEN + "==",
    "a line after it": lambda: TOKEN + "\n",
    "a space before it": lambda: " " + TOKEN,
    "its scheme before it": lambda: "Bearer " + TOKEN,
    "not ASCII": lambda: TOKEN[:-1] + "é",
    "a lone surrogate": lambda: TOKEN[:-1] + "\ud800",
    "NUL": lambda: TOKEN[:-1] + "\0",
    "full-width letters": lambda: TOKEN[:-1] + "\uff21",
    "first bit of the signature": lambda: flipped(TOKEN, 0),
    "last bit of the signature": lambda: flipped(TOKEN, -1),
    "another spelling of the same signature": lambda: respelled(TOKEN),
    "claims of another token": lambda: ".".join((TOKEN.split(".")[0], claiming().split(".")[1], TOKEN.split(".")[2])),
}


@pytest.mark.parametrize("forge", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_token_is_refused_in_the_same_words(forge: Callable[[], str]) -> None:
    refusal = refusal_of(forge())

    assert refusal.message == SENTENCE
    assert refusal.details == {}
    assert refusal.__cause__ is not None


def test_a_token_too_long_to_read_is_refused_even_under_our_signature() -> None:
    wordy = replace(SIGNER, issuer="https://" + "a" * 3000)
    token = forging.signed(HEADER, CLAIMS | {"iss": wordy.issuer}, KEY)

    assert len(token) > 4096
    assert refusal_of(token, wordy).message == SENTENCE
    with pytest.raises(AssertionError):
        wordy.sign(CLAIM, NOW)


def test_something_that_is_no_text_is_refused_too() -> None:
    for odd in (None, 1, TOKEN.encode(), [TOKEN]):
        assert refusal_of(odd).message == SENTENCE  # type: ignore[arg-type]


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(ALPHABET))
@settings(deadline=None)
def test_any_one_changed_character_of_a_valid_token_is_refused(place: int, character: str) -> None:
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]

    if changed != TOKEN:
        assert refusal_of(changed).message == SENTENCE


@given(st.integers(0, len(TOKEN)), st.sampled_from(ALPHABET))
@settings(deadline=None)
def test_any_one_added_character_is_refused(place: int, character: str) -> None:
    assert refusal_of(TOKEN[:place] + character + TOKEN[place:]).message == SENTENCE


@given(st.integers(0, len(TOKEN) - 2), st.integers(1, 64))
@settings(deadline=None)
def test_any_cut_is_refused(place: int, length: int) -> None:
    assert refusal_of(TOKEN[:place] + TOKEN[place + length :]).message == SENTENCE


def test_every_other_last_character_is_refused() -> None:
    others = set(string.ascii_letters + string.digits + "-_") - {TOKEN[-1]}

    assert all(refusal_of(TOKEN[:-1] + other) for other in others)


@given(st.text(alphabet=ALPHABET, max_size=60), st.text(), st.binary())
@settings(deadline=None)
def test_any_text_at_all_is_refused(near: str, far: str, raw: bytes) -> None:
    for text in (near, far, forging.signed(HEADER, raw, KEY), forging.signed(raw, CLAIMS, KEY)):
        assert refusal_of(text).message == SENTENCE


names = st.from_regex(r"[a-z0-9_]{1,40}", fullmatch=True)


@given(names, names, st.integers(0, 2**63 - 1), st.integers(1, 3600))
@settings(deadline=None)
def test_whatever_is_signed_is_read_back(person: str, session: str, epoch: int, seconds: int) -> None:
    claim = Claim(person, session, epoch)

    token = SIGNER.verify(SIGNER.sign(claim, NOW, timedelta(seconds=seconds)), NOW)

    assert Claim(token.person, token.session, token.epoch) == claim
    assert token.expires_at - NOW.replace(microsecond=0) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "change",
    [{"person": ""}, {"person": "a b"}, {"session": "a\n"}, {"person": "a" * 129}, {"epoch": -1}, {"epoch": True}],
    ids=repr,
)
def test_a_claim_that_no_token_could_carry_is_our_own_mistake(change: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        replace(CLAIM, **change)


def test_now_is_an_aware_instant() -> None:
    with pytest.raises(AssertionError):
        SIGNER.verify(TOKEN, NOW.replace(tzinfo=None))


def test_keys_rotate_without_ending_any_token() -> None:
    new = tokens.private_key(forging.private_pem(OTHER))
    announced = replace(SIGNER, others=(new.public,))
    rotated = replace(SIGNER, signing=new, others=(SIGNER.signing.public,))
    finished = replace(rotated, others=())
    fresh = rotated.sign(CLAIM, NOW)

    assert rotated.verify(TOKEN, NOW).person == CLAIM.person
    assert announced.verify(fresh, NOW).person == CLAIM.person
    assert finished.verify(fresh, NOW).person == CLAIM.person
    assert refusal_of(TOKEN, finished).message == SENTENCE
    assert [key["kid"] for key in rotated.jwks()["keys"]] == [new.public.kid, KID]


def test_a_token_of_one_key_does_not_pass_under_the_name_of_another() -> None:
    new = tokens.private_key(forging.private_pem(OTHER))
    both = replace(SIGNER, others=(new.public,))
    header = tokens._bytes(new.public.header)

    assert refusal_of(forging.signed(header, CLAIMS, KEY), both).message == SENTENCE


def test_others_verify_our_tokens_by_our_public_key_set() -> None:
    published = json.loads(json.dumps(SIGNER.jwks()))

    token = joserfc_jwt.decode(TOKEN, KeySet.import_key_set(published), registry=JWSRegistry(algorithms=["RS256"]))

    assert token.header == {"alg": "RS256", "kid": KID, "typ": "at+jwt"}
    assert token.claims["sub"] == CLAIM.person


def test_the_public_key_set_tells_nothing_private() -> None:
    [key] = SIGNER.jwks()["keys"]

    assert set(key) == {"kty", "n", "e", "alg", "kid", "use"}
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")


def test_a_key_is_named_by_its_thumbprint() -> None:
    [published] = KeySet.import_key_set(json.loads(json.dumps(SIGNER.jwks()))).keys

    assert published.thumbprint() == KID


def test_a_public_key_alone_verifies() -> None:
    public = tokens.public_key(forging.public_pem(KEY))

    assert public == SIGNER.signing.public


def test_a_generated_key_can_sign() -> None:
    signer = replace(SIGNER, signing=tokens.private_key(tokens.generate()))

    assert signer.verify(signer.sign(CLAIM, NOW), NOW).person == CLAIM.person
    with pytest.raises(AssertionError):
        tokens.generate(1024)


def test_a_private_key_is_never_shown() -> None:
    numbers = KEY.private_numbers()

    assert str(numbers.d) not in repr(SIGNER)
    assert "typed" not in repr(SIGNER)
    with pytest.raises(FrozenInstanceError):
        SIGNER.issuer = "https://attacker.test"  # type: ignore[misc]


EC_PEM = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
"""


@pytest.mark.parametrize("pem", ["", "key", forging.public_pem(KEY), "-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_private_key_does_not_sign(pem: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        tokens.private_key(pem)

    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("pem", ["", "key", forging.private_pem(KEY), EC_PEM])
def test_what_is_no_rsa_public_key_does_not_verify(pem: str) -> None:
    with pytest.raises(InvalidInput):
        tokens.public_key(pem)


def test_an_rsa_key_of_1024_bits_neither_signs_nor_verifies() -> None:
    weak = forging.rsa_key("weak", 1024)

    with pytest.raises(InvalidInput, match="2048 bits"):
        tokens.private_key(forging.private_pem(weak))
    with pytest.raises(InvalidInput, match="2048 bits"):
        tokens.public_key(forging.public_pem(weak))


def test_encryption_by_python_jose_is_never_loaded() -> None:
    question = "import sys, auth.tokens; sys.exit('jose.jwe' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", question], check=False).returncode == 0
