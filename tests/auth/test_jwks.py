from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from joserfc.jwk import ECKey, OKPKey, RSAKey

from auth.fetching import Fetcher
from auth.jwks import PublishedKeys, json_object
from kernel.errors import Unavailable
from tests.auth import forging
from tests.auth.publishing import SILENCE, Publisher, http, key_set, publisher

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FETCHER = Fetcher(development=True)
FIRST = forging.jwk(forging.rsa_key("first"), "first")
SECOND_KEY = forging.jwk(forging.rsa_key("second"), "second")


@pytest.fixture
async def server() -> AsyncIterator[Publisher]:
    async with publisher(key_set(FIRST)) as server:
        yield server


@pytest.fixture
def keys(server: Publisher) -> PublishedKeys:
    return PublishedKeys(server.uri, ("RS256",), FETCHER)


async def is_unknown(keys: PublishedKeys, kid: str | None, now: datetime, algorithm: str = "RS256") -> bool:
    """Whether the issuer, as far as we know, publishes no such key."""
    with pytest.raises((LookupError, Unavailable)) as caught:
        await keys.find(kid, algorithm, now)
    return isinstance(caught.value, LookupError)


async def test_keys_are_fetched_once_and_remembered(server: Publisher, keys: PublishedKeys) -> None:
    found = [await keys.find("first", "RS256", NOW + n * MINUTE) for n in range(60)]

    assert {key.kid for key in found} == {"first"}
    assert len(server.asked) == 1


async def test_many_who_ask_at_once_cause_one_fetch(server: Publisher, keys: PublishedKeys) -> None:
    found = await asyncio.gather(*(keys.find("first", "RS256", NOW) for _ in range(20)))

    assert {key.kid for key in found} == {"first"}
    assert len(server.asked) == 1


async def test_clocks_that_differ_do_not_make_it_two(server: Publisher, keys: PublishedKeys) -> None:
    found = await asyncio.gather(*(keys.find("first", "RS256", NOW + n * MINUTE) for n in range(5)))

    assert {key.kid for key in found} == {"first"}
    assert len(server.asked) == 1


async def test_an_unknown_name_fetches_again_at_most_once_a_minute(server: Publisher, keys: PublishedKeys) -> None:
    await keys.find("first", "RS256", NOW)
    server.answer = key_set(FIRST, SECOND_KEY)

    assert await is_unknown(keys, "second", NOW + 59 * SECOND)
    assert len(server.asked) == 1
    assert (await keys.find("second", "RS256", NOW + MINUTE)).kid == "second"
    assert len(server.asked) == 2


async def test_no_name_is_that_of_the_only_key(server: Publisher, keys: PublishedKeys) -> None:
    assert (await keys.find(None, "RS256", NOW)).kid == "first"
    assert len(server.asked) == 1


async def test_no_name_is_that_of_none_among_several(server: Publisher, keys: PublishedKeys) -> None:
    server.answer = key_set(FIRST, SECOND_KEY)

    assert await is_unknown(keys, None, NOW)
    assert (await keys.find("first", "RS256", NOW)).kid == "first"


async def test_a_flood_of_unknown_names_is_one_fetch_a_minute(server: Publisher, keys: PublishedKeys) -> None:
    for n in range(180):
        assert await is_unknown(keys, f"made up {n}", NOW + n * SECOND)

    assert len(server.asked) == 3


async def test_failures_count_as_tries(server: Publisher, keys: PublishedKeys) -> None:
    server.answer = http(b"", "500 Internal Server Error")

    for n in range(120):
        assert not await is_unknown(keys, "first", NOW + n * SECOND)

    assert len(server.asked) == 2


async def test_an_issuer_that_never_answered_makes_sign_in_unavailable(server: Publisher, keys: PublishedKeys) -> None:
    await server.stop()

    with pytest.raises(Unavailable) as refusal:
        await keys.find("first", "RS256", NOW)

    assert refusal.value.details == {}
    assert refusal.value.__cause__ is not None


async def test_remembered_keys_hold_while_the_issuer_is_down(server: Publisher, keys: PublishedKeys) -> None:
    await keys.find("first", "RS256", NOW)
    await server.stop()

    for hours in range(24):
        assert (await keys.find("first", "RS256", NOW + hours * HOUR)).kid == "first"
        assert not await is_unknown(keys, "second", NOW + hours * HOUR + 2 * MINUTE)


async def test_keys_of_yesterday_are_forgotten(server: Publisher, keys: PublishedKeys) -> None:
    await keys.find("first", "RS256", NOW)
    await server.stop()

    assert not await is_unknown(keys, "first", NOW + DAY)


