"""What we ask about pools, seats and invitations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, cast, func, literal_column, or_, update
from sqlmodel import col, select

from billing.entitlements import Entitlement, EntitlementKind
from kernel.errors import NotFound
from kernel.work import Work
from seats.seating import CONSUMING, InvitationState, SeatState
from seats.tables import Assignment, Invitation, LicensePool

RowT = TypeVar("RowT")


async def pool(work: Work, account_id: int, pool_id: int) -> LicensePool:
    """A pool as it stands now, unlocked. Raises NotFound."""
    found = await work.rows(LicensePool, _POOL, account_id, pool_id)
    return _there(found[0] if found else None)


async def pool_in_turn(work: Work, account_id: int, pool_id: int) -> LicensePool:
    """The same, after whoever is changing its counter, and before whoever comes next. Raises NotFound.

    It lets others insert seats of the pool meanwhile, who may wait for the counter with theirs inserted.
    """
    found = await work.rows(LicensePool, f"{_POOL} for no key update", account_id, pool_id)
    return _there(found[0] if found else None)


_POOL = "select to_json(t)::text from license_pool t where account_id = $1 and id = $2"


async def take_clock(work: Work, account_id: int, pool_id: int) -> tuple[int, datetime]:
    """Lock the clock of the subscription that pays for a pool; its number, and when it is due. Raises NotFound."""
    found = await work.fetch(
        "select c.subscription_id, c.due_at from license_pool p join subscription_clock c"
        " on (c.account_id, c.subscription_id) = (p.account_id, p.subscription_id)"
        " where p.account_id = $1 and p.id = $2 for update of c",
        account_id,
        pool_id,
    )
    if not found:
        raise NotFound
    return found[0]["subscription_id"], found[0]["due_at"]


async def keep_members(work: Work, account_id: int) -> None:
    """Let nobody be removed from the workspace until this transaction ends."""
    await work.execute("select from workspace where id = $1 for key share", account_id)


async def overage(work: Work, account_id: int) -> str:
    """What becomes of whoever wants a seat of a full pool, as things stand."""
    found = await work.fetch("select overage from workspace where id = $1", account_id)
    return str(found[0]["overage"]) if found else ""


async def pools_of(work: Work, account_id: int, subscription_id: int) -> list[LicensePool]:
    """The open pools a subscription paid for."""
    mine = (col(LicensePool.account_id) == account_id, col(LicensePool.subscription_id) == subscription_id)
    return list(await work.all(select(LicensePool).where(*mine, col(LicensePool.closed_at).is_(None))))


async def pools_to_change(work: Work, account_id: int, subscription_id: int) -> list[LicensePool]:
    """The open pools a subscription paid for, locked, so that nobody sits down while they change."""
    mine = (col(LicensePool.account_id) == account_id, col(LicensePool.subscription_id) == subscription_id)
    asked = select(LicensePool).where(*mine, col(LicensePool.closed_at).is_(None)).order_by(col(LicensePool.id))
    return list(await work.all(asked.with_for_update()))


async def take_turn(work: Work, account_id: int, pool_id: int) -> None:
    """Change a pool's counter after whoever is changing it, and before whoever comes next.

    It lets others insert seats of the pool meanwhile, who may wait for the counter with theirs inserted.
    """
    sql = "select from license_pool where account_id = $1 and id = $2 for no key update"
    await work.execute(sql, account_id, pool_id)


async def quantities(work: Work, account_id: int, subscription_id: int) -> dict[int, int]:
    """How many units each item of a subscription has."""
    sql = "select id, quantity from subscription_item where account_id = $1 and subscription_id = $2"
    return {row["id"]: row["quantity"] for row in await work.fetch(sql, account_id, subscription_id)}


async def held(work: Work, account_id: int, pool_id: int, person_key: str) -> bool:
    """Whether a person has a seat of the pool."""
    asked = select(Assignment).where(
        col(Assignment.account_id) == account_id,
        col(Assignment.pool_id) == pool_id,
        col(Assignment.person_key) == person_key,
        _among(col(Assignment.state), CONSUMING),
    )
    return await work.one(asked) is not None


async def assignment(work: Work, account_id: int, assignment_id: int) -> Assignment:
    """A seat, locked for a change. Raises NotFound."""
    asked = select(Assignment).where(col(Assignment.account_id) == account_id, col(Assignment.id) == assignment_id)
    found: Assignment | None = await work.one(asked.with_for_update().execution_options(populate_existing=True))
    return _there(found)


async def assignments(work: Work, account_id: int, numbers: Sequence[int]) -> list[Assignment]:
    """These seats of a workspace, locked for a change in the order of their numbers."""
    asked = select(Assignment).where(
        col(Assignment.account_id) == account_id,
        col(Assignment.id) == func.any(cast(list(numbers), ARRAY(BigInteger))),
    )
    return list(await work.all(asked.order_by(col(Assignment.id)).with_for_update()))


async def seats_of(work: Work, account_id: int, person_id: int) -> list[Assignment]:
    """A person's seats in a workspace, and their places in lines, locked for a change."""
    asked = select(Assignment).where(
        col(Assignment.account_id) == account_id,
        col(Assignment.person_id) == person_id,
        _among(col(Assignment.state), CONSUMING | {SeatState.WAITLISTED}),
    )
    return list(await work.all(asked.order_by(col(Assignment.id)).with_for_update()))


