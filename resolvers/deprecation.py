"""Deprecations: what clients shall stop using, since when, what to use instead, and until when it stays.

The graph carries them as one sentence, so that whoever reads the schema reads all of it,
and the comparison of contracts reads it again before something is taken away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

LEAST_DAYS = 90
"""How long clients have at the least."""

_SAID = re.compile(r"Since (\d{4}-\d\d-\d\d)\. Use `([\w.(:)]+)`\. It may go after (\d{4}-\d\d-\d\d)\.")


@dataclass(frozen=True, slots=True)
class Deprecation:
    """One thing that is on its way out."""

    since: date
    until: date
    """The last day on which it is promised."""

    use: str
    """What takes its place: a field beside it, or a coordinate such as `Invoice.total` or `Role.ADMIN`."""

    @property
    def reason(self) -> str:
        """The sentences that the graph carries."""
        return f"Since {self.since}. Use `{self.use}`. It may go after {self.until}."

    def over(self, today: date) -> bool:
        """Whether it may be taken away."""
        return today > self.until


def deprecation(since: str, until: str, use: str) -> Deprecation:
    """A deprecation, whose days are written as in `2026-01-31`; clients have at least 90 of them."""
    made = Deprecation(date.fromisoformat(since), date.fromisoformat(until), use)
    assert (made.until - made.since).days >= LEAST_DAYS, (
        f"clients need {LEAST_DAYS} days to stop using what {use} replaces"
    )
    assert read(made.reason) == made, f"{use} is no name of a field"
    return made


def read(reason: str | None) -> Deprecation | None:
    """What the sentences of a schema say; None where nothing is deprecated, or in other words."""
    found = _SAID.fullmatch(reason or "")
    return Deprecation(date.fromisoformat(found[1]), date.fromisoformat(found[3]), found[2]) if found else None
