"""Availability: which payment methods an account may use, by its country and currency.

Pure, and no more than the rail allows; what the rail's own account has turned off is
found out when somebody tries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from payments.states import PaymentMethodKind

Kind = PaymentMethodKind

_SEPA = frozenset({
    "AD", "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GG", "GI", "GR",
    "HR", "HU", "IE", "IM", "IS", "IT", "JE", "LI", "LT", "LU", "LV", "MC", "MT", "NL", "NO", "PL", "PT",
    "RO", "SE", "SI", "SK", "SM", "VA",
})  # fmt: skip
"""Where bank accounts can be debited by SEPA."""

_LINK = frozenset({"USD", "EUR", "GBP", "CAD", "AUD", "CHF", "DKK", "NOK", "SEK", "NZD", "JPY", "SGD", "HKD"})
_TRANSFERS = frozenset({"USD", "EUR", "GBP", "JPY", "MXN"})


@dataclass(frozen=True, slots=True)
class PaymentMethodOption:
    """A kind of payment method that an account may use."""

    kind: PaymentMethodKind
    saved: bool
    """Whether it can be saved, and is charged for renewals then."""

    wallets: tuple[str, ...] = ()
    days: int = 0
    """How many business days a payment by it may take at most."""


def available(country: str, currency: str) -> Sequence[PaymentMethodOption]:
    """What an account of this country may pay in this currency with; what suits best comes first."""
    options = [PaymentMethodOption(Kind.CARD, saved=True, wallets=("apple_pay", "google_pay"))]
    if currency in _LINK:
        options.append(PaymentMethodOption(Kind.LINK, saved=True))
    if currency == "EUR" and country in _SEPA:
        options.append(PaymentMethodOption(Kind.SEPA_DEBIT, saved=True, days=14))
    if currency == "USD" and country == "US":
        options.append(PaymentMethodOption(Kind.US_BANK_ACCOUNT, saved=True, days=4))
    if currency in _TRANSFERS:
        options.append(PaymentMethodOption(Kind.BANK_TRANSFER, saved=False, days=5))
    return options


def savable(country: str, currency: str) -> list[PaymentMethodKind]:
    """The kinds that can be saved."""
    return [option.kind for option in available(country, currency) if option.saved]
