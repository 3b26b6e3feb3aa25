"""Lines of a TOML text: where each key stands, for mistakes that name the place.

The standard library's reader tells where the syntax breaks and forgets where
the values stood. This walks a text which that reader has accepted, so it only
has to find its way, not to judge. A path is what one would write in Python:
`("versions", 0, "prices", 2, "amount", "USD")`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"[ \t]*([A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*')[ \t]*")
_TEXT = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\]|\\.)*"|\'[^\']*\'', re.DOTALL)
_BARE = re.compile(r"[^,\]}\r\n#]+")


def lines(text: str) -> dict[Path, int]:
    """The line, counted from 1, of every table, key and list item of a valid TOML text."""
    return _Walk(text).document()


def line_of(known: Mapping[Path, int], path: Path) -> int:
    """The line of a path, or of the closest thing around it that has one."""
    while path not in known:
        path = path[:-1]
    return known[path]


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.known: dict[Path, int] = {(): 1}
        self.lists: dict[Path, int] = {}

    def document(self) -> dict[Path, int]:
        table: Path = ()
        while self.skip(_BLANK) < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
        return self.known

    def header(self) -> Path:
        """Read `[a.b]` or `[[a.b]]`: the path that the keys below it belong to."""
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        line = self.line()
        self.at += brackets
        keys = self.keys()
        self.at += brackets
        path: Path = ()
        for place, key in enumerate(keys, 1):
            path = (*path, key)
            self.known.setdefault(path, line)
            if brackets > 1 and place == len(keys):
                self.lists[path] = self.lists.get(path, 0) + 1
            if path in self.lists:
                path = (*path, self.lists[path] - 1)
        self.known[path] = line
        return path

    def pair(self, table: Path) -> None:
        """Read `a.b = value`."""
        line = self.line()
        path = table
        for key in self.keys():
            path = (*path, key)
            self.known.setdefault(path, line)
        self.at += 1  # the equals sign
        self.value(path)

    def value(self, path: Path) -> None:
        self.skip(_BLANK)
        match self.text[self.at]:
            case "[":
                self.items(path)
            case "{":
                self.inline(path)
            case '"' | "'":
                self.skip(_TEXT)
            case _:
                self.skip(_BARE)

    def items(self, path: Path) -> None:
        """Read `[a, b]`, over as many lines as it takes."""
        self.at += 1
        number = 0
        while self.next_until("]"):
            self.known[*path, number] = self.line()
            self.value((*path, number))
            number += 1

    def inline(self, path: Path) -> None:
        """Read `{ a = 1, b.c = 2 }`."""
        self.at += 1
        while self.next_until("}"):
            self.pair(path)

    def next_until(self, closing: str) -> bool:
        """Step over blanks and a comma; False, and past the closing bracket, at the end."""
        self.skip(_BLANK)
        if self.text[self.at] == ",":
            self.at += 1
            self.skip(_BLANK)
        if self.text[self.at] == closing:
            self.at += 1
            return False
        return True

    def keys(self) -> list[str]:
        """Read `a."b c".d`."""
        found = [self.key()]
        while self.text[self.at] == ".":
            self.at += 1
            found.append(self.key())
        return found

    def key(self) -> str:
        match = _KEY.match(self.text, self.at)
        assert match, f"line {self.line()} was accepted as TOML and has no key"
        self.at = match.end()
        word = match[1]
        if word[0] not in "\"'":
            return word
        return next(iter(tomllib.loads(f"{word} = 0")))

    def skip(self, shape: re.Pattern[str]) -> int:
        match = shape.match(self.text, self.at)
        assert match, f"line {self.line()} was accepted as TOML and can't be followed"
        self.at = match.end()
        return self.at

    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1
