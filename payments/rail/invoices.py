"""Invoices of Stripe Billing over one line: read as they are printed, held off, and closed there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from payments.rail.billing_values import TheirRate
from payments.rail.errors import Refused
from payments.rail.invoice_values import INSTALLATION, OURS, TheirInvoice, TheirLine, TheirPayment
from payments.rail.line import Act, Line
from payments.rail.patience import every, patiently


@dataclass(frozen=True, slots=True)
class Invoices:
    """Invoices of Stripe Billing. Reading gives way to interactive calls, and has patience."""

    line: Line

    async def open(self) -> AsyncIterator[TheirInvoice]:
        """Every invoice on which something is owed, without what `whole` adds. Raises RailError."""
        async for body in every(self.line, "invoices.list", self.line.v1.invoices.list_async, {"status": "open"}):
            yield TheirInvoice.from_body(body)

    async def look(self, invoice: str) -> TheirInvoice:
        """An invoice as it is now, with its payments and not with all of its lines. Raises RailError."""
        body = await patiently(
            self.line, "invoices.retrieve", lambda options: self.line.v1.invoices.retrieve_async(invoice, {}, options)
        )
        return replace(TheirInvoice.from_body(body), payments=await self._payments(invoice))

    async def whole(self, invoice: str) -> TheirInvoice:
        """An invoice as it is now, with all of its lines, their tax rates, and its payments. Raises RailError."""
        found = await self.look(invoice)
        lines = await self._lines(invoice) if found.more_lines else found.lines
        named = {tax.rate for line in lines for tax in line.taxes if tax.rate}
        rates = {rate: known for rate in sorted(named) if (known := await self._rate(rate))}
        return replace(found, lines=lines, more_lines=False, rates=rates)

    async def hold_off(self, invoice: str, ours: str, installation: str, *, key: str) -> TheirInvoice:
        """Have Stripe collect an invoice no more by itself, and say which one of ours it is. Raises RailError."""
        given: Any = {"auto_advance": False, "metadata": {INSTALLATION: installation, OURS: ours}}
        service = self.line.v1.invoices
        return await self._closed(
            "invoices.update", lambda options: service.update_async(invoice, given, options), key=key
        )

    async def paid_elsewhere(self, invoice: str, *, key: str) -> TheirInvoice:
        """Say that an invoice was paid past Stripe Billing, so that nobody can pay it there. Raises RailError."""
        service = self.line.v1.invoices
        return await self._closed(
            "invoices.pay", lambda options: service.pay_async(invoice, {"paid_out_of_band": True}, options), key=key
        )

    async def void(self, invoice: str, *, key: str) -> TheirInvoice:
        """Take an invoice back there. Raises RailError."""
        service = self.line.v1.invoices
        return await self._closed(
            "invoices.void.void_invoice", lambda options: service.void_invoice_async(invoice, {}, options), key=key
        )

    async def give_up(self, invoice: str, *, key: str) -> TheirInvoice:
        """Mark an invoice as a bad debt there. Raises RailError."""
        service = self.line.v1.invoices
        return await self._closed(
            "invoices.mark_uncollectible",
            lambda options: service.mark_uncollectible_async(invoice, {}, options),
            key=key,
        )

    async def _closed(self, operation: str, act: Act, *, key: str) -> TheirInvoice:
        return TheirInvoice.from_body(await self.line.call(operation, act, key=key, urgent=False))

    async def _lines(self, invoice: str) -> tuple[TheirLine, ...]:
        service = self.line.v1.invoices.line_items

        async def listed(given: Any, options: Any) -> Any:
            return await service.list_async(invoice, given, options)

        return tuple([TheirLine.from_body(body) async for body in every(self.line, "invoices.lines.list", listed, {})])

    async def _payments(self, invoice: str) -> tuple[TheirPayment, ...]:
        given = {"invoice": invoice, "expand": ["data.payment.payment_intent"]}
        found = every(self.line, "invoice_payments.list", self.line.v1.invoice_payments.list_async, given)
        return tuple([TheirPayment.from_body(body) async for body in found])

    async def _rate(self, rate: str) -> TheirRate | None:
        """A tax rate; None for one that Stripe doesn't tell."""
        service = self.line.v1.tax_rates
        try:
            body = await patiently(
                self.line, "tax_rates.retrieve", lambda options: service.retrieve_async(rate, {}, options)
            )
        except Refused:
            return None
        return TheirRate.from_body(body)
