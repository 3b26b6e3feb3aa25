"""Composing: which letters follow from what happened, to whom, and what they tell.

A letter is a row in the transaction of its job. The words come later, when it is
posted, in the language of whoever reads it. Told again, an event writes no second one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from auth.policy import Desk, Role
from billing import invoice_queries
from billing.invoices import remaining
from billing.states import Collection, InvoiceState
from billing.tables import Invoice
from gateway.letters import queries
from gateway.letters.posting import GIVEN_UP
from gateway.letters.queries import Reader
from kernel import ids
from kernel.money import Money
from kernel.work import Work
from seats.requesting import RequestState
from seats.restoring import RESTORABLE_FOR
from seats.seating import Loss
from seats.shrinking import DecreasePolicy
from seats.suggesting import JoinRequestState

Told = Mapping[str, Any]


async def ask_to_join(work: Work, account_id: int, told: Told) -> None:
    """Tell somebody that they are invited."""
    number = told["invitation"]
    found = await queries.invitation(work, account_id, number)
    if found is None:
        return
    reader = Reader(found["email"], found["locale"], found["time_zone"])
    shown = {name: found[name] for name in ("inviter", "workspace", "role", "email")}
    shown["until"] = _at(found["expires_at"])
    await queries.write(work, account_id, [reader], shown, kind="invitation", about=ids.encode("invitation", number))


async def alarm_admins(work: Work, account_id: int, told: Told) -> None:
    """Tell everybody with an admin's role that an owner broke the glass."""
    found = await queries.broken_by(work, account_id, told["glass"])
    if found is None:
        return
    readers = await queries.admins(work, account_id, Role.OWNER, Role.ADMIN, Role.SEAT_ADMIN, Role.BILLING_ADMIN)
    shown = {"person": found["person"], "workspace": found["workspace"], "at": _at(found["opened_at"])}
    about = f"{ids.encode('glass', told['glass'])}/{shown['at']['instant']}"
    await queries.write(work, account_id, readers, shown, kind="break_glass", about=about)


async def send_invoice(work: Work, account_id: int, told: Told) -> None:
    """Tell a customer who pays by themselves what they owe."""
    found = await invoice_queries.invoice(work, account_id, told["invoice"])
    if found.collection is Collection.SEND_INVOICE and found.due_at and _is_owed(found) and _new(work, found.issued_at):
        due = {"day": found.due_at.isoformat()}
        shown = {"number": found.number, "total": _money(remaining(found)), "due": due}
        await _to_payer(work, account_id, "invoice", shown, invoice=told["invoice"])


async def thank(work: Work, account_id: int, told: Told) -> None:
    """Tell a customer that an invoice is paid, if money came for it."""
    found = await invoice_queries.invoice(work, account_id, told["invoice"])
    if found.paid_minor > 0 and _new(work, found.paid_at):
        shown = {"number": found.number, "paid": _money(Money(found.paid_minor, found.currency))}
        await _to_payer(work, account_id, "receipt", shown, invoice=told["invoice"])


async def remind(work: Work, account_id: int, told: Told) -> None:
    """Tell a customer that an invoice is unpaid, and what to do."""
    found = await invoice_queries.invoice(work, account_id, told["invoice"])
    if _is_owed(found):
        shown = {"number": found.number, "owed": _money(remaining(found))}
        await _to_payer(work, account_id, "reminder", shown, invoice=told["invoice"], more=f"/{told['reminder']}")


async def warn_of_expiry(work: Work, account_id: int, told: Told) -> None:
    """Tell a customer that their payment method is about to expire."""
    found = await queries.method(work, account_id, told["payment_method"])
    reader = await queries.payer(work, account_id)
    if found is None or reader is None or found["expires_on"] is None:
        return
    shown = {"brand": found["brand"].title(), "last4": found["last4"], "month": {"month": found["expires_on"]}}
    about = f"{ids.encode('pm', told['payment_method'])}/{found['expires_on']}"
    await queries.write(work, account_id, [reader], shown, kind="expiring", about=about)


