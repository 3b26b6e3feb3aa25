"""Lists of people, as a spreadsheet writes them: what would come of them, and seating them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from strawberry import ID, argument

from auth import queries as people
from auth.policy import Actor, Permission, Role
from auth.tables import Account
from billing.previews import Foreseen
from kernel import ids
from kernel.errors import InvalidInput, Problem
from kernel.money import Money
from kernel.work import Work
from resolvers.info import Info
from resolvers.previewing import quoted
from seats import lists, sheets
from seats.listing import SEATED, RowOutcome, Verdict
from seats.lists import Purchase, Wanted
from seats.seating import MOST_AT_ONCE

_SHEET = (
    "The list, as CSV: up to 10,000 lines after a first one that names the columns email, and pool (or plan) and role "
    "as far as they are wanted, parted by commas, semicolons or tabs."
)
_POOL = "The pool of lines that name none; the only open one if left out."
_WHOLE = "Seat nobody unless everybody can be seated."


@dataclass(frozen=True, slots=True)
class ListPurchase:
    """The seats of a pool that are bought for a list, or would be."""

    pool_id: int
    bought: int
    cost: Money
    collected_at: datetime | None
    invoice_id: int | None = None
    preview: Foreseen | None = None


@dataclass(frozen=True, slots=True)
class SeatList:
    """What came of a list of people, or would."""

    done: bool
    whole: bool
    ignored_columns: Sequence[str]
    rows: Sequence[Verdict]
    purchases: Sequence[ListPurchase] = ()

    @property
    def seated(self) -> int:
        """How many lines get a seat."""
        return sum(row.outcome in SEATED for row in self.rows)

    @property
    def requested(self) -> int:
        """For how many lines a seat is requested."""
        return sum(row.outcome is RowOutcome.REQUESTED for row in self.rows)

    @property
    def bought(self) -> int:
        """How many seats are bought for them."""
        return sum(purchase.bought for purchase in self.purchases)


async def preview_seat_list(
    info: Info,
    workspace: Annotated[ID, argument(description="Whose seats.")],
    sheet: Annotated[str, argument(description=_SHEET)],
    pool: Annotated[ID | None, argument(description=_POOL)] = None,
    whole: Annotated[bool, argument(description=_WHOLE)] = False,
) -> SeatList:
    """What a list would come to now, line by line; nothing changes, and nothing of it is kept."""
    row = await info.context.found("workspace", workspace)
    info.context.actor.require(Permission.ASSIGN_SEATS, row["id"])
    try:
        read = sheets.read(sheet, MOST_AT_ONCE)
    except Problem as problem:
        raise InvalidInput(problem.message) from problem
    wanted, work = wanted_by(info.context.actor, row["id"], pool, whole=whole), info.context.work
    # Whoever gives seats may know what one costs, and the rest of the bill only if they see bills.
    await work.bind(row["id"])
    try:
        came = await lists.foresee(work, row["id"], read.rows, wanted)
        account = await people.account(work, row["id"])
        sees = info.context.actor.may(Permission.SEE_BILLING, row["id"])
        foreseen = [await _foreseen(work, account, each, sees=sees) for each in came.purchases]
    finally:
        await work.unbind()
    return SeatList(False, whole, read.ignored, came.rows, foreseen)


async def import_seats(
    info: Info,
    workspace: Annotated[ID, "Whose seats."],
    sheet: Annotated[str, _SHEET],
    pool: Annotated[ID | None, _POOL] = None,
    whole: Annotated[bool, _WHOLE] = False,
) -> SeatList:
    """Seat everybody on a list. Each line has its outcome; sent again, whoever sits stays seated.

    Where a pool is full, the workspace's `overage` says what becomes of the lines it has no seat for.
    """
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "workspace", workspace)
    read = sheets.read(sheet, MOST_AT_ONCE)
    wanted = wanted_by(info.context.actor, found["id"], pool, whole=whole)
    came = await lists.seat(info.context.work, found["id"], read.rows, wanted)
    answer = SeatList(came.done, whole, read.ignored, came.rows, [_made(each) for each in came.purchases])
    info.context.fresh_for(answer.bought)
    return answer


async def _foreseen(work: Work, account: Account, each: Purchase, *, sees: bool) -> ListPurchase:
    assert each.quote is not None, "a list that is foreseen has quotes"
    shown = await quoted(work, account, each.quote) if sees else None
    return ListPurchase(each.pool_id, each.bought, each.cost, each.quote.collected_at, preview=shown)


def _made(each: Purchase) -> ListPurchase:
    assert each.resized is not None, "a list that was taken has bought"
    invoice = each.resized.invoice
    return ListPurchase(
        each.pool_id, each.bought, each.cost, each.resized.collected_at, invoice_id=invoice.id if invoice else None
    )


def wanted_by(actor: Actor, account_id: int, pool: str | None = None, *, whole: bool = False) -> Wanted:
    """How a list is taken that somebody brings, with the roles that they may give; a list makes nobody an owner."""
    grants = frozenset(role for role in Role if role is not Role.OWNER and actor.may_grant(role, account_id))
    return Wanted(None if pool is None else ids.decode("pool", pool), grants, whole)
