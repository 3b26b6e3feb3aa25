"""What is done with setup links: load, decide, record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from auth import bearers, events
from auth import queries as people
from auth.policy import ActorKind
from auth.setup import queries, rules
from auth.setup.rules import SetupPurpose
from auth.setup.tables import SetupLink
from kernel import ids
from kernel.errors import Forbidden
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class Link:
    """What whoever has a link may know of it: what it is for, whose, and until when it counts."""

    purpose: SetupPurpose
    account_id: int
    workspace: str
    """The workspace's name."""

    until: datetime
    """When it can't be opened any more; or, of one that was opened, when its bearer ends."""


@dataclass(frozen=True, slots=True)
class Opened(Link):
    """A link that was opened, and the bearer that serves it."""

    bearer: str = field(repr=False)


def create(work: Work, account_id: int, person_id: int, purpose: SetupPurpose) -> tuple[SetupLink, str]:
    """A link for one purpose, and its text."""
    issued = bearers.issue(rules.LINK)
    row = SetupLink(
        account_id=account_id,
        id=work.new_id(),
        purpose=purpose,
        hash=issued.digest,
        created_by=person_id,
        created_at=work.now,
        expires_at=work.now + rules.OPEN_FOR,
    )
    work.add(row)
    work.emit(events.SetupLinkCreated(account_id, row.id), row)
    return row, issued.text


async def revoke(work: Work, account_id: int, link_id: int) -> SetupLink:
    """A link opens nothing any more, and its bearer is nobody's."""
    row = await queries.link(work, account_id, link_id)
    if row.revoked_at is None:
        row.revoked_at = work.now
        await work.flush()
        work.emit(events.SetupLinkRevoked(account_id, link_id), row)
    return row


async def look(work: Work, text: str) -> Link | None:
    """What a link is for; None for one that can't be opened, whatever the reason. Opens nothing."""
    found = await _found(work, text)
    if found is None or not _opens(found, work.now):
        return None
    async with work.transaction():
        await work.bind(found.account_id)
        workspace = await people.workspace(work, found.account_id)
        return Link(found.purpose, found.account_id, workspace.name, found.expires_at)


async def use(work: Work, text: str) -> Opened | None:
    """Open a link, once; None for one that can't be opened, whatever the reason."""
    found = await _found(work, text)
    if found is None:
        return None
    account_id, link_id, maker = found.account_id, found.id, found.created_by
    token = ids.encode("link", link_id)
    await work.see_as(work.sees, replace(work.origin, actor=ActorKind.SETUP.value, person_id=maker, token=token))
    async with work.transaction():
        await work.bind(account_id)
        row = await queries.link(work, account_id, link_id)
        if not _opens(row, work.now):
            return None
        issued = bearers.issue(rules.BEARER)
        row.opened_at, row.bearer_hash = work.now, issued.digest
        await work.flush()
        work.emit(events.SetupLinkOpened(account_id, link_id), row)
        workspace = await people.workspace(work, account_id)
        return Opened(row.purpose, account_id, workspace.name, work.now + rules.COUNTS_FOR, issued.text)


async def _found(work: Work, text: str) -> SetupLink | None:
    """The link of a text, which is all that is seen from then on."""
    digest = bearers.digest(text, rules.LINK)
    if digest is None:
        return None
    await work.see_as({"setup_hash": digest.hex()}, work.origin)
    return await queries.with_text(work, digest)


def _opens(row: SetupLink, now: datetime) -> bool:
    return row.opened_at is None and row.revoked_at is None and row.expires_at > now


async def made(work: Work, account_id: int, link_id: int, number: int) -> None:
    """Note the one thing that a link was for. Raises Forbidden for a second one."""
    row = await queries.link(work, account_id, link_id)
    if row.made_id is not None:
        raise Forbidden("This link is for one thing, and that is there already. Change it, or ask for another link.")
    row.made_id = number
    await work.flush()