async def tell_of_revocation(work: Work, account_id: int, told: Told) -> None:
    """Tell a customer that their payment method may not be debited any more."""
    found = await queries.method(work, account_id, told["payment_method"])
    reader = await queries.payer(work, account_id)
    if found is None or reader is None:
        return
    about = ids.encode("pm", told["payment_method"])
    await queries.write(work, account_id, [reader], {"last4": found["last4"]}, kind="revoked", about=about)


async def warn_of_fraud(work: Work, account_id: int, told: Told) -> None:
    """Tell Finance that a bank was told of fraud; never the payer, who may be who has stolen the card."""
    found = await queries.fraud(work, account_id, told["warning"])
    if found is None or not _new(work, found["warned_at"]):
        return
    shown = {"customer": found["customer"], "amount": _money(Money(found["amount_minor"], found["currency"]))}
    about = f"{ids.encode('pay', told['payment'])}/{ids.encode('warning', told['warning'])}"
    await queries.write(
        work, account_id, await queries.staff(work, Desk.FINANCE), shown, kind="fraud_warned", about=about
    )


async def tell_of_dispute(work: Work, account_id: int, told: Told) -> None:
    """Tell Finance that a dispute was opened, and by when we mean to answer."""
    found = await queries.dispute(work, account_id, told["dispute"])
    if found is None or found["answer_by"] <= work.now:
        return
    shown = {"customer": found["customer"], "amount": _money(Money(found["amount_minor"], found["currency"]))}
    shown["until"] = _at(found["answer_by"])
    about = ids.encode("dispute", told["dispute"])
    await queries.write(work, account_id, await queries.staff(work, Desk.FINANCE), shown, kind="disputed", about=about)


async def tell_of_certificate(work: Work, account_id: int, told: Told) -> None:
    """Tell owners and admins that a certificate of an SSO connection is about to expire."""
    found = await queries.certificate(work, account_id, told["certificate"])
    if found is None or found["removed_at"] is not None or found["expires_at"] <= work.now:
        return
    readers = await queries.admins(work, account_id, Role.OWNER, Role.ADMIN)
    shown = {"connection": found["connection"], "workspace": found["workspace"], "until": _at(found["expires_at"])}
    about = f"{ids.encode('certificate', told['certificate'])}/{found['warned']}"
    await queries.write(work, account_id, readers, shown, kind="certificate_expiring", about=about)


async def tell_of_announced(work: Work, account_id: int, told: Told) -> None:
    """Tell owners and admins that a provider names a certificate that doesn't count here yet."""
    found = await queries.announcing(work, account_id, told["sso"], told["fingerprint"])
    if found is None:
        return
    readers = await queries.admins(work, account_id, Role.OWNER, Role.ADMIN)
    shown = {"connection": found["connection"], "workspace": found["workspace"], "fingerprint": told["fingerprint"]}
    about = f"{ids.encode('sso', told['sso'])}/{told['fingerprint']}"
    await queries.write(work, account_id, readers, shown, kind="certificate_announced", about=about)


async def tell_of_domain(work: Work, account_id: int, told: Told) -> None:
    """Tell admins that a domain is the workspace's no more."""
    found = await queries.domain(work, account_id, told["domain"])
    if found is None:
        return
    readers = await queries.admins(work, account_id, Role.OWNER, Role.ADMIN)
    shown = {"domain": found["name"], "workspace": found["workspace"]}
    await queries.write(
        work, account_id, readers, shown, kind="domain_lost", about=ids.encode("domain", told["domain"])
    )


async def tell_of_access(work: Work, account_id: int, told: Told) -> None:
    """Tell a customer that a subscription gives no access until it is paid."""
    found = await queries.plan(work, account_id, told["subscription"])
    reader = await queries.payer(work, account_id)
    if found is None or reader is None:
        return
    about = f"{ids.encode('sub', told['subscription'])}/{work.now:%Y-%m-%d}"
    shown = {"plan": {"names": json.loads(found["name"])}}
    await queries.write(work, account_id, [reader], shown, kind="access_taken", about=about)


