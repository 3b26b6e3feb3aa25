"""What we ask about somebody who is about to join a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from billing.entitlements import Entitlement, EntitlementKind
from kernel.work import Work
from seats.joining import Owned


@dataclass(frozen=True, slots=True)
class Waiting:
    """A seat that waits for somebody who was invited."""

    plan_id: int
    plan_version_id: int


async def waiting(work: Work, account_id: int, email: str) -> list[Waiting]:
    """The seats of a workspace that wait for an address, the lowest plan's first."""
    rows = await work.fetch(
        "select s.plan_id, s.plan_version_id from assignment a"
        " join license_pool l on l.account_id = a.account_id and l.id = a.pool_id"
        " join subscription s on s.account_id = l.account_id and s.id = l.subscription_id"
        " join plan p on p.id = s.plan_id"
        " where a.account_id = $1 and a.email = $2 and a.state = 'invited' order by p.position, p.id, a.id",
        account_id,
        email,
    )
    return [Waiting(row["plan_id"], row["plan_version_id"]) for row in rows]


async def waiting_plans(work: Work, account_id: int, email: str) -> list[str]:
    """The names, in English, of the plans whose seats in a workspace wait for an address, the lowest first."""
    rows = await work.fetch(
        "select p.name ->> 'en' as name from assignment a join plan p on p.id = a.plan_id"
        " where a.account_id = $1 and a.email = $2 and a.state = 'invited' order by p.position, p.id, a.id",
        account_id,
        email,
    )
    return [row["name"] for row in rows]


async def owned(work: Work, account_id: int) -> list[Owned]:
    """What an account is subscribed to and has not been told to end, the lowest plan first."""
    rows = await work.fetch(
        "select s.id, s.plan_version_id, s.period_end from subscription s join plan p on p.id = s.plan_id"
        " where s.account_id = $1 and s.state in ('trialing', 'active', 'past_due') and s.cancel_at is null"
        " order by p.position, p.id, s.id",
        account_id,
    )
    return [Owned(row["id"], row["plan_version_id"], row["period_end"]) for row in rows]


async def entitlements(work: Work, versions: Sequence[int]) -> dict[int, list[Entitlement]]:
    """What each of these plan versions lets its holder do."""
    rows = await work.fetch(
        "select plan_version_id, feature, kind, amount, text from entitlement"
        " where plan_version_id = any($1::bigint[]) order by plan_version_id, feature",
        list(versions),
    )
    given: dict[int, list[Entitlement]] = {}
    for row in rows:
        told = Entitlement(row["feature"], EntitlementKind(row["kind"]), row["amount"], row["text"])
        given.setdefault(row["plan_version_id"], []).append(told)
    return given
