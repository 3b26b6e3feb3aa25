"""Invoices of Stripe Billing over one line: read as they are printed, held off, and closed there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from payments.rail.billing_values import TheirRate
from payments.rail.errors import Refused
from payments.rail.invoice_values import INSTALLATION, TheirInvoice, TheirLine, TheirPayment
from payments.rail.line import Act, Line
from payments.rail.patience import every, patiently


@dataclass(frozen=True, slots=True)
class Invoices:
    """Invoices of Stripe Billing. Reading gives way to interactive calls, and has patience."""

    line: Line

    async def open(self) -> AsyncIterator[TheirInvoice]:
        """Every invoice on which something is owed, of its payments those that are under way. Raises RailError."""
        payments: dict[str, list[TheirPayment]] = defaultdict(list)
        async for payment in self._payments({"status": "open"}):
            payments[payment.invoice].append(payment)
        rates: dict[str, TheirRate | None] = {}
        async for body in every(self.line, "invoices.list", self.line.v1.invoices.list_async, {"status": "open"}):
            told = TheirInvoice.from_body(body)
            yield await self._completed(replace(told, payments=tuple(payments[told.id])), rates)

    async def look(self, invoice: str) -> TheirInvoice:
        """An invoice as it is now, with its payments and not with all of its lines. Raises RailError."""
        body = await patiently(
            self.line, "invoices.retrieve", lambda options: self.line.v1.invoices.retrieve_async(invoice, {}, options)
        )
        payments = tuple([each async for each in self._payments({"invoice": invoice})])
        return replace(TheirInvoice.from_body(body), payments=payments)

    async def whole(self, invoice: str) -> TheirInvoice:
        """An invoice as it is now, with all of its lines, their tax rates, and its payments. Raises RailError."""
        return await self._completed(await self.look(invoice), {})

    async def paid_by(self, intent: str) -> set[str]:
        """The invoices that a payment intent is for. Raises RailError."""
        of = {"type": "payment_intent", "payment_intent": intent}
        return {each.invoice async for each in self._payments({"payment": of})}

    async def collect(self, invoice: str, *, key: str) -> TheirInvoice:
        """Have Stripe collect an invoice by itself again, for nobody else does. Raises RailError."""
        given: Any = {"auto_advance": True, "metadata": {INSTALLATION: ""}}
        service = self.line.v1.invoices
        return await self._closed(
            "invoices.update", lambda options: service.update_async(invoice, given, options), key=key
        )

    async def hold_off(self, invoice: str, installation: str, *, key: str) -> TheirInvoice:
        """Have Stripe collect an invoice no more by itself, and say who collects it. Raises RailError."""
        given: Any = {"auto_advance": False, "metadata": {INSTALLATION: installation}}
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

    async def _completed(self, found: TheirInvoice, rates: dict[str, TheirRate | None]) -> TheirInvoice:
        """An invoice with all of its lines and the rates of its taxes, of which some may be known."""
        lines = await self._lines(found.id) if found.more_lines else found.lines
        named = sorted({tax.rate for line in lines for tax in line.taxes if tax.rate})
        for rate in named:
            if rate not in rates:
                rates[rate] = await self._rate(rate)
        told = {rate: known for rate in named if (known := rates[rate])}
        return replace(found, lines=lines, more_lines=False, rates=told)

    async def _lines(self, invoice: str) -> tuple[TheirLine, ...]:
        service = self.line.v1.invoices.line_items

        async def listed(given: Any, options: Any) -> Any:
            return await service.list_async(invoice, given, options)

        return tuple([TheirLine.from_body(body) async for body in every(self.line, "invoices.lines.list", listed, {})])

    async def _payments(self, of: dict[str, Any]) -> AsyncIterator[TheirPayment]:
        given = {**of, "expand": ["data.payment.payment_intent"]}
        async for body in every(self.line, "invoice_payments.list", self.line.v1.invoice_payments.list_async, given):
            yield TheirPayment.from_body(body)

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