async def ask_to_decide(work: Work, account_id: int, told: Told) -> None:
    """Tell whoever gives seats that one is requested."""
    found = await queries.seat_request(work, account_id, told["request"])
    if found is None or found["state"] != RequestState.OPEN:
        return
    readers = await queries.admins(work, account_id, Role.OWNER, Role.ADMIN, Role.SEAT_ADMIN)
    shown = _requested(found) | {"until": _at(found["expires_at"])}
    about = ids.encode("request", told["request"])
    await queries.write(work, account_id, readers, shown, kind="seat_requested", about=about)


async def tell_of_decision(work: Work, account_id: int, told: Told) -> None:
    """Tell whoever requested a seat that it was approved, or why it was declined."""
    found = await queries.seat_request(work, account_id, told["request"])
    if found is None or found["address"] is None or found["state"] not in _DECIDED:
        return
    reader = Reader(found["address"], found["locale"], found["time_zone"])
    shown = _requested(found) | ({"reason": found["reason"]} if found["state"] == RequestState.DECLINED else {})
    about = ids.encode("request", told["request"])
    await queries.write(work, account_id, [reader], shown, kind=_DECIDED[found["state"]], about=about)


_DECIDED = {RequestState.APPROVED.value: "seat_approved", RequestState.DECLINED.value: "seat_declined"}


def _requested(found: asyncpg.Record) -> dict[str, Any]:
    return {
        "email": found["email"],
        "plan": {"names": json.loads(found["plan"])},
        "workspace": found["workspace"],
    }


async def ask_to_let_in(work: Work, account_id: int, told: Told) -> None:
    """Tell whoever invites people that somebody of their domain asks to join."""
    found = await queries.join_request(work, account_id, told["joining"])
    if found is None or found["state"] != JoinRequestState.OPEN:
        return
    readers = await queries.admins(work, account_id, Role.OWNER, Role.ADMIN, Role.SEAT_ADMIN)
    shown = {"email": found["email"], "workspace": found["workspace"], "until": _at(found["expires_at"])}
    about = ids.encode("joining", told["joining"])
    await queries.write(work, account_id, readers, shown, kind="join_asked", about=about)


async def tell_who_asked(work: Work, account_id: int, told: Told) -> None:
    """Tell whoever asked to join that an admin let them in, or why not."""
    found = await queries.join_request(work, account_id, told["joining"])
    if found is None or found["state"] not in _LET_IN:
        return
    reader = Reader(found["email"], found["locale"], found["time_zone"])
    shown = {"workspace": found["workspace"]} | ({"reason": found["reason"]} if found["reason"] else {})
    about = ids.encode("joining", told["joining"])
    await queries.write(work, account_id, [reader], shown, kind=_LET_IN[found["state"]], about=about)


_LET_IN = {JoinRequestState.APPROVED.value: "join_approved", JoinRequestState.DECLINED.value: "join_declined"}


async def announce_decrease(work: Work, account_id: int, told: Told) -> None:
    """Tell whoever buys or gives seats that a pool is about to become smaller than what is taken of it."""
    found = await queries.decrease(work, account_id, told["pool"])
    if found is None or found["due_at"] <= work.now:
        return
    readers = await queries.admins(work, account_id, Role.OWNER, Role.ADMIN, Role.SEAT_ADMIN, Role.BILLING_ADMIN)
    shown: dict[str, Any] = {name: str(found[name]) for name in ("pool", "workspace", "seats", "taken", "too_many")}
    shown["at"] = _at(found["due_at"])
    kind = "decrease_releases" if found["decrease"] == DecreasePolicy.AUTO_RELEASE else "decrease_kept"
    about = f"{ids.encode('pool', told['pool'])}/{work.now:%Y-%m-%d}"
    await queries.write(work, account_id, readers, shown, kind=kind, about=about)


