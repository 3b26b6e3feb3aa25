"""What a scene tells of changes that happen by themselves, such as a renewal, or that our staff make by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True)
class StaffAppointed(Event):
    """A person works for us."""

    subject: ClassVar[str] = "person"
    person: int


@dataclass(frozen=True)
class SeatWaitlisted(Event):
    """Somebody waits for a seat."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int
