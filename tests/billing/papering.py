"""Papers for tests: an invoice with whatever a test wants of it, and the text of a printed file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from pypdf import PdfReader

from billing.paper import drawing
from billing.paper.sheet import Sheet
from billing.paper.writing import hand
from billing.seller import seller
from billing.states import Collection, CreditDestination, InvoiceState
from billing.tables import CreditNote, CreditNoteLine, Invoice, LineItem
from gateway.printing import Printer
from kernel.money import Money, rounded

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)


def line(minor: int, currency: str = "EUR", *, percent: str = "0", inclusive: bool = False, **columns: Any) -> LineItem:
    """A line with its own tax."""
    share = Fraction(percent) / 100
    net = minor - columns.get("discount_minor", 0)
    tax = net - rounded(net / (1 + share)) if inclusive else rounded(net * share)
    told = {
        "account_id": 1,
        "id": 1,
        "invoice_id": 1,
        "position": 1,
        "description": "Enterprise Pro",
        "currency": currency,
        "amount_minor": minor,
        "tax_minor": tax,
        "period_start": NOW,
        "period_end": END,
        "formula": Money(minor, currency).text,
        "tax_percent": percent,
        "tax_inclusive": inclusive,
    }
    return LineItem(**told | columns)


def billed(*lines: LineItem, **columns: Any) -> Invoice:
    """The invoice of these lines, made final on 1 December 2026."""
    inside = sum(each.tax_minor for each in lines if each.tax_inclusive)
    subtotal = sum(each.amount_minor - each.discount_minor for each in lines) - inside
    tax = sum(each.tax_minor for each in lines)
    told = {
        "account_id": 1,
        "id": 1,
        "number": "SG-2026-000123",
        "state": InvoiceState.OPEN,
        "currency": lines[0].currency,
        "subtotal_minor": subtotal,
        "tax_minor": tax,
        "total_minor": subtotal + tax,
        "period_start": NOW,
        "period_end": END,
        "created_at": NOW,
        "issued_at": NOW,
        "due_at": NOW + timedelta(days=30),
        "collection": Collection.SEND_INVOICE,
        "net_days": 30,
        "billed_to": {"name": "Northwind Labs", "country": "DE", "vat_id": "DE136695976"},
    }
    return Invoice(**told | columns)


def drawn(*lines: LineItem, locale: str = "en", zone: str = "UTC", **columns: Any) -> Sheet:
    """The sheet of an invoice of these lines, one of 1,234.50 EUR if none is given."""
    given = lines or (line(1_234_50),)
    return drawing.invoice(hand(locale, ZoneInfo(zone)), seller(), billed(*given, **columns), given)


def receipted(*lines: LineItem, payments: Sequence[drawing.Payment] = (), **columns: Any) -> Sheet:
    """The sheet of a receipt."""
    paid = {"state": InvoiceState.PAID, "paid_at": NOW + timedelta(days=3)}
    return drawing.receipt(hand("en", ZoneInfo("UTC")), seller(), billed(*lines, **paid | columns), lines, payments)


def credited(of: LineItem, minor: int, tax: int, *, locale: str = "en", returned: int = 0) -> Sheet:
    """The sheet of a credit note that gives back a part of one line."""
    note = CreditNote(
        account_id=1,
        id=1,
        invoice_id=1,
        number="SG-CN-2026-000007",
        reason="Two seats stood empty.",
        destination=CreditDestination.CUSTOMER_CREDIT,
        currency=of.currency,
        subtotal_minor=minor,
        tax_minor=tax,
        total_minor=minor + tax,
        returned_minor=returned,
        issued_at=NOW,
    )
    given = CreditNoteLine(account_id=1, id=1, credit_note_id=1, line_item_id=of.id, amount_minor=minor, tax_minor=tax)
    return drawing.credit_note(hand(locale, ZoneInfo("UTC")), seller(), note, billed(of), [(given, of)])


async def printed(sheet: Sheet) -> bytes:
    """The file, from a press of its own."""
    printer = Printer()
    try:
        return await printer.print(sheet)
    finally:
        await printer.close()


def pages(file: bytes) -> list[str]:
    """The text of each page, in which a blank is a blank."""
    return [" ".join(page.extract_text().replace("\u200b", "").split()) for page in PdfReader(BytesIO(file)).pages]


async def text(sheet: Sheet) -> str:
    """All that a reader of the printed sheet can read."""
    return " ".join(pages(await printed(sheet)))
