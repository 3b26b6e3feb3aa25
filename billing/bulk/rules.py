"""What a bulk export goes through, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from kernel.errors import InvalidInput, Problem

KEPT = timedelta(days=7)
"""How long the lines of an export can be fetched."""

AT_ONCE = 3
"""How many exports of one person may run at a time."""

BYTES = 2 * 1024**3
"""The most bytes that an export writes."""

LONGEST = 20_000
"""Characters of a document to export."""


def insist_on_text(document: str) -> None:
    """Refuse what can't be kept. Raises InvalidInput."""
    if len(document) > LONGEST or "\x00" in document:
        raise InvalidInput(f"A document to export is at most {LONGEST:,} characters, and none of them is NUL.")


class BulkExportState(StrEnum):
    """Where an export is in its life."""

    RUNNING = "running"
    """Is written, a page at a time."""

    DONE = "done"
    """Is whole, and can be fetched."""

    FAILED = "failed"
    """Came to an end before it was whole; what it had written is gone."""

    STOPPED = "stopped"
    """Somebody stopped it; what it had written is gone."""

    EXPIRED = "expired"
    """Was whole, and its lines are gone, seven days later."""


@dataclass(eq=False)
class NotExportable(Problem):
    """The document is no list that can be taken home whole."""

    says = "This can't be exported: {why}"
    why: str
    """What is wrong with it, and what to do."""


@dataclass(eq=False)
class TooManyExports(Problem):
    """The person has as many exports running as they may."""

    says = "{running} exports of yours are running. Wait until one is done, or stop one."
    running: int
    """How many run."""


@dataclass(eq=False)
class ExportOver(Problem):
    """The export is over already."""

    says = "This export is {state} already. There is nothing left to stop."
    state: str
    """What has become of it."""
