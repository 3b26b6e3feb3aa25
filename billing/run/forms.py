"""Forms: a document as text for COPY, but for whose it is and when.

Most renewals are plain: nothing has changed, and a whole period begins. What such
an invoice says depends on its prices, quantities, tax and language alone, not on
whose it is or which month it is. So the timeline and the taxes compute it once for
each such combination, and every further one is the same form with other dates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, NamedTuple

import orjson

from billing import ledger, timeline
from billing.agreement import Agreement, Item, Step
from billing.charging import worded
from billing.facts import evidence, whole
from billing.lines import Kind, Line
from billing.periods import Cycle
from billing.pricing import Price, Quantity, Timing
from billing.proration import Proration
from billing.states import InvoiceKind
from billing.tax import Rate, apiece, parts
from kernel.money import Money, total
from kernel.time import Anchor, Interval

Terms = tuple[tuple[int, int], ...]
"""The price and the quantity of each item, in the order of the items."""

NULL = r"\N"
"""Nothing, as COPY reads it."""

INVOICE = ("kind", "paid_minor", "currency", "subtotal_minor", "tax_minor", "total_minor", "tax_notes")
CHARGED = (
    *("kind", "price_id", "quantity", "above", "currency", "amount_minor", "discount_minor", "discounts"),
    *("formula", "proration", "reverses", "facts"),
)
LINE = ("position", "description", "tax_minor", "tax_percent", "tax_category", "tax_inclusive", *CHARGED)
TRANSFER = ("debit", "credit", "currency", "amount_minor")

_SUBSCRIPTION = InvoiceKind.SUBSCRIPTION
_START = datetime(2001, 1, 1, tzinfo=UTC)
_CYCLE = Cycle(_START, Anchor(_START.replace(tzinfo=None)), Interval.MONTH)
_END = _CYCLE.anchor.boundary(1, Interval.MONTH)


class Words(NamedTuple):
    """What a document needs beside its lines: what prices are called, the tax, and the currency."""

    names: dict[int, str]
    rate: Rate
    currency: str
    taxed: str
    """What a row of a line says of the tax, but for its amount."""

    notes: str
    """What an invoice prints about taxes that are not charged."""

    @classmethod
    def of(cls, names: dict[int, str], rate: Rate, currency: str) -> Words:
        """The words of documents that are taxed by one rate."""
        notes = orjson.dumps(rate.reason).decode() if rate.reason else ""
        return cls(names, rate, currency, _taxed(rate), _copied("{" + notes + "}"))


class Piece(NamedTuple):
    """A line on its way into a form: all but its place and its tax, which depend on the others."""

    net: Money
    is_earned: bool
    """Whether what it bills has been delivered."""

    words: str
    charged: str
    sold: tuple[int, int, Quantity]
    """Its item, price and quantity."""

    rate: Rate | None = None
    """Its tax, where that is another than the document's."""


@dataclass(frozen=True, slots=True)
class Form:
    """A document, and the parts of its rows that say neither whose it is nor when."""

    total: Money
    invoice: str
    lines: tuple[str, ...]
    transfers: tuple[str, ...]
    pieces: tuple[Piece, ...]
    """What it was made of; those of a plain form name an item by its place."""

    sold: tuple[tuple[int, int, Quantity], ...]
    """Item, price and quantity of each of them."""


def plain(terms: Terms, prices: Mapping[int, Price], words: Words, *, over: bool) -> Form | None:
    """The form of a whole period of these terms, billed when it begins; None for nothing to bill.

    `over` says that it has ended by the time the invoice is issued.
    """
    items = [
        Item(str(place), (Step(_START, prices[price], quantity),)) for place, (price, quantity) in enumerate(terms)
    ]
    lines = timeline.bill(Agreement((_CYCLE,), tuple(items)), now=_START)
    return form(lines, words, _END if over else _START) if lines else None


def is_plain(terms: Terms, prices: Mapping[int, Price], interval: Interval) -> bool:
    """Whether such prices cost the same in every period: billed ahead, and not by days of a single day."""
    sold = [prices[price] for price, _ in terms]
    ahead = [price.timing is Timing.ADVANCE for price in sold]
    return all(ahead) and (interval is not Interval.DAY or not [one for one in sold if one.proration is Proration.DAY])


