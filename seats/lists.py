"""Lists: seating everybody on a sheet, after telling what would come of each row.

What a row comes to is judged by `listing`, and seating them is `bulk`'s: so a list
never overfills a pool, and one that is sent again finds its people seated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from auth import queries as people
from auth.addresses import address, is_address
from auth.policy import Role
from kernel.errors import InvalidInput, Unavailable
from kernel.work import Work
from seats import bulk, listing_queries
from seats.listing import HARMLESS, SEATED, Known, OpenPool, RowOutcome, Verdict, verdicts
from seats.seating import MOST_AT_ONCE, BulkOutcome
from seats.sheets import Row


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a list is taken."""

    pool_id: int | None = None
    """The pool of the rows that name none; None for the only open one, if there is one."""

    grants: Collection[Role] = frozenset({Role.MEMBER})
    """The roles that whoever brings the list may give."""

    whole: bool = False
    """Whether nobody is seated unless everybody can be."""


async def foresee(work: Work, account_id: int, rows: Sequence[Row], wanted: Wanted) -> list[Verdict]:
    """What would come of every row of a list now; nothing changes."""
    emails = list(dict.fromkeys(address(row.email) for row in rows if is_address(row.email)))
    known = await listing_queries.known(work, account_id, emails)
    return verdicts(rows, known, _for_all(known, wanted.pool_id), wanted.grants)


async def seat(work: Work, account_id: int, rows: Sequence[Row], wanted: Wanted) -> tuple[bool, list[Verdict]]:
    """Seat everybody on a list who can be, and tell what came of each row; whether that was done.

    A list that is taken whole, or not at all, is not done if it would leave anybody out.
    """
    if wanted.whole:
        # Whoever seats somebody shares the workspace: nobody takes a seat meanwhile that was judged free.
        await people.workspace(work, account_id, lock=True)
    foreseen = await foresee(work, account_id, rows, wanted)
    if wanted.whole and any(verdict.outcome not in HARMLESS for verdict in foreseen):
        return False, foreseen
    came = await _seated(work, account_id, [verdict for verdict in foreseen if verdict.outcome in SEATED])
    done = [came.get(verdict.line, verdict) for verdict in foreseen]
    if wanted.whole and any(verdict.outcome not in HARMLESS for verdict in done):
        raise Unavailable("The number of seats changed at the same moment, and nobody was seated. Try again.")
    return True, done


async def _seated(work: Work, account_id: int, wanted: Sequence[Verdict]) -> Mapping[int, Verdict]:
    """Seat these, pool by pool and role by role; what came of each line."""
    groups: dict[tuple[int, Role], list[Verdict]] = defaultdict(list)
    for verdict in wanted:
        assert verdict.pool_id is not None
        groups[verdict.pool_id, verdict.role].append(verdict)
    came: dict[int, Verdict] = {}
    for (pool_id, role), group in sorted(groups.items()):
        for start in range(0, len(group), MOST_AT_ONCE):
            part = group[start : start + MOST_AT_ONCE]
            outcomes = await bulk.assign_all(work, account_id, pool_id, [one.email for one in part], role=role)
            for verdict, outcome in zip(part, outcomes, strict=True):
                came[verdict.line] = _after(verdict, outcome.outcome, outcome.seat_id)
    return came


def _after(verdict: Verdict, outcome: BulkOutcome, seat_id: int | None) -> Verdict:
    """What came of a row, if others were faster than it was foreseen."""
    now = RowOutcome(outcome.value)
    if now is RowOutcome.NO_SEAT_LEFT:
        says = f"Others took the last seat before {verdict.email}. Release one, or buy more."
    elif now is RowOutcome.ALREADY_SEATED:
        says = f"{verdict.email} has a seat of this pool already."
    else:
        says = verdict.says
    return replace(verdict, outcome=now, says=says, seat_id=seat_id)


def _for_all(known: Known, pool_id: int | None) -> OpenPool | None:
    """The pool of rows that name none. Raises InvalidInput for one that is closed."""
    open_pools = {pool.id: pool for found in known.pools.values() for pool in found}
    if pool_id is None:
        return next(iter(open_pools.values())) if len(open_pools) == 1 else None
    if pool_id not in open_pools:
        raise InvalidInput("That pool is closed, or belongs to somebody else. Choose an open one of this workspace.")
    return open_pools[pool_id]
