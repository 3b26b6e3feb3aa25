"""Webhooks: what is believed, and what is refused in a sentence."""

import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from stripe import WebhookSignature

from kernel.errors import InvalidInput
from payments.webhooks import read, verify

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
EVENT = {"id": "evt_1", "type": "charge.updated", "created": 1_800_000_000, "data": {"object": {"id": "ch_1"}}}


def signed(body: bytes, secret: str = "whsec_new", at: datetime = NOW) -> str:
    seconds = int(at.timestamp())
    return f"t={seconds},v1={hmac.new(secret.encode(), f'{seconds}.'.encode() + body, sha256).hexdigest()}"


def test_what_the_sdk_signs_is_believed_with_any_of_our_secrets() -> None:
    header = WebhookSignature.generate_signature_header('{"a": 1}', "whsec_old", int(NOW.timestamp()))

    verify(b'{"a": 1}', header, ["whsec_new", "whsec_old"], NOW)


@pytest.mark.parametrize("away", [timedelta(minutes=6), timedelta(minutes=-6), timedelta(days=3650)])
def test_a_time_far_from_now_is_refused_either_way(away: timedelta) -> None:
    with pytest.raises(InvalidInput, match="five minutes"):
        verify(b"{}", signed(b"{}", at=NOW + away), ["whsec_new"], NOW)


@pytest.mark.parametrize(
    "header",
    ["", "t=1", "v1=ab", "t=,v1=", "t=1,t=2,v1=ab", "t=\uff11,v1=ab", "t=-1,v1=ab", f"t={10**400},v1=ab", "v1=ä,t=1"],
)
def test_a_header_that_is_none_is_refused(header: str) -> None:
    with pytest.raises(InvalidInput):
        verify(b"{}", header, ["whsec_new"], NOW)


def test_one_changed_byte_is_noticed() -> None:
    with pytest.raises(InvalidInput, match="None of our secrets"):
        verify(b'{"a": 2}', signed(b'{"a": 1}'), ["whsec_new"], NOW)


def test_without_a_secret_nothing_is_believed() -> None:
    with pytest.raises(InvalidInput):
        verify(b"{}", signed(b"{}", secret=""), [], NOW)


def test_an_event_is_read() -> None:
    told = read(json.dumps(EVENT).encode())

    assert (told.id, told.kind, told.at, told.thin) == (
        "evt_1",
        "charge.updated",
        datetime.fromtimestamp(1_800_000_000, UTC),
        False,
    )


GARBAGE: list[Any] = [
    *(None, [], 5, "x", {}),
    EVENT | {"id": 5},
    EVENT | {"id": ""},
    EVENT | {"id": "e" * 300},
    EVENT | {"id": "evt\u0000"},
    EVENT | {"created": "now"},
    EVENT | {"created": True},
    EVENT | {"created": 10**30},
    EVENT | {"data": None},
    EVENT | {"data": {"object": []}},
    EVENT | {"data": {"object": {}}},
    {"id": "evt_1", "type": "x", "object": "v2.core.event", "created": "yesterday"},
]


@pytest.mark.parametrize("told", GARBAGE, ids=str)
def test_garbage_is_refused_in_a_sentence(told: Any) -> None:
    with pytest.raises(InvalidInput):
        read(json.dumps(told).encode())


@given(some.binary(max_size=300))
def test_no_bytes_are_more_than_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        read(body)


def test_nesting_beyond_measure_is_refused() -> None:
    with pytest.raises(InvalidInput):
        read(b"[" * 200_000)


def test_a_thin_event_is_known_as_one() -> None:
    thin = {"id": "evt_2", "type": "v1.x", "object": "v2.core.event", "created": "2026-11-01T12:00:00.000Z"}

    assert read(json.dumps(thin).encode()).thin
