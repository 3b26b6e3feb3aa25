"""Setup links: an admin hands somebody else one thing to do, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from strawberry import ID

from auth.policy import Permission, Setting
from auth.setup import operations, rules
from auth.setup.rules import SetupPurpose
from auth.setup.tables import SetupLink
from kernel.work import Work
from resolvers.info import Info


@dataclass(frozen=True, slots=True)
class LinkShown:
    """A link that was made."""

    link_id: int
    url: str = field(repr=False)


async def create_setup_link(
    info: Info,
    workspace: Annotated[ID, "Whose setup."],
    purpose: Annotated[SetupPurpose, "The one thing that it is for."],
) -> LinkShown:
    """Make a link with which whoever has it sets up one thing, such as your IT. It opens once, within 72 hours."""
    context = info.context
    found = await context.permitted(Permission.MANAGE_IDENTITY, "workspace", workspace)
    context.fresh()
    made, text = operations.create(context.work, found.id, context.person(), purpose)
    return LinkShown(made.id, f"{context.base}/setup?link={text}")


async def revoke_setup_link(info: Info, link: Annotated[ID, "Which link."]) -> SetupLink:
    """End a setup link at once, opened or not. What was set up with it stays."""
    context = info.context
    found = await context.permitted(Permission.MANAGE_IDENTITY, "link", link)
    return await operations.revoke(context.work, found.account_id, found.id)


async def note(work: Work, setting: Setting, account_id: int, mutation: str, number: int | None) -> None:
    """Note what was made with a link, if a mutation makes it. Raises Forbidden for a second one."""
    if mutation in rules.MAKES and number is not None:
        await operations.made(work, account_id, setting.link_id, number)
