"""Places: the statements that many race for, in PostgreSQL's own words.

Whoever wants a seat looks first, and locks nothing; what is full is refused on that look, before a
transaction has begun. Where everything is as usual, one call then does it all: it looks again behind its
locks at whatever was decided on, the pool's counter comes last, and what is told and the commit come in
the same round trip. Where something has moved meanwhile, or is not as usual, it is done step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import asyncpg

from kernel import rows
from kernel.calls import call
from kernel.errors import NotFound
from kernel.work import Work
from seats.seating import Loss, SeatSource, SeatState
from seats.tables import Assignment, LicensePool


@dataclass(frozen=True, slots=True)
class Outlook:
    """What somebody meets who wants a seat of a pool, in one snapshot."""

    account_id: int
    id: int
    plan_id: int
    name: str
    purchased: int
    assigned: int
    set_apart: int
    closed: bool
    person_id: int | None
    """The member with this address."""

    held: bool
    """Whether they have a seat of the pool."""

    waits: bool
    """Whether they wait for one."""

    overdue: bool
    """Whether anybody in the workspace has an invitation that was not answered in time, and maybe a seat with it."""

    @property
    def usual(self) -> bool:
        """Whether there is nothing else to be done than to seat a member."""
        return self.person_id is not None and not self.waits and not self.overdue


async def outlook(work: Work, account_id: int, pool_id: int, email: str) -> Outlook:
    """What whoever is at an address meets in a pool. Raises NotFound."""
    return await _outlook(work, account_id, pool_id, None, email)


async def outlook_at(work: Work, account_id: int, assignment_id: int, email: str) -> Outlook:
    """The same in the pool that a seat is of. Raises NotFound."""
    return await _outlook(work, account_id, None, assignment_id, email)


async def _outlook(work: Work, account_id: int, pool_id: int | None, seat_id: int | None, email: str) -> Outlook:
    sql = "select * from seat_outlook($1, $2, $3, $4, $5, $6)"
    found = await work.glance(sql, account_id, pool_id, seat_id, email, work.now, bound=True)
    if not found:
        raise NotFound
    return Outlook(*found[0])


class Came(NamedTuple):
    """What came of sitting down."""

    there: bool
    """Whether they may: the member is one still."""

    sat: bool
    """Whether they do, and had no seat of the pool."""

    counted: bool
    """Whether the pool had room, and counts them; never for whom it shall not count."""


_SIT = """
with kept as (select id from workspace where id = $1 for key share),
sitter as (
    select m.person_id from kept join member m on m.account_id = kept.id
    where m.person_id = $6 and m.state = 'active' for key share of m),
comer as (select from kept where $6::bigint is null union all select from sitter),
seated as (
    insert into assignment
        (account_id, id, pool_id, plan_id, email, person_id, person_key, state, source, since, seat_group_id)
    select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 from comer
    on conflict (account_id, pool_id, person_key) where state in ('invited', 'active', 'suspended') do nothing
    returning id),
counted as (
    update license_pool set assigned = assigned + 1
    where account_id = $1 and id = $3 and closed_at is null and assigned + set_apart < purchased
        and $12 and exists (select from seated)
    returning id)
