"""Sheets: all that stands on one document, as texts that are ready to be printed.

A sheet knows no row and no rule of typesetting: the press gets it as JSON, and prints
every text literally.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Party:
    """The seller or the buyer: a name, and the lines below it."""

    name: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what for, what there is to say about it, and one cell for each further column."""

    description: str
    notes: Sequence[str]
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sum:
    """One line of the sums; a strong one is what the reader looks for."""

    label: str
    amount: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Headline:
    """What a person reads first: how much, and what is to be done about it."""

    amount: str
    words: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One document. `made_at` is the instant that its file is dated with."""

    made_at: datetime
    name: str
    """What its file is called, without an ending."""

    language: str
    title: str
    heading: str
    page: str
    """How pages are counted: "Page {page} of {pages}"."""

    seller: Party
    addressed: str
    """What stands above the buyer: "Bill to"."""

    buyer: Party
    facts: Sequence[Pair]
    headline: Headline
    columns: Sequence[str]
    rows: Sequence[Row]
    sums: Sequence[Sum]
    footer: str
    notes: Sequence[str] = ()
    subject: str | None = None
    watermark: str | None = None
    settled: bool = False
    payment_columns: Sequence[str] = ()
    payments: Sequence[Sequence[str]] = ()
    final: bool = True
    """Whether it will be the same whenever it is printed again; a draft is not."""

    @property
    def json(self) -> bytes:
        """The sheet as the press reads it."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)

    def digest(self, edition: str) -> str:
        """What the sheet comes to in print, in hexadecimal digits: equal ones are printed alike by one edition."""
        return sha256(edition.encode() + self.json).hexdigest()[:32]


def as_words(texts: Sequence[Any]) -> str:
    """Texts on one line, those that are there."""
    return " · ".join(str(text) for text in texts if text)
