"""Workspaces that are suggested to people of their domains, and who asks to join one."""

from __future__ import annotations

from typing import Annotated, Any

from strawberry import ID

from auth.policy import Permission, Role
from auth.tables import Member
from kernel import ids
from kernel.errors import Forbidden, NotFound
from resolvers.info import Context, Info
from resolvers.workspaces import grantable
from seats import suggesting_queries, welcoming
from seats.requesting import note_of
from seats.suggesting_queries import Suggestion
from seats.tables import JoinRequest


async def suggestions(info: Info) -> Any:
    """The workspaces the viewer may ask to join."""
    return await _suggestions(info.context)


async def _suggestions(context: Context) -> list[Suggestion]:
    # A session of another workspace's single sign-on vouches for nobody outside of it.
    if context.actor.person_id is None or context.actor.through is not None:
        return []
    return await suggesting_queries.suggestions(context.work)


async def suggested(context: Context, workspace: ID) -> Suggestion:
    """A workspace that is suggested to whoever asks. Raises NotFound."""
    number = ids.decode("workspace", workspace)
    found = [one for one in await _suggestions(context) if one.account_id == number]
    if not found:
        raise NotFound
    return found[0]


async def ask_to_join(
    info: Info,
    workspace: Annotated[ID, "Which workspace, from `viewer.suggestions`."],
    note: Annotated[str | None, "Who you are there, for whoever decides: up to 1,000 characters."] = None,
) -> JoinRequest:
    """Ask to join a workspace that has proven the domain of your address. An admin is told, and has fourteen days."""
    context = info.context
    person_id, said = context.person(), note_of(note)
    found = await suggested(context, workspace)
    await context.own(found.account_id)
    return await welcoming.ask(context.work, person_id, found, said)


async def withdraw_join_request(info: Info, request: Annotated[ID, "Which of your requests."]) -> JoinRequest:
    """Take back that you have asked to join, before anybody decides. You may ask again."""
    context = info.context
    person_id = context.person()
    found = await context.found("joining", request)
    if found.person_id != person_id:
        raise Forbidden("Only whoever asked to join takes it back. Decline it instead.")
    if context.actor.through is not None:
        raise Forbidden(
            "You came through single sign-on, which speaks for its own workspace. Sign in without it first."
        )
    await context.own(found.account_id)
    return await welcoming.withdraw(context.work, found.account_id, found.id)


async def approve_join_request(info: Info, request: Annotated[ID, "Which request."]) -> Member:
    """Let somebody in who asked: they are a member at once, with the seats that waited for their address."""
    found = await info.context.permitted(Permission.INVITE_MEMBERS, "joining", request)
    grantable(info.context, Role.MEMBER, found.account_id)
    return await welcoming.approve(info.context.work, found.account_id, found.id)


async def decline_join_request(
    info: Info,
    request: Annotated[ID, "Which request."],
    reason: Annotated[str, "Why, for whoever asked: up to 1,000 characters."],
) -> JoinRequest:
    """Say no to somebody who asked to join. They are told why."""
    found = await info.context.permitted(Permission.INVITE_MEMBERS, "joining", request)
    return await welcoming.decline(info.context.work, found.account_id, found.id, reason)
