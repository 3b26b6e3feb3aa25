"""Documents: what an invoice will say, before it is one.

A preview and the invoice it announces are the same document: lines, their taxes
by group, and the sums. Nothing here reads or writes a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.lines import Issued, Kind, Line
from billing.tax import Rate, apiece
from kernel.money import Money, total
from kernel.time import Period


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One line of a document: its words, the line, and the tax on it."""

    description: str
    line: Line
    rate: Rate
    tax: Money

    @property
    def net(self) -> Money:
        """What it adds to the subtotal: after discounts, and without a tax that is inside the price."""
        return self.line.net - self.tax if self.rate.inclusive else self.line.net


@dataclass(frozen=True, slots=True)
class Document:
    """What would be billed now. Lines sum to the subtotal, and subtotal and tax to the total."""

    currency: str
    lines: tuple[DocumentLine, ...]

    @property
    def subtotal(self) -> Money:
        """The sum of the lines before tax."""
        return total((line.net for line in self.lines), self.currency)

    @property
    def tax(self) -> Money:
        """The taxes on all lines."""
        return total((line.tax for line in self.lines), self.currency)

    @property
    def total(self) -> Money:
        """What is asked for; below zero, what becomes the customer's credit."""
        return self.subtotal + self.tax

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be printed about taxes that are not charged."""
        return tuple(dict.fromkeys(line.rate.reason for line in self.lines if line.rate.reason))

    @property
    def period(self) -> Period:
        """From the first start to the last end of its lines."""
        spans = [line.line.span for line in self.lines]
        return Period(min(span.start for span in spans), max(span.end for span in spans))


def joined(documents: Sequence[Document]) -> Document:
    """One document of all lines of several in one currency. Its taxes are computed anew, for it rounds once."""
    lines = [line for part in documents for line in part.lines]
    return document([(line.description, line.line, line.rate) for line in lines], documents[0].currency)


def document(lines: Sequence[tuple[str, Line, Rate]], currency: str) -> Document:
    """The document of these lines, each with its words and its tax, which is rounded once for each rate."""
    taxes = apiece([(line.net, rate) for _, line, rate in lines], currency)
    drafted = [DocumentLine(*each, tax) for each, tax in zip(lines, taxes, strict=True)]
    return Document(currency, tuple(drafted))


def rates(lines: Sequence[Line], issued: Sequence[Issued], rate: Rate) -> list[Rate]:
    """The tax on each line: on what gives back, or takes again, what was issued, that of then; else `rate`."""
    charged = {entry.id: entry.rate for entry in issued}
    asked = [entry for entry in issued if entry.line.kind is Kind.USAGE and entry.line.net.minor > 0]
    used = {_usage(entry.line): entry.rate for entry in asked}
    found = []
    for line in lines:
        then = charged.get(line.reverses) if line.reverses is not None else None
        if line.kind is Kind.USAGE and line.amount.minor < 0:
            then = used.get(_usage(line))
        found.append(rate if then is None or then.alike(rate) else then)
    return found


def _usage(line: Line) -> tuple[str, str, datetime]:
    return line.item, line.price, line.span.start