async def test_a_withdrawn_key_goes_within_the_hour(server: Publisher, keys: PublishedKeys) -> None:
    await keys.find("first", "RS256", NOW)
    server.answer = key_set(SECOND_KEY)

    assert await keys.find("first", "RS256", NOW + HOUR - SECOND)
    assert await is_unknown(keys, "first", NOW + HOUR)
    assert len(server.asked) == 2


async def test_an_issuer_that_recovers_is_believed_again(server: Publisher, keys: PublishedKeys) -> None:
    server.answer = http(b"<h1>Down for maintenance</h1>")
    assert not await is_unknown(keys, "first", NOW)
    server.answer = key_set(FIRST)

    assert not await is_unknown(keys, "first", NOW + 59 * SECOND)
    assert (await keys.find("first", "RS256", NOW + MINUTE)).kid == "first"
    assert await is_unknown(keys, "second", NOW + MINUTE)


async def test_an_issuer_has_as_long_as_it_is_given(server: Publisher) -> None:
    keys = PublishedKeys(server.uri, ("RS256",), Fetcher(development=True, patience=SECOND / 5))
    server.answer = SILENCE

    async with asyncio.timeout(2):
        assert not await is_unknown(keys, "first", NOW)


async def test_a_clock_that_was_set_back_does_not_stop_the_fetching(server: Publisher, keys: PublishedKeys) -> None:
    await keys.find("first", "RS256", NOW)
    server.answer = key_set(SECOND_KEY)

    assert (await keys.find("second", "RS256", NOW - HOUR)).kid == "second"


async def test_a_caller_who_hangs_up_does_not_end_the_fetch_of_others(server: Publisher, keys: PublishedKeys) -> None:
    impatient = asyncio.create_task(keys.find("first", "RS256", NOW))
    patient = asyncio.create_task(keys.find("first", "RS256", NOW))
    await server.was_asked(1)

    impatient.cancel()

    assert (await patient).kid == "first"
    assert len(server.asked) == 1


async def test_whoever_needs_no_new_key_does_not_wait_for_one(server: Publisher, keys: PublishedKeys) -> None:
    await keys.find("first", "RS256", NOW)
    server.answer = SILENCE
    waiting = asyncio.create_task(keys.find("second", "RS256", NOW + MINUTE))
    await server.was_asked(2)

    assert (await keys.find("first", "RS256", NOW + MINUTE)).kid == "first"
    assert not waiting.done()
    server.hang_up()
    with pytest.raises(Unavailable):
        await waiting


GOOD = json.dumps({"keys": [FIRST]}).encode()
BAD_ANSWERS = {
    "HTML": http(b"<!doctype html><title>Sign in</title>", "200 OK", "content-type: text/html"),
    "nothing": http(b""),
    "no HTTP": b"hello\r\n\r\n",
    "a missing page": http(GOOD, "404 Not Found"),
    "a page that was created": http(GOOD, "201 Created"),
    "1 MB": http(GOOD[:-1] + b" " * 1_000_000 + b"}"),
    "256 kB and a byte": http(GOOD + b" " * (256 * 1024 + 1 - len(GOOD))),
    "an encoding we did not ask for": http(gzip.compress(GOOD), "200 OK", "content-encoding: gzip"),
    "another redirect": http(b"", "307 Temporary Redirect", "location: /elsewhere"),
    "half an answer": http(GOOD[:20], "200 OK", f"content-length: {len(GOOD)}"),
    "a list": http(b"[]"),
    "no keys": http(b"{}"),
    "keys null": http(b'{"keys": null}'),
    "keys an object": http(b'{"keys": {}}'),
    "keys twice": http(GOOD[:-1] + b', "keys": []}'),
    "NaN": http(GOOD[:-1] + b', "age": NaN}'),
    "deep": http(b'{"keys":' + b"[" * 100_000),
    "not UTF-8": http(GOOD.replace(b"first", b"\xff")),
    "UTF-16": http(GOOD.decode().encode("utf-16")),
    "too many keys": key_set(*[FIRST | {"kid": str(n)} for n in range(101)]),
}


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
async def test_an_answer_that_is_no_key_set_leaves_us_without_keys(
    answer: bytes, server: Publisher, keys: PublishedKeys
) -> None:
    server.answer = answer

    assert not await is_unknown(keys, "first", NOW)
    assert len(server.asked) == 1


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
async def test_an_answer_that_is_no_key_set_does_not_replace_what_we_had(
    answer: bytes, server: Publisher, keys: PublishedKeys
) -> None:
    await keys.find("first", "RS256", NOW)
    server.answer = answer

    assert (await keys.find("first", "RS256", NOW + 2 * HOUR)).kid == "first"
    assert len(server.asked) == 2


async def test_a_key_set_of_exactly_256_kilobytes_is_read(server: Publisher, keys: PublishedKeys) -> None:
    server.answer = http(GOOD + b" " * (256 * 1024 - len(GOOD)))

    assert (await keys.find("first", "RS256", NOW)).kid == "first"


