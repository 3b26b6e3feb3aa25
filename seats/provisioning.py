"""Provisioning: a directory says who belongs to a workspace, and they come, sit down, stand up and leave.

An entry of a directory that has an address in a verified domain is a person here: while
it is active they are a member, with a seat of the directory's pool or a place in its
line. Everything that follows from one change of an entry happens with it, or nothing does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from auth import events
from auth import operations as members
from auth import queries as people
from auth.directories import grouping, listing, rules
from auth.directories.rules import Found, NotTheirs, Raced, Told, UserNameTaken, keeps
from auth.directories.tables import Directory, DirectoryUser
from auth.policy import Role
from kernel.errors import NotFound
from kernel.work import Work
from seats import invitations, keeping, leaving, operations, wanting
from seats.seating import SeatSource

_SEATLESS = {Role.OWNER, Role.BILLING_ADMIN, Role.AUDITOR}
"""Who needs no seat for what they do; an admin may give them one."""

REMOVED = "removed from the directory"
"""Why a seat is released that was kept for somebody whose entry is taken out."""


async def add(work: Work, directory: Directory, told: Told) -> DirectoryUser:
    """A new entry, and whoever it is here. Raises the refusals of `auth.directories.rules`."""
    rules.check(told)
    email = await _introduced(work, directory, told, wanted=told.active is not False)
    async with work.transaction():
        await _begin(work, directory)
        row = DirectoryUser(
            account_id=directory.account_id,
            id=work.new_id(),
            directory_id=directory.id,
            user_name=told.user_name,
            external_id=told.external_id,
            document=dict(told.document) | {"active": told.active is not False},
            email=email,
            active=told.active is not False,
            seat_wanted=told.seat_wanted,
            created_at=work.now,
            changed_at=work.now,
        )
        await _named_once(work, row)
        found = await _person(work, directory, row)
        row.person_id = found.person_id if found else None
        await work.put(row)
        if row.active and found:
            await _come(work, directory, row, found.here)
        work.emit(events.DirectoryUserAdded(row.account_id, row.id, row.directory_id), row)
    return row


async def change(work: Work, directory: Directory, user_id: int, told: Told, version: int | None) -> DirectoryUser:
    """What an entry tells from now on. Raises Raced unless this is its version, LastOwner, or the refusals of `add`."""
    rules.check(told)
    known = await listing.user(work, directory.id, user_id)
    if known is None:
        raise NotFound
    active = known.active if told.active is None else told.active
    email = await _introduced(work, directory, told, wanted=active and known.person_id is None)
    async with work.transaction():
        await _begin(work, directory)
        row = await _locked(work, directory, user_id, version)
        # Whoever is known stays known when the directory tells no address any more.
        old, row.email = row.email, email or row.email
        row.user_name, row.external_id, row.document = told.user_name, told.external_id, dict(told.document)
        row.active, row.seat_wanted = active, told.seat_wanted
        row.changed_at, row.version = work.now, row.version + 1
        await _named_once(work, row)
        if row.person_id is None:
            found = await _person(work, directory, row)
            row.person_id = found.person_id if found else None
        await work.flush()
        if row.active and row.person_id is not None:
            await _come(work, directory, row, await people.role_of(work, row.account_id, row.person_id))
            await _moved(work, row, old)
        else:
            await _go(work, row, keeps(directory.keeps_days, work.now))
        work.emit(events.DirectoryUserChanged(row.account_id, row.id, row.directory_id), row)
    return row


async def remove(work: Work, directory: Directory, user_id: int, version: int | None) -> None:
    """Take an entry out: whoever it was is gone here. Raises Raced unless it has this version, or LastOwner."""
    async with work.transaction():
        await _begin(work, directory)
        row = await _locked(work, directory, user_id, version)
        row.deleted_at, row.active = work.now, False
        await work.flush()
        await grouping.leave_all(work, row.account_id, user_id)
        await _go(work, row, None)
        if row.person_id is not None:
            await keeping.give_up(work, row.account_id, row.person_id, REMOVED)
        work.emit(events.DirectoryUserRemoved(row.account_id, row.id, row.directory_id), row)


async def _begin(work: Work, directory: Directory) -> None:
    """Changes of a workspace's people take turns on its row, so that nobody comes twice and one owner stays."""
    await work.bind(directory.account_id)
    await people.take_turn(work, directory.account_id)


