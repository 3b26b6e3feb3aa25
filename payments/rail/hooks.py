"""Where the rail posts its events to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from payments.rail.line import Line
from payments.rail.values import VERSION

EVENTS = (
    "payment_intent.created",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.succeeded",
    "charge.failed",
    "charge.pending",
    "charge.refunded",
    "charge.updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "setup_intent.succeeded",
    "setup_intent.setup_failed",
    "setup_intent.canceled",
    "payment_method.detached",
    "payment_method.updated",
    "payment_method.automatically_updated",
    "mandate.updated",
    "customer.deleted",
    "radar.early_fraud_warning.created",
    "radar.early_fraud_warning.updated",
    "invoice.paid",
    "payout.created",
    "payout.updated",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
    "payout.reconciliation_completed",
)
"""What we want to hear of."""

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Hooks:
    """Webhook endpoints, over one line."""

    line: Line

    async def listen(self, url: str, installation: str) -> str:
        """Have the rail post to this address from now on, and to no other of this installation; the signing secret."""
        service = self.line.v1.webhook_endpoints
        listing: Any = {"limit": _PAGE}
        told = await self.line.call("webhook_endpoints.list", lambda options: service.list_async(listing, options))
        for known in told["data"]:
            if (known.get("metadata") or {}).get("gw_installation") == installation:
                await self._forget(known["id"])
        given: Any = {
            "url": url,
            "enabled_events": list(EVENTS),
            "api_version": VERSION,
            "metadata": {"gw_installation": installation},
        }
        made = await self.line.call("webhook_endpoints.create", lambda options: service.create_async(given, options))
        return str(made["secret"])

    async def _forget(self, endpoint: str) -> None:
        service = self.line.v1.webhook_endpoints
        await self.line.call("webhook_endpoints.delete", lambda options: service.delete_async(endpoint, {}, options))
