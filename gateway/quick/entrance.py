"""Entrance: whether the quick door is open, and what it needs to be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.authentication import Door
from gateway.budgets import Budgets
from gateway.crowding import Room
from gateway.documents import Document
from gateway.metrics import Metrics
from gateway.patience import PATIENCE
from gateway.quick.questions import Questions
from kernel.readers import Readers


@dataclass(frozen=True, slots=True)
class Lane:
    """What the door answers with, while the application is open."""

    door: Door
    budgets: Budgets
    questions: Questions
    readers: Readers
    patience: float = PATIENCE

    def closed_to(self, document: Document) -> bool:
        """Whether nothing of a document is answered here, at least not yet."""
        reads = self.questions.reads
        return reads.explain or reads.is_new(document) or not self.readers.size


class Entrance:
    """Whether the door is open, and what it needs to be."""

    def __init__(self, metrics: Metrics, room: Room) -> None:
        self.metrics = metrics
        self.room = room
        self.lane: Lane | None = None
        self.answered = 0
        """How many requests went no further than here."""

    @asynccontextmanager
    async def opened(self, lane: Lane) -> AsyncIterator[None]:
        """Be open for so long."""
        self.lane = lane
        try:
            yield
        finally:
            self.lane = None
            await lane.readers.close()
