"""Knowledge: which facts a bill was made from, so that it can be made again much later.

Facts are added, and a few change: a pause ends, a discount is taken away, an end is
agreed. Rows alone don't tell what was known when, so an interactive invoice keeps the
few things that do. An invoice of a renewal that kept nothing followed from what was
dated before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel import SQLModel

from billing.facts import Facts, agreement, issued
from billing.lines import Issued
from billing.tables import Invoice, LineItem
from kernel.money import Money
from kernel.rows import plain
from kernel.work import Work

RowT = TypeVar("RowT", bound=SQLModel)


@dataclass(frozen=True, slots=True)
class Past:
    """A line that was issued before, and the invoice it stands on."""

    row: LineItem
    invoice_id: int
    created_at: datetime


async def known(
    work: Work, facts: Facts, at: datetime, seen: str | None = None, *, usage_alone: bool = False
) -> dict[str, Any]:
    """What an invoice keeps about the facts of one subscription, and about what was issued for it.

    `at` is the instant as of which it is billed: a missed period is made up for as of when it was due.
    `seen` says which reports of usage it saw.
    """
    told = await _kept_now(work, facts, at, seen)
    told[str(facts.subscription.id)]["usage_alone"] = usage_alone
    return told


async def _kept_now(work: Work, facts: Facts, at: datetime, seen: str | None) -> dict[str, Any]:
    if facts.standing:
        return kept(facts, at, facts.standing.void, facts.standing.adjusted, seen)
    subscription = facts.subscription
    void = await work.fetch(
        "select distinct v.id from line_item l join invoice v on v.account_id = l.account_id and v.id = l.invoice_id"
        " where l.account_id = $1 and l.subscription_id = $2 and v.state = 'void' order by v.id",
        subscription.account_id,
        subscription.id,
    )
    adjusted = await work.fetch(
        "select id, adjusted_minor from line_item"
        " where account_id = $1 and subscription_id = $2 and adjusted_minor > 0 order by id",
        subscription.account_id,
        subscription.id,
    )
    off = {row["id"]: row["adjusted_minor"] for row in adjusted}
    return kept(facts, at, [row["id"] for row in void], off, seen)


def kept(
    facts: Facts, at: datetime, void: Sequence[int], adjusted: Mapping[int, int], seen: str | None = None
) -> dict[str, Any]:
    """The same, told which invoices of the subscription are void, and what credit notes took off its lines."""
    return {
        str(facts.subscription.id): {
            "at": plain(at),
            "steps": [step.id for step in facts.steps],
            "cycles": [cycle.id for cycle in facts.cycles],
            "pauses": {str(pause.id): plain(pause.ends_at) for pause in facts.pauses},
            "discounts": {str(discount.id): plain(discount.until) for discount in facts.discounts},
            "trial_end": plain(facts.subscription.trial_end),
            "ends_at": plain(agreement(facts).ended_at),
            "void": list(void),
            **({"paid_stays": True} if facts.paid_stays else {}),
            "adjusted": {str(line): minor for line, minor in adjusted.items()},
            "seen": seen,
        }
    }


def as_known(facts: Facts, invoice: Invoice) -> Facts:
    """The facts of a subscription as they were when an invoice was made."""
    kept = invoice.known.get(str(facts.subscription.id))
    return _kept(facts, kept) if kept and "steps" in kept else _dated(facts, invoice.created_at)


def as_of(invoice: Invoice, subscription_id: int) -> datetime:
    """The instant as of which an invoice bills a subscription."""
    return _instant(invoice.known.get(str(subscription_id), {}).get("at")) or invoice.created_at


def is_usage_alone(invoice: Invoice, subscription_id: int) -> bool:
    """Whether an invoice bills a subscription's usage, and leaves all else as it was billed."""
    return bool(invoice.known.get(str(subscription_id), {}).get("usage_alone"))


def saw(invoice: Invoice, subscription_id: int) -> str | None:
    """Which reports of usage an invoice saw, as the snapshot of its transaction."""
    seen: str | None = invoice.known.get(str(subscription_id), {}).get("seen")
    return seen


def before(pasts: Sequence[Past], invoice: Invoice, subscription_id: int) -> list[Issued]:
    """The lines that had been issued for a subscription when an invoice was made."""
    kept = invoice.known.get(str(subscription_id), {})
    void = set(kept.get("void", ()))
    earlier = [
        past.row
        for past in pasts
        if (past.created_at, past.invoice_id) < (invoice.created_at, invoice.id) and past.invoice_id not in void
    ]
    adjusted = kept.get("adjusted", {})
    return [replace(line, adjusted=Money(adjusted.get(str(line.id), 0), invoice.currency)) for line in issued(earlier)]


def _kept(facts: Facts, kept: Mapping[str, Any]) -> Facts:
    steps, cycles = set(kept["steps"]), set(kept["cycles"])
    ends_at, trial_end = _instant(kept["ends_at"]), _instant(kept["trial_end"])
    subscription = _as(facts.subscription, trial_end=trial_end, ended_at=ends_at, cancel_at=ends_at)
    return replace(
        facts,
        paid_stays=kept.get("paid_stays", False),
        subscription=subscription,
        steps=[step for step in facts.steps if step.id in steps],
        cycles=[cycle for cycle in facts.cycles if cycle.id in cycles],
        pauses=[
            _as(pause, ends_at=_instant(kept["pauses"][str(pause.id)]))
            for pause in facts.pauses
            if str(pause.id) in kept["pauses"]
        ],
        discounts=[
            _as(discount, until=_instant(kept["discounts"][str(discount.id)]))
            for discount in facts.discounts
            if str(discount.id) in kept["discounts"]
        ],
    )


def _dated(facts: Facts, moment: datetime) -> Facts:
    """The facts dated by an instant; an end that was agreed for later is not among them."""
    ended = facts.subscription.ended_at or facts.subscription.cancel_at
    ended = ended if ended and ended <= moment else None
    return replace(
        facts,
        subscription=_as(facts.subscription, ended_at=ended, cancel_at=ended),
        steps=[step for step in facts.steps if step.at <= moment],
        cycles=[cycle for cycle in facts.cycles if cycle.since <= moment],
        discounts=[discount for discount in facts.discounts if discount.since <= moment],
    )


def _as(row: RowT, **columns: datetime | None) -> RowT:
    """The row with other columns, as a value that no session knows."""
    return type(row)(**row.model_dump() | columns)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
