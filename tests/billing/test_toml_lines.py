from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.toml_lines import Path, line_of, lines

ODD = '''# a comment with a ] and a " in it
key = "pro" # and [one] behind
[name]
en = "Pro"
"d e" . 'f.r' = "x"
long = """
[not.a.table]
key = 1 """
raw = \'\'\'
"[[versions]]"\'\'\'
  [[versions]]   # first
  number = 1
[versions.seats]
minimum = 5
[[versions.prices]]
amount.USD = "20.00"
amount . EUR = "19.00"
amounts = { JPY = "3000", GBP = { deep = "1" } }
[[versions.prices]]
tiers = [
  # a comment
  { up_to = 10, unit.USD = "1.00" },
  { unit = { USD = "0.90" } },
  "a ] , b", [1, 2,
    3],
]
[[versions]]
number = 2
at = 2026-01-01 00:00:00Z
[[versions.prices]]
interval = "year"
[a.b.c]
d = 1.5
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("key",), 2),
        (("name",), 3),
        (("name", "en"), 4),
        (("name", "d e", "f.r"), 5),
        (("name", "long"), 6),
        (("name", "raw"), 9),
        (("versions",), 11),
        (("versions", 0), 11),
        (("versions", 0, "number"), 12),
        (("versions", 0, "seats"), 13),
        (("versions", 0, "seats", "minimum"), 14),
        (("versions", 0, "prices"), 15),
        (("versions", 0, "prices", 0), 15),
        (("versions", 0, "prices", 0, "amount"), 16),
        (("versions", 0, "prices", 0, "amount", "USD"), 16),
        (("versions", 0, "prices", 0, "amount", "EUR"), 17),
        (("versions", 0, "prices", 0, "amounts", "GBP", "deep"), 18),
        (("versions", 0, "prices", 1), 19),
        (("versions", 0, "prices", 1, "tiers"), 20),
        (("versions", 0, "prices", 1, "tiers", 0), 22),
        (("versions", 0, "prices", 1, "tiers", 0, "unit", "USD"), 22),
        (("versions", 0, "prices", 1, "tiers", 1, "unit"), 23),
        (("versions", 0, "prices", 1, "tiers", 2), 24),
        (("versions", 0, "prices", 1, "tiers", 3, 1), 24),
        (("versions", 0, "prices", 1, "tiers", 3, 2), 25),
        (("versions", 1), 27),
        (("versions", 1, "number"), 28),
        (("versions", 1, "prices", 0, "interval"), 31),
        (("a", "b", "c", "d"), 33),
    ],
)
def test_every_key_is_found_on_its_line(path: Path, line: int) -> None:
    assert lines(ODD)[path] == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("nothing",), 1),
        (("name", "ja"), 3),
        (("versions", 0, "seats", "maximum"), 13),
        (("versions", 0, "prices", 0, "amount", "JPY"), 16),
        (("versions", 0, "prices", 1, "tiers", 1, "up_to"), 23),
        (("versions", 1, "prices", 0, "amount", "USD"), 30),
    ],
)
def test_what_is_missing_is_looked_for_around_its_place(path: Path, line: int) -> None:
    assert line_of(lines(ODD), path) == line


def test_lines_that_end_the_windows_way_are_counted_alike() -> None:
    windows = ODD.replace("\n", "\r\n")

    assert lines(windows) == lines(ODD)


def test_exactly_the_paths_of_the_document_are_found() -> None:
    assert set(lines(ODD)) == {(), *_paths(tomllib.loads(ODD))}


_keys = st.text(st.sampled_from("ab.#[]=\"\\ 'é"), min_size=1, max_size=4)
_texts = st.text(st.sampled_from("ab#[]{},=\"'\\ \né"), max_size=8)
_documents = st.dictionaries(
    _keys,
    st.recursive(
        st.integers() | st.booleans() | _texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@given(_documents)
def test_whatever_a_document_holds_it_can_be_walked(document: dict[str, Any]) -> None:
    text = "".join(f"{_quoted(key)} = {_inline(value)} # [x]\n" for key, value in document.items())
    assert tomllib.loads(text) == document

    found = lines(text)

    assert set(found) == {(), *_paths(document)}
    assert [found[key,] for key in document] == list(range(1, len(document) + 1))


def _paths(value: Any, path: Path = ()) -> list[Path]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inner for place in ((*path, key), *_paths(item, (*path, key)))]


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)} = {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    return str(value).lower()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
