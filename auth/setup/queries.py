"""What we ask about setup links."""

from __future__ import annotations

from sqlmodel import col, select

from auth.queries import there
from auth.setup.tables import SetupLink
from kernel.work import Work


async def with_text(work: Work, digest: bytes, *, lock: bool = False) -> SetupLink | None:
    """The link that can be opened with a text."""
    asked = select(SetupLink).where(col(SetupLink.hash) == digest)
    found: SetupLink | None = await work.one(asked.with_for_update() if lock else asked)
    return found


async def with_bearer(work: Work, digest: bytes) -> SetupLink | None:
    """The link whose bearer this is."""
    found: SetupLink | None = await work.one(select(SetupLink).where(col(SetupLink.bearer_hash) == digest))
    return found


async def seen(work: Work, link_id: int) -> SetupLink:
    """A link that the actor may see. Raises NotFound."""
    found: SetupLink | None = await work.one(select(SetupLink).where(col(SetupLink.id) == link_id))
    return there(found)


async def link(work: Work, account_id: int, link_id: int) -> SetupLink:
    """A link, locked for a change. Raises NotFound."""
    named = (col(SetupLink.account_id) == account_id, col(SetupLink.id) == link_id)
    found: SetupLink | None = await work.one(select(SetupLink).where(*named).with_for_update())
    return there(found)
