"""Disclosures: which terms a customer was shown before they bought, kept for the day on which a bank asks."""

from __future__ import annotations

from collections.abc import Sequence

from billing import events
from billing.policies import Policy, check
from billing.tables import PolicyShown, Subscription
from kernel.work import Work


async def keep(work: Work, subscription: Subscription, policies: Sequence[Policy], person_id: int | None) -> None:
    """Keep which terms were shown before a subscription was bought, and to whom. Raises InvalidInput."""
    check(policies)
    if not policies:
        return
    origin = work.origin
    for policy in policies:
        row = PolicyShown(
            account_id=subscription.account_id,
            id=work.new_id(),
            subscription_id=subscription.id,
            kind=policy.kind,
            title=policy.title.strip(),
            version=policy.version.strip(),
            wording=policy.text.strip(),
            url=policy.url,
            shown_at=work.now,
            person_id=person_id,
            ip=origin.ip or "",
            device=origin.device or "",
        )
        work.add(row)
    await work.flush()
    told = tuple(f"{policy.kind} {policy.version.strip()}" for policy in policies)
    work.emit(events.SubscriptionPoliciesShown(subscription.account_id, subscription.id, told), subscription)