async def test_no_redirect_is_followed(server: Publisher, keys: PublishedKeys) -> None:
    async with publisher(key_set(FIRST)) as elsewhere:
        server.answer = http(b"", "302 Found", f"location: {elsewhere.uri}")

        assert not await is_unknown(keys, "first", NOW)
        assert elsewhere.asked == []


async def test_the_request_carries_nothing_of_the_caller(server: Publisher, keys: PublishedKeys) -> None:
    await keys.find("first", "RS256", NOW)

    [request] = server.asked
    assert request.startswith(b"GET /keys HTTP/1.1\r\n")
    assert b"accept-encoding: identity" in request.lower()
    assert b"authorization" not in request.lower()
    assert b"cookie" not in request.lower()


EC_256 = ECKey.import_key(ec.generate_private_key(ec.SECP256R1()).public_key()).as_dict(kid="ec")
EC_384 = ECKey.import_key(ec.generate_private_key(ec.SECP384R1()).public_key()).as_dict(kid="ec")
ED = OKPKey.import_key(ed25519.Ed25519PrivateKey.generate().public_key()).as_dict(kid="ed")
X = OKPKey.import_key(x25519.X25519PrivateKey.generate().public_key()).as_dict(kid="ed")

UNFIT = {
    "for encryption": FIRST | {"use": "enc"},
    "for something else": FIRST | {"use": "tls"},
    "for another operation": FIRST | {"key_ops": ["encrypt"]},
    "of another algorithm": FIRST | {"alg": "RS512"},
    "of 1024 bits": forging.jwk(forging.rsa_key("weak", 1024), "first"),
    "of 1024 bits under a long text": (weak := forging.jwk(forging.rsa_key("weak", 1024), "first"))
    | {"n": "A" * 400 + weak["n"]},
    "with its private half": RSAKey.import_key(forging.rsa_key("first")).as_dict(private=True, kid="first"),
    "symmetric": {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "kid": "first"},
    "of an elliptic curve": dict(EC_256) | {"kid": "first"},
    "of an unknown type": {"kty": "AKP", "kid": "first", "pub": "AA"},
    "without a type": {"n": FIRST["n"], "e": FIRST["e"], "kid": "first"},
    "without a name": {name: value for name, value in FIRST.items() if name != "kid"},
    "with a number for a name": FIRST | {"kid": 1},
    "without a modulus": {"kty": "RSA", "e": "AQAB", "kid": "first"},
    "with a modulus of no base64": FIRST | {"n": "!" * 342},
    "with an exponent of one": FIRST | {"e": "AQ"},
    "with an even exponent": FIRST | {"e": "Ag"},
    "that is a text": "first",
    "that is null": None,
    "that is a list": [FIRST],
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("unfit", UNFIT.values(), ids=UNFIT.keys())
async def test_an_unfit_key_is_left_out_and_harms_no_other(
    unfit: object, server: Publisher, keys: PublishedKeys
) -> None:
    server.answer = key_set(unfit, SECOND_KEY)

    assert (await keys.find("second", "RS256", NOW)).kid == "second"
    assert await is_unknown(keys, "first", NOW)


async def test_an_unfit_key_does_not_hide_a_fit_one_of_its_name(server: Publisher, keys: PublishedKeys) -> None:
    server.answer = key_set(FIRST | {"use": "enc"}, FIRST | {"use": "sig", "alg": "RS256"})

    assert (await keys.find("first", "RS256", NOW)).get("use") == "sig"


@pytest.mark.parametrize(
    ("key", "algorithm", "fits"),
    [
        (FIRST, "RS256", True),
        (FIRST, "PS512", True),
        (FIRST, "ES256", False),
        (EC_256, "ES256", True),
        (EC_256, "ES384", False),
        (EC_384, "ES384", True),
        (EC_384, "RS256", False),
        (ED, "Ed25519", True),
        (ED, "ES256", False),
        (X, "Ed25519", False),
    ],
)
async def test_a_key_serves_the_algorithms_of_its_kind(
    key: dict[str, Any], algorithm: str, fits: bool, server: Publisher
) -> None:
    keys = PublishedKeys(server.uri, ("RS256", "PS512", "ES256", "ES384", "Ed25519"), FETCHER)
    server.answer = key_set(key)

    if fits:
        assert (await keys.find(key["kid"], algorithm, NOW)).kid == key["kid"]
    else:
        assert await is_unknown(keys, key["kid"], NOW, algorithm)


@pytest.mark.parametrize("raw", [b"", b"1", b"[]", b'{"a":1,"a":2}', b'{"a":{"b":1,"b":1}}', b'{"a":-Infinity}'])
def test_json_has_one_reading_or_none(raw: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        json_object(raw)
