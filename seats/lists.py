"""Lists: seating everybody on a sheet, after telling what would come of each row.

What a row comes to is judged by `listing`, and seating them is `bulk`'s: so a list
never overfills a pool, and one that is sent again finds its people seated. What
becomes of whoever finds a pool full is the workspace's policy, as it is for one
person: what a pool is short of for the whole list is bought first, and once.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from auth import queries as people
from auth.addresses import address, is_address
from auth.policy import Role
from auth.tables import Account
from kernel.errors import InvalidInput, Problem, Unavailable
from kernel.money import Money
from kernel.work import Work
from seats import asking, bulk, foreseeing, growing, listing_queries, queries
from seats.buying import Quote, Resized
from seats.growing import Growth
from seats.listing import HARMLESS, SEATED, Known, OpenPool, RowOutcome, Verdict, bought, verdicts
from seats.overage import MOST_SEATS, Overage
from seats.seating import Outcome
from seats.sheets import Row

STEP = 1_000
"""How many lines of a long list are seated in one transaction, where it needs no other."""

PART = 2_000
"""How many lines are seated together; in between it is told how many there are."""

Reach = Callable[[int], Awaitable[None]]
"""Tells through how many lines of a list one has gone, before the transaction ends."""

_ASKED = RowOutcome.REQUESTED
_TRIED = SEATED | {_ASKED}
_LEFT = frozenset({_ASKED, RowOutcome.NO_SEAT_LEFT})


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a list is taken."""

    pool_id: int | None = None
    """The pool of the rows that name none; None for the only open one, if there is one."""

    grants: Collection[Role] = frozenset({Role.MEMBER})
    """The roles that whoever brings the list may give."""

    whole: bool = False
    """Whether nobody is seated unless everybody can be."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """The seats of one pool that are bought for a list, or would be."""

    pool_id: int
    bought: int
    cost: Money
    """What is asked for them, with tax: for the rest of the period."""

    quote: Quote | None = None
    """How it was foreseen."""

    resized: Resized | None = None
    """What came of it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What comes of a list."""

    done: bool
    """Whether it was taken."""

    rows: list[Verdict]
    purchases: Sequence[Purchase] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """How a long list is taken, as things stand."""

    rows: list[Verdict]
    """What would come of every line."""

    steps: Sequence[Sequence[Row]]
    """The lines that are seated, a transaction each; none where the list is refused as a whole."""

    purchases: Sequence[Purchase] = ()
    """What would be bought for it."""

    refused: bool = False
    """Whether it is to be taken whole, and would leave somebody out."""

    @property
    def at_once(self) -> bool:
        """Whether one transaction seats everybody."""
        return len(self.steps) <= 1


@dataclass(frozen=True, slots=True)
class _Group:
    """The rows of a list that are seated with one change."""

    pool_id: int
    role: Role
    rows: Sequence[Verdict]
    more: int
    """How many of its pool follow in other groups."""


async def foresee(work: Work, account_id: int, rows: Sequence[Row], wanted: Wanted) -> Told:
    """What would come of every row of a list now, and what would be bought for it; nothing changes."""
    workspace, account = await people.workspace(work, account_id), await people.account(work, account_id)
    # Whoever is left out of a list that is taken whole stops it: nothing is requested for them.
    requests = workspace.overage == Overage.REQUEST and not wanted.whole
    # A long list takes seconds to judge: in a thread, so that others in the process have their turn.
    emails = await asyncio.to_thread(_addresses, rows)
    known = await listing_queries.known(work, account_id, emails)
    if workspace.overage == Overage.BUY:
        known = _changed(known, lambda pool: _growing(pool, workspace.overage_limit))

    told = await _judged(rows, known, wanted, requests=requests)
    purchases, refused = await _quoted(work, account, bought(told, known))
    if refused:
        known = _changed(known, lambda pool: _stopped(pool, refused.get(pool.id)))
        told = await _judged(rows, known, wanted, requests=requests)
    return Told(False, told, purchases)


def _addresses(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(address(row.email) for row in rows if is_address(row.email)))


async def _judged(rows: Sequence[Row], known: Known, wanted: Wanted, *, requests: bool) -> list[Verdict]:
    pool = _for_all(known, wanted.pool_id)
    return await asyncio.to_thread(verdicts, rows, known, pool, wanted.grants, requests=requests)


async def course(work: Work, account_id: int, rows: Sequence[Row], wanted: Wanted) -> Course:
    """How a list of any length is taken now; nothing changes.

    What repeats another line, or can't be read, is told of the whole list; only the others are seated. What a list is
    short of is bought once, and not bit by bit.
    """
    foreseen = await foresee(work, account_id, rows, wanted)
    if wanted.whole and _leaves_out(foreseen.rows):
        return Course(foreseen.rows, (), foreseen.purchases, refused=True)
    told = {verdict.line: verdict for verdict in foreseen.rows}
    tried = [row for row in rows if told[row.line].outcome in _TRIED]
    step = len(tried) if wanted.whole or foreseen.purchases else STEP
    steps = [tried[start : start + step] for start in range(0, len(tried), step or 1)]
    return Course(foreseen.rows, steps, foreseen.purchases)


async def seat(work: Work, account_id: int, rows: Sequence[Row], wanted: Wanted, reach: Reach | None = None) -> Told:
    """Seat everybody on a list who can be, and tell what came of each row.

    A list that is taken whole, or not at all, is not done if it would leave anybody out. Raises
    billing's refusals of more seats.
    """
    if wanted.whole:
        # Whoever seats somebody shares the workspace: nobody takes a seat meanwhile that was judged free.
        await people.workspace(work, account_id, lock=True)
    growths = await _growths(work, account_id, rows, wanted)
    foreseen = await foresee(work, account_id, rows, wanted)
    if wanted.whole and _leaves_out(foreseen.rows):
        return Told(False, foreseen.rows)
    came, purchases = await _seated(work, account_id, foreseen.rows, growths, reach)
    if not growths and not wanted.whole:
        came |= await _requested(work, account_id, [came.get(verdict.line, verdict) for verdict in foreseen.rows])
    done = [came.get(verdict.line, verdict) for verdict in foreseen.rows]
    if wanted.whole and _leaves_out(done):
        raise Unavailable("The number of seats changed at the same moment, and nobody was seated. Try again.")
    return Told(True, done, purchases)


def _leaves_out(told: Sequence[Verdict]) -> bool:
    return any(verdict.outcome not in HARMLESS for verdict in told)


def _growing(pool: OpenPool, limit: int | None) -> OpenPool:
    """A pool with what it may buy by itself."""
    if limit is None:
        return replace(pool, growth=max(MOST_SEATS - pool.purchased, 0))
    stops = f"A pool here grows to at most {limit} by itself: release one, or ask whoever buys for the workspace."
    return replace(pool, growth=max(limit - pool.purchased, 0), stops=stops)


def _stopped(pool: OpenPool, why: str | None) -> OpenPool:
    """A pool that buys nothing, if there is a reason."""
    return pool if why is None else replace(pool, growth=0, stops=why)


def _changed(known: Known, change: Callable[[OpenPool], OpenPool]) -> Known:
    """What is known, with other pools."""
    return replace(known, pools={name: [change(pool) for pool in found] for name, found in known.pools.items()})


async def _quoted(work: Work, account: Account, short: Mapping[int, int]) -> tuple[list[Purchase], dict[int, str]]:
    """What these pools would buy; and which can't, and why."""
    purchases: list[Purchase] = []
    refused: dict[int, str] = {}
    for pool_id, more in short.items():
        try:
            cost, quote = await foreseeing.growth(work, account, await queries.pool(work, account.id, pool_id), more)
            purchases.append(Purchase(pool_id, more, cost, quote=quote))
        except Problem as problem:
            refused[pool_id] = problem.message
    return purchases, refused


