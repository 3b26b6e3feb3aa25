"""People whose seats went with a subscription, or because nobody used them, and who sit again."""

from __future__ import annotations

import strawberry

from resolvers import restoring as resolve
from resolvers.graph import Column
from schema.base import Word, one, value, words
from schema.changes import mutation
from seats import bringing_back, restoring
from seats.restoring import RestoreOutcome
from seats.seating import PoolClosed

words(RestoreOutcome, "What can come of somebody who sat, when seats are restored.")


@value(restoring.Verdict)
class RestoredSeat:
    """What comes of somebody who lost their seat."""

    email: str
    """Where they are reached."""

    outcome: RestoreOutcome
    """What came of them, or would."""

    seat = one("Seat", by="seat_id")
    """The seat they have for it; null in a preview."""

    former = one("Seat", by="former_id", required=True)
    """The seat they lost."""


@value(bringing_back.Restored)
class SeatsRestored:
    """Who sat in a pool a short time ago, and what came of each, or would."""

    pool = one("LicensePool", by="pool_id")
    """The pool that seats them, if one was named."""

    restored: int
    """How many sit again, or would."""

    people = Word(Column("named"), "list[RestoredSeat]", resolve=lambda row, _: row.named)
    """Who, whoever sat longest first: up to 500."""


@strawberry.type
class RestoreMutation:
    """People who sit again."""

    restore_seats = mutation(resolve.restore_seats, "SeatsRestored", refusals=[PoolClosed])
