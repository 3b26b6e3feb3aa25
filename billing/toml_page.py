"""Pages: strict reading of a TOML table that goes on after a mistake.

Whoever writes a file wants to hear of all its mistakes at once. So a value that
is wrong is noted with its file and line, something plausible stands in for it,
and reading goes on; the result counts only if nothing was noted. Each key is
taken once, and whatever is left when a page is done is unknown.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from billing import toml_lines

Member = TypeVar("Member", bound=StrEnum)

LARGEST = 10**15
"""No number in a file is larger, so that sums of them fit any column."""

_WORD = re.compile(r"[a-z][a-z0-9_]{0,62}")
_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_KINDS: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    dict: "a table",
    list: "a list of tables",
    Decimal: "a number with a fraction",
    datetime: "an instant, such as 2026-06-01T00:00:00Z",
}


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """What is wrong in a file, and on which line."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


@dataclass(slots=True)
class Sheet:
    """A file under reading: where its keys stand, and what is wrong with it so far."""

    file: str
    lines: Mapping[toml_lines.Path, int] = field(default_factory=lambda: {(): 1})
    mistakes: list[Mistake] = field(default_factory=list)

    def note(self, path: toml_lines.Path, reason: str) -> None:
        """Remember a mistake at a path, or at the closest thing around it."""
        self.mistakes.append(Mistake(self.file, toml_lines.line_of(self.lines, path), reason))


class Page:
    """One table of a file. `what` names it in sentences: "a price"."""

    def __init__(self, sheet: Sheet, table: Mapping[str, Any], path: toml_lines.Path, what: str) -> None:
        self.sheet = sheet
        self.path = path
        self.what = what
        self._left = dict(table)
        self._asked: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def note(self, reason: str, *keys: str | int) -> None:
        """Remember a mistake in this table, or at a key below it."""
        self.sheet.note((*self.path, *keys), reason)

    def word(self, key: str, *, required: bool = True) -> str | None:
        """A name for programs: lower-case letters, digits and underscores, a letter first."""
        found: str | None = self._take(key, str, required=required)
        if found is not None:
            self.check_word(found, key)
        return found

    def check_word(self, word: str, key: str) -> None:
        """Note a name for programs that isn't one, at a key of this table."""
        if not _WORD.fullmatch(word):
            self.note(f'"{word}" is not a name: use lower-case letters, digits and underscores, a letter first.', key)

    def whole(self, key: str, *, least: int = 0, required: bool = False) -> int | None:
        """A whole number, not less than `least`."""
        found: int | None = self._take(key, int, required=required)
        if found is not None and not least <= found <= LARGEST:
            self.note(f"`{key}` lies between {least:,} and {LARGEST:,}; {found:,} doesn't.", key)
        return found

    def choice(self, key: str, members: type[Member], *, required: bool = False) -> Member | None:
        """One of a closed set of words."""
        found = self._take(key, str, required=required)
        if found is None or found in set(members):
            return None if found is None else members(found)
        self.note(f'`{key}` is one of {", ".join(members)}; "{found}" isn\'t.', key)
        return None

    def flag(self, key: str) -> bool:
        """True or false; false where nothing is said."""
        return bool(self._take(key, bool, required=False))

    def instant(self, key: str) -> datetime | None:
        """An instant, with its distance from UTC."""
        found: datetime | None = self._take(key, datetime, required=False)
        if found is None or found.tzinfo is not None:
            return found and found.astimezone(UTC)
        self.note(f"`{key}` says its distance from UTC, such as {found.isoformat()}Z.", key)
        return None

    @property
    def keys(self) -> list[str]:
        """The keys that were not taken yet."""
        return list(self._left)

    def text(self, key: str, *, required: bool = False) -> str | None:
        """Any text."""
        found: str | None = self._take(key, str, required=required)
        return found

    def plain_texts(self, key: str) -> list[str]:
        """A list of any texts; empty where there is none."""
        found = self._take(key, list, required=False) or []
        for place, item in enumerate(found):
            if not isinstance(item, str):
                self.note(f"`{key}` is a list of texts, and holds {kind_of(item)}.", key, place)
        return [item for item in found if isinstance(item, str)]

    def texts(self, key: str) -> list[str]:
        """A list of names for programs; empty where there is none."""
        found = self._take(key, list, required=False) or []
        for place, item in enumerate(found):
            if isinstance(item, str):
                self.check_word(item, key)
            else:
                self.note(f"`{key}` is a list of names, and holds {kind_of(item)}.", key, place)
        return [item for item in found if isinstance(item, str)]

    def table(self, key: str, what: str, *, required: bool = False) -> Page | None:
        """A table below this one."""
        found = self._take(key, dict, required=required)
        return None if found is None else Page(self.sheet, found, (*self.path, key), what)

    def tables(self, key: str, what: str) -> list[Page]:
        """A list of tables below this one, not empty."""
        found = self._take(key, list, required=True)
        if found == []:
            self.note(f"`{key}` is empty.", key)
        pages = []
        for number, item in enumerate(found or ()):
            if isinstance(item, dict):
                pages.append(Page(self.sheet, item, (*self.path, key, number), what))
            else:
                self.note(f"`{key}` is a list of tables, and holds {kind_of(item)}.", key, number)
        return pages

    def rest(self) -> dict[str, Any]:
        """Everything that was not taken yet, for a table whose keys are free."""
        left, self._left = self._left, {}
        return left

    def done(self) -> None:
        """Note whatever nobody asked for."""
        for key in self._left:
            meant = get_close_matches(key, self._asked, n=1)
            hint = f" Did you mean `{meant[0]}`?" if meant else ""
            self.note(f"`{key}` is not a key of {self.what}.{hint}", key)

    def _take(self, key: str, kind: type, *, required: bool) -> Any:
        """The value of a key, or None where it is missing or of another kind, which is noted."""
        self._asked.append(key)
        if key not in self._left:
            if required:
                self.note(f"`{key}` is missing: {self.what} needs one.")
            return None
        found = self._left.pop(key)
        if type(found) is kind:
            return found
        self.note(f"`{key}` is {_KINDS[kind]}, not {kind_of(found)}.", key)
        return None


def kind_of(value: object) -> str:
    """A TOML value's kind, as a sentence names it."""
    return _KINDS.get(type(value), "a date or time")


def page(file: Path, what: str) -> Page:
    """A file as a page; one that can't be parsed is empty, and its sheet says why."""
    sheet = Sheet(str(file))
    try:
        text = file.read_bytes().decode()
        table = tomllib.loads(text, parse_float=Decimal)
    except UnicodeDecodeError as broken:
        line = broken.object.count(b"\n", 0, broken.start) + 1
        sheet.mistakes.append(Mistake(sheet.file, line, "This is not UTF-8 text."))
    except tomllib.TOMLDecodeError as broken:
        sheet.mistakes.append(Mistake(sheet.file, _line(broken, text), _PLACE.sub("", str(broken)) + "."))
    except (ValueError, RecursionError):
        sheet.note((), "This is TOML beyond all measure: a number too long, or tables too deep.")
    else:
        sheet.lines = toml_lines.lines(text)
        return Page(sheet, table, (), what)
    return Page(sheet, {}, (), what)


def _line(broken: tomllib.TOMLDecodeError, text: str) -> int:
    place = _PLACE.search(str(broken))
    return int(place[1]) if place and place[1] else text.count("\n") + 1
