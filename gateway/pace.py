"""Pace: how often somebody may ask for what is dear, counted in this process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from time import monotonic

from kernel.errors import RateLimited

_KNOWN = 10_000
"""Callers that are remembered; the one who asked least recently is forgotten first."""


class Pace:
    """At most so many in a row, then one every so many seconds, for each caller."""

    def __init__(self, most: int, every: float, clock: Callable[[], float] = monotonic) -> None:
        self._room = most * every
        self._every = every
        self._clock = clock
        self._until: OrderedDict[str, float] = OrderedDict()

    def take(self, caller: str) -> None:
        """Count one more. Raises RateLimited."""
        now = self._clock()
        until = max(self._until.pop(caller, now), now)
        allowed = until + self._every - now <= self._room
        self._until[caller] = until + self._every if allowed else until
        if len(self._until) > _KNOWN:
            self._until.popitem(last=False)
        if not allowed:
            wait = max(1, ceil(until + self._every - now - self._room))
            raise RateLimited(f"That was too often in a short time. Try again in {wait} seconds.", seconds=wait)
