"""Directories: what a workspace's admins do with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from strawberry import ID

from auth.directories import operations
from auth.directories.tables import Directory, DirectoryToken, GroupRule
from auth.policy import Permission, Role
from kernel.errors import Forbidden, InvalidInput
from resolvers.info import Context, Info
from seats import ruling


@dataclass(frozen=True, slots=True)
class TokenShown:
    """A token's text, which nobody can read again."""

    token_id: int
    text: str


async def create_directory(
    info: Info,
    workspace: Annotated[ID, "Whose people it lists."],
    name: Annotated[str, "What people call it: 1 to 200 characters."],
    pool: Annotated[ID | None, "The pool that gives everybody in it a seat; left out, rules of groups do."] = None,
) -> Directory:
    """Connect a directory, such as Okta's or Entra's, over SCIM 2.0. Give it a token with `rotateDirectoryToken`."""
    context = info.context
    found = await _managed(context, "workspace", workspace)
    giving = await _pool(context, found.id, pool)
    return operations.create(context.work, found.id, context.person(), name=name, pool_id=giving)


async def change_directory(
    info: Info,
    directory: Annotated[ID, "Which directory."],
    name: Annotated[str | None, "What people call it from now on."] = None,
    pool: Annotated[ID | None, "The pool that gives seats to whoever comes from now on."] = None,
    no_pool: Annotated[bool, "Whether it gives nobody a seat from now on, but for the rules of its groups."] = False,
    keeps_days: Annotated[
        int | None, "For how many days the seats of whoever it deactivates are kept for them: 1 to 90, or 0 for none."
    ] = None,
) -> Directory:
    """Change what a directory is called, where its people sit who come, or what is kept. What is left out stays."""
    context = info.context
    found = await _managed(context, "directory", directory)
    giving = await _pool(context, found.account_id, pool)
    return await operations.change(
        context.work,
        found.account_id,
        found.id,
        name=name,
        pool_id=giving,
        no_pool=no_pool,
        keeps_days=keeps_days,
    )


async def rotate_directory_token(info: Info, directory: Annotated[ID, "Which directory."]) -> TokenShown:
    """Make another token, shown once. The one before works until it is removed; two count at a time."""
    context = info.context
    found = await _managed(context, "directory", directory)
    token, text = await operations.rotate(context.work, found.account_id, found.id, context.person())
    return TokenShown(token.id, text)


async def remove_directory_token(info: Info, token: Annotated[ID, "Which token."]) -> DirectoryToken:
    """End a token at once."""
    found = await _managed(info.context, "token", token)
    return await operations.remove_token(info.context.work, found.account_id, found.id)


async def disable_directory(info: Info, directory: Annotated[ID, "Which directory."]) -> Directory:
    """Disconnect a directory for good. Its people keep their memberships and seats, and its tokens open nothing."""
    found = await _managed(info.context, "directory", directory)
    return await operations.disable(info.context.work, found.account_id, found.id)


async def set_group_rule(
    info: Info,
    group: Annotated[ID, "A group of a directory."],
    role: Annotated[Role | None, "What its people are: anything but an owner, and nothing above you."] = None,
    pool: Annotated[ID | None, "The pool that gives them a seat."] = None,
    priority: Annotated[int, "Where several rules speak of somebody, the lowest number does: 0 to 1,000."] = 100,
) -> GroupRule:
    """Say what the people of a directory's group get, in place of what they got. It is done a moment later."""
    context = info.context
    found = await _managed(context, "group", group)
    if role is not None and not context.actor.may_grant(role, found.account_id):
        raise Forbidden(f"You may not make people {role.value.replace('_', ' ')} here, and so no rule of yours does.")
    giving = await _pool(context, found.account_id, pool)
    return await ruling.set_rule(
        context.work, found.account_id, found.id, context.person(), role=role, pool_id=giving, priority=priority
    )


async def remove_group_rule(info: Info, rule: Annotated[ID, "Which rule."]) -> GroupRule:
    """End a rule. What it gave to people goes a moment later, unless another rule gives it."""
    context = info.context
    found = await _managed(context, "rule", rule)
    if found.role is not None and not context.actor.may_grant(Role(found.role), found.account_id):
        raise Forbidden("This rule gives a role that you may not take away. Ask an owner.")
    return await ruling.remove_rule(context.work, found.account_id, found.id)


async def _pool(context: Context, account_id: int, pool: str | None) -> int | None:
    """The pool that gives seats. Raises InvalidInput for one of another workspace."""
    if pool is None:
        return None
    giving = await context.permitted(Permission.ASSIGN_SEATS, "pool", pool)
    if giving.account_id != account_id:
        raise InvalidInput("The directory and the pool are of different workspaces.")
    return int(giving.id)


async def _managed(context: Context, prefix: str, text: str) -> Any:
    """What an admin changes about directories, having proved a moment ago that it is them."""
    found = await context.permitted(Permission.MANAGE_IDENTITY, prefix, text)
    context.fresh()
    return found
