"""The form of a scene: people and workspaces as JSON says them.

Whatever is left out has a default that is likely meant. `docs/scenes.md` explains each key.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from auth.policy import Desk, KeyScope, Role
from billing.states import InvoiceState
from billing.subscriptions import CancelAt
from gateway.scenes.words import (
    Count,
    Country,
    Currency,
    Decimal,
    Email,
    Expiry,
    Last4,
    Locale,
    Moment,
    Name,
    Reason,
    When,
    Zone,
)
from kernel.errors import InvalidInput
from kernel.time import Interval
from payments.states import PaymentMethodKind, PaymentState
from seats.seating import InvitationState, SeatSource, SeatState

NOW = Moment()
Terms = Annotated[int, Field(strict=True, ge=0, le=365)]


class SceneInvalid(InvalidInput):
    """The scene can't be put on: one sentence for each mistake, with its place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Form(BaseModel):
    """A part of a scene. Keys it doesn't know are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# What any account has


class PaymentMethod(Form):
    """An instrument. The first is the default, unless another says so."""

    kind: PaymentMethodKind = PaymentMethodKind.CARD
    brand: str = Field("visa", min_length=1, max_length=40)
    last4: Last4 = "4242"
    expires: Expiry | None = None
    default: bool = False
    added: When | None = None
    detached: When | None = None


class Billed(Form):
    """How the invoices of a subscription went."""

    unpaid_since: When | None = None
    declined_since: When | None = None
    declined_until: When | None = None
    terms_days: Terms = 0


class Canceled(Form):
    """How a subscription ended, or will."""

    at: When = NOW
    takes_effect: CancelAt = CancelAt.PERIOD_END
    reason: Reason | None = None


class Subscription(Form):
    """An agreement on a plan of the catalog."""

    plan: str
    interval: Interval = Interval.MONTH
    currency: Currency | None = None
    started: When | None = None
    paused: When | None = None
    canceled: Canceled | None = None
    billed: Billed = Billed()


class Line(Form):
    """A line of an invoice that is written by hand; its amount is in major units, before tax."""

    description: str = Field(min_length=1, max_length=500)
    amount: Decimal
    quantity: Count = 1


class Attempt(Form):
    """An attempt to collect an invoice."""

    state: PaymentState = PaymentState.SUCCEEDED
    decline_code: str | None = None
    at: When | None = None


class Invoice(Form):
    """An invoice that is written by hand. `closed` is when it was paid, voided or given up."""

    lines: Annotated[list[Line], Field(min_length=1)]
    state: InvoiceState = InvoiceState.PAID
    currency: Currency | None = None
    issued: When = NOW
    terms_days: Terms = 0
    closed: When | None = None
    attempts: list[Attempt] | None = None


class Key(Form):
    """A service key."""

    name: Name
    scopes: Annotated[list[KeyScope], Field(min_length=1)]
    days: Annotated[int, Field(strict=True, ge=1, le=366)] = 90
    made_by: Email | None = None
    created: When = NOW
    revoked: When | None = None


class Payer(Form):
    """What a person and a workspace have in common: an account."""

    currency: Currency = "USD"
    country: Country = "US"
    locale: Locale = "en"
    time_zone: Zone = "UTC"
    payment_methods: list[PaymentMethod] = []
    subscriptions: list[Subscription] = []
    invoices: list[Invoice] = []
    keys: list[Key] = []


# People


class Identity(Form):
    """How an issuer names a person."""

    issuer: str = Field(min_length=1, max_length=255)
    subject: str = Field(min_length=1, max_length=255)


class Person(Payer):
    """Somebody with an account of their own."""

    email: Email
    name: Name | None = None
    verified: bool = True
    joined: When | None = None
    staff: Desk | None = None
    identities: list[Identity] = []


# Workspaces


class Member(Form):
    """A person in a workspace."""

    email: Email
    name: Name | None = None
    role: Role = Role.MEMBER
    joined: When | None = None
    removed: When | None = None


class Invitation(Form):
    """A letter that asks somebody to join."""

    email: Email
    role: Role = Role.MEMBER
    state: InvitationState = InvitationState.PENDING
    sent: When = NOW
    answered: When | None = None


class Seat(Form):
    """Somebody in a pool. `until` is when a seat was suspended or released."""

    email: Email
    state: SeatState = SeatState.ACTIVE
    source: SeatSource = SeatSource.MANUAL
    since: When | None = None
    until: When = NOW
    reason: Reason | None = None


class More(Form):
    """From when on a pool has how many seats."""

    at: When
    seats: Count


class Pool(Subscription):
    """Seats of one plan, and who sits there."""

    name: Name = "Seats"
    seats: Count
    more: list[More] = []
    seated: list[Seat] = []


class Workspace(Payer):
    """A tenant. `issuer` names whoever identifies those of its people that no other place describes."""

    name: Name
    owner: Email
    email: Email | None = None
    created: When | None = None
    sso_enforced: bool = False
    issuer: str | None = None
    members: list[Member] = []
    invitations: list[Invitation] = []
    pools: list[Pool] = []


class Scene(Form):
    """People and workspaces that are put into a database together."""

    people: list[Person] = []
    workspaces: list[Workspace] = []
