"""Looking after people: ending their sessions, saying anew who they are, and seeing what they see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from strawberry import ID

from auth import operations as accounts
from auth import queries as people
from auth.policy import Permission, Role
from auth.sso import operations as sso
from auth.sso.tables import SsoIdentity
from auth.viewing import operations
from auth.viewing.tables import Viewing
from kernel import ids
from kernel.errors import InvalidInput
from resolvers.identity import above
from resolvers.info import Info


@dataclass(frozen=True, slots=True)
class SignedOut:
    """How many sessions were ended."""

    ended: int


@dataclass(frozen=True, slots=True)
class Looking:
    """A look that began."""

    viewing_id: int
    text: str = field(repr=False)


async def end_sessions(
    info: Info,
    account: Annotated[ID, "The account of their workspace, or their own."],
    person: Annotated[ID, "Whose sessions."],
) -> SignedOut:
    """End all sessions of a person that count there, at once: for a phone that was lost, or a password that leaked."""
    context = info.context
    account_id, person_id = ids.decode("account", account), ids.decode("person", person)
    await context.permit(Permission.SIGN_OUT, account_id)
    role = await people.role_of(context.work, account_id, person_id)
    if role is not None and not context.actor.desk and person_id != context.actor.person_id:
        above(context, role, account_id)
    return SignedOut(await accounts.sign_out(context.work, account_id, person_id))


async def relink_identity(
    info: Info,
    identity: Annotated[ID, "Which link."],
    member: Annotated[ID, "Who it is from now on."],
) -> SsoIdentity:
    """Say that a subject of an identity provider is another member, and end the sessions that it had.

    Our staff may only where the provider itself claimed the member's proven address, and never for an owner.
    """
    context = info.context
    found = await context.permitted(Permission.RELINK, "identity", identity)
    context.fresh()
    wanted = await context.found("member", member)
    if wanted.account_id != found.account_id:
        raise InvalidInput("The identity and the member are of different workspaces.")
    target = await people.membership(context.work, found.account_id, wanted.person_id)
    staff = context.actor.desk is not None
    held = await people.role_of(context.work, found.account_id, found.person_id)
    for role in {Role(target.role), held}:
        if role is not None and (not staff or role is Role.OWNER):
            above(context, role, found.account_id)
    return await sso.relink(context.work, found.account_id, found.id, target, vouched=staff)


async def view_as(
    info: Info,
    account: Annotated[ID, "Which account to look at: a workspace's, or somebody's own."],
    person: Annotated[ID, "As whom: somebody who belongs to it."],
) -> Looking:
    """See for half an hour what a customer sees. Our staff alone may, and say why; the customer's audit log tells it.

    Nothing can be changed so, and nothing but this account is seen.
    """
    context = info.context
    account_id = ids.decode("account", account)
    await context.permit(Permission.VIEW_AS, account_id)
    made, text = await operations.begin(context.work, account_id, ids.decode("person", person), context.person())
    return Looking(made.id, text)


async def end_viewing(info: Info, viewing: Annotated[ID, "Which look."]) -> Viewing:
    """End a look of our staff at an account, at once. They may, and so may the account's own admins."""
    context = info.context
    found = await context.permitted(Permission.SIGN_OUT, "viewing", viewing)
    return await operations.end(context.work, found.account_id, found.id)
