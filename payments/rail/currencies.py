"""Currencies as Stripe has them: which amounts it takes, and in which units it writes them.

Ours are ISO 4217's minor units. Stripe writes Icelandic krónur and Ugandan shillings,
which have none, with two decimals that are zero; Malagasy ariary, which have two,
without; and of currencies with three it wants the last to be zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from kernel.errors import Problem
from kernel.money import Money, rounded

_WITH_TWO_MORE = {"ISK", "UGX"}
_WITH_TWO_FEWER = {"MGA"}
_ENDING_IN_ZERO = {"BHD", "JOD", "KWD", "OMR", "TND"}
_CENTS = 100
_STEPS = {**dict.fromkeys(_ENDING_IN_ZERO, 10), **dict.fromkeys(_WITH_TWO_FEWER, _CENTS)}
"""In which steps of our minor units Stripe charges, where that is not one by one."""

_MOST = 99_999_999
_MOST_OF = {"IDR": 999_999_999_999}
_LEAST = {
    "AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250, "EUR": 50,
    "GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50,
    "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000, "USD": 50,
}  # fmt: skip
"""The least charge of each currency that Stripe settles in, in its own units."""


@dataclass(eq=False)
class AmountNotChargeable(Problem):
    """The amount is one that the rail doesn't charge."""

    says = "{amount} can't be charged by card or debit: {why}"
    amount: str
    """The amount, for people."""

    why: str
    """What would do instead."""


def sent(amount: Money) -> int:
    """The amount as Stripe writes it. Raises AmountNotChargeable for what it can't write."""
    if amount.currency in _WITH_TWO_MORE:
        return amount.minor * _CENTS
    if amount.currency in _WITH_TWO_FEWER:
        if amount.minor % _CENTS:
            raise AmountNotChargeable(amount.text, "it is not a whole number of the currency's units.")
        return amount.minor // _CENTS
    if amount.currency in _ENDING_IN_ZERO and amount.minor % 10:
        raise AmountNotChargeable(amount.text, "its last decimal has to be zero.")
    return amount.minor


def received(minor: int, currency: str) -> Money:
    """The amount that Stripe writes so."""
    currency = currency.upper()
    if currency in _WITH_TWO_MORE:
        # A charge has no parts of a unit; a fee may, and is told to the nearest.
        return Money(rounded(Fraction(minor, _CENTS)), currency)
    return Money(minor * _CENTS if currency in _WITH_TWO_FEWER else minor, currency)


def exact(minor: Fraction, currency: str) -> Fraction:
    """A part of an amount that Stripe writes so, in our minor units; a price may be less than one of them."""
    currency = currency.upper()
    if currency in _WITH_TWO_MORE:
        return minor / _CENTS
    return minor * _CENTS if currency in _WITH_TWO_FEWER else minor


def chargeable(amount: Money) -> Money:
    """The part of an amount that Stripe charges: in its own units, and nothing of what is below its least."""
    part = replace(amount, minor=amount.minor - amount.minor % _STEPS.get(amount.currency, 1))
    return part if sent(part) >= _LEAST.get(amount.currency, 1) else replace(amount, minor=0)


def check_chargeable(amount: Money) -> int:
    """The amount as Stripe writes it, if it charges so much. Raises AmountNotChargeable."""
    minor = sent(amount)
    least, most = _LEAST.get(amount.currency, 1), _MOST_OF.get(amount.currency, _MOST)
    if minor < least:
        raise AmountNotChargeable(amount.text, f"the least is {received(least, amount.currency).text}.")
    if minor > most:
        whole = most - most % _CENTS if amount.currency in _WITH_TWO_MORE else most
        raise AmountNotChargeable(amount.text, f"the most is {received(whole, amount.currency).text}. Pay in parts.")
    return minor
