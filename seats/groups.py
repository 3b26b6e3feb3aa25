"""Groups: a directory says who is in them, and what follows by rules is evaluated after that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from auth import events
from auth import queries as people
from auth.directories import grouping
from auth.directories.rules import LONGEST_EXTERNAL_ID, LONGEST_NAME, LONGEST_TEXT, Raced, TooMuch, UnknownMember
from auth.directories.tables import Directory, DirectoryGroup
from kernel.errors import NotFound
from kernel.work import Work

MOST_NAMED = 500
"""How many people an event names; more are everybody."""


@dataclass(frozen=True, slots=True)
class TellsGroup:
    """What a directory tells of a group: its name, and its people with what it shows of each."""

    name: str
    external_id: str | None
    members: Mapping[int, str | None] = field(default_factory=dict)


async def add(work: Work, directory: Directory, told: TellsGroup) -> DirectoryGroup:
    """A new group. Raises TooMuch, or UnknownMember."""
    _check(told)
    async with work.transaction():
        await _begin(work, directory)
        row = DirectoryGroup(
            account_id=directory.account_id,
            id=work.new_id(),
            directory_id=directory.id,
            name=told.name,
            external_id=told.external_id,
            created_at=work.now,
            changed_at=work.now,
        )
        work.add(row)
        await work.flush()
        await _fill(work, directory, row, told, {})
        named = _named(told.members)
        work.emit(events.DirectoryGroupAdded(row.account_id, row.id, directory.id, named), row)
    return row


async def change(
    work: Work, directory: Directory, group_id: int, told: TellsGroup, version: int | None
) -> DirectoryGroup:
    """What a group is from now on. Raises Raced unless this is its version, TooMuch, or UnknownMember."""
    _check(told)
    async with work.transaction():
        await _begin(work, directory)
        row = await _locked(work, directory, group_id, version)
        rows = await grouping.members(work, row.account_id, [group_id])
        before = {member["user_id"]: member["display"] for member in rows}
        row.name, row.external_id = told.name, told.external_id
        row.changed_at, row.version = work.now, row.version + 1
        await work.flush()
        await _fill(work, directory, row, told, before)
        moved = _named(before.keys() ^ told.members.keys())
        work.emit(events.DirectoryGroupChanged(row.account_id, row.id, directory.id, moved), row)
    return row


async def move(
    work: Work, directory: Directory, group_id: int, coming: Mapping[int, str | None], going: Collection[int]
) -> DirectoryGroup:
    """Let users come into a group, and others go; nobody else of it is looked at. Raises TooMuch, or UnknownMember."""
    _check_shown(coming.values())
    async with work.transaction():
        await _begin(work, directory)
        row = await _locked(work, directory, group_id, None)
        here = await grouping.shown(work, row.account_id, group_id, [*coming, *going])
        # Whoever is told of again, and not how they are called, stays as they are.
        told = {user: here.get(user) if shown is None else shown for user, shown in coming.items()}
        gone = [user for user in going if user in here]
        others = {user: shown for user, shown in told.items() if user not in here or here[user] != shown}
        if not others and not gone:
            return row
        row.changed_at, row.version = work.now, row.version + 1
        await work.flush()
        await _put(work, directory, row, others)
        await grouping.take(work, row.account_id, group_id, gone)
        named = _named((others.keys() - here.keys()) | set(gone))
        work.emit(events.DirectoryGroupChanged(row.account_id, row.id, directory.id, named), row)
    return row


async def remove(work: Work, directory: Directory, group_id: int, version: int | None) -> None:
    """Take a group out; its people stay. Raises Raced unless this is its version."""
    async with work.transaction():
        await _begin(work, directory)
        row = await _locked(work, directory, group_id, version)
        users = [member["user_id"] for member in await grouping.members(work, row.account_id, [group_id])]
        await grouping.take(work, row.account_id, group_id, users)
        row.deleted_at = work.now
        await work.flush()
        work.emit(events.DirectoryGroupRemoved(row.account_id, row.id, directory.id, _named(users)), row)


async def _begin(work: Work, directory: Directory) -> None:
    await work.bind(directory.account_id)
    await people.take_turn(work, directory.account_id)


async def _locked(work: Work, directory: Directory, group_id: int, version: int | None) -> DirectoryGroup:
    row = await grouping.group(work, directory.id, group_id, lock=True)
    if row is None:
        raise NotFound
    if version is not None and row.version != version:
        raise Raced
    return row


async def _fill(
    work: Work, directory: Directory, row: DirectoryGroup, told: TellsGroup, before: Mapping[int, str | None]
) -> None:
    """Let the people of a group be those who were told. Raises UnknownMember."""
    others = {user: shown for user, shown in told.members.items() if user not in before or before[user] != shown}
    await _put(work, directory, row, others)
    await grouping.take(work, row.account_id, row.id, list(before.keys() - told.members.keys()))


async def _put(work: Work, directory: Directory, row: DirectoryGroup, users: Mapping[int, str | None]) -> None:
    if users.keys() - await grouping.known(work, row.account_id, directory.id, list(users)):
        raise UnknownMember
    await grouping.put(work, row.account_id, row.id, users)


def _named(users: Collection[int]) -> tuple[int, ...] | None:
    return tuple(sorted(users)) if len(users) <= MOST_NAMED else None


def _check(told: TellsGroup) -> None:
    if not 1 <= len(told.name.strip()) <= LONGEST_NAME or not told.name.isprintable():
        raise TooMuch(f"A displayName is 1 to {LONGEST_NAME} printable characters.")
    if told.external_id is not None and (len(told.external_id) > LONGEST_EXTERNAL_ID or "\0" in told.external_id):
        raise TooMuch(f"An externalId is at most {LONGEST_EXTERNAL_ID} characters.")
    _check_shown(told.members.values())


def _check_shown(told: Iterable[str | None]) -> None:
    if any(shown is not None and (len(shown) > LONGEST_TEXT or "\0" in shown) for shown in told):
        raise TooMuch(f"What is shown of a member is at most {LONGEST_TEXT:,} characters.")
