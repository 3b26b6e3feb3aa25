"""What is done with looks: load, decide, record."""

from __future__ import annotations

from auth import bearers, events
from auth.viewing import queries, rules
from auth.viewing.tables import Viewing
from kernel.errors import NotFound
from kernel.work import Work


async def begin(work: Work, account_id: int, person_id: int, staff_id: int) -> tuple[Viewing, str]:
    """Let one of our staff look at an account as somebody of it, and the text they look with. Raises NotFound."""
    if not await queries.belongs(work, account_id, person_id):
        raise NotFound
    assert work.origin.reason, "staff say why"
    issued = bearers.issue(rules.PREFIX)
    row = Viewing(
        account_id=account_id,
        id=work.new_id(),
        person_id=person_id,
        staff_id=staff_id,
        reason=work.origin.reason,
        hash=issued.digest,
        created_at=work.now,
        expires_at=work.now + rules.LOOKS_FOR,
    )
    work.add(row)
    work.emit(events.ViewingStarted(account_id, row.id), row)
    return row, issued.text


async def end(work: Work, account_id: int, viewing_id: int) -> Viewing:
    """Nobody looks with it any more."""
    row = await queries.viewing(work, account_id, viewing_id)
    if row.ended_at is None:
        row.ended_at = work.now
        await work.flush()
        work.emit(events.ViewingEnded(account_id, viewing_id), row)
    return row