async def seats_for(work: Work, account_id: int, email: str) -> list[Assignment]:
    """The seats that wait for whoever comes with an address, and for nobody known, locked for a change."""
    return [seat for seat in await waiting_seats(work, account_id, [email]) if seat.person_id is None]


async def kept_seats(work: Work, account_id: int, person_id: int) -> list[Assignment]:
    """The seats that are kept for somebody who left, locked for a change."""
    return [seat for seat in await seats_of(work, account_id, person_id) if seat.kept_until is not None]


async def awaited(work: Work, account_id: int, person_id: int, email: str) -> bool:
    """Whether a seat waits for whoever comes with an address, or is kept for this person."""
    found = await work.fetch(
        "select exists (select from assignment where account_id = $1 and email = $3 and state = 'invited'"
        "   and person_id is null)"
        " or exists (select from assignment where account_id = $1 and person_id = $2 and state = 'suspended'"
        "   and kept_until is not null) as awaited",
        account_id,
        person_id,
        email,
    )
    return bool(found[0]["awaited"])


async def kept_overdue(work: Work, account_id: int, now: datetime, most: int) -> list[Assignment]:
    """The seats of a workspace that were kept until now, locked for a change."""
    asked = select(Assignment).where(
        col(Assignment.account_id) == account_id,
        _among(col(Assignment.state), [SeatState.SUSPENDED]),
        col(Assignment.kept_until) <= now,
    )
    return list(await work.all(asked.order_by(col(Assignment.id)).limit(most).with_for_update()))


async def back_again(work: Work, account_id: int, most: int) -> list[int]:
    """The members of a workspace for whom a seat is kept all the same."""
    of = f"from assignment a where a.account_id = $1 and {_KEPT} and {_BACK}"
    sql = f"select distinct a.person_id {of} limit $2"
    return [row["person_id"] for row in await work.fetch(sql, account_id, most)]


async def kept_to_settle(work: Work, now: datetime) -> list[int]:
    """The accounts with seats that were kept until now, or for members, as nobody but the system sees them."""
    of = f"from assignment a where {_KEPT} and (a.kept_until <= $1 or {_BACK})"
    sql = f"select distinct a.account_id {of} limit 1000"
    return [row["account_id"] for row in await work.fetch(sql, now)]


_KEPT = "a.state = 'suspended' and a.kept_until is not null"
_BACK = (
    "exists (select from member m where m.account_id = a.account_id and m.person_id = a.person_id"
    " and m.state = 'active')"
)


