"""Which floor hears of which event. Handlers run again when told again, and change nothing then.

A handler's name is the name of its jobs, which may wait while a release goes out:
keep the name, or keep the old one beside the new until none is left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from auth import events as auth
from billing import disputing, paying, receipts, refunding, settled_there, unpaid, usage_alerts
from billing import events as billing
from billing.dunning import EndState
from gateway.letters import composing
from kernel.events import event_name
from kernel.work import Work
from payments import events as payments
from seats import buying, pools, ruling, wanting
from seats import events as seating

Handler = Callable[[Work, int, Mapping[str, Any]], Awaitable[None]]


async def release_seats(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Close the pools of a subscription that has ended, and release their seats."""
    await pools.close_pools(work, account_id, told["subscription"])


async def open_pools(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Open the pools of a subscription that came over from Stripe Billing."""
    await pools.open_pools(work, account_id, told["subscription"])


async def look_at_limits(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Tell of the limits that reports of use have reached."""
    await usage_alerts.look(work, account_id, told)


async def book_refund(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Tell the books that a refund has left, or has come back."""
    await refunding.book(work, account_id, told["refund"])


async def charge_invoice(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Charge an invoice by itself, where its account is charged automatically."""
    await paying.charge(work, account_id, told)


async def close_there(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """See that an invoice that came over from Stripe becomes there what it has become here."""
    await settled_there.close(work, account_id, told)


async def book_paid_there(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Tell the books that somebody paid at Stripe what had come over."""
    await settled_there.book(work, account_id, told["invoice"])


async def watch_invoice(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Plan what follows an invoice if it isn't paid."""
    await unpaid.watch(work, account_id, told)


async def follow_decline(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Let the steps follow that a decline calls for."""
    await unpaid.declined(work, account_id, told)


async def settle_dunning(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Let nothing follow an invoice on which nothing is owed any more."""
    await unpaid.settled(work, account_id, told)


async def charge_anew(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Charge what is unpaid by a payment method that is new, or was chosen."""
    await unpaid.charge_anew(work, account_id, told)


async def charge_renewed(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Charge what is unpaid by a payment method that its bank has renewed, even one that was given up."""
    await unpaid.charge_anew(work, account_id, told, renewed=True)


async def cancel_unpaid(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Cancel the subscriptions of an invoice that was never paid, where its schedule says so."""
    if told["end"] == EndState.CANCELED:
        await buying.cancel_unpaid(work, account_id, told["subscriptions"])


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
    await wanting.seat_if_free(work, account_id, told["pool"], told["email"])


async def apply_group_rules(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Give the people of a directory what the rules for its groups say."""
    await ruling.apply(work, account_id, told["directory"], [told["user"]] if "user" in told else told.get("users"))


SUBSCRIBERS: Mapping[str, tuple[Handler, ...]] = {
    event_name(seating.InvitationSent): (composing.ask_to_join,),
    event_name(seating.SeatRequestOpened): (composing.ask_to_decide,),
    event_name(seating.SeatRequestApproved): (composing.tell_of_decision,),
    event_name(seating.SeatRequestDeclined): (composing.tell_of_decision,),
    event_name(seating.JoinRequestOpened): (composing.ask_to_let_in,),
    event_name(seating.JoinRequestApproved): (composing.tell_who_asked,),
    event_name(seating.JoinRequestDeclined): (composing.tell_who_asked,),
    event_name(seating.SeatReclaimAnnounced): (composing.warn_of_reclaim,),
    event_name(seating.PoolDecreaseAnnounced): (composing.announce_decrease,),
    event_name(seating.PoolClosed): (composing.tell_of_end,),
    event_name(seating.PoolResized): (composing.tell_of_growth,),
    event_name(seating.SeatReleased): (composing.tell_of_release,),
    event_name(auth.BreakGlassOpened): (composing.alarm_admins,),
    event_name(auth.DomainLost): (composing.tell_of_domain,),
    event_name(auth.SsoCertificateExpiring): (composing.tell_of_certificate,),
    event_name(auth.SsoCertificateAnnounced): (composing.tell_of_announced,),
    event_name(billing.InvoiceReminded): (composing.remind,),
    event_name(billing.SubscriptionAccessTaken): (composing.tell_of_access,),
    event_name(payments.PaymentMethodExpiring): (composing.warn_of_expiry,),
    event_name(payments.PaymentMethodRevoked): (composing.tell_of_revocation,),
    event_name(payments.PaymentFraudWarned): (composing.warn_of_fraud,),
    event_name(billing.SubscriptionCanceled): (release_seats,),
    event_name(billing.SubscriptionImported): (open_pools,),
    event_name(auth.MemberSeatWanted): (seat_arrivals,),
    event_name(auth.DirectoryUserChanged): (apply_group_rules,),
    event_name(auth.DirectoryGroupAdded): (apply_group_rules,),
    event_name(auth.DirectoryGroupChanged): (apply_group_rules,),
    event_name(auth.DirectoryGroupRemoved): (apply_group_rules,),
    event_name(auth.GroupRuleSet): (apply_group_rules,),
    event_name(auth.GroupRuleRemoved): (apply_group_rules,),
    event_name(billing.UsageRecorded): (look_at_limits,),
    event_name(payments.RefundSent): (book_refund,),
    event_name(payments.RefundFailed): (book_refund,),
    event_name(payments.RefundCanceled): (book_refund,),
    event_name(billing.InvoiceFinalized): (charge_invoice, watch_invoice, composing.send_invoice),
    event_name(billing.InvoiceImported): (charge_invoice, watch_invoice),
    event_name(billing.InvoicePartPaid): (settle_dunning,),
    event_name(billing.InvoicePaid): (settle_dunning, close_there, composing.thank),
    event_name(billing.InvoiceVoided): (settle_dunning, close_there),
    event_name(billing.InvoiceAbandoned): (settle_dunning, close_there),
    event_name(payments.InvoicePaidThere): (book_paid_there,),
    event_name(billing.CreditNoteIssued): (settle_dunning,),
    event_name(billing.InvoiceDunningEnded): (cancel_unpaid,),
    event_name(payments.PaymentFailed): (follow_decline,),
    event_name(payments.PaymentActionRequired): (follow_decline,),
    event_name(payments.PaymentMethodAdded): (charge_anew,),
    event_name(payments.PaymentMethodChosen): (charge_anew,),
    event_name(payments.PaymentMethodUpdated): (charge_renewed,),
    event_name(payments.PaymentSucceeded): (book_payment,),
    event_name(payments.PaymentRecorded): (book_payment,),
    event_name(payments.PaymentFeeKnown): (book_fee,),
    event_name(payments.DisputeOpened): (book_dispute, composing.tell_of_dispute),
    event_name(payments.DisputeChanged): (book_dispute,),
    event_name(payments.DisputeClosed): (book_dispute,),
}
