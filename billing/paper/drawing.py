"""Drawing: an invoice, a receipt or a credit note as a sheet, from what was recorded.

Everything comes from the document itself: whom it was addressed to, in which language
and with which taxes, as it was when it became final. So it is the same whenever it is
drawn again, whatever became of the account. Payments, and what was given back later,
are not on an invoice; a receipt tells of payments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from billing.charging import RESTORED, UNUSED
from billing.paper import seated as seats
from billing.paper.seated import NOBODY, Seated
from billing.paper.sheet import Headline, Pair, Party, Row, Sheet, Sum, as_words
from billing.paper.writing import Hand, plain
from billing.pricing import TIMES
from billing.seller import Seller
from billing.states import Collection, CreditDestination, InvoiceState, LineKind
from billing.tables import CreditNote, CreditNoteLine, Invoice, LineItem
from billing.tax import EXPORT, REVERSE_CHARGE
from kernel.money import Money, total
from kernel.time import Period

_NOTES = {REVERSE_CHARGE: "reverse_charge", EXPORT: "export"}
_DESTINATIONS = {
    CreditDestination.RECEIVABLE: "off_owed",
    CreditDestination.CUSTOMER_CREDIT: "to_customer_credit",
    CreditDestination.REFUNDS: "to_refunds",
}
_SIMPLE = re.compile(rf"(?:(\d+(?:\.\d+)?) {TIMES} )?(\d+(?:\.\d+)?)(?: [A-Z]{{3}})?")
_CITY_FIRST = frozenset({"US", "CA", "AU"})
"""Where the postal code stands behind the city."""


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that arrived for an invoice: by which means, in words, when, and how much."""

    method: str
    at: datetime
    amount: Money


@dataclass(frozen=True, slots=True)
class _Charged:
    """One line in the terms of the document: its own amount after discounts, and the tax on it or in it."""

    percent: Fraction
    inclusive: bool
    amount: Money
    tax: Money


def invoice(hand: Hand, seller: Seller, drawn: Invoice, lines: Sequence[LineItem], seated: Seated = NOBODY) -> Sheet:
    """The invoice as it was made final, or the draft of one, with who was `seated` then."""
    title = hand.says("invoice")
    charged = [_charged(line) for line in lines]
    return Sheet(
        made_at=drawn.issued_at or drawn.created_at,
        name=drawn.number or "draft",
        language=hand.locale.language,
        title=as_words([title, drawn.number]),
        heading=title,
        page=hand.says("page"),
        seller=_issuer(hand, seller),
        addressed=hand.says("bill_to"),
        buyer=_buyer(hand, drawn),
        facts=_facts(hand, drawn),
        headline=_headline(hand, drawn),
        columns=_columns(hand, seller),
        rows=[_row(hand, line, seated) for line in lines],
        sums=[*_sums(hand, seller, charged, _total(drawn)), *_due(hand, drawn)],
        footer=_footer(hand, seller, drawn.number),
        notes=_tax_notes(hand, drawn),
        watermark=_watermark(hand, drawn),
        final=drawn.state is not InvoiceState.DRAFT,
    )


def receipt(
    hand: Hand,
    seller: Seller,
    drawn: Invoice,
    lines: Sequence[LineItem],
    payments: Sequence[Payment] = (),
    *,
    seated: Seated = NOBODY,
) -> Sheet:
    """The receipt for an invoice that is paid, with the payments that are known."""
    assert drawn.paid_at is not None, "a receipt exists once the invoice is paid"
    title = hand.says("receipt")
    paid = Money(drawn.paid_minor, drawn.currency)
    charged = [_charged(line) for line in lines]
    shown = paid or _total(drawn)
    return Sheet(
        made_at=drawn.paid_at,
        name=f"{drawn.number}-receipt",
        language=hand.locale.language,
        title=as_words([title, drawn.number]),
        heading=title,
        page=hand.says("page"),
        seller=_issuer(hand, seller),
        addressed=hand.says("bill_to"),
        buyer=_buyer(hand, drawn),
        facts=[*_facts(hand, drawn)[:2], (hand.says("paid"), hand.day(drawn.paid_at)), *_facts(hand, drawn)[2:]],
        headline=Headline(hand.money(shown), hand.says("paid_on", date=hand.day(drawn.paid_at))),
        columns=_columns(hand, seller),
        rows=[_row(hand, line, seated) for line in lines],
        sums=[*_sums(hand, seller, charged, _total(drawn)), *_paid(hand, drawn)],
        footer=_footer(hand, seller, drawn.number),
        notes=_tax_notes(hand, drawn),
        settled=True,
        payment_columns=[hand.says(each) for each in ("method", "day", "amount")] if payments else [],
        payments=[[plain(each.method), hand.day(each.at), hand.money(each.amount)] for each in payments],
    )


