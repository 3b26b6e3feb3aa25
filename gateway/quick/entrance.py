"""Entrance: whether the quick door is open, and what it needs to be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from auth.policy import Actor
from gateway.authentication import Door
from gateway.budgets import Budgets
from gateway.crowding import Room
from gateway.documents import Document
from gateway.metrics import Metrics
from gateway.patience import PATIENCE
from gateway.quick.questions import Questions
from kernel.database import APP_ROLE
from kernel.readers import Readers


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads: for customers, and for whoever sees more than they do."""

    customers: Readers
    others: Readers

    @classmethod
    def of(cls, url: str, connections: int) -> Reading:
        """On so many connections, one of which is for the others, where there is more than one."""
        few = min(1, connections // 2)
        return cls(Readers(url, connections - few), Readers(url, few, role=APP_ROLE))

    def of_actor(self, actor: Actor) -> Readers | None:
        """Who reads for somebody, if anybody does."""
        readers = self.customers if actor.plain else self.others
        return readers if readers.size else None

    async def close(self) -> None:
        """Close what is open."""
        await self.customers.close()
        await self.others.close()


@dataclass(frozen=True, slots=True)
class Lane:
    """What the door answers with, while the application is open."""

    door: Door
    budgets: Budgets
    questions: Questions
    reading: Reading
    patience: float = PATIENCE

    def closed_to(self, document: Document) -> bool:
        """Whether nothing of a document is answered here, at least not yet."""
        reads = self.questions.reads
        return reads.explain or reads.is_new(document)


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
            await lane.reading.close()