async def waiting_seats(work: Work, account_id: int, emails: Sequence[str]) -> list[Assignment]:
    """The seats that wait for these addresses, locked for a change."""
    asked = select(Assignment).where(
        col(Assignment.account_id) == account_id,
        col(Assignment.email) == func.any(cast(list(emails), ARRAY(Text))),
        _among(col(Assignment.state), [SeatState.INVITED]),
    )
    return list(await work.all(asked.order_by(col(Assignment.id)).with_for_update()))


async def taken_seats(work: Work, account_id: int, pool_id: int) -> list[Assignment]:
    """Every seat of a pool that somebody holds or waits for, locked for a change."""
    asked = select(Assignment).where(
        col(Assignment.account_id) == account_id,
        col(Assignment.pool_id) == pool_id,
        col(Assignment.state) != SeatState.RELEASED,
    )
    return list(await work.all(asked.order_by(col(Assignment.id)).with_for_update()))


async def unanswered(work: Work, account_id: int, now: datetime) -> list[str]:
    """The addresses that didn't answer an invitation in time.

    Asked for by itself: where thousands were invited a moment ago, PostgreSQL has counted none of them yet, and would
    look for each of their seats through all of their invitations.
    """
    rows = await work.fetch(
        "select email from invitation where account_id = $1 and state = 'pending' and expires_at <= $2",
        account_id,
        now,
    )
    return [row["email"] for row in rows]


async def overdue_seats(work: Work, account_id: int, pool_id: int, now: datetime) -> set[str]:
    """For whom a seat for everybody still waits, though nobody accepted the invitation in time."""
    emails = await unanswered(work, account_id, now)
    if not emails:
        return set()
    rows = await work.fetch(
        "select person_key from assignment where account_id = $1 and pool_id = $2 and state = 'invited'"
        " and seat_group_id is null and email = any($3::text[])",
        account_id,
        pool_id,
        emails,
    )
    return {row["person_key"] for row in rows}


async def places_of(work: Work, account_id: int, pool_id: int, keys: Sequence[str]) -> list[Assignment]:
    """The places that these people have in the line of a pool, locked for a change."""
    asked = select(Assignment).where(
        col(Assignment.account_id) == account_id,
        col(Assignment.pool_id) == pool_id,
        col(Assignment.person_key) == func.any(cast(list(keys), ARRAY(Text))),
        _among(col(Assignment.state), [SeatState.WAITLISTED]),
    )
    return list(await work.all(asked.order_by(col(Assignment.id)).with_for_update()))


async def wanted(work: Work, account_id: int, pool_id: int, person_key: str) -> Assignment | None:
    """The seat that a person has in a pool, or their place in its line, locked for a change."""
    asked = select(Assignment).where(
        col(Assignment.account_id) == account_id,
        col(Assignment.pool_id) == pool_id,
        col(Assignment.person_key) == person_key,
        _among(col(Assignment.state), CONSUMING | {SeatState.WAITLISTED}),
    )
    found = await work.all(asked.order_by(col(Assignment.state) == SeatState.WAITLISTED).limit(1).with_for_update())
    return found[0] if found else None


async def take_seats(work: Work, account_id: int, pool_id: int, count: int = 1, apart: int = 0) -> bool:
    """Count more seats as held, and so many more as set apart for groups, unless the pool has no room for all of them.

    Whoever takes what was set apart asks for no more than it was. Call it last: it keeps
    the pool locked until the transaction ends, so that racing admins take turns here and
    nowhere else.
    """
    free = (
        col(LicensePool.account_id) == account_id,
        col(LicensePool.id) == pool_id,
        col(LicensePool.closed_at).is_(None),
        col(LicensePool.assigned) + count <= col(LicensePool.purchased),
    )
    assigned, set_apart = col(LicensePool.assigned) + count, col(LicensePool.set_apart) + apart
    unbound = (assigned + set_apart <= col(LicensePool.purchased),) if count + apart > 0 else ()
    taken = update(LicensePool).where(*free, *unbound).values(assigned=assigned, set_apart=set_apart)
    return await work.changed(taken.execution_options(synchronize_session=False)) == 1


