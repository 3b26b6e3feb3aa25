"""What we ask about the people in directories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

from auth.directories.rules import Found
from auth.directories.tables import DirectoryUser
from auth.policy import Role
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class Where:
    """A condition in SQL over the columns of `u`, and the values that it names from $3 on."""

    sql: str = "true"
    values: tuple[Any, ...] = ()


async def user(work: Work, directory_id: int, user_id: int, *, lock: bool = False) -> DirectoryUser | None:
    """An entry of a directory, as it stands now."""
    named = (col(DirectoryUser.directory_id) == directory_id, col(DirectoryUser.id) == user_id)
    asked = select(DirectoryUser).where(*named, col(DirectoryUser.deleted_at).is_(None))
    asked = asked.execution_options(populate_existing=True)
    found: DirectoryUser | None = await work.one(asked.with_for_update() if lock else asked)
    return found


async def has_name(work: Work, account_id: int, directory_id: int, name: str, but: int) -> bool:
    """Whether an entry of a directory other than `but` has this name, in upper or lower case."""
    found = await work.fetch(
        "select from directory_user where account_id = $1 and directory_id = $2 and lower_name = lower($3)"
        " and deleted_at is null and id <> $4",
        account_id,
        directory_id,
        name,
        but,
    )
    return bool(found)


async def familiar(
    work: Work, account_id: int, domains: Sequence[str], emails: Sequence[str]
) -> tuple[set[str], set[str]]:
    """Which of these domains a workspace has proven, and at which of these addresses somebody is known."""
    found = await work.fetch(
        "select 'domain' as kind, name from workspace_domain where account_id = $1 and name = any($2::text[])"
        " and verified_at is not null and removed_at is null"
        " union all select 'person', lower_email from person where lower_email = any($3::text[]) and email_verified",
        account_id,
        list(domains),
        list(emails),
    )
    told = {(row["kind"], row["name"]) for row in found}
    return {name for kind, name in told if kind == "domain"}, {name for kind, name in told if kind == "person"}


async def found_at(work: Work, account_id: int, directory_id: int, email: str, but: int) -> Found | None:
    """Whoever has proven this address, for an entry of a directory; a member first, else whoever came first."""
    found = await work.fetch(
        "select p.id, here.role,"
        " exists (select from directory_user u where u.account_id = $1 and u.directory_id = $2"
        "         and u.person_id = p.id and u.deleted_at is null and u.id <> $4) as listed,"
        " (select count(*) from member m where m.person_id = p.id and m.state = 'active' and m.account_id <> $1)"
        "   as elsewhere"
        " from person p left join member here"
        "   on here.person_id = p.id and here.account_id = $1 and here.state = 'active'"
        " where p.lower_email = $3 and p.email_verified order by here.id is null, p.id limit 1",
        account_id,
        directory_id,
        email,
        but,
    )
    if not found:
        return None
    number, role, listed, elsewhere = found[0]
    return Found(number, listed, None if role is None else Role(role), elsewhere)


async def member_id(work: Work, account_id: int, person_id: int) -> int | None:
    """The active membership of a person."""
    found = await work.fetch(
        "select id from member where account_id = $1 and person_id = $2 and state = 'active'", account_id, person_id
    )
    return found[0]["id"] if found else None


async def void_tokens(work: Work, person_id: int) -> None:
    """Let no access token of a person count that was issued so far; the transaction may write rows of a workspace."""
    await work.fetch("select void_tokens($1)", person_id)


async def users(
    work: Work, account_id: int, directory_id: int, where: Where, *, skip: int, most: int
) -> tuple[int, list[DirectoryUser]]:
    """How many entries of a directory meet a condition, and a page of them, the oldest first."""
    mine = f"u.account_id = $1 and u.directory_id = $2 and u.deleted_at is null and ({where.sql})"
    counted = await work.fetch(
        f"select count(*) as many from directory_user u where {mine}",  # noqa: S608 - values are bound
        account_id,
        directory_id,
        *where.values,
    )
    total = int(counted[0]["many"])
    if most <= 0 or skip >= total:
        return total, []
    found = await work.fetch(
        f"select u.id from directory_user u where {mine} order by u.created_at, u.id"  # noqa: S608 - values are bound
        f" offset {skip:d} limit {most:d}",
        account_id,
        directory_id,
        *where.values,
    )
    numbers = [row["id"] for row in found]
    rows = await work.all(select(DirectoryUser).where(col(DirectoryUser.id).in_(numbers)))
    by_number = {row.id: row for row in rows}
    return total, [by_number[number] for number in numbers if number in by_number]


async def seat_states(work: Work, account_id: int, people: Sequence[int]) -> dict[int, str]:
    """Whether each of these people has a seat in a workspace, or waits for one; nothing for neither."""
    found = await work.fetch(
        "select person_id, bool_or(state <> 'waitlisted') as seated from assignment"
        " where account_id = $1 and person_id = any($2::bigint[]) and state <> 'released' group by person_id",
        account_id,
        list(people),
    )
    return {row["person_id"]: "active" if row["seated"] else "waitlisted" for row in found}
