"""Ruling: what the people of a directory get by the rules for its groups, evaluated after the change that matters.

Where several rules speak of somebody, the one with the lowest number decides: one rule
about the role, and one about the seat. A rule gives no more than whoever answers for
it may give themselves today, and takes nothing from anybody who stands beside or above them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from auth import events
from auth import operations as members
from auth import queries as people
from auth.directories import grouping
from auth.directories.deciding import Rule, decide
from auth.directories.tables import GroupRule
from auth.policy import ROLES, Permission, Role, outranks
from kernel.errors import InvalidInput
from kernel.work import Work
from seats import wanting
from seats.seating import SeatSource

HIGHEST = 1_000
NO_LONGER = "no rule of a group gives it any more"


async def set_rule(
    work: Work, account_id: int, group_id: int, person_id: int, *, role: Role | None, pool_id: int | None, priority: int
) -> GroupRule:
    """What the people of a group get from now on, in place of what they got. Raises InvalidInput."""
    if role is None and pool_id is None:
        raise InvalidInput("A rule gives a role, or a seat of a pool, or both.")
    if role is Role.OWNER:
        raise InvalidInput("Owners are made by owners, one by one, and by no rule.")
    if not 0 <= priority <= HIGHEST:
        raise InvalidInput(f"A priority is 0 to {HIGHEST:,}; the lowest speaks first.")
    group = await grouping.group_to_rule(work, account_id, group_id)
    row = await grouping.rule_of(work, account_id, group_id)
    if row is None:
        row = GroupRule(
            account_id=account_id, id=work.new_id(), group_id=group_id, created_by=person_id, created_at=work.now
        )
        work.add(row)
    row.role, row.pool_id, row.priority, row.created_by = role, pool_id, priority, person_id
    await work.flush()
    work.emit(events.GroupRuleSet(account_id, row.id, group.directory_id), row)
    return row


async def remove_rule(work: Work, account_id: int, rule_id: int) -> GroupRule:
    """End a rule: what it gave goes, unless another rule gives it."""
    row = await grouping.rule(work, account_id, rule_id)
    if row.removed_at is None:
        group = await grouping.group_to_rule(work, account_id, row.group_id)
        row.removed_at = work.now
        await work.flush()
        work.emit(events.GroupRuleRemoved(account_id, rule_id, group.directory_id), row)
    return row


async def apply(work: Work, account_id: int, directory_id: int, users: Sequence[int] | None) -> None:
    """Give these users of a directory, or all of them, what the rules say; done again, nothing changes."""
    await people.workspace(work, account_id, lock=True)
    rules = [_rule(row) for row in await grouping.rules_of(work, account_id, directory_id)]
    for row in await grouping.ruled(work, account_id, directory_id, users):
        role, pool = decide(rules, row["groups"])
        await _be(work, account_id, row, role)
        await _sit(work, account_id, row, pool)


async def given(work: Work, account_id: int, pool_id: int) -> set[int]:
    """To which people the rules give a seat of a pool, as they stand."""
    found: set[int] = set()
    for directory_id in await grouping.directories_ruling(work, account_id, pool_id):
        rules = [_rule(row) for row in await grouping.rules_of(work, account_id, directory_id)]
        for row in await grouping.ruled(work, account_id, directory_id, None):
            if _pool(row, decide(rules, row["groups"])[1]) == pool_id:
                found.add(row["person_id"])
    return found


def _rule(row: Any) -> Rule:
    """A rule, with what whoever answers for it may give today."""
    maker = None if row["maker"] is None else Role(row["maker"])
    role = None if row["role"] is None else Role(row["role"])
    if maker is None or (role is not None and not _gives(maker, role)):
        role = None
    seats = maker is not None and Permission.ASSIGN_SEATS in ROLES[maker]
    return Rule(row["group_id"], role, row["pool_id"] if seats else None, maker)


def _gives(maker: Role, role: Role) -> bool:
    return maker is Role.OWNER or (maker is Role.ADMIN and outranks(maker, role))


async def _be(work: Work, account_id: int, row: Any, rule: Rule | None) -> None:
    """Let somebody have the role that a rule gives, or be a member again when none gives theirs any more."""
    mine, given = Role(row["role"]), row["ruled_role"]
    wanted = rule.role if rule else None
    if wanted is None and given is not None:
        if mine == given:
            await members.change_role(work, account_id, row["member_id"], Role.MEMBER)
        await grouping.note_role(work, account_id, row["id"], None)
        return
    if wanted is None or rule is None or rule.maker is None or mine is Role.OWNER or not _gives(rule.maker, mine):
        return
    if mine is not wanted:
        await members.change_role(work, account_id, row["member_id"], wanted)
    if given != wanted:
        await grouping.note_role(work, account_id, row["id"], wanted.value)


async def _sit(work: Work, account_id: int, row: Any, rule: Rule | None) -> None:
    """Let somebody have a seat of the pool that a rule gives, and none that no rule gives any more."""
    pool = _pool(row, rule)
    given: Collection[int] = row["given"]
    if set(given) - {pool}:
        await wanting.want_no_more(work, account_id, row["person_id"], SeatSource.GROUP, NO_LONGER, keep=pool)
    if pool is not None and pool not in row["held"]:
        await wanting.want(work, account_id, pool, (row["person_id"], row["email"]), SeatSource.GROUP)


def _pool(row: Any, rule: Rule | None) -> int | None:
    """Of which pool a rule gives somebody a seat, whom their directory wants to have one."""
    return rule.pool_id if rule and row["seat_wanted"] else None
