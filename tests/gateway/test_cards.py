"""Card numbers are refused wherever they are typed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.cards import free_of, holds_card, refuse
from kernel.errors import InvalidInput

CARDS = [
    "4242424242424242",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "4242.4242.4242.4242",
    "my card: 5555555555554444, thanks",
    "378282246310005",
    "+4242424242424242",  # too long for a telephone
    "3782 822463 10005",
    "6011111111111117",
    "3056930009020004",
    "3566002020360505",
    "6200000000000005",
    "2223003122003222",
    "".join(chr(0xFF10 + int(digit)) for digit in "4242424242424242"),  # full width
]


@pytest.mark.parametrize("text", CARDS)
def test_a_card_number_is_recognized_however_it_is_written(text: str) -> None:
    assert holds_card(text)


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",  # another check digit
        "seat_4242424242424",
        "2026-01-31T00:00:00.000000Z",
        "DE89370400440532013000",
        "1700000000000000000",
        "+49 30 901820",
        "+49 151 0000 0004",  # a telephone number that has a card's digits
        "+4915100000004",
        "x4242424242424242",
        "4242424242424242.5",
    ],
)
def test_what_only_resembles_one_is_let_in(text: str) -> None:
    assert not holds_card(text)


@pytest.mark.parametrize("text", CARDS)
def test_a_glance_at_a_body_misses_no_card(text: str) -> None:
    plain, spelled = (json.dumps({"a": [{"b": text}]}, ensure_ascii=escaped) for escaped in (False, True))

    assert not free_of(plain.encode())
    assert not free_of(spelled.encode())
    assert not free_of(plain.replace("4", "\\u0034").encode())
    assert free_of(b'{"query": "{ a1: plans { key } }", "variables": {"ids": [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4]}}')


@given(some.recursive(some.just("4242 4242 4242 4242"), lambda deeper: some.lists(deeper, min_size=1, max_size=3)))
def test_it_is_found_however_deep(value: Any) -> None:
    with pytest.raises(InvalidInput):
        refuse({"a": [{"b": value}]})
