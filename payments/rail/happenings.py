"""What has happened at the rail, as it would have told us: kept there for 30 days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from payments.rail.line import Line
from payments.rail.pages import Page, asked, page
from payments.rail.values import Body

KEPT = timedelta(days=30)
"""How long the rail keeps its events."""


@dataclass(frozen=True, slots=True)
class Happenings:
    """Events, over one line."""

    line: Line

    async def told(
        self, since: datetime, until: datetime, after: str | None = None, *, urgent: bool = False
    ) -> Page[Body]:
        """The events of a span, newest first, as a webhook brings them. Raises RailError."""
        given: Any = asked(since, until, after)
        service = self.line.v1.events
        told = await self.line.call("events.list", lambda options: service.list_async(given, options), urgent=urgent)
        return page(told, dict)
