"""Workspaces, members, invitations and service keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from strawberry import ID

from auth import operations, queries
from auth.glass import operations as glass
from auth.policy import KeyScope, Permission, Role
from auth.tables import Member, ServiceKey, Workspace
from kernel import ids
from kernel.errors import Forbidden, InvalidInput
from resolvers.info import Context, Info
from seats import invitations
from seats import operations as seating
from seats.tables import Invitation

KEY_LIFE_DAYS = 90


@dataclass(frozen=True, slots=True)
class KeyShown:
    """A key's text, which nobody can read again."""

    key_id: int
    text: str


async def create_workspace(info: Info, name: Annotated[str, "What people call it: 1 to 200 characters."]) -> Workspace:
    """Create a workspace. Whoever creates it is its owner, and its account pays as theirs does until told otherwise."""
    context = info.context
    person_id = context.person()
    own = await queries.own_account(context.work, person_id)
    workspace_id = context.work.new_id()
    await context.own(workspace_id)
    return await operations.create_workspace(context.work, workspace_id, person_id, name, own)


async def rename_workspace(
    info: Info,
    workspace: Annotated[ID, "Which workspace."],
    name: Annotated[str, "What people call it from now on: 1 to 200 characters."],
) -> Workspace:
    """Give a workspace another name."""
    found = await info.context.permitted(Permission.RENAME_WORKSPACE, "workspace", workspace)
    return await operations.rename_workspace(info.context.work, found.id, name)


async def invite_member(
    info: Info,
    workspace: Annotated[ID, "Which workspace they shall join."],
    email: Annotated[str, "Where the invitation goes."],
    role: Annotated[Role, "What they will be."] = Role.MEMBER,
) -> Invitation:
    """Invite a person to a workspace. The invitation is open for seven days; a seat is assigned apart from it."""
    found = await info.context.permitted(Permission.INVITE_MEMBERS, "workspace", workspace)
    grantable(info.context, role, found.id)
    return await invitations.invite(info.context.work, found.id, email, role)


async def accept_invitation(
    info: Info,
    invitation: Annotated[ID | None, "The invitation, from `viewer.invitations`."] = None,
    token: Annotated[str | None, "Or, instead of it, what the link of the letter ends in: `sgi_…`."] = None,
) -> Member:
    """Join the workspace you were invited to, and take the seats that wait there for your verified address."""
    context = info.context
    person_id = context.person()
    account_id, invitation_id = await _meant(context, invitation, token)
    await context.own(account_id)
    email = context.actor.email
    member = await invitations.accept(context.work, account_id, invitation_id, person_id, email, token=token)
    assert email is not None, "an invitation is accepted by whoever proved to own its address"
    await seating.sit_down(context.work, account_id, person_id, email)
    return member


async def _meant(context: Context, invitation: str | None, token: str | None) -> tuple[int, int]:
    """The account and the number of the invitation that is meant. Raises NotFound, or InvitationLinkClosed."""
    if token is not None and invitation is None:
        return await invitations.named(context.work, token)
    if invitation is None or token is not None:
        raise InvalidInput("Say which invitation you accept: send either `invitation` or `token`.")
    found = await context.found("invitation", invitation)
    return found.account_id, found.id


async def revoke_invitation(info: Info, invitation: Annotated[ID, "Which invitation."]) -> Invitation:
    """Take an open invitation back, and free the seats that wait for it."""
    found = await info.context.permitted(Permission.INVITE_MEMBERS, "invitation", invitation)
    grantable(info.context, Role(found.role), found.account_id)
    revoked = await invitations.revoke(info.context.work, found.account_id, found.id)
    await seating.give_up(info.context.work, found.account_id, revoked.email, "invitation revoked")
    return revoked


async def resend_invitation(info: Info, invitation: Annotated[ID, "Which invitation."]) -> Invitation:
    """Send an open invitation anew: another one takes its place for seven days, and seats that wait go on waiting."""
    found = await info.context.permitted(Permission.INVITE_MEMBERS, "invitation", invitation)
    grantable(info.context, Role(found.role), found.account_id)
    return await invitations.resend(info.context.work, found.account_id, found.id)


