"""Early fraud warnings: what banks were told of a payment before anybody disputes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from payments.rail.line import Line
from payments.rail.values import Body, instant, named

_PAGE, _PAGES = 100, 20


@dataclass(frozen=True, slots=True)
class Warned:
    """A bank was told that a charge is fraud."""

    id: str
    charge: str
    intent: str | None
    kind: str
    """What it was told: made_with_stolen_card, unauthorized_use_of_card and the like."""

    actionable: bool
    """Whether a refund may still avert a dispute: it was neither refunded nor disputed."""

    created: datetime | None = None

    @classmethod
    def from_body(cls, body: Body) -> Warned:
        """Read Stripe's `radar.early_fraud_warning`."""
        return cls(
            id=body["id"],
            charge=str(named(body["charge"])),
            intent=named(body.get("payment_intent")),
            kind=body.get("fraud_type") or "misc",
            actionable=bool(body.get("actionable")),
            created=instant(body.get("created")),
        )


@dataclass(frozen=True, slots=True)
class Fraud:
    """Early fraud warnings, over one line."""

    line: Line

    async def since(self, moment: datetime, *, urgent: bool = False) -> AsyncIterator[Warned]:
        """The warnings since an instant, the newest first. Raises RailError."""
        given: dict[str, Any] = {"created": {"gte": int(moment.timestamp())}, "limit": _PAGE}
        service = self.line.v1.radar.early_fraud_warnings
        for _ in range(_PAGES):
            asked: Any = dict(given)
            told = await self.line.call(
                "early_fraud_warnings.list",
                lambda options, asked=asked: service.list_async(asked, options),  # type: ignore[misc] # a default binds it
                urgent=urgent,
            )
            for body in told["data"]:
                yield Warned.from_body(body)
            if not told["has_more"]:
                return
            given["starting_after"] = told["data"][-1]["id"]
