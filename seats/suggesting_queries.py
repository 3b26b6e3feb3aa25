"""What we ask about workspaces that are suggested, and about who asked to join one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from kernel import ids
from kernel.errors import NotFound
from kernel.work import Work
from seats.tables import JoinRequest


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A workspace that somebody may ask to join."""

    account_id: int
    domain_id: int
    name: str
    domain: str
    email: str
    request_id: int | None
    """What they have asked already, and nobody has decided."""

    @property
    def workspace_id(self) -> str:
        """The workspace, as a client knows it."""
        return ids.encode("workspace", self.account_id)


async def suggestions(work: Work) -> list[Suggestion]:
    """The workspaces that the person of this transaction may ask to join."""
    rows = await work.fetch(
        "select s.account_id, s.domain_id, s.workspace as name, s.domain, s.email, r.id as request_id"
        " from suggested_workspaces() s left join join_request r on r.account_id = s.account_id"
        " and r.person_id = app_number('person') and r.state = 'open' and r.expires_at > $1 order by s.workspace, 1",
        work.now,
    )
    return [Suggestion(**dict(row)) for row in rows]


async def request(work: Work, account_id: int, request_id: int) -> JoinRequest:
    """A request to join, locked for a decision. Raises NotFound."""
    asked = select(JoinRequest).where(col(JoinRequest.account_id) == account_id, col(JoinRequest.id) == request_id)
    found: JoinRequest | None = await work.one(asked.with_for_update())
    if found is None:
        raise NotFound
    return found


async def open_of(work: Work, account_id: int, person_id: int) -> JoinRequest | None:
    """The request to join that somebody has open, locked for a decision."""
    asked = select(JoinRequest).where(
        col(JoinRequest.account_id) == account_id,
        col(JoinRequest.person_id) == person_id,
        col(JoinRequest.state) == "open",
    )
    found: JoinRequest | None = await work.one(asked.with_for_update())
    return found


async def stands(work: Work, request_id: int) -> bool:
    """Whether the workspace of this transaction is still suggested to whoever asked, at the same address."""
    rows = await work.fetch("select join_request_stands($1) as stands", request_id)
    return bool(rows[0]["stands"])


async def overdue(work: Work, now: datetime, most: int) -> list[tuple[int, int]]:
    """Accounts and their requests that nobody decided in time, as nobody but the system sees them."""
    rows = await work.fetch(
        "select account_id, id from join_request where state = 'open' and expires_at <= $1"
        " order by expires_at limit $2",
        now,
        most,
    )
    return [(row["account_id"], row["id"]) for row in rows]
