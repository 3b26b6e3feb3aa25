"""Lists of people, as a spreadsheet writes them: what would come of them, and seating them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from strawberry import ID, argument

from auth.policy import Permission, Role
from kernel import ids
from kernel.errors import InvalidInput, Problem
from resolvers.info import Context, Info
from seats import lists, sheets
from seats.listing import SEATED, Verdict
from seats.lists import Wanted
from seats.seating import MOST_AT_ONCE

_SHEET = (
    "The list, as CSV: up to 10,000 lines after a first one that names the columns email, and pool (or plan) and role "
    "as far as they are wanted, parted by commas, semicolons or tabs."
)
_POOL = "The pool of lines that name none; the only open one if left out."
_WHOLE = "Seat nobody unless everybody can be seated."


@dataclass(frozen=True, slots=True)
class SeatList:
    """What came of a list of people, or would."""

    done: bool
    whole: bool
    ignored_columns: Sequence[str]
    rows: Sequence[Verdict]

    @property
    def seated(self) -> int:
        """How many lines get a seat."""
        return sum(row.outcome in SEATED for row in self.rows)


async def preview_seat_list(
    info: Info,
    workspace: Annotated[ID, argument(description="Whose seats.")],
    sheet: Annotated[str, argument(description=_SHEET)],
    pool: Annotated[ID | None, argument(description=_POOL)] = None,
    whole: Annotated[bool, argument(description=_WHOLE)] = False,
) -> SeatList:
    """What `importSeats` would come to now, line by line; nothing changes."""
    row = await info.context.found("workspace", workspace)
    info.context.actor.require(Permission.ASSIGN_SEATS, row["id"])
    try:
        read = sheets.read(sheet, MOST_AT_ONCE)
    except Problem as problem:
        raise InvalidInput(problem.message) from problem
    wanted = _wanted(info.context, row["id"], pool, whole)
    return SeatList(False, whole, read.ignored, await lists.foresee(info.context.work, row["id"], read.rows, wanted))


async def import_seats(
    info: Info,
    workspace: Annotated[ID, "Whose seats."],
    sheet: Annotated[str, _SHEET],
    pool: Annotated[ID | None, _POOL] = None,
    whole: Annotated[bool, _WHOLE] = False,
) -> SeatList:
    """Seat everybody on a list. Each line has its outcome; sent again, whoever sits stays seated."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "workspace", workspace)
    read = sheets.read(sheet, MOST_AT_ONCE)
    wanted = _wanted(info.context, found["id"], pool, whole)
    done, came = await lists.seat(info.context.work, found["id"], read.rows, wanted)
    return SeatList(done, whole, read.ignored, came)


def _wanted(context: Context, account_id: int, pool: ID | None, whole: bool) -> Wanted:
    grants = frozenset(role for role in Role if context.actor.may_grant(role, account_id))
    return Wanted(None if pool is None else ids.decode("pool", pool), grants, whole)
