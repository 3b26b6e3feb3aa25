from __future__ import annotations

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth import keys
from auth.refusal import SENTENCE
from kernel.errors import Unauthenticated

ID = "key_9f3ac1d2e4b70"
MINTED = keys.mint(ID)
KEY = MINTED.text


def test_a_service_key_names_its_row_and_carries_a_secret_and_a_checksum() -> None:
    assert re.fullmatch(r"sgk_key_9f3ac1d2e4b70_[0-9A-Za-z]{43}[0-9A-Za-z]{6}", KEY)


def test_a_minted_key_matches_what_was_kept_of_it() -> None:
    presented = keys.parse(KEY)

    assert presented.id == ID
    assert keys.matches(presented, MINTED.digest)


def test_no_two_keys_are_the_same() -> None:
    minted = {keys.mint(ID).text for _ in range(100)}

    assert len(minted) == 100


def test_another_key_of_the_same_id_does_not_match() -> None:
    assert not keys.matches(keys.parse(KEY), keys.mint(ID).digest)


def test_a_key_without_a_row_matches_nothing() -> None:
    presented = keys.parse(KEY)

    assert not keys.matches(presented, None)
    assert not keys.matches(keys.Presented(ID, bytes(32)), None)


def test_a_secret_is_worth_nothing_under_another_id() -> None:
    moved = KEY.replace(ID, "key_0000000000000")[: -len("cksum6")]
    checksum = keys._checksum(moved)

    presented = keys.parse(moved + checksum)

    assert not keys.matches(presented, MINTED.digest)


def test_neither_the_text_nor_the_digest_of_a_key_is_shown_by_accident() -> None:
    assert KEY not in repr(MINTED)
    assert repr(keys.parse(KEY)) == f"Presented(id='{ID}')"


def test_the_checksum_is_one_that_any_scanner_can_compute() -> None:
    # CRC-32 of the check string of every CRC catalog is cbf43926.
    assert keys._checksum("123456789") == keys._base62(0xCBF43926, 6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sgk_",
        ID,
        KEY[1:],
        KEY[:-1],
        KEY + "0",
        KEY + "\n",
        " " + KEY,
        KEY.upper(),
        KEY.replace("sgk_", "sgx_"),
        KEY.replace(ID, ""),
        KEY.replace(ID, "key_9F3AC"),
        KEY.replace(ID, "../../etc"),
        KEY.replace(ID, "k" * 300),
        KEY.replace("_", "-"),
        KEY[:-10] + "\N{ARABIC-INDIC DIGIT ONE}" + KEY[-9:],
        KEY[:-10] + "\0" + KEY[-9:],
        KEY[:-10] + "\ud800" + KEY[-9:],
        "sgk_key_" + "0" * 5_000_000,
        "Bearer " + KEY,
    ],
    ids=range(20),
)
def test_whatever_has_another_form_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        keys.parse(text)

    assert refusal.value.message == SENTENCE
    assert refusal.value.details == {}


@given(st.integers(0, len(KEY) - 1), st.sampled_from(string.ascii_letters + string.digits + "_-. \0é"))
@settings(deadline=None)
def test_any_one_wrong_character_is_noticed_without_a_look_into_the_database(place: int, character: str) -> None:
    mistyped = KEY[:place] + character + KEY[place + 1 :]

    if mistyped == KEY:
        return
    with pytest.raises(Unauthenticated):
        keys.parse(mistyped)


@given(st.text())
@settings(deadline=None)
def test_any_text_at_all_is_refused_with_the_same_sentence(text: str) -> None:
    with pytest.raises(Unauthenticated, match=re.escape(SENTENCE)):
        keys.parse(text)


@pytest.mark.parametrize("public_id", ["", "key_", "Key_1", "_key", "key-1", "key_1\n", "k" * 65])
def test_a_key_is_minted_for_a_public_id_only(public_id: str) -> None:
    with pytest.raises(AssertionError):
        keys.mint(public_id)
