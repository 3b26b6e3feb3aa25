"""Open invoices in an import: collected by Stripe no more, looked at once more there, and brought over then."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from billing.importing import taking
from billing.importing.copying import NotCopied, copied
from billing.importing.deciding import Owed
from kernel.work import Work
from payments.rail.errors import Refused
from payments.rail.invoice_values import INSTALLATION, TheirInvoice
from payments.rail.opening import Rail


@dataclass(slots=True)
class Carried:
    """An open invoice that comes over, came, or stays."""

    theirs: TheirInvoice
    ours: int | None = None
    """Its number, once it is here."""

    is_new: bool = False
    why: str = ""
    """Why it stays at Stripe."""

    @property
    def comes(self) -> bool:
        """Whether it is to be brought over, and was not yet."""
        return self.ours is None and not self.why


def carried(owed: Owed) -> Carried:
    """An invoice that was decided about."""
    return Carried(owed.theirs, why=owed.why)


@dataclass(frozen=True, slots=True)
class Taking:
    """What is needed to take invoices over."""

    line: Rail
    now: datetime
    begin: Callable[[], AbstractAsyncContextManager[Work]]

    async def take(self, account_id: int, each: Carried) -> None:
        """Bring an invoice over; one that was paid there meanwhile, or is about to be, stays. Raises RailError.

        Stripe is told to collect it no more before it is read for the last time, so whoever is
        killed in between leaves an invoice that nobody collects until the import is repeated.
        One that can't come over after all is collected there again.
        """
        if each.theirs.marks.get(INSTALLATION) not in {None, self.line.installation}:
            each.why = "Another installation collects it."
            return
        await self._hold_off(each.theirs)
        each.theirs = await self.line.invoices.whole(each.theirs.id)
        try:
            copy = copied(each.theirs)
        except NotCopied as why:
            each.why = str(why)
            if each.theirs.status == "open":
                each.theirs = await self.line.invoices.collect(each.theirs.id, key=self._key("collect", each.theirs))
            return
        if each.theirs.collects:
            each.why = "Stripe still collects it: import again later."
            return
        async with self.begin() as work, work.transaction():
            each.ours = await taking.take(work, account_id, each.theirs, copy)
        each.is_new = True

    async def _hold_off(self, theirs: TheirInvoice) -> None:
        if not theirs.collects and theirs.marks.get(INSTALLATION) == self.line.installation:
            return
        try:
            await self.line.invoices.hold_off(theirs.id, self.line.installation, key=self._key("hold", theirs))
        except Refused:
            # It was closed there a moment ago, as whoever reads it next sees.
            return

    def _key(self, what: str, theirs: TheirInvoice) -> str:
        return f"{self.line.installation}-{what}-{theirs.id}-{self.now.timestamp():.0f}"
