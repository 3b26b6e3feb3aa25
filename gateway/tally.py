"""Tally: what an answer took, counted in its text, so that nobody has to read it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from gateway.shape import Entry, Shape


@dataclass(frozen=True, slots=True)
class Tally:
    """What an answer took, counted in the JSON text that PostgreSQL made of it.

    A key and its colon are like no text inside of quotes, because quotes are escaped there. So the rows of a list are
    counted by a key that all of them have, and nothing else in the answer.
    """

    fixed: int
    rows: tuple[tuple[bytes, int], ...]
    """What each row of a list has, and what it costs."""

    missing: tuple[tuple[bytes, int, slice], ...]
    """What is in the text where an object is missing, what it would have cost, and which rows show that it is there."""

    @classmethod
    def of(cls, shape: Shape, shown: Counter[str]) -> Tally | None:
        """How an answer of this shape is counted, in which keys are `shown` in so many places."""
        made = _Weighing(shown)
        if not made.weigh(shape, 0):
            return None
        own, *lists = made.weights
        return cls(own, tuple(zip(made.marks, lists, strict=True)), tuple(made.missing))

    def used(self, text: bytes) -> int:
        """The points that it took."""
        used, found = self.fixed, []
        for mark, each in self.rows:
            many = text.count(mark)
            found.append(many)
            used += many * each
        for mark, each, within in self.missing:
            if not any(found[within]):
                used -= text.count(mark) * each
        return used


class _Weighing:
    """Adds up what an object costs, and each row of the lists inside of it."""

    def __init__(self, shown: Counter[str]) -> None:
        self.weights = [0]
        """What the whole answer costs, and a row of each list."""

        self.marks: list[bytes] = []
        """What each row has, of all lists."""

        self.missing: list[tuple[bytes, int, slice]] = []
        self._shown = shown

    def weigh(self, shape: Shape, place: int) -> bool:
        """Add up an object of this shape to the weight at this place; False where more than numbers decides."""
        return not shape.kinds and all(self._weigh(entry, place) for entry in shape.entries)

    def _weigh(self, entry: Entry, place: int) -> bool:
        if entry.terms:
            return False
        self.weights[place] += entry.own
        if not entry.listed:
            return self._weigh_one(entry, place)
        # A long key is found faster than a short one.
        mark = max((key for key in entry.inside.keys if self._shown[key] == 1), key=len, default=None)
        if mark is None and (entry.each or entry.inside.entries or entry.inside.kinds):
            return False
        if mark is None:
            return True
        self.marks.append(f'"{mark}":'.encode())
        self.weights.append(entry.each)
        return self.weigh(entry.inside, len(self.weights) - 1)

    def _weigh_one(self, entry: Entry, place: int) -> bool:
        before, first = self.weights[place], len(self.marks)
        if not self.weigh(entry.inside, place):
            return False
        lost = self.weights[place] - before
        if lost and entry.optional:
            # Outside of lists there is only one, which is there if any of its rows is.
            within = slice(first, len(self.marks) if place == 0 else first)
            self.missing.append((f'"{entry.key}":null'.encode(), lost, within))
        return not (lost and entry.optional) or self._shown[entry.key] == 1
