"""Instruments: what a test card, IBAN or bank account does when it is used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dispute:
    """The dispute that follows a charge."""

    reason: str = "fraudulent"
    network_reason_code: str = "10.4"
    case: str = "chargeback"
    """`chargeback`, `inquiry` or `compliance`."""
    parts: int = 1
    """Over how many disputes the amount is spread."""
    eligible: tuple[str, ...] = ()
    """Which enhanced evidence the network takes."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """How a test payment method behaves. Its name is Stripe's token without the prefix."""

    name: str
    number: str
    type: str = "card"
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    declines: str | None = None
    """The decline that every charge meets, or every debit's result."""
    attaches: bool = True
    """Whether it can be saved to a customer; Stripe refuses most declining cards there already."""
    authentication: str = ""
    """When the payer must authenticate: `unless set up`, `on session`, `always`, or never."""
    disputes: Dispute | None = None
    warns: bool = False
    """Whether an early fraud warning follows the charge."""
    refund: str = "succeeds"
    """`succeeds`, `pends` or `fails`."""
    available_at_once: bool = False
    risk: str = "normal"
    slow: bool = False
    """Whether a debit's result takes the longer delay."""
    settles: bool = True
    """Whether a debit ever gets a result."""