async def _growths(work: Work, account_id: int, rows: Sequence[Row], wanted: Wanted) -> dict[int, Growth]:
    """The growth of every pool that a list may fill, where the workspace buys what is missing.

    From here on nobody else seats people in them: what is foreseen next is what comes.
    """
    await queries.keep_members(work, account_id)
    if (await people.workspace(work, account_id)).overage != Overage.BUY:
        return {}
    told = (await foresee(work, account_id, rows, wanted)).rows
    named = {verdict.pool_id for verdict in told if verdict.outcome in SEATED}
    pools = [await queries.pool(work, account_id, pool_id) for pool_id in named if pool_id is not None]
    growths = {}
    # Whoever takes several clocks takes them in this order.
    for pool in sorted(pools, key=lambda pool: (pool.subscription_id, pool.id)):
        growth = await growing.allowed(work, account_id, pool.id)
        if growth:
            growths[pool.id] = growth
    return growths


async def _seated(
    work: Work,
    account_id: int,
    foreseen: Sequence[Verdict],
    growths: Mapping[int, Growth],
    reach: Reach | None,
) -> tuple[dict[int, Verdict], list[Purchase]]:
    """Seat these, pool by pool and role by role; what came of each line, and what was bought."""
    came: dict[int, Verdict] = {}
    purchases: list[Purchase] = []
    for group in _groups([verdict for verdict in foreseen if verdict.outcome in SEATED]):
        allowed, pool_id = growths.get(group.pool_id), group.pool_id
        growth = replace(allowed, also=group.more) if allowed else None
        emails = [one.email for one in group.rows]
        outcomes = await bulk.assign_all(work, account_id, pool_id, emails, growth, role=group.role)
        came |= {row.line: _after(row, outcome) for row, outcome in zip(group.rows, outcomes, strict=True)}
        if growth and growth.bought:
            made = growth.bought
            purchases.append(Purchase(pool_id, made.seats, made.cost, resized=made.resized))
        if reach:
            await reach(len(came))
    return came, purchases


