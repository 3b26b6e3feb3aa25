"""Pages of what the rail lists, newest first: each says from where the next one goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from payments.rail.values import Body

LONGEST = 100
"""How many rows a page has at the most."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list."""

    rows: tuple[Row, ...]
    after: str | None
    """From where the next page goes on; None on the last one."""


def asked(since: datetime | None, until: datetime | None, after: str | None, **further: Any) -> dict[str, Any]:
    """What a page is asked for with: made in a span, behind a row."""
    given: dict[str, Any] = {"limit": LONGEST, **further}
    if since is not None and until is not None:
        # The rail counts whole seconds, and the last one has not ended yet.
        given["created"] = {"gte": int(since.timestamp()), "lte": int(until.timestamp())}
    return given | ({"starting_after": after} if after else {})


def page(told: Mapping[str, Any], read: Callable[[Body], Row]) -> Page[Row]:
    """Read Stripe's `list`."""
    rows = told["data"]
    after = rows[-1]["id"] if told["has_more"] and rows else None
    return Page(tuple(read(body) for body in rows), after)
