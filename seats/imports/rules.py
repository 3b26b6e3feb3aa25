"""What a long list of people goes through, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from kernel.errors import Problem

AT_ONCE = 3
"""How many lists of a workspace may wait or run at a time."""

KEPT = timedelta(days=30)
"""How long what came of each line can be looked at, and how long a list waits to be started."""

NO_LONGER = "Whoever started it may not give seats here any more. What was seated stays; somebody else may start again."


class SeatImportState(StrEnum):
    """Where a list is in its life."""

    READY = "ready"
    """Was read and foreseen; nobody was seated."""

    RUNNING = "running"
    """Is seated, some lines at a time."""

    DONE = "done"
    """Every line has come to what it comes to."""

    FAILED = "failed"
    """Came to an end before every line was tried; what was seated stays."""

    STOPPED = "stopped"
    """Somebody stopped it, or nobody started it for a month; what was seated stays."""


class SeatImportPhase(StrEnum):
    """What is done with a list that runs."""

    JUDGING = "judging"
    """All of its lines are judged anew."""

    SEATING = "seating"
    """People are seated."""

    RECORDING = "recording"
    """Everybody is seated, and the change is written down; from here on it comes to its end."""


OPEN = frozenset({SeatImportState.READY, SeatImportState.RUNNING})


@dataclass(eq=False)
class TooManySeatImports(Problem):
    """As many lists of the workspace wait or run as may."""

    says = "{open} lists of this workspace wait or run. Stop one, or wait until one is done."
    open: int
    """How many."""


@dataclass(eq=False)
class SeatImportBegun(Problem):
    """The list was started, or stopped, already."""

    says = "This list is {state} already, and can't be started. Bring it again to seat whoever is left."
    state: str
    """What has become of it."""


@dataclass(eq=False)
class SeatImportOver(Problem):
    """The list is over already."""

    says = "This list is {state} already. There is nothing left to stop."
    state: str
    """What has become of it."""


@dataclass(eq=False)
class BuysMoreThanForeseen(Problem):
    """More seats would have to be bought than whoever started the list was shown."""

    says = (
        "{bought:,} more seats would have to be bought now, and {foreseen:,} were foreseen, so none were."
        " Bring the list again, and look at what it costs."
    )
    bought: int
    """How many it would be."""

    foreseen: int
    """How many were shown."""


def insist_on_foreseen(foreseen: Mapping[int, int], bought: Iterable[tuple[int, int]]) -> None:
    """Refuse to buy more seats of a pool than were foreseen; both are by the pool. Raises BuysMoreThanForeseen."""
    for pool_id, seats in bought:
        if seats > foreseen.get(pool_id, 0):
            raise BuysMoreThanForeseen(seats, foreseen.get(pool_id, 0))


def left_out(count: int) -> str:
    """Why a list that is taken whole was not."""
    return f"{count:,} of its lines can't be seated, and all of them are, or none. Nobody was seated: correct the list."