async def tell_of_growth(work: Work, account_id: int, told: Told) -> None:
    """Tell whoever buys, once a day at most, that a full pool buys seats by itself."""
    found = await queries.grown(work, account_id, told["pool"]) if told.get("grown") else None
    if found is None:
        return
    readers = await queries.admins(work, account_id, Role.OWNER, Role.BILLING_ADMIN)
    shown = {name: str(found[name]) for name in ("pool", "workspace", "seats")}
    about = f"{ids.encode('pool', told['pool'])}/{work.now:%Y-%m-%d}"
    await queries.write(work, account_id, readers, shown, kind="pool_grown", about=about)


async def warn_of_reclaim(work: Work, account_id: int, told: Told) -> None:
    """Tell whoever doesn't use their seat when it is taken back."""
    found = await queries.unused(work, account_id, told["seat"])
    if found is None or found["reclaim_at"] <= work.now:
        return
    reader = Reader(found["address"], found["locale"], found["time_zone"])
    shown = {"plan": {"names": json.loads(found["plan"])}, "workspace": found["workspace"]}
    about = f"{ids.encode('seat', told['seat'])}/{found['told_at'].isoformat()}"
    await queries.write(
        work, account_id, [reader], shown | {"at": _at(found["reclaim_at"])}, kind="seat_unused", about=about
    )


async def tell_of_release(work: Work, account_id: int, told: Told) -> None:
    """Tell whoever lost a seat without anybody deciding about them that it is gone, and why."""
    found = await queries.released(work, account_id, told["seat"])
    if found is None or found["loss"] not in _GONE or not _new(work, found["released_at"]):
        return
    reader = Reader(found["address"], found["locale"], found["time_zone"])
    shown = {"plan": {"names": json.loads(found["plan"])}, "workspace": found["workspace"]}
    about = ids.encode("seat", told["seat"])
    await queries.write(work, account_id, [reader], shown, kind=_GONE[found["loss"]], about=about)
    if found["loss"] == Loss.RECLAIMED:
        # Many go on the same day, and whoever gives seats hears of them once.
        day = f"{ids.encode('workspace', account_id)}/{found['released_at']:%Y-%m-%d}"
        until = found["released_at"] + RESTORABLE_FOR[Loss.RECLAIMED]
        told_them = {"workspace": found["workspace"]}
        await _offer_back(work, account_id, told_them, kind="seats_reclaimed", about=day, until=until)


_GONE = {Loss.DECREASED.value: "seat_gone", Loss.RECLAIMED.value: "seat_reclaimed"}


async def tell_of_end(work: Work, account_id: int, told: Told) -> None:
    """Tell whoever gives seats, once for a subscription, that its people sit no more and can be seated again."""
    found = await queries.closed(work, account_id, told["pool"])
    if found is None or not _new(work, found["closed_at"]):
        return
    shown = {"plan": {"names": json.loads(found["plan"])}, "workspace": found["workspace"]}
    about, until = ids.encode("sub", found["subscription_id"]), found["closed_at"] + RESTORABLE_FOR[Loss.ENDED]
    await _offer_back(work, account_id, shown, kind="seats_ended", about=about, until=until)


async def _offer_back(work: Work, account_id: int, shown: Told, *, kind: str, about: str, until: datetime) -> None:
    readers = await queries.admins(work, account_id, Role.OWNER, Role.ADMIN, Role.SEAT_ADMIN)
    await queries.write(work, account_id, readers, {**shown, "until": _at(until)}, kind=kind, about=about)


async def _to_payer(work: Work, account_id: int, kind: str, shown: Told, *, invoice: int, more: str = "") -> None:
    reader = await queries.payer(work, account_id)
    if reader is not None:
        await queries.write(work, account_id, [reader], shown, kind=kind, about=ids.encode("inv", invoice) + more)


def _is_owed(invoice: Invoice) -> bool:
    return invoice.state is InvoiceState.OPEN and remaining(invoice).minor > 0


def _new(work: Work, moment: datetime | None) -> bool:
    """Whether something is no older than the oldest letter that is still posted."""
    return moment is not None and work.now - moment < GIVEN_UP


def _money(amount: Money) -> dict[str, Any]:
    return {"minor": amount.minor, "currency": amount.currency}


def _at(moment: datetime) -> dict[str, str]:
    return {"instant": moment.isoformat()}
