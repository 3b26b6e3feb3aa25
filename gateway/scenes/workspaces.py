"""The workspaces of a scene: made by their owners, joined by members, with their invitations and pools."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from auth import operations
from auth import queries as auth
from auth.tables import Account
from gateway.scenes import form
from gateway.scenes.people import Cast, settle
from gateway.scenes.stage import Stage
from kernel.errors import InvalidInput
from seats import invitations
from seats import operations as seating
from seats.seating import INVITED_FOR, InvitationState


@dataclass(slots=True)
class Tenant:
    """A workspace, made when something first needs it."""

    stage: Stage
    cast: Cast
    place: str
    told: form.Workspace
    since: datetime
    number: int | None = None
    joined: dict[str, int] = field(default_factory=dict)
    """The number of each membership, by address."""

    async def account(self) -> Account:
        """The account that pays for it."""
        return await auth.account(self.stage.work, self.number or await self._make())

    async def _make(self) -> int:
        work = self.stage.work
        if work.now < self.since:
            raise InvalidInput(f"{self.told.name} has not been created yet.")
        owner, own = await self.cast.person(self.told.owner), await self.cast.account(self.told.owner)
        before = work.origin
        self.stage.speak(owner.id)
        self.number = work.new_id()
        await work.bind(self.number)
        workspace = await operations.create_workspace(work, self.number, owner.id, self.told.name, own)
        workspace.sso_enforced = self.told.sso_enforced
        account = await auth.account(work, self.number)
        account.email = self.told.email or owner.email
        settle(account, self.told)
        work.origin = before
        return self.number

    async def run(self) -> int:
        """The workspace, when its owner is who does what comes next."""
        account = await self.account()
        self.stage.speak((await self.cast.person(self.told.owner)).id)
        return account.id

    async def join(self, email: str) -> None:
        """Make sure that somebody is a member. Raises InvalidInput before their time."""
        if email in self.joined or email == self.told.owner:
            return
        known = next((member for member in self.told.members if member.email == email), form.Member(email=email))
        if known.joined and self.stage.work.now < known.joined.at(self.stage.now):
            raise InvalidInput(f"{email} is not a member of {self.told.name} yet.")
        account, person = await self.account(), await self.cast.person(email)
        self.stage.speak(person.id)
        member = operations.join(self.stage.work, account.id, person.id, known.role)
        self.joined[email] = member.id
        await self.stage.work.flush()


def announce(tenant: Tenant) -> None:
    """The workspace, its members and its invitations, each at its instant."""
    stage, place = tenant.stage, tenant.place
    stage.then(tenant.since, place, tenant.account)
    for number, member in enumerate(tenant.told.members):
        where = f"{place}.members[{number}]"
        tenant.cast.asides.setdefault(member.email, (member.name, tenant.told.issuer))
        stage.then(
            member.joined.at(stage.now) if member.joined else tenant.since, where, partial(tenant.join, member.email)
        )
        if member.removed:
            stage.then(member.removed.at(stage.now), f"{where}.removed", partial(_remove, tenant, member.email))
    for number, letter in enumerate(tenant.told.invitations):
        where = f"{place}.invitations[{number}]"
        tenant.cast.asides.setdefault(letter.email, (None, tenant.told.issuer))
        stage.then(letter.sent.at(stage.now), where, partial(_invite, tenant, where, letter))


async def _remove(tenant: Tenant, email: str) -> None:
    if email not in tenant.joined:
        raise InvalidInput(f"{email} is not a member of {tenant.told.name} yet.")
    await seating.remove_member(tenant.stage.work, await tenant.run(), tenant.joined[email])


async def _invite(tenant: Tenant, place: str, told: form.Invitation) -> None:
    work, now = tenant.stage.work, tenant.stage.now
    letter = await invitations.invite(work, await tenant.run(), told.email, told.role)
    if told.state is InvitationState.PENDING:
        if letter.expires_at <= now:
            raise InvalidInput(f"Nobody answered within {INVITED_FOR.days} days, so by now it is expired: say so.")
        return
    answered = told.answered.at(now) if told.answered else now
    if told.state is InvitationState.EXPIRED:
        answered = letter.expires_at
    acts = {InvitationState.ACCEPTED: _accept, InvitationState.REVOKED: _revoke, InvitationState.EXPIRED: _expire}
    act = partial(acts[told.state], tenant, letter.id, told.email)
    tenant.stage.then(answered, f"{place}.answered", act)


async def _accept(tenant: Tenant, invitation_id: int, email: str) -> None:
    account, work = await tenant.account(), tenant.stage.work
    person = await tenant.cast.person(email)
    tenant.stage.speak(person.id)
    proven = email if person.email_verified else None
    member = await invitations.accept(work, account.id, invitation_id, person.id, proven)
    tenant.joined[email] = member.id
    await work.flush()
    await seating.sit_down(work, account.id, person.id, email)


async def _revoke(tenant: Tenant, invitation_id: int, email: str) -> None:
    account_id = await tenant.run()
    await invitations.revoke(tenant.stage.work, account_id, invitation_id)
    await seating.give_up(tenant.stage.work, account_id, email, "invitation revoked")


async def _expire(tenant: Tenant, invitation_id: int, _email: str) -> None:
    account = await tenant.account()
    await invitations.expire(tenant.stage.work, account.id, invitation_id)
