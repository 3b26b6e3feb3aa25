"""Retries: what follows when a payment is declined (LAW 31).

Some declines say that this payment method is never to be charged again, some that
the customer has something to do, some that another day may bring the money, and
some that nothing but a machine was in the way. Card networks count the tries at a
card besides. Whatever is not known here is tried again on another day, for banks
find new words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class DeclineClass(StrEnum):
    """What follows a decline."""

    NEVER = "never"
    """This payment method is not charged again: the customer chooses another one."""

    ASK = "ask"
    """The customer has something to confirm or to correct; it is not charged by itself before that."""

    SCHEDULE = "schedule"
    """It is charged again on another day."""

    TECHNICAL = "technical"
    """Nobody said no, the answer could not be had: it is charged again within hours."""


_STRICTER = (DeclineClass.NEVER, DeclineClass.ASK, DeclineClass.TECHNICAL, DeclineClass.SCHEDULE)

_REASONS: Mapping[DeclineClass, frozenset[str]] = {
    DeclineClass.NEVER: frozenset(
        {
            "account_closed",
            "authorization_revoked",
            "debit_not_authorized",
            "expired_card",
            "fraudulent",
            "highest_risk_level",
            "incorrect_number",
            "invalid_account",
            "invalid_number",
            "lost_card",
            "merchant_blacklist",
            "no_account",
            "payment_intent_mandate_invalid",
            "payment_method_detached",
            "payment_method_revoked",
            "pickup_card",
            "restricted_card",
            "revocation_of_all_authorizations",
            "revocation_of_authorization",
            "security_violation",
            "stolen_card",
            "stop_payment_order",
            "testmode_decline",
            "transaction_not_allowed",
        }
    ),
    DeclineClass.ASK: frozenset(
        {
            "authentication_not_handled",
            "authentication_required",
            "card_not_supported",
            "currency_not_supported",
            "incorrect_address",
            "incorrect_cvc",
            "incorrect_pin",
            "incorrect_zip",
            "invalid_cvc",
            "invalid_expiry_month",
            "invalid_expiry_year",
            "mandate_required",
            "offline_pin_required",
            "online_or_offline_pin_required",
            "payment_intent_authentication_failure",
            "setup_intent_authentication_failure",
        }
    ),
    DeclineClass.TECHNICAL: frozenset(
        {
            "issuer_not_available",
            "lock_timeout",
            "processing_error",
            "rate_limit",
            "reenter_transaction",
            "try_again_later",
        }
    ),
}
"""The rest is for another day."""

_ADVICE: Mapping[str, DeclineClass] = {
    "do_not_try_again": DeclineClass.NEVER,
    "confirm_card_data": DeclineClass.ASK,
    "try_again_later": DeclineClass.SCHEDULE,
}

_HIDDEN = frozenset({"lost_card", "stolen_card", "pickup_card", "fraudulent", "merchant_blacklist"})
"""Whoever holds the card may be the thief."""

_SHOWN = "generic_decline"

_FEW = frozenset({"service_not_allowed", "call_issuer", "do_not_honor", "approve_with_id"})
"""The bank means the card rather than the day; yet it may change its mind."""

_FEW_TRIES = 4


class Instrument(StrEnum):
    """What kind of instrument was charged, as far as its rules differ."""

    CARD = "card"
    """A card, or whatever follows a card's rules."""

    ACH = "us_bank_account"
    """A debit in the United States: what was not covered may be debited twice more in 14 days."""

    DEBIT = "debit"
    """Another debit, such as SEPA's: what came back is not debited again by itself."""


_DEBITS = {"us_bank_account": Instrument.ACH, "sepa_debit": Instrument.DEBIT}
_ACH_REASON, _ACH_TRIES, _ACH_WITHIN = "insufficient_funds", 3, timedelta(days=14)


@dataclass(frozen=True, slots=True)
class NetworkLimit:
    """How often a network lets us ask for one card."""

    brand: str
    most: int
    within: timedelta


NETWORK_LIMITS = (
    NetworkLimit("visa", 20, timedelta(days=30)),
    NetworkLimit("mastercard", 10, timedelta(hours=24)),
    NetworkLimit("mastercard", 35, timedelta(days=30)),
)
COUNTED = max(limit.within for limit in NETWORK_LIMITS)
"""How far back tries count."""


def instrument(kind: str) -> Instrument:
    """Whose rules a kind of payment method follows."""
    return _DEBITS.get(kind, Instrument.CARD)


def classify(code: str | None, reason: str | None, advice: str | None) -> DeclineClass:
    """What follows a decline, by the rail's code, the bank's reason and its advice; the strictest of them holds."""
    told = {_class_of(said) for said in (code, reason) if said}
    if advice and advice in _ADVICE:
        told.add(_ADVICE[advice])
    return next((one for one in _STRICTER if one in told), DeclineClass.SCHEDULE)


def follows(
    code: str | None, reason: str | None, advice: str | None, *, kind: str, tries: int, since_first: timedelta
) -> DeclineClass:
    """What follows the last of so many tries at one method for one debt, by the rules of its kind.

    `since_first` is how long ago the first of these tries was.
    """
    found = classify(code, reason, advice)
    if found in {DeclineClass.NEVER, DeclineClass.ASK}:
        return found
    match instrument(kind):
        case Instrument.DEBIT:
            return DeclineClass.ASK
        case Instrument.ACH:
            may = reason == _ACH_REASON and tries < _ACH_TRIES and since_first < _ACH_WITHIN
            return found if may else DeclineClass.ASK
    return DeclineClass.ASK if reason in _FEW and tries >= _FEW_TRIES else found


def shown(reason: str | None) -> str | None:
    """The reason as a customer is told it: not that the card counts as stolen."""
    return _SHOWN if reason in _HIDDEN else reason


def allowed_from(brand: str, tries: Iterable[datetime], at: datetime) -> datetime:
    """The first instant from `at` on at which the networks let us try a card that was tried at these instants."""
    made = sorted(tries)
    return max((_within(limit, made, at) for limit in NETWORK_LIMITS if limit.brand == brand.lower()), default=at)


def _within(limit: NetworkLimit, made: list[datetime], at: datetime) -> datetime:
    """The try that has to be out of sight first is the last but `most - 1`."""
    return max(at, made[-limit.most] + limit.within) if len(made) >= limit.most else at


def _class_of(said: str) -> DeclineClass:
    return next((one for one, reasons in _REASONS.items() if said in reasons), DeclineClass.SCHEDULE)
