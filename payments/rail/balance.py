"""What moves our balance at the rail, and what of it goes to our bank."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kernel.money import Money
from payments.rail.currencies import received
from payments.rail.line import Line
from payments.rail.pages import Page, asked, page
from payments.rail.values import BalanceTransaction, Body, instant


@dataclass(frozen=True, slots=True)
class Payout:
    """Money on its way from the rail to our bank."""

    id: str
    state: str
    """pending, in_transit, paid, failed or canceled."""

    amount: Money
    automatic: bool = True
    """Whether the rail says what it is made of; of one that was asked for it does not."""

    itemized: bool = False
    """Whether what it is made of is final."""

    transaction: str | None = None
    arrives_at: datetime | None = None
    created: datetime | None = None

    @classmethod
    def from_body(cls, body: Body) -> Payout:
        """Read Stripe's `payout`."""
        return cls(
            id=body["id"],
            state=body["status"],
            amount=received(body["amount"], body["currency"]),
            automatic=bool(body.get("automatic")),
            itemized=body.get("reconciliation_status") == "completed",
            transaction=body.get("balance_transaction"),
            arrives_at=instant(body.get("arrival_date")),
            created=instant(body.get("created")),
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """Balance transactions and payouts, over one line."""

    line: Line

    async def transaction(self, transaction: str, *, urgent: bool = False) -> BalanceTransaction:
        """A balance transaction, with its fee. Raises RailError."""
        service = self.line.v1.balance_transactions
        told = await self.line.call(
            "balance_transactions.retrieve",
            lambda options: service.retrieve_async(transaction, {}, options),
            urgent=urgent,
        )
        return BalanceTransaction.from_body(told)

    async def moved(
        self, since: datetime, until: datetime, after: str | None = None, *, urgent: bool = False
    ) -> Page[BalanceTransaction]:
        """What moved our balance in a span, newest first. Raises RailError."""
        return await self._transactions(asked(since, until, after), urgent=urgent)

    async def paid_out_by(
        self, payout: str, after: str | None = None, *, urgent: bool = False
    ) -> Page[BalanceTransaction]:
        """What an automatic payout is made of, itself among it. Raises RailError."""
        return await self._transactions(asked(None, None, after, payout=payout), urgent=urgent)

    async def payouts(
        self, since: datetime, until: datetime, after: str | None = None, *, urgent: bool = False
    ) -> Page[Payout]:
        """The payouts that were begun in a span, newest first. Raises RailError."""
        given: Any = asked(since, until, after)
        service = self.line.v1.payouts
        told = await self.line.call("payouts.list", lambda options: service.list_async(given, options), urgent=urgent)
        return page(told, Payout.from_body)

    async def payout(self, payout: str, *, urgent: bool = False) -> Payout:
        """A payout as it is now. Raises RailError."""
        service = self.line.v1.payouts
        told = await self.line.call(
            "payouts.retrieve", lambda options: service.retrieve_async(payout, {}, options), urgent=urgent
        )
        return Payout.from_body(told)

    async def _transactions(self, given: Any, *, urgent: bool) -> Page[BalanceTransaction]:
        service = self.line.v1.balance_transactions
        told = await self.line.call(
            "balance_transactions.list", lambda options: service.list_async(given, options), urgent=urgent
        )
        return page(told, BalanceTransaction.from_body)
