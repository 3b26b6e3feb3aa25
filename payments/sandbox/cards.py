"""Cards: Stripe's test numbers and tokens, and a token for every decline code."""

from __future__ import annotations

from payments.sandbox.declines import DECLINES
from payments.sandbox.instruments import Dispute, Instrument


def _declining(name: str, number: str, decline: str) -> Instrument:
    return Instrument(name, number, declines=decline, attaches=False)


_CARDS = [
    Instrument("visa", "4242424242424242"),
    Instrument("visa_debit", "4000056655665556", funding="debit"),
    Instrument("mastercard", "5555555555554444", brand="mastercard"),
    Instrument("mastercard_debit", "5200828282828210", brand="mastercard", funding="debit"),
    Instrument("mastercard_prepaid", "5105105105105100", brand="mastercard", funding="prepaid"),
    Instrument("amex", "378282246310005", brand="amex"),
    Instrument("discover", "6011111111111117", brand="discover"),
    Instrument("diners", "3056930009020004", brand="diners"),
    Instrument("jcb", "3566002020360505", brand="jcb", country="JP"),
    Instrument("unionpay", "6200000000000005", brand="unionpay", country="CN"),
    Instrument("gb", "4000008260000000", country="GB"),
    Instrument("de", "4000002760000016", country="DE"),
    Instrument("fr", "4000002500000003", country="FR"),
    _declining("visa_chargeDeclined", "4000000000000002", "generic_decline"),
    _declining("visa_chargeDeclinedInsufficientFunds", "4000000000009995", "insufficient_funds"),
    _declining("visa_chargeDeclinedLostCard", "4000000000009987", "lost_card"),
    _declining("visa_chargeDeclinedStolenCard", "4000000000009979", "stolen_card"),
    _declining("visa_chargeDeclinedVelocityLimitExceeded", "4000000000006975", "card_velocity_exceeded"),
    _declining("chargeDeclinedExpiredCard", "4000000000000069", "expired_card"),
    _declining("chargeDeclinedIncorrectCvc", "4000000000000127", "incorrect_cvc"),
    _declining("chargeDeclinedProcessingError", "4000000000000119", "processing_error"),
    _declining("chargeDeclinedIncorrectNumber", "4242424242424241", "incorrect_number"),
    Instrument("chargeCustomerFail", "4000000000000341", declines="generic_decline"),
    Instrument("radarBlock", "4100000000000019", declines="fraudulent", risk="highest"),
    Instrument("riskLevelHighest", "4000000000004954", declines="highest_risk_level", risk="highest"),
    Instrument("riskLevelElevated", "4000000000009235", risk="elevated"),
    Instrument("authenticationRequiredOnSetup", "4000002500003155", country="FR", authentication="unless set up"),
    Instrument("authenticationRequired", "4000002760003184", country="DE", authentication="always"),
    Instrument(
        "authenticationRequiredSetupForOffSession", "4000003800000446", country="IT", authentication="on session"
    ),
    Instrument(
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        "4000008260003178",
        country="GB",
        authentication="always",
        declines="insufficient_funds",
    ),
    Instrument("threeDSecure2Required", "4000000000003220", country="IE", authentication="always"),
    Instrument(
        "threeDSecureRequiredChargeDeclined", "4000008400001629", authentication="always", declines="generic_decline"
    ),
    Instrument("createDispute", "4000000000000259", disputes=Dispute()),
    Instrument("createDisputeProductNotReceived", "4000000000002685", disputes=Dispute("product_not_received", "13.1")),
    Instrument("createDisputeInquiry", "4000000000001976", disputes=Dispute(case="inquiry")),
    Instrument("createMultipleDisputes", "4000000404000079", disputes=Dispute(parts=2)),
    Instrument(
        "createCe3EligibleDispute", "4000000404000038", disputes=Dispute(eligible=("visa_compelling_evidence_3",))
    ),
    Instrument(
        "createComplianceDispute",
        "4000008400000779",
        disputes=Dispute("noncompliant", "98", "compliance", eligible=("visa_compliance",)),
    ),
    Instrument("createIssuerFraudRecord", "4000000000005423", warns=True),
    Instrument("pendingRefund", "4000000000007726", refund="pends"),
    Instrument("refundFail", "4000000000005126", refund="fails"),
    Instrument("bypassPending", "4000000000000077", available_at_once=True),
]

_SHORT = {
    "chargeDeclined": "visa_chargeDeclined",
    "chargeDeclinedInsufficientFunds": "visa_chargeDeclinedInsufficientFunds",
    "chargeDeclinedLostCard": "visa_chargeDeclinedLostCard",
    "chargeDeclinedStolenCard": "visa_chargeDeclinedStolenCard",
    "chargeDeclinedVelocityLimitExceeded": "visa_chargeDeclinedVelocityLimitExceeded",
    "us": "visa",
    "threeDSecureRequired": "threeDSecure2Required",
}

_BY_NAME = {card.name: card for card in _CARDS}
_OWN = [Instrument(f"declines_{code}", "4000000000000341", declines=code) for code in DECLINES]

BY_TOKEN = (
    {f"pm_card_{name}": card for name, card in _BY_NAME.items()}
    | {f"pm_card_{short}": _BY_NAME[name] for short, name in _SHORT.items()}
    | {f"pm_sandbox_{card.name}": card for card in _OWN}
)
"""Stripe's tokens, and the sandbox's own `pm_sandbox_declines_<code>`, which attach and then decline."""

BY_NUMBER = {card.number: card for card in reversed(_CARDS)}

TOKENS = {token.replace("pm_card_", "tok_"): card for token, card in BY_TOKEN.items()}
"""The older tokens that a PaymentMethod is made from: `tok_visa`."""
