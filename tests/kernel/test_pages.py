"""Pages: a cursor is read by whoever sealed it, in the list that it came from, and nobody makes one up."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import pages
from kernel.errors import InvalidInput

PLACES = st.tuples(st.integers(-(2**63), 2**63 - 1) | st.text(), st.integers(0, 2**52))


@pytest.fixture
def _own_seal() -> Iterator[None]:
    """Another seal for a while."""
    before = pages._Key.seal
    yield
    pages._Key.seal = before


@given(PLACES)
def test_a_cursor_holds_its_place(place: tuple[object, ...]) -> None:
    assert pages.read("Seats:SINCE:0", pages.write("Seats:SINCE:0", place)) == place


@given(PLACES, st.data())
def test_one_other_letter_voids_a_cursor(place: tuple[object, ...], data: st.DataObject) -> None:
    cursor = pages.write("Seats:SINCE:0", place)
    at = data.draw(st.integers(0, len(cursor) - 2))
    other = data.draw(st.sampled_from([letter for letter in "ABab01-_" if letter != cursor[at]]))

    with pytest.raises(InvalidInput):
        pages.read("Seats:SINCE:0", cursor[:at] + other + cursor[at + 1 :])


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidInput):
        pages.read("Seats:SINCE:1", pages.write("Seats:SINCE:0", ("a", 1)))


@pytest.mark.usefixtures("_own_seal")
def test_a_cursor_of_another_installation_is_refused() -> None:
    pages.use_key(b"theirs")
    cursor = pages.write("Seats:SINCE:0", ("a", 1))
    pages.use_key(b"ours")

    with pytest.raises(InvalidInput):
        pages.read("Seats:SINCE:0", cursor)


def test_whoever_knows_how_cursors_are_made_makes_none() -> None:
    body = b'["a",1]'
    for key in (b"", b"Seats:SINCE:0", b"development"):
        mark = blake2b(b"Seats:SINCE:0\0" + body, digest_size=12, key=key).digest()

        with pytest.raises(InvalidInput):
            pages.read("Seats:SINCE:0", urlsafe_b64encode(mark + body).decode().rstrip("="))
