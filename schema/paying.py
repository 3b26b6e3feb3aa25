"""Payment methods, how one is saved, and payments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import strawberry

from auth.policy import Permission
from billing.paying import CurrenciesDiffer, MoreThanOwed, NothingToPay
from kernel.sealing import unseal
from payments import tables
from payments.attempts import PaymentMethodUnusable, PaymentUnderWay
from payments.availability import PaymentMethodOption as Option
from payments.methods import EXPIRES_SOON, PaymentMethodInUse
from payments.rail.currencies import AmountNotChargeable
from payments.states import PartState, PaymentMethodKind, PaymentSource, PaymentState, SetupState
from resolvers import paying as resolve
from resolvers.graph import Column, Computed, holders
from schema.base import Node, Word, face, many, money, one, value, words
from schema.changes import mutation

words(PaymentState, "Where a payment is; succeeded and canceled are final, and what failed may be tried again.")
words(PaymentMethodKind, "What kind of instrument it is.")
words(SetupState, "How far somebody is with saving a payment method.")


words(PaymentSource, "Which way money comes.")
words(PartState, "What has become of a part of a payment.")

_HIDDEN = {"lost_card", "stolen_card", "pickup_card", "fraudulent", "merchant_blacklist"}
_UNPAYABLE = (NothingToPay, MoreThanOwed, CurrenciesDiffer, PaymentUnderWay, AmountNotChargeable)


_EXPIRES_SOON = (
    '{row}.expires_on is not null and {row}.expires_on collate "C"'
    f" < to_char({{now}} at time zone 'UTC' + interval '{EXPIRES_SOON.days} days', 'YYYY-MM')"
)


def _expires_soon(row: Any, info: Any) -> bool:
    """Whether the owner of an instrument is told that it expires."""
    return row.expires_on is not None and row.expires_on < f"{info.context.work.now + EXPIRES_SOON:%Y-%m}"


def _secret(row: Any, info: Any) -> str | None:
    """What the payer's front end goes on with, which our own staff never see."""
    if row.secret is None or info.context.actor.desk:
        return None
    return unseal(bytes(row.secret).decode())


@face(tables.PaymentMethod, "pm", visible=holders(Permission.SEE_BILLING))
class PaymentMethod(Node):
    """An instrument an account pays with. Its full number is not known here."""

    kind: PaymentMethodKind
    """What it is."""

    brand: str
    """Whose it is: `visa`."""

    last4: str
    """The last four digits, for people to recognize it."""

    expires_on: str | None
    """The last month it works, as `2027-04`."""

    wallet: str | None
    """The wallet that the card is in: `apple_pay`, `google_pay`."""

    country: str | None
    """Where it was issued."""

    is_default: bool
    """Whether it is charged unless another is named."""

    expires_soon = Word(Column("expires_on"), "bool", resolve=_expires_soon, compiled=Computed(_EXPIRES_SOON))
    """Whether it works for less than a month, unless its bank renews it."""

    created_at: datetime
    """When it was added."""

    revoked_at: datetime | None
    """When its owner took the permission to debit it back at their bank: add another one."""


@value(Option)
class PaymentMethodOption:
    """A kind of payment method that an account may use."""

    kind: PaymentMethodKind
    """Which kind."""

    saved: bool
    """Whether it can be saved, and is charged for renewals then."""

    wallets: list[str]
    """The wallets that carry it: `apple_pay`, `google_pay`."""

    days: int
    """How many business days a payment by it may take."""


@face(tables.PaymentSetup, "setup", visible=holders(Permission.SEE_BILLING))
class PaymentMethodSetup(Node):
    """A payment method that somebody is about to save, in fields of Stripe's on your page."""

    state: SetupState
    """How far it is."""

    client_secret = Word(Column("secret"), "str | None", resolve=_secret)
    """What Stripe's script on your page goes on with. Don't log it, and show it to nobody but the payer."""

    decline_code: str | None
    """Why the last try was declined, as the rail says it."""

    payment_method = one("PaymentMethod", by="payment_method_id")
    """What was saved."""

    created_at: datetime
    """When it began."""


@dataclass(frozen=True, slots=True)
class Action:
    """What the payer's page has to finish."""

    client_secret: str


@value(Action)
class PaymentAction:
    """What the payer has to do, in Stripe's fields on your page."""

    client_secret: str
    """What Stripe's script goes on with. Don't log it, and show it to nobody but the payer."""


def _action(row: Any, info: Any) -> Action | None:
    if row.state != PaymentState.REQUIRES_ACTION:
        return None
    secret = _secret(row, info)
    return Action(secret) if secret else None


def _reason(row: Any, info: Any) -> str | None:
    """What the bank said; a customer is not told that a card counts as stolen."""
    reason: str | None = row.decline_reason
    return "generic_decline" if reason in _HIDDEN and not info.context.actor.desk else reason


@face(tables.PaymentPart, None, visible=holders(Permission.SEE_BILLING))
class PaymentPart:
    """What of a payment is for one invoice."""

    amount = money("amount_minor")
    """How much."""

    state: PartState
    """What has become of it."""

    invoice = one("Invoice", by="invoice_id")
    """For which invoice."""


@face(tables.Payment, "pay", visible=holders(Permission.SEE_BILLING))
class Payment(Node):
    """One attempt chain for one invoice or several."""

    state: PaymentState
    """Where it is."""

    source: PaymentSource
    """Which way the money comes."""

    amount = money("amount_minor")
    """How much."""

    requires_action = Word(Column("secret"), "PaymentAction | None", resolve=_action, needs=("state",))
    """What the payer has to do before it goes on; null when nothing."""

    decline_code: str | None
    """Why it was declined, as the rail says it."""

    decline_reason = Word(Column("decline_reason"), "str | None", resolve=_reason)
    """What the bank said, as the rail says it; some reasons are told to our own staff alone."""

    reference: str | None
    """What it says it is for: the invoices' numbers, or the line of a bank statement."""

    created_at: datetime
    """When it began."""

    settled_at: datetime | None
    """When its outcome was final."""

    invoice = one("Invoice", by="invoice_id")
    """The first of the invoices it is for."""

    parts = many("PaymentPart", by="payment_id")
    """What of it is for which invoice."""

    payment_method = one("PaymentMethod", by="payment_method_id")
    """What was charged."""

    disputes = many("Dispute", by="payment_id")
    """What banks ask for back of it."""

    refunds = many("Refund", by="payment_id")
    """What of it went back, or shall."""

    fraud_warnings = many("FraudWarning", by="payment_id")
    """What banks were told of fraud; our own staff see it."""


@strawberry.type
class PayingMutation:
    """Payment methods: saved, chosen, removed; and payments."""

    set_up_payment_method = mutation(resolve.set_up_payment_method, "PaymentMethodSetup")
    check_payment_method_setup = mutation(resolve.check_payment_method_setup, "PaymentMethodSetup")
    choose_payment_method = mutation(resolve.choose_payment_method, "PaymentMethod", refusals=[PaymentMethodUnusable])
    remove_payment_method = mutation(
        resolve.remove_payment_method, "PaymentMethod", refusals=[PaymentMethodUnusable, PaymentMethodInUse]
    )
    pay_invoices = mutation(resolve.pay_invoices, "Payment", refusals=[*_UNPAYABLE, PaymentMethodUnusable])
    check_payment = mutation(resolve.check_payment, "Payment")
    record_payment = mutation(resolve.record_payment, "Payment", refusals=[*_UNPAYABLE])