def credit_note(
    hand: Hand,
    seller: Seller,
    drawn: CreditNote,
    of: Invoice,
    lines: Sequence[tuple[CreditNoteLine, LineItem]],
) -> Sheet:
    """The credit note, with the lines of the invoice that it gives back."""
    title = hand.says("credit_note")
    charged = [
        _Charged(
            Fraction(line.tax_percent),
            line.tax_inclusive,
            Money(given.amount_minor, drawn.currency),
            Money(given.tax_minor, drawn.currency),
        )
        for given, line in lines
    ]
    whole = Money(drawn.total_minor, drawn.currency)
    return Sheet(
        made_at=drawn.issued_at,
        name=drawn.number,
        language=hand.locale.language,
        title=as_words([title, drawn.number]),
        heading=title,
        page=hand.says("page"),
        seller=_issuer(hand, seller),
        addressed=hand.says("bill_to"),
        buyer=_buyer(hand, of),
        facts=[
            (hand.says("credit_note_number"), drawn.number),
            (hand.says("issued"), hand.day(drawn.issued_at)),
            (hand.says("invoice_number"), of.number or ""),
            *([(hand.says("po"), plain(of.po_number))] if of.po_number else []),
        ],
        headline=Headline(hand.money(whole), hand.says("credited_on", date=hand.day(drawn.issued_at))),
        subject=hand.says("reason", reason=plain(drawn.reason)),
        columns=[hand.says("description"), _tax_name(hand, seller), hand.says("amount")],
        rows=[
            Row(_described(hand, line), [_span(hand, line)], [hand.percent(each.percent), hand.money(each.amount)])
            for (_, line), each in zip(lines, charged, strict=True)
        ],
        sums=[*_sums(hand, seller, charged, whole), *_destined(hand, drawn)],
        footer=_footer(hand, seller, drawn.number),
        notes=_tax_notes(hand, of),
    )


# Who


def _issuer(hand: Hand, seller: Seller) -> Party:
    return Party(plain(seller.name), [*map(plain, seller.address), *_vat_id(hand, seller.vat_id)])


def _buyer(hand: Hand, drawn: Invoice) -> Party:
    told = drawn.billed_to
    lines = [*_address(hand, told), *_vat_id(hand, told.get("vat_id")), *_told(told.get("email"))]
    return Party(plain(str(told.get("name") or "")), lines)


def _address(hand: Hand, buyer: Mapping[str, Any]) -> list[str]:
    """The lines of a postal address, as its country writes them."""
    country = str(buyer.get("country") or "")
    told: Mapping[str, Any] = buyer.get("address") or {}
    code, city, state = (str(told.get(name) or "") for name in ("postal_code", "city", "state"))
    place = [city, state, code] if country in _CITY_FIRST else [code, city, state]
    streets = [str(told.get(name) or "") for name in ("line1", "line2")]
    lines = [*map(str, told.get("lines") or ()), *streets, " ".join(filter(None, place))]
    return [plain(line) for line in [*lines, hand.country(country) if country else ""] if line.strip()]


def _vat_id(hand: Hand, vat_id: object) -> list[str]:
    return [f"{hand.says('vat_id')} {plain(str(vat_id))}"] if vat_id else []


