"""Corrections: what an issued charge gives back, and what it takes again.

What a charge keeps depends only on the spans of it that are still wanted, never
on the way there, so going there and back costs nothing. It is a share of what
was recorded, after discounts, whatever the price says today.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

from billing.discounts import give_up
from billing.layers import Shape
from billing.lines import Issued, Kind, Line, Taken, tallied
from billing.pricing import TIMES
from billing.proration import portion, share
from billing.spans import joined, without
from kernel.money import Money, total
from kernel.time import Period


@dataclass(slots=True)
class Book:
    """An issued charge and every correction of it so far, oldest first."""

    entry: Issued
    corrections: list[Line] = field(default_factory=list)

    @property
    def charge(self) -> Line:
        """The line that was issued first."""
        return self.entry.line

    @property
    def covered(self) -> list[Period]:
        """The spans that are charged after all corrections."""
        spans = [self.charge.span]
        for line in self.corrections:
            spans = without(spans, [line.span]) if line.kind is Kind.CREDIT else joined([*spans, line.span])
        return spans


def booked(issued: Iterable[Issued]) -> dict[Shape, list[Book]]:
    """The books of all charges among the issued lines, by shape."""
    books: dict[int, Book] = {}
    shapes: dict[Shape, list[Book]] = {}
    # Lines of one instant may come in any order, and what corrects a charge belongs to it all the same.
    for entry in sorted(issued, key=lambda entry: entry.line.kind is not Kind.CHARGE):
        line = entry.line
        if line.kind is Kind.CHARGE:
            book = books[entry.id] = Book(entry)
            shapes.setdefault(Shape(line.item, line.period, line.price, line.quantity, line.above), []).append(book)
        elif line.reverses in books:
            books[line.reverses].corrections.append(line)
    return shapes


def corrected(book: Book, kept: Sequence[Period], zone_name: str) -> list[Line]:
    """The lines that make a charge stand for exactly the spans `kept`, all of them within its own.

    One for each span that is given back or taken again, unless the charge is
    worth what the book says already.
    """
    lines: list[Line] = []
    covered = book.covered
    gone = without(covered, kept)
    spans = sorted([*gone, *without(kept, covered)], key=lambda span: span.start)
    if not _missing(book, lines, kept, zone_name):
        return lines
    for span in spans:
        kind = Kind.CREDIT if span in gone else Kind.RESTORED
        covered = without(covered, [span]) if kind is Kind.CREDIT else joined([*covered, span])
        if missing := _missing(book, lines, covered, zone_name):
            lines.append(_correction(book, kind, span, missing, zone_name))
    return lines


class _Worth(NamedTuple):
    """An amount after discounts, and the discounts it holds."""

    net: Money
    discounts: tuple[Taken, ...]

    def __bool__(self) -> bool:
        return bool(self.net or self.discounts)


def _missing(book: Book, lines: Sequence[Line], covered: Sequence[Period], zone_name: str) -> _Worth:
    """What the book and these lines lack to say what the charge is worth for the spans covered."""
    charge, so_far = book.charge, [book.charge, *book.corrections, *lines]
    worth = _worth(book.entry, share(covered, charge.span, charge.proration, zone_name))
    taken = tallied(so_far)
    lacking = (Taken(key, amount - taken[key]) for key, amount in worth.discounts)
    return _Worth(
        worth.net - total((line.net for line in so_far), charge.amount.currency),
        tuple(part for part in lacking if part.amount),
    )


def _worth(entry: Issued, used: Fraction) -> _Worth:
    """What remains of a charge when only this share of it is used."""
    charge = entry.line
    back = charge.net.times(1 - used)
    given_up = give_up(charge.discounts, charge.amount.times(1 - used) - back)
    if entry.adjusted and charge.net.minor > 0:
        back = min(back, max(charge.net - entry.adjusted, Money(0, back.currency)))
    kept = (Taken(taken.discount, taken.amount - part) for taken, part in zip(charge.discounts, given_up, strict=True))
    return _Worth(charge.net - back, tuple(kept))


def _correction(book: Book, kind: Kind, span: Period, moved: _Worth, zone_name: str) -> Line:
    charge = book.charge
    part = portion(span, charge.span, charge.proration, zone_name)
    return replace(
        charge,
        kind=kind,
        span=span,
        amount=total((taken.amount for taken in moved.discounts), moved.net.currency) + moved.net,
        formula=f"{charge.net.text} charged" + (f" {TIMES} {part}" if part else ""),
        discounts=moved.discounts,
        reverses=book.entry.id,
    )
