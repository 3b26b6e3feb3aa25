"""Long lists of people: started and stopped; they are brought at a door of their own, `POST /seats/lists`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from strawberry import ID

from auth.policy import Permission
from kernel.money import Money
from resolvers.info import Info
from seats.imports import operations
from seats.imports.rules import KEPT
from seats.imports.tables import SeatImport
from seats.listing import RowOutcome


@dataclass(frozen=True, slots=True)
class Count:
    """How many lines of a list have an outcome."""

    outcome: RowOutcome
    lines: int


@dataclass(frozen=True, slots=True)
class Bought:
    """The seats of a pool that are bought for a list, or would be."""

    pool_id: int
    bought: int
    cost: Money
    collected_at: datetime | None
    invoice_id: int | None


async def start_seat_import(
    info: Info, seat_import: Annotated[ID, "Which list, of those that are ready."]
) -> SeatImport:
    """Seat everybody on a list that was brought, in the background and on your behalf.

    It ends when you may not give seats any more, and it buys no more seats than were foreseen.
    """
    context = info.context
    found = await context.permitted(Permission.ASSIGN_SEATS, "seatimport", seat_import)
    row = await operations.start(context.work, found.account_id, found.id, context.actor.key_id)
    context.fresh_for(sum(each["bought"] for each in row.purchases))
    return row


async def stop_seat_import(
    info: Info, seat_import: Annotated[ID, "Which list, of those that are ready or run."]
) -> SeatImport:
    """Stop a list. What was seated stays, and nobody else is seated by it."""
    context = info.context
    found = await context.permitted(Permission.ASSIGN_SEATS, "seatimport", seat_import)
    return await operations.stop(context.work, found.account_id, found.id)


def outcomes(row: Any, _info: Any) -> list[Count]:
    """How many lines have which outcome."""
    return [Count(RowOutcome(outcome), lines) for outcome, lines in _read(row.outcomes).items()]


def bought(row: Any, _info: Any) -> int:
    """How many seats are bought for a list."""
    return sum(each["bought"] for each in _read(row.purchases))


def purchases(row: Any, info: Any) -> Sequence[Bought]:
    """What is bought for a list, for whoever gives seats there or sees what is billed."""
    actor, account_id = info.context.actor, row.account_id
    if not any(actor.may(each, account_id) for each in (Permission.ASSIGN_SEATS, Permission.SEE_INVOICES)):
        return []
    return [_bought(**each) for each in _read(row.purchases)]


def kept_until(row: Any, _info: Any) -> datetime:
    """Until when its lines can be looked at."""
    until: datetime = (row.ended_at or row.created_at) + KEPT
    return until


def _bought(
    pool_id: int, bought: int, minor: int, currency: str, collected_at: str | None, invoice_id: int | None
) -> Bought:
    when = datetime.fromisoformat(collected_at) if collected_at else None
    return Bought(pool_id, bought, Money(minor, currency), when, invoice_id)


def _read(told: Any) -> Any:
    return json.loads(told) if isinstance(told, str) else told