def _told(text: object) -> list[str]:
    return [plain(str(text))] if text else []


def _footer(hand: Hand, seller: Seller, number: str | None) -> str:
    return as_words([plain(seller.name), *_vat_id(hand, seller.vat_id), number])


# What and when


def _facts(hand: Hand, drawn: Invoice) -> list[Pair]:
    due_at = None if drawn.collection is Collection.CHARGE_AUTOMATICALLY else drawn.due_at
    known = [
        ("invoice_number", drawn.number),
        ("issued", hand.day(drawn.issued_at) if drawn.issued_at else None),
        ("due", hand.day(due_at) if due_at else None),
        ("terms", _terms(hand, drawn)),
        ("po", plain(drawn.po_number) if drawn.po_number else None),
        ("period", hand.span(Period(drawn.period_start, drawn.period_end))),
    ]
    return [(hand.says(key), told) for key, told in known if told]


def _terms(hand: Hand, drawn: Invoice) -> str:
    if drawn.collection is Collection.CHARGE_AUTOMATICALLY:
        return hand.says("automatic")
    return hand.says("net", days=str(drawn.net_days)) if drawn.net_days else hand.says("on_receipt")


def _headline(hand: Hand, drawn: Invoice) -> Headline:
    whole, due = _total(drawn), _total(drawn) - Money(drawn.credit_minor, drawn.currency)
    if drawn.state is InvoiceState.DRAFT:
        return Headline(hand.money(whole), hand.says("not_yet"))
    if drawn.state is InvoiceState.VOID:
        return Headline(hand.money(whole), hand.says("void_nothing"))
    if whole.minor < 0:
        return Headline(hand.money(-whole), hand.says("yours"))
    if not due:
        return Headline(hand.money(due), hand.says("nothing_to_pay"))
    return Headline(hand.money(due), _how(hand, drawn))


def _how(hand: Hand, drawn: Invoice) -> str:
    """What is to be done about an amount that is due."""
    if drawn.collection is Collection.CHARGE_AUTOMATICALLY:
        return hand.says("by_itself")
    return hand.says("to_pay_by", date=hand.day(drawn.due_at)) if drawn.due_at else hand.says("to_pay")


def _watermark(hand: Hand, drawn: Invoice) -> str | None:
    marks = {InvoiceState.DRAFT: "draft", InvoiceState.VOID: "void"}
    return hand.says(marks[drawn.state]) if drawn.state in marks else None


# Lines


def _columns(hand: Hand, seller: Seller) -> list[str]:
    names = [hand.says(each) for each in ("description", "quantity", "unit_price")]
    return [*names, _tax_name(hand, seller), hand.says("amount")]


def _row(hand: Hand, line: LineItem, seated: Seated) -> Row:
    simple = _SIMPLE.fullmatch(line.formula)
    quantity = Decimal(simple[1]) if simple and simple[1] else Decimal(line.quantity - (line.above or 0))
    unit = hand.unit(Decimal(simple[2]), line.currency) if simple and (simple[1] or quantity == 1) else ""
    rate = hand.percent(Fraction(line.tax_percent))
    cells = [hand.number(quantity), unit, rate, hand.money(_charged(line).amount)]
    people = seats.notes(hand, line, seated.get(line.id, ()))
    return Row(_described(hand, line), _notes(hand, line, people, simple=bool(simple)), cells)


def _described(hand: Hand, line: LineItem) -> str:
    """What a line is for; what was added to that in English when it was drafted is said in the reader's words."""
    if line.kind is LineKind.CREDIT and line.description.endswith(UNUSED):
        return hand.says("unused", what=plain(line.description.removesuffix(UNUSED)))
    if line.kind is LineKind.RESTORED and line.description.endswith(RESTORED):
        return hand.says("restored", what=plain(line.description.removesuffix(RESTORED)))
    return plain(line.description)


