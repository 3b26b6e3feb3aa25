"""Paying: which invoices a payment is for, and which are charged by themselves.

Invoices are locked before a payment of them is decided, so of one invoice there is
one payment under way, whoever begins it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from billing import invoice_queries
from billing.invoices import remaining
from billing.states import Collection, InvoiceState
from billing.tables import Invoice
from kernel.errors import InvalidInput, Problem
from kernel.money import Money, total
from kernel.work import Work
from payments import attempts, queries
from payments.attempts import PaymentUnderWay, Presence
from payments.rail.currencies import AmountNotChargeable, chargeable
from payments.states import PaymentSource
from payments.tables import Payment, PaymentMethod

MOST_INVOICES = 50
LONGEST_REFERENCE = 200

log = structlog.get_logger("billing.paying")


@dataclass(eq=False)
class NothingToPay(Problem):
    """Nothing can be paid on an invoice."""

    says = "Nothing is to be paid on {invoice}: it is {state}."
    invoice: str
    """The number of the invoice, or that it is a draft."""

    state: str
    """The state the invoice is in."""


@dataclass(eq=False)
class MoreThanOwed(Problem):
    """More was offered than is owed."""

    says = "Only {owed} is owed. Pay that or less."
    owed: str
    """What is still owed."""


@dataclass(eq=False)
class CurrenciesDiffer(Problem):
    """The invoices are not all in one currency."""

    says = "These invoices are in {currencies}. Pay those of one currency at a time."
    currencies: str
    """The currencies they are in."""


async def pay(
    work: Work,
    account_id: int,
    invoice_ids: Sequence[int],
    *,
    method: PaymentMethod | None,
    amount_minor: int | None,
    presence: Presence,
) -> Payment:
    """Begin a payment of invoices, of one of them in part if an amount is named. `payments.pursuit` goes on.

    Raises NothingToPay, MoreThanOwed, CurrenciesDiffer, PaymentUnderWay,
    PaymentMethodUnusable, AmountNotChargeable, InvalidInput or NotFound.
    """
    owed, reference = await _owed(work, account_id, invoice_ids, amount_minor)
    return await attempts.begin(work, account_id, owed, method=method, presence=presence, reference=reference)


async def record(
    work: Work,
    account_id: int,
    invoice_ids: Sequence[int],
    *,
    amount_minor: int | None,
    source: PaymentSource,
    reference: str,
    presence: Presence,
) -> Payment:
    """Write down money that came past the rail for invoices. `billing.receipts` books it.

    Raises NothingToPay, MoreThanOwed, CurrenciesDiffer, PaymentUnderWay, InvalidInput or NotFound.
    """
    if source is PaymentSource.RAIL:
        raise InvalidInput("What came through the rail is written down by itself.")
    reference = " ".join(reference.split())
    if not 1 <= len(reference) <= LONGEST_REFERENCE or not reference.isprintable():
        raise InvalidInput(
            f"A reference is 1 to {LONGEST_REFERENCE} printable characters, such as the line of a bank statement."
        )
    owed, _ = await _owed(work, account_id, invoice_ids, amount_minor)
    return await attempts.record(work, account_id, owed, source=source, reference=reference, presence=presence)


async def charge(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Charge an invoice that was just made final, if its account is charged automatically and has a method.

    What was too small to be charged with those before is charged with it; what is of this one stays open.
    """
    before = await invoice_queries.left_over(work, account_id, told["invoice"], MOST_INVOICES - 1)
    locked = [await invoice_queries.locked(work, account_id, number) for number in sorted([*before, told["invoice"]])]
    invoice = next(one for one in locked if one.id == told["invoice"])
    automatic = invoice.collection is Collection.CHARGE_AUTOMATICALLY and invoice.state is InvoiceState.OPEN
    if not automatic or not remaining(invoice):
        return
    method = await queries.method_for(work, account_id, invoice.subscription_id)
    if (
        method is None
        or await attempts.given_up(work, method)
        or await queries.under_way(work, account_id, [invoice.id])
    ):
        return
    try:
        await attempts.begin(
            work,
            account_id,
            await _chargeable(work, invoice, [one for number in before for one in locked if one.id == number]),
            method=method,
            presence=by_itself(method),
            reference=invoice.number or "",
        )
    except (AmountNotChargeable, PaymentUnderWay) as refusal:
        log.info("an invoice is not charged by itself", invoice=invoice.number, says=refusal.message)


async def _chargeable(work: Work, invoice: Invoice, before: Sequence[Invoice]) -> dict[int, Money]:
    """What is charged of an invoice, and of those before it of which so little is left: of the oldest first."""
    small = [one for one in before if is_too_small(one) and not await queries.under_way(work, one.account_id, [one.id])]
    owed = {one.id: remaining(one) for one in (*small, invoice)}
    rest = chargeable(total(owed.values(), invoice.currency)) or remaining(invoice)
    shares: dict[int, Money] = {}
    for number, amount in owed.items():
        shares[number] = min(amount, rest)
        rest -= shares[number]
    # A payment is named by the first of its invoices.
    return {number: shares[number] for number in (invoice.id, *shares) if shares[number]}


def is_too_small(invoice: Invoice) -> bool:
    """Whether what is left of an invoice is less than the rail charges."""
    return invoice.state is InvoiceState.OPEN and bool(remaining(invoice)) and not chargeable(remaining(invoice))


def part(invoice: Invoice) -> Money:
    """What is charged of an invoice by itself: all that is owed, but for what the rail can't write."""
    return chargeable(remaining(invoice)) or remaining(invoice)


def by_itself(method: PaymentMethod) -> Presence:
    """A payment that nobody is there for: it is told by where its method was saved."""
    return Presence(ip=method.ip, device=method.device, off_session=True)


async def _owed(
    work: Work, account_id: int, invoice_ids: Sequence[int], amount_minor: int | None
) -> tuple[dict[int, Money], str]:
    """What a payment is for, by invoice, each locked; and their numbers."""
    wanted = sorted(set(invoice_ids))
    if not 1 <= len(wanted) <= MOST_INVOICES:
        raise InvalidInput(f"Name 1 to {MOST_INVOICES} invoices.")
    invoices = [await invoice_queries.locked(work, account_id, number) for number in wanted]
    for invoice in invoices:
        _check_owed(invoice)
    if len(currencies := sorted({invoice.currency for invoice in invoices})) > 1:
        raise CurrenciesDiffer(", ".join(currencies))
    owed = {invoice.id: remaining(invoice) for invoice in invoices}
    if amount_minor is not None:
        owed = _in_part(owed, amount_minor)
    return owed, ", ".join(invoice.number or "" for invoice in invoices)[:LONGEST_REFERENCE]


def _check_owed(invoice: Invoice) -> None:
    if invoice.state is not InvoiceState.OPEN or remaining(invoice).minor <= 0:
        raise NothingToPay(invoice.number or "a draft", invoice.state.value)


def _in_part(owed: dict[int, Money], amount_minor: int) -> dict[int, Money]:
    """A smaller amount of one invoice."""
    if len(owed) > 1:
        raise InvalidInput("An amount goes with one invoice; several are paid whole.")
    if amount_minor < 1:
        raise InvalidInput("An amount is above zero.")
    ((number, whole),) = owed.items()
    if amount_minor > whole.minor:
        raise MoreThanOwed(whole.text)
    return {number: replace(whole, minor=amount_minor)}
