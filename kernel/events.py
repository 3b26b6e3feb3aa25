"""Events: what happened, told once, in the transaction in which it happened.

An event becomes one audit record and one outbox row. Whoever cares is told
later, at least once, and in another transaction; so handlers are idempotent.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import SQLModel

from kernel.rows import document, instant, key, plain, text, whole


@dataclass(frozen=True)
class Event:
    """Something that happened to one account. Fields are ids, words and instants, never secrets."""

    account_id: int
    subject: ClassVar[str] = ""
    """The id prefix of what it happened to; the field of the same name holds the number."""

    @property
    def subject_id(self) -> int:
        """The number of what it happened to."""
        return int(getattr(self, self.subject or "account_id"))

    @property
    def name(self) -> str:
        """The event's public name: SeatAssigned is "seat.assigned"."""
        return event_name(type(self))

    @property
    def payload(self) -> dict[str, Any]:
        """The fields, as JSON can say them."""
        return {field: plain(value) for field, value in asdict(self).items()}


def event_name(kind: type[Event]) -> str:
    """The public name of a kind of event: what it happened to, and what happened.

    SubscriptionCancelScheduled is "subscription.cancel_scheduled"; where the class
    doesn't begin with its subject, the last word is what happened.
    """
    words: list[str] = [word.lower() for word in re.findall(r"[A-Z][a-z0-9]*", kind.__name__)]
    subject = kind.subject.split("_")
    told = len(subject) if words[: len(subject)] == subject else len(words) - 1
    return "_".join(words[:told]) + "." + "_".join(words[told:])


class Outbox(SQLModel, table=True):
    """An event on its way to whoever cares."""

    id: int = key()
    account_id: int = whole()
    at: datetime = instant()
    name: str = text()
    payload: dict[str, Any] = document()
    request_id: str = text()
    delivered_at: datetime | None = instant(optional=True)
    position: int = whole()