def form(lines: Sequence[Line], words: Words, now: datetime, rates: Sequence[Rate] = ()) -> Form:
    """The form of a document of these lines, issued now; all are taxed alike, unless `rates` says how each is."""
    pieces = [piece(line, words, now) for line in lines]
    others = zip_longest(pieces, (None if rate is words.rate else rate for rate in rates))
    return assembled([one._replace(rate=rate) if rate else one for one, rate in others], words)


def piece(line: Line, words: Words, now: datetime) -> Piece:
    """A line as a piece of a document issued now."""
    # Usage is delivered when it is billed, and so is whatever is over.
    is_earned = line.kind is Kind.USAGE or line.span.end <= now
    sold = (int(line.item), int(line.price), line.quantity)
    return Piece(line.net, is_earned, escaped(worded(line, words.names)), _charged(line), sold)


def assembled(pieces: Sequence[Piece], words: Words) -> Form:
    """The form of these pieces. As in `billing.documents`, the tax is rounded once for each rate, and then split."""
    currency, taxes = words.currency, _taxes(pieces, words)
    nets = [
        each.net.minor - (tax.minor if (each.rate or words.rate).inclusive else 0)
        for each, tax in zip(pieces, taxes, strict=True)
    ]
    earned = Money(sum([net for net, each in zip(nets, pieces, strict=True) if each.is_earned]), currency)
    subtotal, tax = Money(sum(nets), currency), total(taxes, currency)
    asked = subtotal + tax
    return Form(
        asked,
        f"{_SUBSCRIPTION}\t0\t{currency}\t{subtotal.minor}\t{tax.minor}\t{asked.minor}\t{words.notes}",
        tuple(
            [
                f"{place}\t{each.words}\t{on_it.minor}"
                f"\t{_taxed(each.rate) if each.rate else words.taxed}\t{each.charged}"
                for place, (each, on_it) in enumerate(zip(pieces, taxes, strict=True), 1)
            ]
        ),
        transfers(ledger.invoice_finalized(ledger.Sums(subtotal - earned, earned, tax))),
        tuple(pieces),
        tuple([each.sold for each in pieces]),
    )


def _taxes(pieces: Sequence[Piece], words: Words) -> list[Money]:
    if not any(each.rate for each in pieces):
        return parts(words.rate, [each.net for each in pieces], words.currency)
    return apiece([(each.net, each.rate or words.rate) for each in pieces], words.currency)


def _taxed(rate: Rate) -> str:
    return f"{rate.percent}\t{_copied(rate.category)}\t{rate.inclusive}"


def transfers(entry: ledger.Entry) -> tuple[str, ...]:
    """The transfers of an entry."""
    return tuple(f"{one.debit}\t{one.credit}\t{one.amount.currency}\t{one.amount.minor}" for one in entry)


def copied(*values: Any) -> str:
    """Values as COPY reads them in a row of text, JSON documents and arrays of text included."""
    return "\t".join([_copied(value) for value in values])


def _charged(line: Line) -> str:
    """What `facts.columns_of` says of a line, in the order of CHARGED."""
    amount, discounts = line.amount, "0\t[]"
    if line.discounts:
        taken = [[taken.discount, taken.amount.minor] for taken in line.discounts]
        discounts = f"{line.discount.minor}\t{_copied(taken)}"
    facts = escaped(orjson.dumps(evidence(line)).decode()) if line.kind is Kind.USAGE else "{}"
    return (
        f"{line.kind}\t{line.price}\t{whole(line.quantity)}\t{NULL if line.above is None else _copied(line.above)}"
        f"\t{amount.currency}\t{amount.minor}\t{discounts}\t{escaped(line.formula)}\t{line.proration}"
        f"\t{NULL if line.reverses is None else line.reverses}\t{facts}"
    )


def _copied(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    if value is None:
        return NULL
    return escaped(value if isinstance(value, str) else orjson.dumps(value).decode())


def escaped(text: str) -> str:
    """A text as COPY reads it in a column."""
    return text.replace("\\", "\\\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