select exists (select from comer), exists (select from seated), exists (select from counted)
"""


async def sit(work: Work, taken: Assignment, *, counted: bool) -> Came:
    """Write a new seat and count it, unless it is counted with others later; nobody is removed from then on."""
    about = (taken.account_id, taken.id, taken.pool_id, taken.plan_id, taken.email, taken.person_id, taken.person_key)
    group = taken.seat_group_id
    found = await work.fetch(_SIT, *about, taken.state.value, taken.source.value, taken.since, group, counted)
    work.wrote(taken)
    return Came(*found[0])


async def seat(work: Work, account_id: int, assignment_id: int) -> Assignment:
    """A seat, locked for leaving it. Raises NotFound."""
    sql = "select * from assignment where account_id = $1 and id = $2 for update"
    return _seat(await work.fetch(sql, account_id, assignment_id))


async def seat_as_it_is(work: Work, account_id: int, assignment_id: int) -> Assignment:
    """A seat as it stands now, unlocked. Raises NotFound."""
    sql = "select * from seat_as_it_is($1, $2, $3)"
    return _seat(await work.glance(sql, account_id, assignment_id, bound=True))


def _seat(found: Sequence[asyncpg.Record]) -> Assignment:
    if not found:
        raise NotFound
    row = dict(found[0])
    row |= {
        "state": SeatState(row["state"]),
        "source": SeatSource(row["source"]),
        "loss": row["loss"] and Loss(row["loss"]),
    }
    return rows.made(Assignment, row)


def taken(seat: Assignment) -> str:
    """The call with which a member takes a seat of a pool that had one, and is counted."""
    return call("seat_taken", *_about(seat))


def freed(seat: Assignment, now: datetime, reason: str) -> str:
    """The call with which a seat of no group is released, where nobody waits for it."""
    return call("seat_freed", seat.account_id, seat.id, seat.pool_id, seat.state.value, now, reason)


def handed_on(left: Assignment, seat: Assignment, reason: str) -> str:
    """The call with which a member takes the seat of somebody else, both of no group."""
    return call("seat_handed_on", *_about(seat), left.id, left.state.value, reason)


def resized(pool: LicensePool, seats: int) -> str:
    """The call with which a pool that nobody waits for gets another number of seats."""
    return call("pool_resized", pool.account_id, pool.id, pool.purchased, seats)


def _about(seat: Assignment) -> tuple[int | str | datetime | None, ...]:
    about = (seat.account_id, seat.id, seat.pool_id, seat.plan_id, seat.email, seat.person_id)
    return (*about, seat.source.value, seat.since)


async def wait(work: Work, account_id: int, number: int) -> None:
    """Let somebody who sat down a moment ago, and isn't counted, wait in the line of the pool."""
    sql = "update assignment set state = 'waitlisted' where account_id = $1 and id = $2"
    await work.execute(sql, account_id, number)


async def leave(work: Work, account_id: int, numbers: Sequence[int], reason: str, loss: Loss | None) -> None:
    """Release seats, and places in a line: whoever only waited never sat, so that their span is empty."""
    await work.execute(
        "update assignment set state = 'released', released_at = $3, release_reason = $4, loss = $5,"
        " since = case state when 'waitlisted' then $3 else since end"
        " where account_id = $1 and id = any($2::bigint[])",
        account_id,
        list(numbers),
        work.now,
        reason,
        loss,
    )


async def turn(work: Work, account_id: int, pool_id: int) -> asyncpg.Record:
    """A pool's figures, after whoever is changing them and before whoever comes next. Raises NotFound.

    It lets others insert seats of the pool meanwhile, who may wait for the counter with theirs inserted.
    """
    found = await work.fetch(
        "select purchased, assigned, set_apart, closed_at from license_pool"
        " where account_id = $1 and id = $2 for no key update",
        account_id,
        pool_id,
    )
    if not found:
        raise NotFound
    return found[0]


_SERVE = """
with line as (
    select a.id, a.since from assignment a
    where a.account_id = $1 and a.pool_id = $2 and a.state = 'waitlisted' and a.person_id is not null
        and not exists (select from assignment h where h.account_id = $1 and h.pool_id = $2
            and h.person_key = a.person_key and h.state in ('invited', 'active', 'suspended'))
    -- An id is taken from a block of its process: it settles only what one instant leaves open.
    order by a.since, a.id limit $3 for update of a skip locked),
served as (
    update assignment a set state = 'active', since = $6 from line
    where a.account_id = $1 and a.id = line.id returning a.id, line.since),
figures as (
    update license_pool set purchased = $4, assigned = $5 + (select count(*) from served), set_apart = $7
    where account_id = $1 and id = $2
        and (purchased, assigned, set_apart) is distinct from ($4, $5 + (select count(*) from served), $7))
select id, since from served order by since, id
"""


async def serve(
    work: Work, account_id: int, pool_id: int, most: int, figures: tuple[int, int, int]
) -> list[tuple[int, datetime]]:
    """Seat so many of those who have waited longest, and say a pool's figures: bought, taken before them, set apart.

    Not whoever others are changing, nor whoever has come to a seat of it in another way. Call it in your turn, once
    for a pool. The numbers of those who sit from now on, and since when they waited.
    """
    purchased, taken, apart = figures
    found = await work.fetch(_SERVE, account_id, pool_id, max(most, 0), purchased, taken, work.now, apart)
    return [(row["id"], row["since"]) for row in found]
