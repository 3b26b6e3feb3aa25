"""The stage: acts at their instants, in the order of time, in one transaction.

A scene's clock moves: while an act is on, `work.now` is its instant, and what it
tells the audit is told as of then, by whoever it says acts. Acts may announce later
ones. What an act's rows were and became is read off when it ends, so that the audit
of a seat tells the states it went through, and not only the last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from gateway.scenes.form import SceneInvalid
from kernel import rows
from kernel.audit import Origin
from kernel.errors import Fault, Problem
from kernel.events import Event
from kernel.work import Work

REQUEST = "scene"
"""What the audit of a scene names as its request."""

OLDEST = timedelta(days=3_660)
"""How far before now a scene may begin."""

_SPARE = 64

Act = Callable[[], Awaitable[object]]


class _Told(NamedTuple):
    event: Event
    row: SQLModel | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    origin: Origin


class Playing(Work):
    """A unit of work whose clock is moved by a scene."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._told: list[_Told] = []
        self._known: dict[tuple[type[SQLModel], Any], dict[str, Any]] = {}

    def emit(
        self,
        event: Event,
        row: SQLModel | None = None,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        """Tell what happened, when the act ends."""
        self._told.append(_Told(event, row, before, after, self.origin))

    async def settle(self) -> None:
        """The end of an act: what happened in it is told as it is now."""
        await self.flush()
        told, self._told = self._told, []
        for each in told:
            before, after = (each.before, each.after) if each.row is None else self._change(each.row)
            self.origin = each.origin
            super().emit(each.event, before=before, after=after)

    def _change(self, row: SQLModel) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        key = (type(row), getattr(row, "id", None))
        became = rows.columns(row)
        was, self._known[key] = self._known.get(key), became
        if was is None:
            return None, became
        moved = [name for name, value in became.items() if was[name] != value]
        return {name: was[name] for name in moved}, {name: became[name] for name in moved}


class Stage:
    """Where a scene is played until `now`."""

    def __init__(self, work: Playing, now: datetime) -> None:
        self.work, self.now = work, now
        self._acts: list[tuple[datetime, int, str, Act]] = []
        self._order = count()
        self._playing = False

    def then(self, at: datetime, place: str, act: Act) -> None:
        """Announce an act; of those at one instant, the first announced comes first. Raises SceneInvalid."""
        if at > self.now:
            raise SceneInvalid([f"{place}: lies after the scene's now, {self.now.isoformat()}."])
        if at < self.now - OLDEST:
            raise SceneInvalid([f"{place}: lies more than ten years before the scene's now."])
        if self._playing and at < self.work.now:
            raise SceneInvalid([f"{place}: comes before what it follows, at {self.work.now.isoformat()}."])
        heappush(self._acts, (at, next(self._order), place, act))

    async def play(self) -> None:
        """Everything that was announced, in the order of time. Raises SceneInvalid with the act's place."""
        self._playing = True
        while self._acts:
            self.work.now, _, place, act = heappop(self._acts)
            self.speak(None)
            await self.work.reserve(_SPARE)
            try:
                await act()
                await self.work.settle()
            except SceneInvalid:
                raise
            except (Problem, Fault) as refusal:
                raise SceneInvalid([f"{place}: {refusal.message}"]) from refusal
            except IntegrityError as refusal:
                raise SceneInvalid([f"{place}: the database refuses it, {_reason(refusal)}."]) from refusal

    def speak(self, person_id: int | None) -> None:
        """Who does what comes next: a person, or nobody, and then it happens by itself."""
        self.work.origin = Origin("system" if person_id is None else "person", person_id, request_id=REQUEST)


def _reason(refusal: IntegrityError) -> str:
    return str(refusal.orig).rpartition(">: ")[2].partition("\n")[0]
