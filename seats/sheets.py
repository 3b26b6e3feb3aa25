"""Sheets: a list of people as a spreadsheet writes it, read line by line.

The first line names the columns, in any order: `email`, and `pool` or `plan`, and
`role`, as far as they are wanted. They are parted by commas, semicolons or tabs,
whichever the first line has. Nothing of a sheet is believed: a row that can't be
read is told with its line, and a sheet that can't be is refused with the reason.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

from kernel.errors import InvalidInput, Problem

MOST_ROWS = 100_000
"""How many people a sheet may list."""

LONGEST_CELL = 1_000
LONGEST_LINE = 10_000
_UTF16 = "This list is written in UTF-16, and was read so."
_LATIN1 = (
    "Line {line:,} of this list is not UTF-8, so all of it was read as Latin-1."
    " If names in it look wrong, save it as UTF-8 and bring it again."
)
_NAMES = {
    "email": "email",
    "e-mail": "email",
    "mail": "email",
    "address": "email",
    "pool": "pool",
    "plan": "pool",
    "role": "role",
}


@dataclass(eq=False)
class SheetUnreadable(Problem):
    """The list can't be read."""

    says = "This list can't be read: {why}"
    why: str
    """What is wrong with it, and where."""


@dataclass(eq=False)
class SheetTooLong(Problem):
    """The list has more rows than can be taken at once."""

    says = "This list has more than {most:,} rows, and no more are taken at once. Nobody was seated: part it."
    most: int
    """How many rows are taken."""


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody on a sheet, as they are written there; what is not written is empty."""

    line: int
    email: str
    pool: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a sheet says: its people in their order, and the columns that mean nothing here."""

    rows: Sequence[Row]
    ignored: Sequence[str] = ()
    notice: str | None = None
    """How a file was read that is not UTF-8, in a sentence."""


def opened(file: bytes, most: int = MOST_ROWS) -> Sheet:
    """What a file says, in whichever encoding. Raises as `read` does."""
    text, notice = _written(file)
    return replace(read(text, most), notice=notice)


def _written(file: bytes) -> tuple[str, str | None]:
    """The text of a file, and how it was read, if it is not UTF-8.

    UTF-16, or else what older spreadsheets write, Latin-1; with a mark or without.
    """
    if file.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(file, "utf-16"), _UTF16
    if b"\0" in file[:2]:
        return _decoded(file, "utf-16-be" if file[:1] == b"\0" else "utf-16-le"), _UTF16
    body = file.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode("utf-8"), None
    except UnicodeDecodeError as stumbled:
        # A mark in front says UTF-8 even where a program went on in Latin-1.
        line = body.count(b"\n", 0, stumbled.start) + 1
        return body.decode("latin-1"), _LATIN1.format(line=line)


def _decoded(sheet: bytes, name: str) -> str:
    try:
        return sheet.decode(name)
    except UnicodeDecodeError:
        raise SheetUnreadable("it begins as UTF-16 and goes on as something else. Save it as UTF-8.") from None


def read(text: str, most: int = MOST_ROWS) -> Sheet:
    """What a sheet says. Raises SheetUnreadable, SheetTooLong for more than `most` rows, or InvalidInput."""
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        raise InvalidInput("The list has characters that no text has. Save it as CSV in UTF-8.")
    if len(text.partition("\n")[0]) > LONGEST_LINE:
        raise InvalidInput(f"The first line of a list names its columns, in at most {LONGEST_LINE:,} characters.")
    reader = csv.reader(StringIO(text, newline=""), delimiter=_mark(text), strict=True)
    rows: list[Row] = []
    try:
        columns, ignored = _columns(next(reader, []))
        for line, cells in _numbered(reader):
            if len(rows) == most:
                raise SheetTooLong(most)
            rows.append(Row(line, **{name: _cell(cells, place) for name, place in columns.items()}))
    except csv.Error as mistake:
        raise SheetUnreadable(f"line {reader.line_num}: {mistake}. Correct it, or save it as CSV again.") from None
    return Sheet(rows, ignored)


def _mark(text: str) -> str:
    """What parts the columns: whichever the first line has most of."""
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _columns(names: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """At which place each of our columns stands, and the names of those that mean nothing here."""
    found: dict[str, int] = {}
    ignored = []
    for place, written in enumerate(names):
        name = _NAMES.get(written.strip().lower())
        if name in found:
            raise SheetUnreadable(f"two of its columns tell the {name}. Leave one of them out.")
        if name is not None:
            found[name] = place
        elif written.strip():
            ignored.append(written.strip()[:LONGEST_CELL])
    if "email" not in found:
        raise SheetUnreadable("its first line names no column email. Name there: email, and pool and role if you like.")
    return found, ignored


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """The rows in which something is written, each with the line it begins at."""
    line = reader.line_num + 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = reader.line_num + 1


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place].strip()[:LONGEST_CELL] if place < len(cells) else ""