async def change_role(
    info: Info,
    member: Annotated[ID, "Whose role."],
    role: Annotated[Role, "What they will be."],
) -> Member:
    """Give a member another role. Owners change any role; admins change roles below their own."""
    found = await info.context.permitted(Permission.MANAGE_MEMBERS, "member", member)
    grantable(info.context, Role(found.role), found.account_id)
    grantable(info.context, role, found.account_id)
    changed = await operations.change_role(info.context.work, found.account_id, found.id, role)
    return await _without(info.context, Role(found.role), changed)


async def remove_member(info: Info, member: Annotated[ID, "Who leaves."]) -> Member:
    """Remove a member, and free their seats at once."""
    found = await info.context.permitted(Permission.MANAGE_MEMBERS, "member", member)
    grantable(info.context, Role(found.role), found.account_id)
    removed = await seating.remove_member(info.context.work, found.account_id, found.id)
    return await _without(info.context, Role(found.role), removed)


async def leave_workspace(info: Info, workspace: Annotated[ID, "Which workspace."]) -> Member:
    """Leave a workspace. Your seats there are free at once; what you own yourself stays yours."""
    context = info.context
    account_id = ids.decode("workspace", workspace)
    member = await queries.membership(context.work, account_id, context.person())
    if context.actor.broke_glass:
        raise Forbidden("You broke the glass: you may change how people sign in, and nothing else.")
    role = member.role
    if role is Role.OWNER:
        context.fresh()
    await context.own(account_id)
    left = await seating.remove_member(context.work, account_id, member.id, reason="left")
    return await _without(context, role, left)


async def create_service_key(
    info: Info,
    account: Annotated[ID, "For which account the key speaks."],
    name: Annotated[str, "What it is for: 1 to 200 characters."],
    scopes: Annotated[list[KeyScope], "What it may do; never more than you may."],
    days: Annotated[int, "For how many days it works: 1 to 366."] = KEY_LIFE_DAYS,
) -> KeyShown:
    """Create a service key. Its text is shown in this answer and never again."""
    context = info.context
    found = await context.permitted(Permission.MANAGE_KEYS, "account", account)
    context.fresh()
    missing = context.actor.beyond(scopes, found.id)
    if missing:
        raise Forbidden(f"You can't give a key the scope {missing[0].value}, for you may not do all of that yourself.")
    person_id = context.person()
    life = timedelta(days=min(max(days, 0), 10_000))
    key, text = await operations.create_key(context.work, found.id, person_id, name=name, scopes=scopes, life=life)
    return KeyShown(key.id, text)


async def rotate_service_key(info: Info, key: Annotated[ID, "Which key."]) -> KeyShown:
    """Give a service key a new secret, shown once. The one before works for another 24 hours."""
    found = await _own_key(info.context, key)
    rotated, text = await operations.rotate_key(info.context.work, found.account_id, found.id)
    return KeyShown(rotated.id, text)


async def revoke_service_key(info: Info, key: Annotated[ID, "Which key."]) -> ServiceKey:
    """End a service key at once."""
    found = await _own_key(info.context, key)
    return await operations.revoke_key(info.context.work, found.account_id, found.id)


def grantable(context: Context, role: Role, account_id: int) -> None:
    """Insist that the actor may give a role, or take it away. Raises Forbidden."""
    if role is Role.OWNER:
        context.fresh()
    if not context.actor.may_grant(role, account_id):
        raise Forbidden(
            f"You may not make somebody {role.value.replace('_', ' ')} here, or take it away. Ask an owner."
        )


async def _without(context: Context, role: Role, member: Member) -> Member:
    """The member, without the role they had: an owner who goes leaves one who can break the glass."""
    if role is Role.OWNER:
        await glass.keep(context.work, member.account_id)
    return member


async def _own_key(context: Context, key: str) -> ServiceKey:
    found: ServiceKey = await context.permitted(Permission.MANAGE_KEYS, "key", key)
    context.fresh()
    everyones = context.actor.may(Permission.SEE_KEYS, found.account_id)
    assert everyones or found.created_by == context.actor.person_id, "others' keys are not visible"
    missing = context.actor.beyond([KeyScope(scope) for scope in found.scopes], found.account_id)
    if missing:
        raise Forbidden(f"This key holds the scope {missing[0].value}, which is beyond you.")
    return found
