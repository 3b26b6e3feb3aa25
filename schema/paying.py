"""Payment methods, how one is saved, and payments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from auth.policy import Permission
from kernel.sealing import unseal
from payments import tables
from payments.attempts import PaymentMethodUnusable
from payments.availability import PaymentMethodOption as Option
from payments.methods import PaymentMethodInUse
from payments.tables import PaymentMethodKind, PaymentState, SetupState
from resolvers import paying as resolve
from resolvers.graph import Column, holders
from schema.base import Node, Word, face, many, money, one, value, words
from schema.changes import mutation

words(PaymentState, "Where a payment is; succeeded and canceled are final, and what failed may be tried again.")
words(PaymentMethodKind, "What kind of instrument it is.")
words(SetupState, "How far somebody is with saving a payment method.")


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

    created_at: datetime
    """When it was added."""


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


@face(tables.Payment, "pay", visible=holders(Permission.SEE_BILLING))
class Payment(Node):
    """One attempt chain for an invoice."""

    state: PaymentState
    """Where it is."""

    amount = money("amount_minor")
    """How much."""

    decline_code: str | None
    """Why it was declined, as the rail says it."""

    created_at: datetime
    """When it began."""

    settled_at: datetime | None
    """When its outcome was final."""

    invoice = one("Invoice", by="invoice_id")
    """What it is for."""

    payment_method = one("PaymentMethod", by="payment_method_id")
    """What was charged."""

    refunds = many("Refund", by="payment_id")
    """What of it went back, or shall."""


@strawberry.type
class PayingMutation:
    """Payment methods: saved, chosen, removed."""

    set_up_payment_method = mutation(resolve.set_up_payment_method, "PaymentMethodSetup")
    check_payment_method_setup = mutation(resolve.check_payment_method_setup, "PaymentMethodSetup")
    choose_payment_method = mutation(resolve.choose_payment_method, "PaymentMethod", refusals=[PaymentMethodUnusable])
    remove_payment_method = mutation(
        resolve.remove_payment_method, "PaymentMethod", refusals=[PaymentMethodUnusable, PaymentMethodInUse]
    )