def _groups(wanted: Sequence[Verdict]) -> list[_Group]:
    """What is seated with one change each, in the order of the pools."""
    parts: dict[tuple[int, Role], list[Verdict]] = defaultdict(list)
    left: Counter[int] = Counter()
    for verdict in wanted:
        assert verdict.pool_id is not None
        parts[verdict.pool_id, verdict.role].append(verdict)
        left[verdict.pool_id] += 1
    groups = []
    for (pool_id, role), part in sorted(parts.items()):
        for start in range(0, len(part), PART):
            rows = part[start : start + PART]
            left[pool_id] -= len(rows)
            groups.append(_Group(pool_id, role, rows, left[pool_id]))
    return groups


async def _requested(work: Work, account_id: int, told: Sequence[Verdict]) -> dict[int, Verdict]:
    """Request seats for those who found none and can have one requested, where an admin decides."""
    if not await asking.asks(work, account_id):
        return {}
    came: dict[int, Verdict] = {}
    asked = [verdict for verdict in told if verdict.outcome in _LEFT and verdict.pool_id]
    # Whoever is new here and was to have another role is not asked for: a request gives nobody a role.
    for group in _groups([verdict for verdict in asked if verdict.outcome is _ASKED or verdict.role is Role.MEMBER]):
        emails = [one.email for one in group.rows]
        outcomes = await bulk.assign_all(work, account_id, group.pool_id, emails, requests=True)
        came |= {row.line: _after(row, outcome) for row, outcome in zip(group.rows, outcomes, strict=True)}
    return came


def _after(verdict: Verdict, came: Outcome) -> Verdict:
    """What came of a row, if others were faster than it was foreseen."""
    now, says = RowOutcome(came.outcome.value), verdict.says
    if now is RowOutcome.NO_SEAT_LEFT:
        says = f"Others took the last seat before {verdict.email}. Release one, or buy more."
    elif now is RowOutcome.ALREADY_SEATED:
        says = f"{verdict.email} has a seat of this pool already."
    elif now is RowOutcome.REQUESTED and verdict.outcome is not _ASKED:
        says = f"Others took the last seat before {verdict.email}, and one is requested."
    elif now in SEATED and verdict.outcome not in SEATED:
        says = f"A seat came free at this moment, and {verdict.email} has it."
    return replace(verdict, outcome=now, says=says, seat_id=came.seat_id, request_id=came.request_id)


def _for_all(known: Known, pool_id: int | None) -> OpenPool | None:
    """The pool of rows that name none. Raises InvalidInput for one that is closed."""
    open_pools = {pool.id: pool for found in known.pools.values() for pool in found}
    if pool_id is None:
        return next(iter(open_pools.values())) if len(open_pools) == 1 else None
    if pool_id not in open_pools:
        raise InvalidInput("That pool is closed, or belongs to somebody else. Choose an open one of this workspace.")
    return open_pools[pool_id]
