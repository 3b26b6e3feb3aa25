"""What we ask about people, workspaces, members and keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import func
from sqlmodel import col, select

from auth.policy import Role
from auth.sessions import USED_EVERY
from auth.tables import Account, Identity, Member, MemberState, Person, ServiceKey, Session, Workspace
from kernel.errors import NotFound
from kernel.work import Work

RowT = TypeVar("RowT")


async def account(work: Work, account_id: int) -> Account:
    """An account that the actor may see. Raises NotFound."""
    found = await work.rows(Account, "select to_json(t)::text from account t where id = $1", account_id)
    return there(found[0] if found else None)


async def own_account(work: Work, person_id: int) -> Account:
    """The account a person pays with. Raises NotFound."""
    found: Account | None = await work.one(select(Account).where(col(Account.person_id) == person_id))
    return there(found)


async def workspace(work: Work, workspace_id: int, *, lock: bool = False) -> Workspace:
    """A workspace; locked, so that decisions about its owners take turns. Raises NotFound."""
    asked = select(Workspace).where(col(Workspace.id) == workspace_id)
    found: Workspace | None = await work.one(asked.with_for_update() if lock else asked)
    return there(found)


async def take_turn(work: Work, workspace_id: int) -> None:
    """Let changes of a workspace's people take turns until this transaction ends."""
    await work.execute("select from workspace where id = $1 for update", workspace_id)


async def member(work: Work, account_id: int, member_id: int) -> Member:
    """A member, locked for a change. Raises NotFound."""
    asked = select(Member).where(col(Member.account_id) == account_id, col(Member.id) == member_id)
    found: Member | None = await work.one(asked.with_for_update())
    return there(found)


async def owners(work: Work, account_id: int) -> int:
    """How many owners a workspace has."""
    active = (col(Member.account_id) == account_id, col(Member.state) == MemberState.ACTIVE)
    return int(await work.one(select(func.count()).where(*active, col(Member.role) == Role.OWNER)))


async def members_by_address(work: Work, account_id: int, addresses: Sequence[str]) -> dict[str, int]:
    """The person behind each verified address that belongs to an active member."""
    found = await work.fetch(
        "select p.lower_email as email, p.id from member m join person p on p.id = m.person_id"
        " where m.account_id = $1 and m.state = 'active' and p.email_verified and p.lower_email = any($2::text[])",
        account_id,
        list(addresses),
    )
    return {row["email"]: row["id"] for row in found}


async def is_member(work: Work, account_id: int, person_id: int) -> bool:
    """Whether a person is an active member of a workspace."""
    return await _membership(work, account_id, person_id) is not None


async def membership(work: Work, account_id: int, person_id: int) -> Member:
    """A person's membership of a workspace, if it is active. Raises NotFound."""
    return there(await _membership(work, account_id, person_id))


async def role_of(work: Work, account_id: int, person_id: int) -> Role | None:
    """A person's role in a workspace, if they are an active member."""
    found = await work.fetch(
        "select role from member where account_id = $1 and person_id = $2 and state = 'active'", account_id, person_id
    )
    return Role(found[0]["role"]) if found else None


async def _membership(work: Work, account_id: int, person_id: int) -> Member | None:
    active = (col(Member.account_id) == account_id, col(Member.state) == MemberState.ACTIVE)
    found: Member | None = await work.one(select(Member).where(*active, col(Member.person_id) == person_id))
    return found


async def service_key(work: Work, key_id: int) -> ServiceKey | None:
    """A service key, if the actor may see it."""
    found: ServiceKey | None = await work.one(select(ServiceKey).where(col(ServiceKey.id) == key_id))
    return found


async def key_to_change(work: Work, account_id: int, key_id: int) -> ServiceKey:
    """A service key, locked for a change. Raises NotFound."""
    asked = select(ServiceKey).where(col(ServiceKey.account_id) == account_id, col(ServiceKey.id) == key_id)
    found: ServiceKey | None = await work.one(asked.with_for_update())
    return there(found)


async def session(work: Work, session_id: int) -> Session | None:
    """A sign-in of the person this transaction acts for."""
    found: Session | None = await work.one(select(Session).where(col(Session.id) == session_id))
    return found


async def session_to_end(work: Work, session_id: int) -> Session:
    """A session that the actor may end, locked. Raises NotFound."""
    found: Session | None = await work.one(select(Session).where(col(Session.id) == session_id).with_for_update())
    return there(found)


