"""What we ask about the groups of directories, and the rules for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import col, select

from auth.directories.listing import Where
from auth.directories.tables import DirectoryGroup, GroupRule
from auth.queries import there
from kernel.work import Work


async def group(work: Work, directory_id: int, group_id: int, *, lock: bool = False) -> DirectoryGroup | None:
    """A group of a directory, as it stands now."""
    named = (col(DirectoryGroup.directory_id) == directory_id, col(DirectoryGroup.id) == group_id)
    asked = select(DirectoryGroup).where(*named, col(DirectoryGroup.deleted_at).is_(None))
    asked = asked.execution_options(populate_existing=True)
    found: DirectoryGroup | None = await work.one(asked.with_for_update() if lock else asked)
    return found


async def groups(
    work: Work, account_id: int, directory_id: int, where: Where, *, skip: int, most: int
) -> tuple[int, list[DirectoryGroup]]:
    """How many groups of a directory meet a condition, and a page of them, the oldest first."""
    mine = f"u.account_id = $1 and u.directory_id = $2 and u.deleted_at is null and ({where.sql})"
    values = (account_id, directory_id, *where.values)
    counted = await work.fetch(f"select count(*) as many from directory_group u where {mine}", *values)  # noqa: S608 - values are bound
    total = int(counted[0]["many"])
    if most <= 0 or skip >= total:
        return total, []
    paged = f"order by u.created_at, u.id offset {skip:d} limit {most:d}"
    found = await work.fetch(f"select u.id from directory_group u where {mine} {paged}", *values)  # noqa: S608 - values are bound
    numbers = [row["id"] for row in found]
    rows = await work.all(select(DirectoryGroup).where(col(DirectoryGroup.id).in_(numbers)))
    by_number = {row.id: row for row in rows}
    return total, [by_number[number] for number in numbers if number in by_number]


async def members(work: Work, account_id: int, group_ids: Sequence[int]) -> list[Any]:
    """Who is in these groups: group, user, and what the directory shows of them; the lowest number first."""
    return await work.fetch(
        "select group_id, user_id, display from directory_membership"
        " where account_id = $1 and group_id = any($2::bigint[]) order by group_id, user_id",
        account_id,
        list(group_ids),
    )


async def shown(work: Work, account_id: int, group_id: int, user_ids: Sequence[int]) -> dict[int, str | None]:
    """Which of these users are in a group, with what the directory shows of each."""
    found = await work.fetch(
        "select user_id, display from directory_membership"
        " where account_id = $1 and group_id = $2 and user_id = any($3::bigint[])",
        account_id,
        group_id,
        list(user_ids),
    )
    return {row["user_id"]: row["display"] for row in found}


async def groups_of(work: Work, account_id: int, user_ids: Sequence[int]) -> list[Any]:
    """The groups that these users are in: user, group, and its name."""
    return await work.fetch(
        "select m.user_id, g.id, g.name from directory_membership m"
        " join directory_group g on g.account_id = m.account_id and g.id = m.group_id"
        " where m.account_id = $1 and m.user_id = any($2::bigint[]) order by m.user_id, g.id",
        account_id,
        list(user_ids),
    )


async def known(work: Work, account_id: int, directory_id: int, user_ids: Sequence[int]) -> set[int]:
    """Which of these users are in a directory."""
    found = await work.fetch(
        "select id from directory_user where account_id = $1 and directory_id = $2 and deleted_at is null"
        " and id = any($3::bigint[])",
        account_id,
        directory_id,
        list(user_ids),
    )
    return {row["id"] for row in found}


async def put(work: Work, account_id: int, group_id: int, users: Mapping[int, str | None]) -> None:
    """Put users into a group, with what the directory shows of each."""
    await work.execute(
        "insert into directory_membership (account_id, group_id, user_id, display)"
        " select $1, $2, a, b from unnest($3::bigint[], $4::text[]) as t(a, b)"
        " on conflict (account_id, group_id, user_id) do update set display = excluded.display",
        account_id,
        group_id,
        list(users),
        list(users.values()),
    )


async def take(work: Work, account_id: int, group_id: int, users: Sequence[int]) -> None:
    """Take users out of a group."""
    await work.execute(
        "delete from directory_membership where account_id = $1 and group_id = $2 and user_id = any($3::bigint[])",
        account_id,
        group_id,
        list(users),
    )


async def leave_all(work: Work, account_id: int, user_id: int) -> None:
    """Take a user out of every group, which are of another version then."""
    await work.execute(
        "with gone as (delete from directory_membership where account_id = $1 and user_id = $2 returning group_id)"
        " update directory_group set version = version + 1 where account_id = $1 and id in (select group_id from gone)",
        account_id,
        user_id,
    )


async def group_to_rule(work: Work, account_id: int, group_id: int) -> DirectoryGroup:
    """A group, locked while its rule changes. Raises NotFound."""
    named = (col(DirectoryGroup.account_id) == account_id, col(DirectoryGroup.id) == group_id)
    asked = select(DirectoryGroup).where(*named, col(DirectoryGroup.deleted_at).is_(None))
    found: DirectoryGroup | None = await work.one(asked.with_for_update())
    return there(found)


async def rule_of(work: Work, account_id: int, group_id: int) -> GroupRule | None:
    """The rule for a group, locked for a change."""
    named = (col(GroupRule.account_id) == account_id, col(GroupRule.group_id) == group_id)
    asked = select(GroupRule).where(*named, col(GroupRule.removed_at).is_(None))
    found: GroupRule | None = await work.one(asked.with_for_update())
    return found


async def rule(work: Work, account_id: int, rule_id: int) -> GroupRule:
    """A rule, locked for a change. Raises NotFound."""
    named = (col(GroupRule.account_id) == account_id, col(GroupRule.id) == rule_id)
    found: GroupRule | None = await work.one(select(GroupRule).where(*named).with_for_update())
    return there(found)


async def rules_of(work: Work, account_id: int, directory_id: int) -> list[Any]:
    """The rules for the groups of a directory, the first to speak first, with the role of whoever answers for each."""
    return await work.fetch(
        "select r.id, r.group_id, r.role, r.pool_id, m.role as maker from group_rule r"
        " join directory_group g on g.account_id = r.account_id and g.id = r.group_id"
        " left join member m on m.account_id = r.account_id and m.person_id = r.created_by and m.state = 'active'"
        " where r.account_id = $1 and g.directory_id = $2 and g.deleted_at is null and r.removed_at is null"
        " order by r.priority, r.id",
        account_id,
        directory_id,
    )


async def directories_ruling(work: Work, account_id: int, pool_id: int) -> list[int]:
    """The directories with a rule that gives seats of a pool."""
    rows = await work.fetch(
        "select distinct g.directory_id from group_rule r"
        " join directory_group g on g.account_id = r.account_id and g.id = r.group_id"
        " where r.account_id = $1 and r.pool_id = $2 and g.deleted_at is null and r.removed_at is null",
        account_id,
        pool_id,
    )
    return [row["directory_id"] for row in rows]


async def ruled(work: Work, account_id: int, directory_id: int, users: Sequence[int] | None) -> list[Any]:
    """The active people of a directory who are members: who and what they are, and the groups they are in.

    With them the pools of which they have a seat or wait for one, by a rule (`given`) or at all (`held`).
    """
    return await work.fetch(
        "select u.id, u.person_id, u.email, u.ruled_role, u.seat_wanted, m.id as member_id, m.role,"
        " (select coalesce(array_agg(d.group_id), '{}') from directory_membership d"
        "   where d.account_id = u.account_id and d.user_id = u.id) as groups,"
        " s.given, s.held"
        " from directory_user u join member m"
        "   on m.account_id = u.account_id and m.person_id = u.person_id and m.state = 'active'"
        " left join lateral (select coalesce(array_agg(a.pool_id) filter (where a.source = 'group'), '{}') as given,"
        "   coalesce(array_agg(a.pool_id), '{}') as held from assignment a where a.account_id = u.account_id"
        "   and a.person_id = u.person_id and a.state <> 'released') s on true"
        " where u.account_id = $1 and u.directory_id = $2 and u.deleted_at is null and u.active"
        " and ($3::bigint[] is null or u.id = any($3)) order by u.id",
        account_id,
        directory_id,
        None if users is None else list(users),
    )


async def note_role(work: Work, account_id: int, user_id: int, role: str | None) -> None:
    """Remember the role that a rule gave somebody."""
    await work.execute(
        "update directory_user set ruled_role = $3 where account_id = $1 and id = $2", account_id, user_id, role
    )
