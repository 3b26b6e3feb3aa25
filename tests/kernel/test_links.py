"""Links show one thing, for a while, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import links
from kernel.errors import Forbidden, NotFound

NOW = datetime(2026, 12, 1, 9, 0, 0, 500_000, tzinfo=UTC)
PATH = "/invoices/inv_9f3ac1d2e4b70.pdf"


@pytest.fixture(autouse=True)
def key() -> Iterator[None]:
    """A key and an address of this test's own."""
    before = (links._Key.key, links._Key.base)
    links.use(b"a key", "https://billing.example/")
    yield
    links._Key.key, links._Key.base = before


def signature(url: str) -> str:
    return parse_qs(urlsplit(url).query)[links.PARAMETER][0]


def test_a_link_begins_with_our_address_and_names_the_path() -> None:
    made = links.download(PATH, 7, NOW)

    assert made.url.startswith(f"https://billing.example{PATH}?link=")
    assert made.expires_at == NOW.replace(microsecond=0) + links.LIFE


def test_without_an_address_a_link_is_relative() -> None:
    links.use(b"a key", "")

    assert links.download(PATH, 7, NOW).url.startswith(f"{PATH}?link=")


@given(st.integers(0, 2**52 - 1))
def test_a_link_tells_whose_it_is(account: int) -> None:
    assert links.account(PATH, signature(links.download(PATH, account, NOW).url), NOW) == account


def test_a_link_works_until_the_second_at_which_it_ends() -> None:
    made = links.download(PATH, 7, NOW)
    signed, tick = signature(made.url), timedelta(microseconds=1)

    assert links.account(PATH, signed, made.expires_at - tick) == 7
    with pytest.raises(Forbidden):
        links.account(PATH, signed, made.expires_at)


@given(st.integers(0, 65), st.sampled_from("0123456789abcdefABCXYZ_-"))
def test_no_character_of_a_link_can_be_another(place: int, other: str) -> None:
    signed = signature(links.download(PATH, 7, NOW).url)
    changed = signed[:place] + other + signed[place + 1 :]

    if changed != signed:
        with pytest.raises(NotFound):
            links.account(PATH, changed, NOW)


def test_a_link_is_worth_nothing_on_another_path_or_under_another_key() -> None:
    signed = signature(links.download(PATH, 7, NOW).url)

    with pytest.raises(NotFound):
        links.account(PATH.replace("invoices", "receipts"), signed, NOW)
    links.use(b"another key", "")
    with pytest.raises(NotFound):
        links.account(PATH, signed, NOW)