async def person_named(work: Work, issuer: str, subject: str) -> int | None:
    """The person an issuer knows by this subject."""
    named = (col(Identity.issuer) == issuer, col(Identity.subject) == subject)
    return await work.one(select(col(Identity.person_id)).where(*named))  # type: ignore[no-any-return]


async def person(work: Work, person_id: int) -> Person:
    """A person that the actor may see. Raises NotFound."""
    found: Person | None = await work.one(select(Person).where(col(Person.id) == person_id))
    return there(found)


async def session_with(work: Work, digest: bytes) -> Session | None:
    """The session whose text has this digest."""
    found: Session | None = await work.one(select(Session).where(col(Session.hash) == digest))
    return found


async def standing(work: Work, person_id: int) -> dict[str, Any] | None:
    """What decides what a person may: address, epoch, desk, own account, roles, seat groups, and where SSO is enforced.

    The transaction is theirs.
    """
    found = await work.fetch(
        "select p.email, p.email_verified, p.epoch, p.locale, s.desk, a.id as account_id,"
        " array_agg(m.account_id) filter (where m.id is not null) as workspaces,"
        " array_agg(m.role) filter (where m.id is not null) as roles,"
        " array_agg(m.account_id) filter (where coalesce(m.last_used_at <= $2, m.id is not null)) as quiet,"
        " enforced_workspaces() as enforced,"
        " array(select array[g.seat_group_id, g.account_id] from group_admin g join member of"
        "  on of.account_id = g.account_id and of.id = g.member_id and of.state = 'active'"
        "  where g.person_id = p.id and g.dismissed_at is null) as groups"
        " from person p left join staff s on s.person_id = p.id left join account a on a.person_id = p.id"
        " left join member m on m.person_id = p.id and m.state = 'active'"
        " where p.id = $1 group by p.id, s.desk, a.id",
        person_id,
        work.now - USED_EVERY,
    )
    return dict(found[0]) if found else None


async def note_use(work: Work, account_id: int, person_id: int) -> None:
    """Remember that a member uses a workspace now."""
    await work.execute(
        "update member set last_used_at = $3 where account_id = $1 and person_id = $2 and state = 'active'",
        account_id,
        person_id,
        work.now,
    )


async def people_at(work: Work, email: str) -> list[Person]:
    """People with this address, in the order they came."""
    return list(await work.all(select(Person).where(col(Person.lower_email) == email).order_by(col(Person.id))))


async def address_of(work: Work, person_id: int) -> str:
    """The address of a person as it stands now, in lower case."""
    return str((await work.fetch("select lower_email from person where id = $1", person_id))[0]["lower_email"])


async def move_address(work: Work, person_id: int, email: str) -> bool:
    """Give a member another address of a verified domain, if it is free; whether they have it.

    Never an owner, nor somebody who is in another workspace.
    """
    found = await work.fetch("select move_address($1, $2) as moved", person_id, email)
    return bool(found[0]["moved"])


async def end_sessions(
    work: Work,
    account_id: int,
    *,
    why: str,
    person_id: int | None = None,
    connection_id: int | None = None,
    issuer: str | None = None,
) -> int:
    """End sessions that count for a workspace alone: everybody's, a person's, a connection's, an issuer's; how many."""
    return await work.execute(
        "update session set ended_at = $2, ended_why = $3 where account_id = $1 and ended_at is null"
        " and ($4::bigint is null or person_id = $4) and ($5::bigint is null or connection_id = $5)"
        " and ($6::text is null or issuer = $6)",
        account_id,
        work.now,
        why,
        person_id,
        connection_id,
        issuer,
    )


async def end_own_sessions(work: Work, person_id: int, *, why: str) -> int:
    """End every sign-in of a person that counts for themselves; how many. The transaction is theirs meanwhile."""
    before = work.sees.get("person", "")
    await work.fetch("select set_config('app.person', $1, true)", str(person_id))
    ended = await work.execute(
        "update session set ended_at = $2, ended_why = $3"
        " where person_id = $1 and account_id is null and ended_at is null",
        person_id,
        work.now,
        why,
    )
    await work.fetch("select set_config('app.person', $1, true)", before)
    return ended


def there(row: RowT | None) -> RowT:
    """The row that has to be there. Raises NotFound."""
    if row is None:
        raise NotFound
    return row
