"""Reconciliation: what our rows say was moved, what the books say, and what the rail says; where they differ.

The rail's balance transactions are the source of truth. Each difference is of one
kind, says how much money is at risk, and what mends it. Values in, values out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kernel.errors import Problem
from kernel.money import Money, total

LATE = timedelta(days=1)
"""How long the rail may take to tell what moved its balance before it is missed."""


class DiscrepancyKind(StrEnum):
    """How what we say and what the rail says differ."""

    MISSING_HERE = "missing_here"
    """The rail moved something of ours that we have no row for."""

    MISSING_THERE = "missing_there"
    """We say that something moved, and the rail's balance knows nothing of it."""

    AMOUNT = "amount"
    """Both moved, and not the same amount."""

    FEE = "fee"
    """The rail kept another fee than our rows say."""

    CURRENCY = "currency"
    """It was settled in another currency, and nothing says at which rate."""

    STATE = "state"
    """One says that it moved, and the other that it did not."""

    ORPHAN = "orphan"
    """The rail moved something that belongs to nothing of ours."""

    DOUBLE = "double"
    """An invoice was paid twice."""


class DiscrepancySubject(StrEnum):
    """What a difference is about."""

    PAYMENT = "payment"
    """A payment."""

    REFUND = "refund"
    """A refund."""

    DISPUTE = "dispute"
    """A dispute."""

    ACCOUNT = "account"
    """All that the books say of an account in one currency."""

    MOVEMENT = "movement"
    """One movement of the rail's balance."""

    PAYOUT = "payout"
    """One payout to our bank."""


class DiscrepancyState(StrEnum):
    """What has become of a difference."""

    OPEN = "open"
    """It is still there."""

    MENDED = "mended"
    """It is gone: what we had missed was heard, or the rail has told more."""

    RESOLVED = "resolved"
    """A person has dealt with it, and said how."""


@dataclass(eq=False)
class DiscrepancyEnded(Problem):
    """The discrepancy is over already."""

    says = "This discrepancy is {state} already. There is nothing left to resolve."
    state: str
    """What has become of it."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One difference, and the money at risk, which is never below zero."""

    kind: DiscrepancyKind
    subject: DiscrepancySubject
    reference: str
    """The rail's id of what it is about, or our number of it."""

    risk: Money
    here: str
    """What we say."""

    there: str
    """What the rail says."""

    number: int | None = None
    """Our number of what it is about."""


K, S = DiscrepancyKind, DiscrepancySubject

_ACTIONS: Mapping[DiscrepancyKind, str] = {
    K.MISSING_HERE: "Look at it in Stripe: import it if it is a customer's, or give it back there.",
    K.MISSING_THERE: "Look for it in Stripe: if no money moved, give the payment up and ask for it again.",
    K.AMOUNT: "Compare both in Stripe, and correct the difference with a credit note or an entry of Finance.",
    K.FEE: "Compare the fee in Stripe, and correct it with an entry of Finance.",
    K.CURRENCY: "Look up the rate in Stripe, and correct the books with an entry of Finance.",
    K.STATE: "Look at both in Stripe; once it has told the end of it, the next comparison takes it over.",
    K.ORPHAN: "Find out who made it in Stripe; if it is a customer's, record it for their invoice.",
    K.DOUBLE: "Refund what was paid too much with `refundPayment`, or leave it as the customer's credit.",
}
_ACTIONS_ABOUT: Mapping[tuple[DiscrepancyKind, DiscrepancySubject], str] = {
    (K.MISSING_HERE, S.REFUND): "It was refunded in Stripe: credit its invoice with `createCreditNote`.",
    (K.MISSING_THERE, S.REFUND): "Look for the refund in Stripe: if it never left, give it back with `retryRefund`.",
    (K.MISSING_THERE, S.DISPUTE): "Look at the dispute in Stripe: if the bank took nothing, reverse the entry.",
    (K.AMOUNT, S.ACCOUNT): "Compare the account's entries with its movements, and correct the books by an entry.",
    (K.AMOUNT, S.PAYOUT): "Ask Stripe what the payout is made of before you book it as arrived.",
}


def action(kind: DiscrepancyKind, subject: DiscrepancySubject) -> str:
    """What mends a difference, in a sentence."""
    return _ACTIONS_ABOUT.get((kind, subject), _ACTIONS[kind])


# What is compared


@dataclass(frozen=True, slots=True)
class Moved:
    """One movement of the rail's balance, in the currency it was settled in; below zero what left it."""

    id: str
    amount: Money
    fee: Money
    exchanged: bool = False
    """Whether the rail says at which rate the payer's currency became this one."""

    @property
    def net(self) -> Money:
        """What the balance has more, or less."""
        return self.amount - self.fee


@dataclass(frozen=True, slots=True)
class Claim:
    """What our rows say of a payment, a refund or a dispute."""

    subject: DiscrepancySubject
    number: int
    reference: str
    """The rail's id of it, or our number where we have none."""

    says: str
    """Its state."""

    amount: Money
    """What moved by it in the payer's currency: below zero what left us, zero if nothing did."""

    since: datetime
    """Since when we say so."""

    settled: Money | None = None
    """What it came to where it was settled, if we know."""

    fee: Money | None = None
    """What the rail kept, if we know."""


