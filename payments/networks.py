"""Networks: how often a card may be tried, over everybody whose card it is (LAW 31)."""

from __future__ import annotations

from datetime import datetime

from kernel.work import Work
from payments import retries
from payments.tables import PaymentMethod

TRIED_TOO_OFTEN = "card_tried_too_often"
"""What a try is refused with that a network would fine us for."""


async def allowed_from(work: Work, method: PaymentMethod) -> datetime:
    """The first instant at which a payment method may be tried again.

    Whoever asks inside the transaction that sends a try takes turns with all others at that card.
    """
    if method.fingerprint is None:
        return work.now
    await work.execute("select pg_advisory_xact_lock(hashtextextended($1, 31))", method.fingerprint)
    since = work.now - retries.COUNTED
    rows = await work.fetch("select at from card_tries($1, $2) as at", method.fingerprint, since)
    return retries.allowed_from(method.brand, [row["at"] for row in rows], work.now)
