"""Seating a whole list at once: every address gets its own outcome, and the pool is never overfilled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from auth import queries as people
from auth.addresses import address, is_address
from auth.policy import Role
from kernel.errors import InvalidInput, Unavailable
from kernel.rows import columns
from kernel.work import Work
from seats import events, invitations, queries, seating
from seats.operations import key_of
from seats.seating import MOST_AT_ONCE, BulkOutcome, Outcome, SeatSource, SeatState
from seats.tables import LicensePool

_TRIES = 5


async def assign_all(work: Work, account_id: int, pool_id: int, emails: Sequence[str]) -> list[Outcome]:
    """Seat the addresses in their order until the pool is full. Raises InvalidInput for too long a list."""
    if len(emails) > MOST_AT_ONCE:
        raise InvalidInput(f"One call seats at most {MOST_AT_ONCE:,} addresses; {len(emails):,} were given.")
    await work.reserve(5 * len(emails))
    for _ in range(_TRIES):
        outcomes = await _try(work, account_id, pool_id, emails)
        if outcomes is not None:
            return outcomes
    raise Unavailable("Others are filling this pool at the same moment. Try again.")


async def _try(work: Work, account_id: int, pool_id: int, emails: Sequence[str]) -> list[Outcome] | None:
    pool = await queries.pool(work, account_id, pool_id)
    if pool.closed_at:
        raise seating.PoolClosed(pool.name)
    outcomes = _first_look(emails)
    wanted = [outcome.email for outcome in outcomes if outcome.outcome is BulkOutcome.INVITED]
    members = await people.members_by_address(work, account_id, wanted)
    held = await queries.held_keys(work, account_id, pool_id, [key_of(members.get(email), email) for email in wanted])
    room = pool.purchased - pool.assigned
    seats: dict[int, tuple[int | None, str]] = {}
    for place, outcome in enumerate(outcomes):
        if outcome.outcome is not BulkOutcome.INVITED:
            continue
        person_id = members.get(outcome.email)
        if key_of(person_id, outcome.email) in held:
            outcomes[place] = replace(outcome, outcome=BulkOutcome.ALREADY_SEATED)
        elif len(seats) >= room:
            outcomes[place] = replace(outcome, outcome=BulkOutcome.NO_SEAT_LEFT)
        else:
            seat_id = work.new_id()
            seats[seat_id] = (person_id, outcome.email)
            verdict = BulkOutcome.INVITED if person_id is None else BulkOutcome.ASSIGNED
            outcomes[place] = replace(outcome, outcome=verdict, seat_id=seat_id)
    return outcomes if not seats or await _record(work, pool, seats) else None


def _first_look(emails: Sequence[str]) -> list[Outcome]:
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


async def _record(work: Work, pool: LicensePool, seats: dict[int, tuple[int | None, str]]) -> bool:
    """Write the seats and count them; False, with nothing written, when somebody else was faster."""
    await work.execute("savepoint seating")
    rows = [_row(work, pool, seat_id, person_id, email) for seat_id, (person_id, email) in seats.items()]
    taken = await queries.seat_all(work, list(zip(*rows, strict=True)))
    if len(taken) < len(seats) or not await queries.take_seats(work, pool.account_id, pool.id, len(seats)):
        await work.execute("rollback to savepoint seating")
        return False
    for row in rows:
        after = dict(zip(("account_id", "id", "pool_id", "plan_id", "email", "person_id"), row[:6], strict=True))
        work.emit(events.SeatAssigned(pool.account_id, row[1], pool.id), after=after | {"state": row[7]})
    await _invite(work, pool.account_id, [email for person_id, email in seats.values() if person_id is None])
    return True


async def _invite(work: Work, account_id: int, emails: Sequence[str]) -> None:
    letters = [invitations.made(work, account_id, email, Role.MEMBER) for email in emails]
    sent = await queries.invite_all(work, letters)
    for letter in letters:
        if letter.id in sent:
            work.emit(events.InvitationSent(account_id, letter.id), after=columns(letter))


def _row(work: Work, pool: LicensePool, seat_id: int, person_id: int | None, email: str) -> tuple[Any, ...]:
    return (
        pool.account_id,
        seat_id,
        pool.id,
        pool.plan_id,
        email,
        person_id,
        key_of(person_id, email),
        (SeatState.INVITED if person_id is None else SeatState.ACTIVE).value,
        SeatSource.BULK.value,
        work.now,
    )
