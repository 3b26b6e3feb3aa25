"""Ids: Stripe's prefixes and 24 characters, random, or repeatable from a seed."""

from __future__ import annotations

from random import Random, SystemRandom
from string import ascii_letters, digits

_ALPHABET = digits + ascii_letters

PREFIXES = {
    "balance_transaction": "txn_",
    "charge": "ch_",
    "customer": "cus_",
    "customer_balance_transaction": "cbtxn_",
    "dispute": "du_",
    "event": "evt_",
    "file": "file_",
    "invoice_payment": "inpay_",
    "mandate": "mandate_",
    "payment_intent": "pi_",
    "payment_method": "pm_",
    "payment_method_configuration": "pmc_",
    "payout": "po_",
    "radar.early_fraud_warning": "issfr_",
    "refund": "re_",
    "setup_intent": "seti_",
    "tax_id": "txi_",
    "webhook_endpoint": "we_",
}


class Ids:
    """The source of ids, secrets and chances.

    With a seed it repeats itself after `boot`, the number of times the sandbox
    was started on its database, so that a restart makes no id twice.
    """

    def __init__(self, seed: int | None = None, boot: int = 0) -> None:
        self.random: Random = SystemRandom() if seed is None else Random(f"{seed}:{boot}")  # noqa: S311 - a seed is asked for

    def text(self, length: int = 24) -> str:
        """Letters and digits."""
        return "".join(self.random.choices(_ALPHABET, k=length))

    def of(self, kind: str) -> str:
        """A new id of an object kind."""
        return PREFIXES[kind] + self.text()
