"""Approvals: what staff give away above a limit needs a second person (LAW 27).

One person asks, another consents, and what was consented to can then be done once,
exactly as it was asked for: for the same invoice, amount and destination.
"""

from __future__ import annotations

from dataclasses import dataclass

from billing import events, invoice_queries
from billing.states import ApprovalKind, CreditDestination
from billing.subscriptions import LONGEST_REASON
from billing.tables import CreditApproval
from kernel.errors import InvalidInput, Problem
from kernel.money import Money, exponent
from kernel.work import Work

LIMITS = {"JPY": 300_000}
"""What one person may give away in minor units, where it is not 2,000 of a currency."""

_ELSEWHERE = 2_000


@dataclass(eq=False)
class SecondPersonNeeded(Problem):
    """More is given away than one person may."""

    says = "Above {limit} a second person has to consent{why}. Ask with `requestApproval`, and name the approval."
    limit: str
    """What one person may give away, as people write it."""

    why: str
    """Why the approval that was named does not do; empty when none was."""


@dataclass(eq=False)
class ApprovalSettled(Problem):
    """The approval can't be given."""

    says = "This approval {why}."
    why: str
    """Why it can't be given, and what to do."""


@dataclass(frozen=True, slots=True)
class Gift:
    """What is about to be given away: how, of which invoice, and what consent there is."""

    kind: ApprovalKind
    invoice_id: int | None = None
    destination: CreditDestination | None = None
    approval_id: int | None = None


def limit(currency: str) -> Money:
    """What one person may give away in a currency."""
    return Money(LIMITS.get(currency, _ELSEWHERE * 10 ** exponent(currency)), currency)


async def request(
    work: Work, account_id: int, gift: Gift, amount: Money, *, reason: str, person_id: int
) -> CreditApproval:
    """Ask for a second person's consent. Raises InvalidInput."""
    exponent(amount.currency)
    if amount.minor <= 0:
        raise InvalidInput("Ask for an amount above zero.")
    if not 1 <= len(reason.strip()) <= LONGEST_REASON or "\x00" in reason:
        raise InvalidInput(f"Say why, in 1 to {LONGEST_REASON:,} characters.")
    if (gift.invoice_id is None) != (gift.kind is ApprovalKind.CREDIT_GRANT):
        raise InvalidInput("Credit notes and write-offs name an invoice, and a grant of credit names none.")
    if (gift.destination is not None) != (gift.kind is ApprovalKind.CREDIT_NOTE):
        raise InvalidInput("A credit note, and nothing else, says where it goes.")
    asked = CreditApproval(
        account_id=account_id,
        id=work.new_id(),
        kind=gift.kind,
        invoice_id=gift.invoice_id,
        destination=gift.destination,
        currency=amount.currency,
        amount_minor=amount.minor,
        reason=reason.strip(),
        requested_by=person_id,
        requested_at=work.now,
    )
    work.add(asked)
    await work.flush()
    work.emit(events.ApprovalRequested(account_id, asked.id), asked)
    return asked


async def approve(work: Work, account_id: int, approval_id: int, person_id: int) -> CreditApproval:
    """Consent to what another person asked for. Raises ApprovalSettled."""
    asked = await invoice_queries.approval(work, account_id, approval_id)
    if asked.approved_by is not None:
        raise ApprovalSettled("was given already; nothing is left to do")
    if asked.requested_by == person_id:
        raise ApprovalSettled("was asked for by you, so another person has to give it")
    asked.approved_by, asked.approved_at = person_id, work.now
    await work.flush()
    work.emit(events.ApprovalGiven(account_id, asked.id), asked)
    return asked


async def consented(work: Work, account_id: int, gift: Gift, amount: Money) -> None:
    """Insist on a second person's consent above the limit, and use it up. Raises SecondPersonNeeded."""
    most = limit(amount.currency)
    if amount <= most:
        return
    if gift.approval_id is None:
        raise SecondPersonNeeded(most.text, "")
    asked = await invoice_queries.approval(work, account_id, gift.approval_id)
    wanted = (gift.kind, gift.invoice_id, gift.destination, amount)
    if (asked.kind, asked.invoice_id, asked.destination, Money(asked.amount_minor, asked.currency)) != wanted:
        raise SecondPersonNeeded(most.text, ", and this approval is for something else")
    if asked.approved_at is None:
        raise SecondPersonNeeded(most.text, ", and nobody has consented to this approval yet")
    if asked.used_at is not None:
        raise SecondPersonNeeded(most.text, ", and this approval was used already")
    asked.used_at = work.now
    await work.flush()
    work.emit(events.ApprovalUsed(account_id, asked.id), asked)
