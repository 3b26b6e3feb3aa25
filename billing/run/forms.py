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
from typing import Any, NamedTuple

import orjson

from billing import ledger, timeline
from billing.agreement import Agreement, Item, Step
from billing.charging import worded
from billing.documents import Document, DocumentLine, document
from billing.facts import evidence, whole
from billing.lines import Kind, Line
from billing.periods import Cycle
from billing.pricing import Price, Quantity, Timing
from billing.proration import Proration
from billing.tables import InvoiceKind
from billing.tax import Rate
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

_START = datetime(2001, 1, 1, tzinfo=UTC)
_CYCLE = Cycle(_START, Anchor(_START.replace(tzinfo=None)), Interval.MONTH)
_END = _CYCLE.anchor.boundary(1, Interval.MONTH)


class Words(NamedTuple):
    """What a document needs beside its lines: what prices are called, the tax, and the currency."""

    names: dict[int, str]
    rate: Rate
    currency: str


@dataclass(frozen=True, slots=True)
class Form:
    """A document, and the parts of its rows that say neither whose it is nor when."""

    total: Money
    invoice: str
    lines: tuple[str, ...]
    transfers: tuple[str, ...]
    source: tuple[Line, ...]
    """The lines it was made of; those of a plain form name an item by its place."""

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


def form(lines: Sequence[Line], words: Words, now: datetime) -> Form:
    """The form of a document of these lines, issued now."""
    made = document([(worded(line, words.names), line) for line in lines], words.rate, words.currency)
    earned = total((line.net for line in made.lines if _is_earned(line.line, now)), words.currency)
    # Each of them is summed from the lines whenever it is asked for.
    subtotal, tax = made.subtotal, made.tax
    sums = (subtotal, tax, subtotal + tax)
    entry = ledger.invoice_finalized(ledger.Sums(subtotal - earned, earned, tax))
    return Form(
        sums[-1],
        _invoice(made, sums),
        tuple(_line(place, line) for place, line in enumerate(made.lines, 1)),
        transfers(entry),
        tuple(lines),
        tuple((int(line.item), int(line.price), line.quantity) for line in lines),
    )


def transfers(entry: ledger.Entry) -> tuple[str, ...]:
    """The transfers of an entry."""
    return tuple(f"{one.debit}\t{one.credit}\t{one.amount.currency}\t{one.amount.minor}" for one in entry)


def copied(*values: Any) -> str:
    """Values as COPY reads them in a row of text, JSON documents and arrays of text included."""
    return "\t".join([_copied(value) for value in values])


def _is_earned(line: Line, now: datetime) -> bool:
    """Whether what a line bills has been delivered: usage, and whatever is over."""
    return line.kind is Kind.USAGE or line.span.end <= now


def _invoice(made: Document, sums: Sequence[Money]) -> str:
    notes = _copied("{" + ",".join(orjson.dumps(note).decode() for note in made.notes) + "}")
    subtotal, tax, asked = (amount.minor for amount in sums)
    return f"{InvoiceKind.SUBSCRIPTION}\t0\t{made.currency}\t{subtotal}\t{tax}\t{asked}\t{notes}"


def _line(place: int, drafted: DocumentLine) -> str:
    words, rate = _copied(drafted.description), drafted.rate
    taxed = f"{drafted.tax.minor}\t{rate.percent}\t{_copied(rate.category)}\t{rate.inclusive}"
    return f"{place}\t{words}\t{taxed}\t{_charged(drafted.line)}"


def _charged(line: Line) -> str:
    """What `facts.columns_of` says of a line, in the order of CHARGED."""
    amount, taken = line.amount, [[taken.discount, taken.amount.minor] for taken in line.discounts]
    discounts = f"{line.discount.minor}\t{_copied(taken)}" if taken else "0\t[]"
    facts = _copied(evidence(line)) if line.kind is Kind.USAGE else "{}"
    return (
        f"{line.kind}\t{line.price}\t{whole(line.quantity)}\t{_copied(line.above)}\t{amount.currency}\t{amount.minor}"
        f"\t{discounts}\t{_copied(line.formula)}\t{line.proration}\t{_copied(line.reverses)}\t{facts}"
    )


def _copied(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    if value is None:
        return NULL
    text: str = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text.replace("\\", "\\\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
