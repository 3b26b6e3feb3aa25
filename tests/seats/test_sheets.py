"""Sheets: a list of people is read as whatever spreadsheet wrote it, or refused in one sentence."""

from __future__ import annotations

import csv
from contextlib import suppress
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidInput
from seats import sheets
from seats.sheets import Row, SheetTooLong, SheetUnreadable

TEXT = "email;pool;role\r\nzoë@example.test;Büro;member\r\n"
ZOE = [Row(2, "zoë@example.test", "Büro", "member")]


@pytest.mark.parametrize(
    "file",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("latin-1"),
        b"\xef\xbb\xbf" + TEXT.encode("latin-1"),
    ],
    ids=["utf-8", "utf-8 with a mark", "utf-16", "little", "big", "latin-1", "latin-1 with a mark"],
)
def test_a_file_is_read_in_the_encoding_it_was_saved_in(file: bytes) -> None:
    assert sheets.opened(file).rows == ZOE


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_columns_are_parted_by_what_the_first_line_has(mark: str) -> None:
    text = "\n".join(mark.join(cells) for cells in (["Role", "E-Mail"], ["auditor", '"a@x.test"']))

    assert sheets.read(text).rows == [Row(2, "a@x.test", role="auditor")]


def test_a_row_is_told_by_the_line_it_begins_at() -> None:
    text = 'note,email\n"two\nlines",a@x.test\n\n , \n,b@x.test'

    read = sheets.read(text)

    assert [(row.line, row.email) for row in read.rows] == [(2, "a@x.test"), (6, "b@x.test")]
    assert read.ignored == ["note"]


def test_a_hundred_thousand_rows_are_read_and_not_one_more() -> None:
    most = "email\n" + "a@x.test\n" * sheets.MOST_ROWS

    assert len(sheets.read(most).rows) == sheets.MOST_ROWS
    with pytest.raises(SheetTooLong, match="more than 100,000 rows"):
        sheets.opened(b"\xef\xbb\xbf" + (most + "zo\u00eb@x.test").encode("latin-1"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no column email"),
        ("name,role\nAda,member", "names no column email"),
        ("email,E-mail\na@x.test,b@x.test", "two of its columns tell the email"),
        ('email\n"a@x.test', "line 2"),
        ('email\n"a"b@x.test', "line 2"),
        ("email\n" + "a" * 140_000, "line 2"),
    ],
)
def test_what_is_no_list_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(SheetUnreadable, match=why):
        sheets.read(text)


def test_a_sheet_is_text() -> None:
    with pytest.raises(InvalidInput, match="characters that no text has"):
        sheets.read("email\n\0")
    with pytest.raises(InvalidInput, match="at most 10,000 characters"):
        sheets.read("a" * 1_000_000)


def test_a_file_that_breaks_off_in_the_middle_of_a_character_is_refused() -> None:
    with pytest.raises(SheetUnreadable, match="UTF-16"):
        sheets.opened(TEXT.encode("utf-16")[:-1])


CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.tuples(CELLS, CELLS)), st.sampled_from(",;\t"))
def test_whatever_a_spreadsheet_writes_is_read_again(people: list[tuple[str, str]], mark: str) -> None:
    page = StringIO(newline="")
    written = csv.writer(page, delimiter=mark)
    written.writerows([("email", "pool"), *people])

    rows = sheets.read(page.getvalue()).rows

    assert [(row.email, row.pool) for row in rows] == [
        (email.strip(), pool.strip()) for email, pool in people if email.strip() or pool.strip()
    ]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(file: bytes) -> None:
    with suppress(SheetUnreadable, InvalidInput):
        assert all(row.line > 1 for row in sheets.opened(b"email\n" + file).rows)
