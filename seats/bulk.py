"""Seating a whole list at once: every address gets its own outcome, and the pool is never overfilled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from auth import queries as members
from auth.addresses import address, is_address
from auth.policy import Role
from kernel.errors import InvalidInput, Unavailable
from kernel.rows import plain
from kernel.work import Work
from seats import allotting, asking, events, invitations, leaving, queries, seating
from seats.growing import Growth
from seats.leaving import SEATED, Freed
from seats.places import key_of, room
from seats.seating import MOST_AT_ONCE, BulkOutcome, Outcome, SeatSource, SeatState
from seats.tables import LicensePool

_TRIES = 100
"""Somebody else got a seat of the pool whenever a try fails, so there is less to try for each time."""


async def assign_all(
    work: Work,
    account_id: int,
    pool_id: int,
    emails: Sequence[str],
    growth: Growth | None = None,
    *,
    role: Role = Role.MEMBER,
    requests: bool = False,
) -> list[Outcome]:
    """Seat the addresses in their order until the pool is full; strangers are invited as `role`.

    With growth, the pool buys the seats that are missing first, all of them at once. Raises billing's refusals then,
    and InvalidInput for too long a list. With requests, a seat is requested for everybody who found none.
    """
    first = listed(emails)
    wanted = [outcome.email for outcome in first if outcome.outcome is BulkOutcome.INVITED]
    await queries.keep_members(work, account_id)
    pool, freed = await room(work, account_id, pool_id, len(wanted) + (growth.also if growth else 0))
    known, gone = await invitations.waiting(work, account_id, wanted)
    there = await members.members_by_address(work, account_id, wanted)
    people = _People(there, known, freed + gone, role)
    if growth:
        keys = [people.key(email) for email in wanted]
        held = await queries.held_keys(work, account_id, pool_id, keys)
        pool = await growth.room(work, pool, leaving.for_all(people.freed, pool_id), len(keys) - len(held))
    outcomes = await _seat(work, pool, first, people, growth)
    return await _requested(work, pool, outcomes, people) if requests else outcomes


async def assign_members(  # noqa: PLR0917 - whom, and what is known of each
    work: Work,
    account_id: int,
    pool_id: int,
    there: Mapping[str, int],
    sources: Mapping[str, SeatSource],
    lost: Mapping[str, int],
) -> list[Outcome]:
    """Seat members, people by their addresses, in their order until the pool is full, for seats they had lost.

    Nobody is invited. Whoever asks keeps them members until this transaction ends. Raises PoolClosed.
    """
    first = [Outcome(email, BulkOutcome.INVITED, None) for email in there]
    pool, freed = await room(work, account_id, pool_id, len(first))
    return await _seat(work, pool, first, _People(there, (), freed, Role.MEMBER, sources, lost))


async def _seat(
    work: Work, pool: LicensePool, first: Sequence[Outcome], people: _People, growth: Growth | None = None
) -> list[Outcome]:
    """Seat whoever is INVITED so far, once more whenever somebody else was faster. Raises PoolClosed."""
    account_id, pool_id = pool.account_id, pool.id
    keys = [people.key(outcome.email) for outcome in first if outcome.outcome is BulkOutcome.INVITED]
    for _ in range(_TRIES):
        if pool.closed_at:
            raise seating.PoolClosed(pool.name)
        outcomes = await _try(work, pool, first, people)
        if outcomes is not None:
            return outcomes
        if growth:
            # Others took seats that were free, so that more are missing than before.
            held = await queries.held_keys(work, account_id, pool_id, keys)
            pool = await growth.room(work, pool, leaving.for_all(people.freed, pool_id), len(keys) - len(held))
        else:
            pool = await queries.pool(work, account_id, pool_id)
    raise Unavailable("Others are filling this pool at the same moment. Try again.")


async def _requested(work: Work, pool: LicensePool, outcomes: list[Outcome], people: _People) -> list[Outcome]:
    """The outcomes, once the seats are requested that nobody got."""
    left = [outcome.email for outcome in outcomes if outcome.outcome is BulkOutcome.NO_SEAT_LEFT]
    opened = await asking.ask_all(work, pool.account_id, pool.id, left, people.members) if left else {}
    return [
        replace(outcome, outcome=BulkOutcome.REQUESTED, request_id=opened[outcome.email])
        if outcome.outcome is BulkOutcome.NO_SEAT_LEFT
        else outcome
        for outcome in outcomes
    ]


@dataclass(frozen=True, slots=True)
class _People:
    """Who the addresses of a list are, and what has been freed for them."""

    members: Mapping[str, int]
    invited: Collection[str]
    freed: Freed
    role: Role
    """What strangers are asked to be."""

    sources: Mapping[str, SeatSource] = field(default_factory=dict)
    """Which way they come to their seats, where that is another one than a list."""

    lost: Mapping[str, int] = field(default_factory=dict)
    """The seats they had lost, where these are in place of them."""

    def key(self, email: str) -> str:
        return key_of(self.members.get(email), email)


async def _try(work: Work, pool: LicensePool, first: Sequence[Outcome], people: _People) -> list[Outcome] | None:
    outcomes = list(first)
    keys = [people.key(outcome.email) for outcome in first if outcome.outcome is BulkOutcome.INVITED]
    held = await queries.held_keys(work, pool.account_id, pool.id, keys)
    room = allotting.free(pool.purchased, pool.assigned - leaving.for_all(people.freed, pool.id), pool.set_apart)
    await work.reserve(2 * len(keys))
    seats: dict[int, str] = {}
    for place, outcome in enumerate(first):
        if outcome.outcome is not BulkOutcome.INVITED:
            continue
        if people.key(outcome.email) in held:
            outcomes[place] = replace(outcome, outcome=BulkOutcome.ALREADY_SEATED)
        elif len(seats) >= room:
            outcomes[place] = replace(outcome, outcome=BulkOutcome.NO_SEAT_LEFT)
        else:
            seat_id = work.new_id()
            seats[seat_id] = outcome.email
            verdict = BulkOutcome.ASSIGNED if outcome.email in people.members else BulkOutcome.INVITED
            outcomes[place] = replace(outcome, outcome=verdict, seat_id=seat_id)
    return outcomes if await _record(work, pool, seats, people) else None


def listed(emails: Sequence[str]) -> list[Outcome]:
    """Which of the addresses are some, and new in the list: those are INVITED so far. Raises InvalidInput."""
    if len(emails) > MOST_AT_ONCE:
        raise InvalidInput(f"One call seats at most {MOST_AT_ONCE:,} addresses; {len(emails):,} were given.")
    seen: set[str] = set()
    outcomes = []
    for given in emails:
        email = address(given) if is_address(given) else given[:254]
        verdict = BulkOutcome.NOT_AN_ADDRESS if not is_address(given) else BulkOutcome.INVITED
        if email in seen:
            verdict = BulkOutcome.REPEATED
        seen.add(email)
        outcomes.append(Outcome(email, verdict, None))
    return outcomes


async def _record(work: Work, pool: LicensePool, seats: Mapping[int, str], people: _People) -> bool:
    """Write the seats and count them; False, with nothing written, when somebody else was faster."""
    strangers = [email for email in seats.values() if email not in people.members and email not in people.invited]
    letters = [invitations.made(work, pool.account_id, email, people.role) for email in strangers]
    rows = [_row(work, pool, seat_id, people, email) for seat_id, email in seats.items()]
    await work.execute("savepoint seating")
    sent = await queries.invite_all(work, letters)
    # Locked before they sit, so that the line doesn't come to them meanwhile.
    waits = await queries.places_of(work, pool.account_id, pool.id, [people.key(email) for email in seats.values()])
    taken = await queries.seat_all(work, rows)
    more = {pool.id: len(rows)}
    if len(taken) < len(rows) or not await leaving.count(work, pool.account_id, more, people.freed):
        await work.execute("rollback to savepoint seating; release savepoint seating")
        return False
    invitations.tell(work, [letter for letter in letters if letter.id in sent])
    # Whoever waited for a seat of the pool has one now.
    await leaving.leave(work, waits, SEATED)
    for row in rows:
        after = dict(zip(queries.SEAT, row, strict=True))
        work.emit(events.SeatAssigned(pool.account_id, row[1], pool.id), after=after | {"since": plain(work.now)})
    return True


def _row(work: Work, pool: LicensePool, seat_id: int, people: _People, email: str) -> tuple[Any, ...]:
    person_id = people.members.get(email)
    return (
        pool.account_id,
        seat_id,
        pool.id,
        pool.plan_id,
        email,
        person_id,
        key_of(person_id, email),
        (SeatState.INVITED if person_id is None else SeatState.ACTIVE).value,
        people.sources.get(email, SeatSource.BULK).value,
        work.now,
        people.lost.get(email),
    )
