"""Lists of people that were brought, and their lines."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from kernel.rows import WordType, document, instant, key, text, texts, whole, word
from seats.imports.rules import SeatImportPhase, SeatImportState
from seats.listing import RowOutcome


class SeatImport(SQLModel, table=True):
    """One list of people."""

    __tablename__ = "seat_import"

    account_id: int = key()
    id: int = key()
    state: SeatImportState = word(SeatImportState, SeatImportState.READY)
    pool_id: int | None = whole(optional=True)
    """The pool of lines that name none."""

    lines: int = whole()
    settled: int = whole(default=0)
    """How many lines have come to what they come to."""

    outcomes: dict[str, int] = document()
    """How many lines have which outcome."""

    purchases: list[dict[str, Any]] = document()
    """The seats that would be bought for it, and then those that were, by the pool: see `operations`."""

    ignored_columns: list[str] = texts()
    notice: str | None = text(optional=True)
    """How it was read, where it is not UTF-8."""

    actor: str = text()
    """What kind of actor it is taken for: whoever brought it, and then whoever started it."""

    person_id: int | None = whole(optional=True)
    key_id: int | None = whole(optional=True)
    token: str = text()
    reason: str | None = text(optional=True)
    judged_at: datetime | None = instant(optional=True)
    """When all of its lines were judged anew, once it was started."""

    at_once: bool = False
    """Whether all of its lines are seated in one transaction."""

    phase: SeatImportPhase | None = Field(default=None, sa_type=WordType(SeatImportPhase), nullable=True)
    """What is done with it, while it runs; None until a worker has it."""

    tried: int = whole(default=0)
    """Through how many lines the change at hand has gone, which are settled or undone with its end."""

    failure: str | None = text(optional=True)
    """Why it failed, in a sentence."""

    forgotten: bool = False
    """Whether its lines are gone."""

    created_at: datetime = instant()
    started_at: datetime | None = instant(optional=True)
    ended_at: datetime | None = instant(optional=True)

    # Last, because it is called as the word for numbers is.
    whole: bool = False
    """Whether nobody is seated unless everybody can be."""


class SeatImportRow(SQLModel, table=True):
    """One line of a list: what is written there, and what comes of it."""

    __tablename__ = "seat_import_row"

    account_id: int = key()
    id: int = key()
    seat_import_id: int = whole()
    line: int = whole()
    email: str = text()
    pool_written: str = text()
    role_written: str = text()
    outcome: RowOutcome = word(RowOutcome)
    says: str = text()
    pool_id: int | None = whole(optional=True)
    seat_id: int | None = whole(optional=True)
    request_id: int | None = whole(optional=True)
    settled: bool = False
    """Whether this is what came of it; until then it is what would."""