def _notes(hand: Hand, line: LineItem, people: Sequence[str], *, simple: bool) -> list[str]:
    notes = [
        _span(hand, line),
        *people,
        "" if simple else plain(hand.formula(line.formula)),
        hand.says("discount", amount=hand.money(Money(-line.discount_minor, line.currency)))
        if line.discount_minor
        else "",
    ]
    return [note for note in notes if note]


def _span(hand: Hand, line: LineItem) -> str:
    return hand.span(Period(line.period_start, line.period_end))


def _charged(line: LineItem) -> _Charged:
    amount = Money(line.amount_minor - line.discount_minor, line.currency)
    return _Charged(Fraction(line.tax_percent), line.tax_inclusive, amount, Money(line.tax_minor, line.currency))


# Sums


def _sums(hand: Hand, seller: Seller, charged: Sequence[_Charged], whole: Money) -> list[Sum]:
    """Lines, taxes on top of them, the total, and taxes that are inside of it; each adds up to the next."""
    currency = whole.currency
    groups: dict[tuple[bool, Fraction], list[_Charged]] = {}
    for each in charged:
        groups.setdefault((each.inclusive, each.percent), []).append(each)
    on_top = [_taxed(hand, seller, "tax_on", found) for key, found in groups.items() if not key[0]]
    within = [_taxed(hand, seller, "tax_within", found) for key, found in groups.items() if key[0]]
    subtotal = Sum(hand.says("subtotal"), hand.money(total((each.amount for each in charged), currency)))
    strong = Sum(hand.says("total", currency=currency), hand.money(whole), strong=True)
    return [*([subtotal, *on_top] if on_top else []), strong, *within]


def _taxed(hand: Hand, seller: Seller, words: str, group: Sequence[_Charged]) -> Sum:
    currency = group[0].amount.currency
    tax = total((each.tax for each in group), currency)
    charged = total((each.amount for each in group), currency)
    base = charged - tax if group[0].inclusive else charged
    names = {"tax": _tax_name(hand, seller), "rate": hand.percent(group[0].percent), "base": hand.money(base)}
    return Sum(hand.says(words, **names), hand.money(tax))


def _tax_notes(hand: Hand, drawn: Invoice) -> list[str]:
    """Why a tax is not charged, as the law wants it printed."""
    return [hand.says(_NOTES[note]) if note in _NOTES else plain(note) for note in drawn.tax_notes]


def _tax_name(hand: Hand, seller: Seller) -> str:
    return hand.says("vat" if seller.vat_id else "tax")


def _due(hand: Hand, drawn: Invoice) -> list[Sum]:
    """What is left to pay at issue, where credit makes it another amount than the total."""
    credit = Money(drawn.credit_minor, drawn.currency)
    if not credit:
        return []
    label = hand.says("credit_used" if credit.minor > 0 else "credit_given")
    due = _total(drawn) - credit
    return [Sum(label, hand.money(-credit)), Sum(hand.says("amount_due"), hand.money(due), strong=True)]


def _paid(hand: Hand, drawn: Invoice) -> list[Sum]:
    currency = drawn.currency
    credit, noted = Money(drawn.credit_minor, currency), Money(drawn.credited_minor - drawn.returned_minor, currency)
    used = [Sum(hand.says("credit_used"), hand.money(-credit))] if credit else []
    given = [Sum(hand.says("credit_notes"), hand.money(-noted))] if noted else []
    return [*used, *given, Sum(hand.says("amount_paid"), hand.money(Money(drawn.paid_minor, currency)), strong=True)]


def _destined(hand: Hand, drawn: CreditNote) -> list[Sum]:
    """Where the amount went: off what was still owed, and the rest to its destination."""
    returned = Money(drawn.returned_minor, drawn.currency)
    off = Money(drawn.total_minor, drawn.currency) - returned
    told = [("off_owed", off), (_DESTINATIONS[drawn.destination], returned)]
    return [Sum(hand.says(key), hand.money(amount)) for key, amount in told if amount]


def _total(drawn: Invoice) -> Money:
    return Money(drawn.total_minor, drawn.currency)
