"""Rate limits: so many requests in each second of the machine's time, for all and for each operation."""

from __future__ import annotations

from collections import Counter

from payments.sandbox import clock
from payments.sandbox.refusals import rate_limited


class Limiter:
    """Counts the requests of the running second. Off until limits are set."""

    def __init__(self) -> None:
        self._second = 0
        self._counts: Counter[str] = Counter()

    def check(self, limits: dict[str, int], operation: str) -> None:
        """Count a request. Raises Refused (429) when there were too many."""
        if not limits:
            return
        second = clock.wall()
        if second != self._second:
            self._second = second
            self._counts.clear()
        for name, key, reason in (("global", "", "global-rate"), ("operation", operation, "endpoint-rate")):
            self._counts[key] += 1
            if name in limits and self._counts[key] > limits[name]:
                raise rate_limited(reason)
