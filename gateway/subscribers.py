"""Which floor hears of which event. Handlers run again when told again, and change nothing then.

A handler's name is the name of its jobs, which may wait while a release goes out:
keep the name, or keep the old one beside the new until none is left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from auth import events as auth
from billing import disputing, paying, receipts, refunding, usage_alerts
from billing import events as billing
from kernel.events import event_name
from kernel.work import Work
from payments import events as payments
from seats import operations as seats

Handler = Callable[[Work, int, Mapping[str, Any]], Awaitable[None]]


async def release_seats(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Close the pools of a subscription that has ended, and release their seats."""
    await seats.close_pools(work, account_id, told["subscription"])


async def look_at_limits(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Tell of the limits that reports of use have reached."""
    await usage_alerts.look(work, account_id, told)


async def book_refund(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Tell the books that a refund has left, or has come back."""
    await refunding.book(work, account_id, told["refund"])


async def charge_invoice(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Charge an invoice by itself, where its account is charged automatically."""
    await paying.charge(work, account_id, told)


async def book_payment(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Book money that arrived, and settle what it paid."""
    await receipts.receive(work, account_id, told)


async def book_fee(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Book what the rail kept of a payment."""
    await receipts.keep_fee(work, account_id, told)


async def book_dispute(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Tell the books what a dispute has moved."""
    await disputing.book(work, account_id, told["dispute"])


async def seat_arrivals(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Seat whoever joined by their domain, where a seat is free; else they are a member without one."""
    await seats.seat_if_free(work, account_id, told["pool"], told["email"])


SUBSCRIBERS: Mapping[str, tuple[Handler, ...]] = {
    event_name(billing.SubscriptionCanceled): (release_seats,),
    event_name(auth.MemberSeatWanted): (seat_arrivals,),
    event_name(billing.UsageRecorded): (look_at_limits,),
    event_name(payments.RefundSent): (book_refund,),
    event_name(payments.RefundFailed): (book_refund,),
    event_name(payments.RefundCanceled): (book_refund,),
    event_name(billing.InvoiceFinalized): (charge_invoice,),
    event_name(payments.PaymentSucceeded): (book_payment,),
    event_name(payments.PaymentRecorded): (book_payment,),
    event_name(payments.PaymentFeeKnown): (book_fee,),
    event_name(payments.DisputeOpened): (book_dispute,),
    event_name(payments.DisputeChanged): (book_dispute,),
    event_name(payments.DisputeClosed): (book_dispute,),
}
