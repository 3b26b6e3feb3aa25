"""Currencies: which amounts Stripe takes. The figures are those of its currency page."""

from __future__ import annotations

from fractions import Fraction

from kernel.errors import InvalidInput
from kernel.money import exponent, rounded
from payments.sandbox.refusals import invalid

_THREE_DECIMALS = {"bhd", "jod", "kwd", "omr", "tnd"}
_SENT_WITH_TWO_DECIMALS = {"isk", "ugx"}
_MOST = 99_999_999
_MOST_OF = {"idr": 999_999_999_999}
_LEAST = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip

_FIXED_FEE = {"usd": 30, "eur": 25, "gbp": 20}
_CARD_FEE = Fraction(29, 1000)
_ACH_FEE, _ACH_MOST, _SEPA_FEE = Fraction(8, 1000), 500, 35


def check_charge(amount: int, currency: str) -> None:
    """Refuse an amount that Stripe doesn't charge in this currency."""
    check_currency(currency)
    if amount < _LEAST.get(currency, 1):
        raise invalid("The amount is below the minimum charge of the currency.", "amount", "amount_too_small")
    if amount > _MOST_OF.get(currency, _MOST):
        raise invalid("The amount is above the maximum charge of the currency.", "amount", "amount_too_large")
    if currency in _THREE_DECIMALS and amount % 10:
        raise invalid("Amounts in three-decimal currencies must end in 0.", "amount", "parameter_invalid_integer")
    if currency in _SENT_WITH_TWO_DECIMALS and amount % 100:
        raise invalid(f"Amounts in {currency} must be divisible by 100.", "amount", "parameter_invalid_integer")


def check_currency(currency: str) -> None:
    """Refuse a currency that doesn't exist, or isn't written in lower case."""
    try:
        known = currency.islower() and exponent(currency.upper()) >= 0
    except InvalidInput:
        known = False
    if not known:
        raise invalid(f"Invalid currency: {currency}.", "currency", "parameter_invalid_string")


def fee(amount: int, currency: str, method: str) -> int:
    """What Stripe keeps of a charge, in minor units: invented rates, near the published ones."""
    match method:
        case "sepa_debit":
            return _SEPA_FEE
        case "us_bank_account":
            return min(rounded(amount * _ACH_FEE), _ACH_MOST)
    fixed = _FIXED_FEE.get(currency, 0 if exponent(currency.upper()) == 0 else 30)
    return rounded(amount * _CARD_FEE) + fixed


def settled(amount: int, currency: str, into: str, rate: Fraction) -> int:
    """An amount in the currency it is settled in, in that currency's minor units."""
    shift = exponent(into.upper()) - exponent(currency.upper())
    return rounded(amount * rate * Fraction(10) ** shift)
