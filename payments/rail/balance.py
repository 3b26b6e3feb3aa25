"""What moves our balance at the rail."""

from __future__ import annotations

from dataclasses import dataclass

from payments.rail.line import Line
from payments.rail.values import BalanceTransaction


@dataclass(frozen=True, slots=True)
class Balance:
    """Balance transactions, over one line."""

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
