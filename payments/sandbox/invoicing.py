"""Invoices of Stripe Billing that are closed: collection turned off, paid here or elsewhere, void, given up."""

from __future__ import annotations

from payments.sandbox import charging, intents
from payments.sandbox.books import Books
from payments.sandbox.objects import Body, assign
from payments.sandbox.refusals import Refused, invalid, unexpected

_UNPAID = {"open", "uncollectible"}
_PAYING = {"paid_out_of_band", "payment_method", "expand"}
_MADE_BY_STRIPE = {"requires_payment_method", "requires_confirmation", "requires_action"}


async def update(books: Books, given: Body, id: str) -> Body:
    """POST /v1/invoices/{invoice}: its automatic collection is turned on or off; nothing else is played."""
    if unplayed := given.keys() - {"auto_advance", "metadata", "expand"}:
        raise invalid(f"This sandbox doesn't play the parameter `{min(unplayed)}`.", min(unplayed))
    invoice = await books.one("invoice", id, "invoice")
    if "auto_advance" in given and invoice["status"] not in {"draft", "open"}:
        raise unexpected(
            f"You can't change `auto_advance` of an invoice that is {invoice['status']}.", "invoice_closed"
        )
    assign(invoice, given, ("metadata",))
    invoice["auto_advance"] = given.get("auto_advance", invoice["auto_advance"])
    books.emit_update("invoice.updated", invoice)
    return invoice


async def pay(books: Books, given: Body, id: str) -> Body:
    """POST /v1/invoices/{invoice}/pay: it was paid past Stripe, or a payment method of its customer is charged."""
    if unplayed := given.keys() - _PAYING:
        raise invalid(f"This sandbox doesn't play the parameter `{min(unplayed)}`.", min(unplayed))
    invoice = await books.one("invoice", id, "invoice")
    if invoice["status"] == "paid":
        raise unexpected("Invoice is already paid.", "invoice_already_paid")
    if invoice["status"] not in _UNPAID:
        raise _wrong_state(invoice, "paid")
    if given.get("paid_out_of_band"):
        await _close_payments(books, invoice)
        invoice["amount_paid_off_stripe"] = invoice["amount_remaining"]
        _paid(books, invoice)
    else:
        await _charge(books, invoice, given)
    return invoice


async def void(books: Books, given: Body, id: str) -> Body:
    """POST /v1/invoices/{invoice}/void."""
    del given
    invoice = await books.one("invoice", id, "invoice")
    if invoice["status"] not in _UNPAID:
        raise _wrong_state(invoice, "voided")
    await _close_payments(books, invoice)
    _become(books, invoice, "void", "voided_at")
    books.emit("invoice.voided", invoice)
    return invoice


async def mark_uncollectible(books: Books, given: Body, id: str) -> Body:
    """POST /v1/invoices/{invoice}/mark_uncollectible: it may still be paid."""
    del given
    invoice = await books.one("invoice", id, "invoice")
    if invoice["status"] != "open":
        raise _wrong_state(invoice, "marked as uncollectible")
    _become(books, invoice, "uncollectible", "marked_uncollectible_at")
    books.emit("invoice.marked_uncollectible", invoice)
    return invoice


async def _charge(books: Books, invoice: Body, given: Body) -> None:
    """Charge a method as Stripe does when it collects; a debit leaves the invoice open until it is through."""
    intent = await intents.create(
        books,
        {
            "amount": invoice["amount_remaining"],
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "payment_method": given.get("payment_method", ""),
            "confirm": True,
            "off_session": True,
        },
    )
    payment = _payment(books, invoice, intent)
    if intent["status"] == "succeeded":
        payment["status"], payment["amount_paid"] = "paid", intent["amount"]
        payment["status_transitions"] = {"canceled_at": None, "paid_at": books.now}
        _paid(books, invoice)


def _payment(books: Books, invoice: Body, intent: Body) -> Body:
    return books.new(
        "invoice_payment",
        invoice=invoice["id"],
        amount_requested=intent["amount"],
        currency=invoice["currency"],
        is_default=True,
        status="open",
        payment={"type": "payment_intent", "payment_intent": intent["id"]},
        status_transitions={"canceled_at": None, "paid_at": None},
    )


def _paid(books: Books, invoice: Body) -> None:
    invoice["amount_paid"] += invoice["amount_remaining"]
    invoice["amount_remaining"] = 0
    _become(books, invoice, "paid", "paid_at")
    books.emit("invoice.paid", invoice)


def _become(books: Books, invoice: Body, status: str, at: str) -> None:
    invoice["status"], invoice["auto_advance"] = status, False
    invoice["status_transitions"] = invoice["status_transitions"] | {at: books.now}
    books.emit_update("invoice.updated", invoice)


async def _close_payments(books: Books, invoice: Body) -> None:
    """Cancel what is still to be paid through Stripe."""
    for payment in await books.where("invoice_payment", invoice=invoice["id"], status="open"):
        intent = await books.maybe(payment["payment"].get("payment_intent") or "")
        if intent and intent["status"] == "processing":
            raise unexpected("A payment of this invoice is being processed.", "invoice_payment_intent_processing")
        if intent and intent["status"] in _MADE_BY_STRIPE:
            await charging.release(books, intent, "void_invoice", "charge.refunded")
        payment["status"] = "canceled"
        payment["status_transitions"] = payment["status_transitions"] | {"canceled_at": books.now}


def _wrong_state(invoice: Body, done: str) -> Refused:
    return unexpected(f"This invoice can't be {done}: it is {invoice['status']}.", "invoice_not_editable")