def compare(claim: Claim, moved: Sequence[Moved], now: datetime) -> list[Discrepancy]:
    """Where our rows about one thing and the rail's movements of it differ."""
    if not moved:
        missing = claim.amount and now - claim.since > LATE
        return [_found(K.MISSING_THERE, claim, claim.amount, "nothing")] if missing else []
    amount = total((row.amount for row in moved), moved[0].amount.currency)
    if bool(amount) != bool(claim.amount) or amount.minor * claim.amount.minor < 0:
        return [_found(K.STATE, claim, amount or claim.amount, amount.text)]
    if not amount:
        return []
    return [*_amounts(claim, amount, moved), *_fees(claim, moved)]


def _amounts(claim: Claim, amount: Money, moved: Sequence[Moved]) -> list[Discrepancy]:
    if amount.currency == claim.amount.currency:
        wanted: Money | None = claim.amount
    elif not all(row.exchanged for row in moved):
        return [_found(K.CURRENCY, claim, amount, amount.text)]
    else:
        wanted = claim.settled
    if wanted is None or wanted == amount:
        return []
    if wanted.currency != amount.currency:
        return [_found(K.CURRENCY, claim, amount, amount.text)]
    return [_found(K.AMOUNT, claim, amount - wanted, amount.text)]


def _fees(claim: Claim, moved: Sequence[Moved]) -> list[Discrepancy]:
    fee = total((row.fee for row in moved), moved[0].fee.currency)
    if claim.fee is None or claim.fee == fee:
        return []
    says = f"a fee of {fee.text}"
    if claim.fee.currency != fee.currency:
        return [_found(K.FEE, claim, fee, says, f"a fee of {claim.fee.text}")]
    return [_found(K.FEE, claim, fee - claim.fee, says, f"a fee of {claim.fee.text}")]


def _found(kind: DiscrepancyKind, claim: Claim, risk: Money, there: str, here: str | None = None) -> Discrepancy:
    said = here or (f"{claim.says}, {claim.amount.text}" if claim.amount else f"{claim.says}, nothing moved")
    return Discrepancy(kind, claim.subject, claim.reference, abs(risk), said, there, claim.number)


# Movements without a row of ours


def unclaimed(
    moved: Moved, kind: str, source: str | None, *, ours: bool, refund: bool = False, payment_id: int | None = None
) -> Discrepancy:
    """A movement that no row of ours tells of: of something of ours, or of nothing."""
    said = f"{kind} of {moved.amount.text}" + (f", fee {moved.fee.text}" if moved.fee else "")
    reference = source or moved.id
    if not ours:
        return Discrepancy(K.ORPHAN, S.MOVEMENT, moved.id, abs(moved.net), "nothing", said)
    subject = S.REFUND if refund else S.MOVEMENT
    return Discrepancy(K.MISSING_HERE, subject, reference, abs(moved.amount), "nothing", said, payment_id)


# Payments of one invoice


@dataclass(frozen=True, slots=True)
class Paid:
    """What one payment brought for an invoice, what of it the invoice took, and what went back since."""

    payment_id: int
    reference: str
    amount: Money
    applied: Money
    back: Money


def doubles(paid: Sequence[Paid]) -> list[Discrepancy]:
    """The payments of one invoice that brought more than was owed, because another one had paid it."""
    if len({each.payment_id for each in paid}) < 2:  # noqa: PLR2004 - twice
        return []
    others = ", ".join(sorted(each.reference for each in paid))
    found = []
    for each in paid:
        over = each.amount - each.applied - each.back
        if over.minor > 0:
            here = f"{each.applied.text} of {each.amount.text} was owed"
            found.append(Discrepancy(K.DOUBLE, S.PAYMENT, each.reference, over, here, others, each.payment_id))
    return found


# The books, and payouts


def compare_books(
    reference: str,
    books: Mapping[str, int],
    rail: Mapping[str, int],
    *,
    subject: DiscrepancySubject = S.ACCOUNT,
    number: int | None = None,
) -> list[Discrepancy]:
    """Where what the books say lies at the rail differs from what moved there: minor units by currency."""
    found = []
    for currency in sorted(books.keys() | rail.keys()):
        here, there = Money(books.get(currency, 0), currency), Money(rail.get(currency, 0), currency)
        if here != there:
            risk = abs(there - here)
            said = f"{here.text} in the books"
            found.append(Discrepancy(K.AMOUNT, subject, f"{reference}/{currency}", risk, said, there.text, number))
    return found


def compare_payout(reference: str, amount: Money, items: int, itemized: Money) -> list[Discrepancy]:
    """Whether what a payout is made of sums to it."""
    if amount == itemized:
        return []
    here = f"{items} movements, {itemized.text} together"
    return [Discrepancy(K.AMOUNT, S.PAYOUT, reference, abs(amount - itemized), here, amount.text)]


def at_risk(found: Iterable[Discrepancy]) -> dict[str, int]:
    """The money at risk in minor units by currency."""
    sums: dict[str, int] = {}
    for each in found:
        sums[each.risk.currency] = sums.get(each.risk.currency, 0) + each.risk.minor
    return sums
