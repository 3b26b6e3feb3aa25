"""Reconciliation: what differs from what Stripe moved, and how our Finance has dealt with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from strawberry import ID

from auth.policy import Permission
from billing import discrepancies, reconciliation, reconciliation_queries
from billing.reconciliation import DiscrepancyKind, DiscrepancySubject
from billing.tables import Discrepancy
from kernel.audit import INSTALLATION
from kernel.money import Money
from resolvers.info import Info


@dataclass(frozen=True, slots=True)
class Risk:
    """What is at risk by open discrepancies of one kind in one currency."""

    kind: DiscrepancyKind
    count: int
    risk: Money


async def resolve_discrepancy(
    info: Info,
    discrepancy: Annotated[ID, "Which discrepancy, of those that are open."],
    reason: Annotated[str, "How it was dealt with: 1 to 1,000 characters."],
) -> Discrepancy:
    """Say how a discrepancy was dealt with. It is not found again unless the money at risk changes."""
    context = info.context
    found = await context.found("discrepancy", discrepancy)
    context.actor.require(Permission.ADJUST, INSTALLATION)
    await context.own(INSTALLATION)
    return await discrepancies.resolve(context.work, found.id, reason, context.actor.person_id)


async def money_at_risk(info: Info) -> Any:
    """What is at risk by open discrepancies, by kind and currency. For our own staff."""
    context = info.context
    context.insist_on_staff()
    rows = await reconciliation_queries.risks(context.work)
    return [Risk(DiscrepancyKind(kind), count, Money(minor, currency)) for kind, currency, count, minor in rows]


def action(row: Any, _info: Info) -> str:
    """What mends a discrepancy."""
    return reconciliation.action(DiscrepancyKind(row.kind), DiscrepancySubject(row.subject))
