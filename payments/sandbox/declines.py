"""Declines: what a bank answers when it says no, with its advice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decline:
    """One way of being declined, in the words of Stripe's errors."""

    code: str
    decline_code: str | None
    message: str
    advice: str | None = None
    network_code: str | None = None


_NO = "Your card was declined."
_RETRY, _NEVER, _CONFIRM = "try_again_later", "do_not_try_again", "confirm_card_data"


def _card(decline_code: str, advice: str | None, network_code: str | None, message: str = _NO) -> Decline:
    return Decline("card_declined", decline_code, message, advice, network_code)


DECLINES = {
    "generic_decline": _card("generic_decline", _RETRY, "01"),
    "insufficient_funds": _card("insufficient_funds", _RETRY, "51", "Your card has insufficient funds."),
    "lost_card": _card("lost_card", _NEVER, "41"),
    "stolen_card": _card("stolen_card", _NEVER, "43"),
    "pickup_card": _card("pickup_card", _NEVER, "04"),
    "card_velocity_exceeded": _card(
        "card_velocity_exceeded",
        _RETRY,
        "65",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    ),
    "withdrawal_count_limit_exceeded": _card("withdrawal_count_limit_exceeded", _RETRY, "65"),
    "do_not_honor": _card("do_not_honor", _RETRY, "05"),
    "try_again_later": _card("try_again_later", _RETRY, "19"),
    "issuer_not_available": _card("issuer_not_available", _RETRY, "91"),
    "reenter_transaction": _card("reenter_transaction", _RETRY, "19"),
    "approve_with_id": _card("approve_with_id", _RETRY, "08"),
    "call_issuer": _card("call_issuer", _RETRY, "02"),
    "service_not_allowed": _card("service_not_allowed", _RETRY, "57"),
    "transaction_not_allowed": _card("transaction_not_allowed", _NEVER, "57"),
    "invalid_account": _card("invalid_account", _NEVER, "14"),
    "revocation_of_authorization": _card("revocation_of_authorization", _NEVER, "R1"),
    "revocation_of_all_authorizations": _card("revocation_of_all_authorizations", _NEVER, "R3"),
    "duplicate_transaction": _card("duplicate_transaction", None, "94"),
    "currency_not_supported": _card("currency_not_supported", None, "12", "Your card does not support this currency."),
    "card_not_supported": _card("card_not_supported", None, "12", "Your card does not support this type of purchase."),
    "fraudulent": _card("fraudulent", _NEVER, None),
    "merchant_blacklist": _card("merchant_blacklist", _NEVER, None),
    "highest_risk_level": _card("highest_risk_level", _NEVER, None),
    "expired_card": Decline("expired_card", "expired_card", "Your card has expired.", _CONFIRM, "54"),
    "incorrect_cvc": Decline(
        "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", _CONFIRM, "N7"
    ),
    "incorrect_number": Decline(
        "incorrect_number", "incorrect_number", "Your card number is incorrect.", _CONFIRM, "14"
    ),
    "incorrect_zip": Decline("incorrect_zip", "incorrect_zip", "Your card's postal code is incorrect.", _CONFIRM, None),
    "processing_error": Decline(
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
        _RETRY,
        "96",
    ),
    "authentication_required": Decline(
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
    ),
    "test_mode_live_card": _card(
        "test_mode_live_card",
        None,
        None,
        "Your card was declined. Your request was in test mode, but used a non test card.",
    ),
}

_BANK_NO = {
    "account_closed": "The customer's bank account has been closed.",
    "no_account": "The bank account could not be located.",
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "debit_not_authorized": "The customer has notified their bank that this payment was unauthorized.",
    "generic_could_not_process": "The payment could not be processed by the customer's bank.",
    "charge_exceeds_source_limit": "The amount takes the account above its weekly payment volume limit.",
    "charge_exceeds_weekly_limit": "The amount exceeds the account's transaction volume limit.",
    "invalid_currency": "The bank account can't be charged in this currency.",
}

BANK_DECLINES = {
    reason: Decline("payment_intent_payment_attempt_failed", reason, text) for reason, text in _BANK_NO.items()
}
"""Why a debit came back: the charge's `failure_code` is the decline code."""