async def close(work: Work, account_id: int, pool_id: int, freed: int, now: datetime) -> bool:
    """Close a pool whose seats were all freed; False when it has others, because somebody sat down meanwhile."""
    empty = (
        col(LicensePool.account_id) == account_id,
        col(LicensePool.id) == pool_id,
        col(LicensePool.assigned) == freed,
    )
    closed = update(LicensePool).where(*empty).values(assigned=0, set_apart=0, closed_at=now)
    return await work.changed(closed.execution_options(synchronize_session=False)) == 1


async def held_keys(work: Work, account_id: int, pool_id: int, keys: Sequence[str]) -> set[str]:
    """Which of these people hold a seat of the pool."""
    rows = await work.fetch(
        "select person_key from assignment where account_id = $1 and pool_id = $2 and person_key = any($3::text[])"
        " and state in ('invited', 'active', 'suspended')",
        account_id,
        pool_id,
        list(keys),
    )
    return {row["person_key"] for row in rows}


SEAT = (
    "account_id",
    "id",
    "pool_id",
    "plan_id",
    "email",
    "person_id",
    "person_key",
    "state",
    "source",
    "since",
    "in_place_of",
)
"""The columns of `seat_all`, in their order."""


async def seat_all(work: Work, rows: Sequence[Sequence[Any]]) -> set[int]:
    """Insert many assignments in one statement, in the order of their keys; the numbers of those that took."""
    if not rows:
        return set()
    took = await work.fetch(
        f"insert into assignment ({', '.join(SEAT)})"  # noqa: S608 - constant columns
        " select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[],"
        " $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::bigint[])"
        " as t(a, b, c, d, e, f, g, h, i, j, k) order by g"
        " on conflict (account_id, pool_id, person_key) where state in ('invited', 'active', 'suspended') do nothing"
        " returning id",
        *zip(*rows, strict=True),
    )
    return {row["id"] for row in took}


async def invitation(work: Work, account_id: int, invitation_id: int) -> Invitation:
    """An invitation, locked for an answer. Raises NotFound."""
    asked = select(Invitation).where(col(Invitation.account_id) == account_id, col(Invitation.id) == invitation_id)
    found: Invitation | None = await work.one(asked.with_for_update())
    return _there(found)


async def held_plans(work: Work) -> list[int]:
    """The plans that the person of this transaction may use now, lowest first: their own, and their seats'."""
    rows = await work.fetch(
        "select p.id from plan p where p.id in (select plan_id from held_versions()) order by p.position, p.id"
    )
    return [row["id"] for row in rows]


async def held_entitlements(work: Work) -> list[list[Entitlement]]:
    """What each plan of the person of this transaction lets them do, the lowest plan first."""
    rows = await work.fetch(
        "select p.id, e.feature, e.kind, e.amount, e.text from held_versions() h join plan p on p.id = h.plan_id"
        " join entitlement e on e.plan_version_id = h.plan_version_id order by p.position, p.id, e.feature"
    )
    plans: dict[int, list[Entitlement]] = {}
    for row in rows:
        told = Entitlement(row["feature"], EntitlementKind(row["kind"]), row["amount"], row["text"])
        plans.setdefault(row["id"], []).append(told)
    return list(plans.values())


async def open_invitations(work: Work, account_id: int, emails: Sequence[str]) -> list[Invitation]:
    """The invitations to these addresses that nobody has answered, locked for an answer."""
    addressed = col(Invitation.email) == func.any(cast(list(emails), ARRAY(Text)))
    return await _pending(work, account_id, addressed)


async def waits_for(work: Work, account_id: int, email: str, now: datetime) -> bool:
    """Whether somebody at an address can still answer an invitation."""
    found = await work.fetch(
        "select from invitation where account_id = $1 and email = $2 and state = 'pending' and expires_at > $3 limit 1",
        account_id,
        email,
        now,
    )
    return bool(found)


