"""Joining: what somebody is shown before they accept an invitation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import ID

from auth import queries as people
from auth.policy import Permission
from auth.tables import Account
from billing import previews
from billing.previews import Foreseen
from billing.subscriptions import CancelAt
from kernel import ids
from kernel.errors import NotFound, Problem
from kernel.work import Work
from resolvers.info import Info
from resolvers.welcoming import suggested
from seats import joining, joining_queries
from seats.joining import Owned, OwnOutcome
from seats.joining_queries import Waiting


@dataclass(frozen=True, slots=True)
class OwnBeside:
    """A subscription of one's own beside the seats of a workspace."""

    subscription_id: int
    outcome: OwnOutcome
    paid_until: datetime
    canceled_now: Foreseen | None


@dataclass(frozen=True, slots=True)
class JoinPreview:
    """What joining a workspace comes to."""

    invitation_id: int
    seats: list[Waiting]
    own: list[OwnBeside]


@dataclass(frozen=True, slots=True)
class SuggestionPreview:
    """What joining a workspace comes to that is suggested."""

    account_id: int
    name: str
    seats: list[Waiting]
    own: list[OwnBeside]

    @property
    def workspace_id(self) -> str:
        """The workspace, as a client knows it."""
        return ids.encode("workspace", self.account_id)


async def join_preview(
    info: Info,
    invitation: Annotated[
        ID, strawberry.argument(description="An invitation to your own address, from `viewer.invitations`.")
    ],
) -> Any:
    """What `acceptInvitation` would give you, and what becomes of what you pay for yourself."""
    context = info.context
    person_id = context.person()
    found = await context.found("invitation", invitation)
    if found.email != context.actor.email:
        raise NotFound
    seats, beside = await _compared(info, person_id, found.account_id, found.email)
    return JoinPreview(found.id, seats, beside)


async def suggestion_preview(
    info: Info,
    workspace: Annotated[ID, strawberry.argument(description="Which workspace, from `viewer.suggestions`.")],
) -> Any:
    """What joining a workspace that is suggested to you would give, and what becomes of what you pay for yourself."""
    person_id, found = info.context.person(), await suggested(info.context, workspace)
    seats, beside = await _compared(info, person_id, found.account_id, found.email)
    return SuggestionPreview(found.account_id, found.name, seats, beside)


async def _compared(info: Info, person_id: int, account_id: int, email: str) -> tuple[list[Waiting], list[OwnBeside]]:
    """The seats that wait for an address, and what its owner pays for themselves beside them."""
    context, work = info.context, info.context.work
    # Whoever is asked to join may know which seats wait for them, before they may see anything else there.
    await work.bind(account_id)
    try:
        seats = await joining_queries.waiting(work, account_id, email)
    finally:
        await work.unbind()
    account = await people.own_account(work, person_id)
    own: list[Owned] = []
    if context.actor.may(Permission.SEE_BILLING, account.id):
        own = await joining_queries.owned(work, account.id)
    there = [one.plan_version_id for one in seats]
    given = await joining_queries.entitlements(work, [*there, *(one.plan_version_id for one in own)])
    became = joining.outcomes(own, there, given)
    return seats, [await _beside(work, account, one, outcome) for one, outcome in zip(own, became, strict=True)]


async def _beside(work: Work, account: Account, own: Owned, outcome: OwnOutcome) -> OwnBeside:
    return OwnBeside(own.subscription_id, outcome, own.paid_until, await _canceled(work, account, own.subscription_id))


async def _canceled(work: Work, account: Account, subscription_id: int) -> Foreseen | None:
    """What canceling at once would give back; None where it can't be canceled with credit."""
    try:
        billed = await previews.canceling(work, account, subscription_id, CancelAt.NOW, credit=True)
        return await previews.foreseen(work, account, billed)
    except Problem:
        return None
