"""Who sat in the seats that a line of an invoice bills."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from resolvers import occupancy
from resolvers.graph import Column
from schema.base import Word, one, value
from schema.lists import PageInfo, page_arguments
from schema.scalars import Long
from seats.seating import SeatState


@value(occupancy.SeatTime)
class SeatTime:
    """A time that somebody sat in one of the seats of a line."""

    email: str | None
    """Their address; null for those who see what is billed and not who sits."""

    since: datetime
    """From when on, within the span of the line."""

    until: datetime | None
    """Until when; null while they sit there and the span is not over."""

    seconds: Long
    """How long that is, until now."""

    state: SeatState
    """What has become of the seat since."""

    seat = one("Seat", by="seat_id")
    """The seat, if you may see it."""

    person = one("Person", by="person_id")
    """The person, if you may see them."""


@value(occupancy.SeatTimes)
class SeatTimeConnection:
    """One page of a list of times that people sat in seats."""

    edges = Word(Column("rows"), "list[SeatTimeEdge]", resolve=lambda page, _: [_Edge(row) for row in page.rows])
    """The times with their cursors."""

    nodes = Word(Column("rows"), "list[SeatTime]", resolve=lambda page, _: page.rows)
    """The times alone, in the order in which people sat down."""

    page_info = Word(Column("rows"), "PageInfo", resolve=lambda page, _: _page_info(page))
    """Whether there is more, and where to go on."""

    total_count = Word(Column("total"), "int", resolve=lambda page, _: page.total)
    """How many times the whole list has."""


class _Edge:
    """A time, and its place in the list."""

    def __init__(self, row: occupancy.SeatTime) -> None:
        self.node, self.cursor = row, row.cursor


@value(_Edge)
class SeatTimeEdge:
    """A time of a list, and its place there."""

    node = Word(Column("node"), "SeatTime", resolve=lambda edge, _: edge.node)
    """The time."""

    cursor: str
    """Its place, for `after` and `before`."""


@value(occupancy.Occupied)
class LineSeats:
    """The seats that a line of an invoice bills, and who sat there until now.

    Whoever has sat longest sits lowest, so the seats of a line that bills the eleventh
    to the fifteenth are taken by those who came last.
    """

    paid: int
    """How many seats the line bills."""

    never_taken: int
    """How many of them stood empty all the time."""

    seconds_taken: Long
    """For how many seconds seats were taken, all together."""

    seconds_empty: Long
    """For how many seconds paid seats stood empty, all together."""

    times = Word(
        Column("spells"),
        "SeatTimeConnection",
        tuple(page_arguments("LineSeats", {"SINCE": ("since", "timestamptz", "By when they sat down.")})),
        resolve=lambda row, _, **asked: _times(row, **asked),
    )
    """Who sat there, from when until when."""


line_seats = Word(
    Column("item_id"),
    "LineSeats | None",
    resolve=occupancy.line_seats,
    needs=("quantity", "above", "kind", "period_start", "period_end"),
)
"""Those of a line item."""

explained_seats = Word(Column("row"), "LineSeats | None", resolve=lambda row, info: occupancy.line_seats(row.row, info))
"""Those of a line that was computed again."""


def _times(row: occupancy.Occupied, orderBy: dict[str, Any] | None = None, **asked: Any) -> occupancy.SeatTimes:  # noqa: N803 - as clients write it
    descending = orderBy is not None and orderBy["direction"].value == "DESC"
    wanted = [asked.get(name) for name in ("first", "after", "last", "before")]
    return row.page(*wanted, descending=descending)


def _page_info(page: occupancy.SeatTimes) -> PageInfo:
    return PageInfo(
        has_next_page=page.after,
        has_previous_page=page.before,
        start_cursor=page.rows[0].cursor if page.rows else None,
        end_cursor=page.rows[-1].cursor if page.rows else None,
    )