async def overdue_invitations(work: Work, account_id: int, now: datetime, most: int) -> list[Invitation]:
    """The invitations of a workspace that nobody answered in time, locked for an answer."""
    return await _pending(work, account_id, col(Invitation.expires_at) <= now, most)


async def _pending(
    work: Work, account_id: int, which: ColumnElement[bool], most: int | None = None
) -> list[Invitation]:
    # Everybody who wants several takes them in this order.
    pending = (col(Invitation.account_id) == account_id, _among(col(Invitation.state), [InvitationState.PENDING]))
    asked = select(Invitation).where(*pending, which).order_by(col(Invitation.email)).limit(most)
    return list(await work.all(asked.with_for_update()))


async def invite_all(work: Work, letters: Sequence[Invitation]) -> set[int]:
    """Insert many invitations in one statement; the numbers of those whose address had none open."""
    rows = await work.fetch(
        f"insert into invitation ({', '.join(_LETTER)})"  # noqa: S608 - constant columns
        " select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[],"
        " $7::timestamptz[], $8::timestamptz[], $9::bigint[]) as t(a, b, c, d, e, f, g, h, i) order by c"
        " on conflict (account_id, email) where state = 'pending' do nothing returning id",
        *([getattr(letter, name) for letter in letters] for name in _LETTER),
    )
    return {row["id"] for row in rows}


_LETTER = ("account_id", "id", "email", "role", "state", "invited_by", "created_at", "expires_at", "in_place_of")


async def keep_token(work: Work, account_id: int, invitation_id: int, digest: bytes) -> bool:
    """Keep the hash of an invitation's token, in place of any before; whether somebody can still accept it."""
    sql = "update invitation set token_hash = $3 where account_id = $1 and id = $2 and state = 'pending'"
    return await work.execute(f"{sql} and expires_at > $4", account_id, invitation_id, digest, work.now) == 1


async def invited_with(work: Work, digest: bytes) -> tuple[int, int] | None:
    """The account and the number of the invitation whose token has this hash, whoever asks."""
    rows = await work.fetch("select account_id, id from invited_with($1)", digest)
    return (rows[0]["account_id"], rows[0]["id"]) if rows else None


async def offered(work: Work, account_id: int, invitation_id: int) -> asyncpg.Record | None:
    """What an invitation says that somebody can accept: whom it invites where, as what and until when."""
    return await work.first(
        "select i.email, i.role, i.expires_at, w.name as workspace"
        " from invitation i join workspace w on w.id = i.account_id"
        " where i.account_id = $1 and i.id = $2 and i.state = 'pending' and i.expires_at > $3",
        account_id,
        invitation_id,
        work.now,
    )


async def sent_to(work: Work, account_id: int, email: str, since: datetime) -> list[datetime]:
    """When invitations of a workspace went to an address since then."""
    sql = "select created_at from invitation where account_id = $1 and email = $2 and created_at > $3"
    return [row["created_at"] for row in await work.fetch(sql, account_id, email, since)]


async def sent_anew(work: Work, account_id: int, since: datetime) -> list[datetime]:
    """When invitations of a workspace were sent anew since then."""
    sql = "select created_at from invitation where account_id = $1 and created_at > $2 and in_place_of is not null"
    return [row["created_at"] for row in await work.fetch(sql, account_id, since)]


async def overdue(work: Work, now: datetime) -> list[int]:
    """The accounts with invitations that nobody answered in time, as nobody but the system sees them."""
    sql = "select distinct account_id from invitation where state = 'pending' and expires_at <= $1 limit 1000"
    return [row["account_id"] for row in await work.fetch(sql, now)]


def _among(state: Any, states: Iterable[StrEnum]) -> ColumnElement[bool]:
    """Whether a state is one of these, in words: what is bound finds no index that is for some states alone."""
    return or_(*(state == literal_column(f"'{each.value}'") for each in sorted(states)))


def _there(row: RowT | None) -> RowT:
    if row is None:
        raise NotFound
    return row