async def _locked(work: Work, directory: Directory, user_id: int, version: int | None) -> DirectoryUser:
    row = await listing.user(work, directory.id, user_id, lock=True)
    if row is None:
        raise NotFound
    if version is not None and row.version != version:
        raise Raced
    return row


async def _named_once(work: Work, row: DirectoryUser) -> None:
    if await listing.has_name(work, row.account_id, row.directory_id, row.user_name, row.id):
        raise UserNameTaken(row.user_name)


async def _introduced(work: Work, directory: Directory, told: Told, *, wanted: bool) -> str | None:
    """The address by which somebody is known here; whoever is wanted and new has an account of their own now."""
    addresses = rules.addresses(told) if wanted else []
    verified, known = await listing.familiar(work, directory.account_id, rules.domains(told), addresses)
    email = rules.known_by(told, verified)
    if wanted and email is not None and email not in known:
        await _newcomer(work, directory, email, told.name)
    return email


async def _newcomer(work: Work, directory: Directory, email: str, name: str) -> None:
    """Somebody new; or the same, who came another way a moment ago."""
    before = work.origin
    try:
        async with work.transaction():
            await _begin(work, directory)
            if await listing.found_at(work, directory.account_id, directory.id, email, 0) is None:
                await members.arrive(work, email, name)
    finally:
        work.origin = replace(before)


async def _person(work: Work, directory: Directory, row: DirectoryUser) -> Found | None:
    """Who an entry is, as far as that is known. Raises NotTheirs."""
    if row.email is None:
        return None
    found = await listing.found_at(work, row.account_id, directory.id, row.email, row.id)
    if found is None:
        return None
    maker = await people.role_of(work, row.account_id, directory.created_by) if found.here else None
    rules.take_for(found, row.email, maker)
    return found


async def _come(work: Work, directory: Directory, row: DirectoryUser, role: Role | None) -> None:
    """Be a member, with a seat of the directory's pool or a place in its line; told again, nothing changes.

    `role` is what they are here so far.
    """
    if row.person_id is None or row.email is None:
        return
    if role is None:
        await members.come(work, row.account_id, row.person_id, Role.MEMBER)
        # Nobody answers it any more: they are here.
        await invitations.take_back(work, row.account_id, row.email)
        await operations.sit_down(work, row.account_id, row.person_id, row.email)
    if directory.pool_id is None:
        return
    if row.seat_wanted and role not in _SEATLESS:
        await wanting.want(work, row.account_id, directory.pool_id, (row.person_id, row.email), SeatSource.SCIM)
    elif not row.seat_wanted:
        await wanting.want_no_more(work, row.account_id, row.person_id, SeatSource.SCIM, "not wanted by the directory")


async def _go(work: Work, row: DirectoryUser, kept_until: datetime | None) -> None:
    """Be no member any more: the seats are free or kept, the sessions over, and no token counts. Raises LastOwner."""
    if row.person_id is None or row.email is None:
        return
    freed = await invitations.withdraw(work, row.account_id, row.email)
    member_id = await listing.member_id(work, row.account_id, row.person_id)
    if member_id is None:
        await leaving.count(work, row.account_id, {}, freed)
        return
    # Tokens are voided while the person is still a member, whom the workspace may decide about.
    await listing.void_tokens(work, row.person_id)
    await operations.remove_member(work, row.account_id, member_id, kept_until=kept_until, freed=freed)


async def _moved(work: Work, row: DirectoryUser, old: str | None) -> None:
    """Follow somebody to another address, and end their sessions. Raises NotTheirs."""
    if old is None or row.email is None or row.person_id is None or row.email == old:
        return
    # Whoever signed in since it changed was followed then.
    if await people.address_of(work, row.person_id) == row.email:
        return
    if not await members.readdress(work, row.account_id, row.person_id, row.email):
        raise NotTheirs(
            f"The person can't be known by {row.email}: somebody else is, or they are an owner or in another workspace."
        )
