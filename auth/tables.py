"""People, the accounts they pay with, and the workspaces they are members of."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import SQLModel

from auth.policy import Desk, Role
from kernel.rows import computed, document, instant, key, secret, text, texts, whole, word


class AccountKind(StrEnum):
    """Who pays: a person for themselves, or a workspace."""

    PERSON = "person"
    """A person for themselves."""

    WORKSPACE = "workspace"
    """A workspace for its members."""


class MemberState(StrEnum):
    """Whether a member still belongs to the workspace."""

    ACTIVE = "active"
    """Belongs to it."""

    REMOVED = "removed"
    """Belonged to it."""


class Person(SQLModel, table=True):
    """Somebody who signs in."""

    id: int = key()
    email: str = text()
    lower_email: str | None = computed("lower(email)")
    """Whom an address finds; beside `email`, because only an equality is looked up behind row-level security."""

    email_verified: bool = False
    name: str = text()
    locale: str = text(default="en")
    time_zone: str = text(default="UTC")
    epoch: int = 0
    """Raised to void every token issued so far."""

    created_at: datetime = instant()
    # What PostgreSQL computes isn't asked for when somebody signs up, who may not be seen yet.
    __mapper_args__ = {"eager_defaults": False}


class Identity(SQLModel, table=True):
    """How an issuer names a person."""

    issuer: str = text()
    subject: str = text()
    person_id: int = whole()
    created_at: datetime = instant()
    __mapper_args__ = {"primary_key": ["issuer", "subject"]}


class Session(SQLModel, table=True):
    """A sign-in that our own access tokens name."""

    id: int = key()
    person_id: int = whole()
    issuer: str = text()
    created_at: datetime = instant()
    expires_at: datetime = instant()
    ended_at: datetime | None = instant(optional=True)
    hash: bytes | None = secret(optional=True)
    """Of the text by which its holder is known, if it has one of its own."""

    account_id: int | None = whole(optional=True)
    """The workspace whose SSO connection made it, and for which alone it counts."""

    connection_id: int | None = whole(optional=True)
    idle_seconds: int | None = None
    last_used_at: datetime | None = instant(optional=True)
    signed_in_at: datetime | None = instant(optional=True)
    """When its holder last proved who they are."""

    provider_session: str | None = text(optional=True)
    """What the identity provider calls its own session."""

    agent: str = text(default="")
    ip: str = text(default="")
    ended_why: str | None = text(optional=True)


class Staff(SQLModel, table=True):
    """A person who works for us."""

    person_id: int = key()
    desk: Desk = word(Desk)


class Account(SQLModel, table=True):
    """Who pays."""

    id: int = key()
    kind: AccountKind = word(AccountKind)
    person_id: int | None = whole(optional=True)
    name: str = text()
    email: str = text()
    currency: str = text(default="USD")
    country: str = text(default="US")
    locale: str = text(default="en")
    time_zone: str = text(default="UTC")
    created_at: datetime = instant()
    address: dict[str, Any] | None = document(optional=True)
    vat_id: str | None = text(optional=True)
    collection: str = text(default="charge_automatically")
    net_days: int = 0
    po_number: str | None = text(optional=True)
    seat_collection: str = text(default="immediately")
    one_invoice: bool = False
    """Whether all its subscriptions of one currency are billed on one invoice."""

    grace_hours: int = 0
    """How long an invoice stays a draft, so that a person can look at it, before it becomes final by itself."""


class Workspace(SQLModel, table=True):
    """The tenant of an enterprise. It shares its number with the account that pays for it."""

    id: int = key()
    name: str = text()
    sso_enforced: bool = False
    session_hours: int = 12
    """How long a session of its SSO connections lives at most."""

    session_idle_minutes: int = 120
    """How long one lives without being used."""

    overage: str = text(default="block")
    """What becomes of whoever wants a seat of a full pool."""

    overage_limit: int | None = None
    """How many seats a pool grows to at most where missing ones are bought; None for no limit of its own."""

    decrease: str = text(default="keep_paid")
    """What becomes of taken seats when a pool is to have fewer."""

    reclaim_after_days: int | None = None
    """After how many days without use seats are taken back; None for never."""

    created_at: datetime = instant()


class Member(SQLModel, table=True):
    """A person in a workspace."""

    account_id: int = key()
    id: int = key()
    person_id: int = whole()
    role: Role = word(Role)
    state: MemberState = word(MemberState, MemberState.ACTIVE)
    joined_at: datetime = instant()
    removed_at: datetime | None = instant(optional=True)
    last_used_at: datetime | None = instant(optional=True)
    """When they last used the workspace, to the day."""


class ServiceKey(SQLModel, table=True):
    """A key with which a program speaks for an account."""

    __tablename__ = "service_key"

    account_id: int = key()
    id: int = key()
    name: str = text()
    scopes: list[str] = texts()
    created_by: int = whole()
    created_at: datetime = instant()
    expires_at: datetime = instant()
    revoked_at: datetime | None = instant(optional=True)
    last_used_at: datetime | None = instant(optional=True)
    rotated_at: datetime | None = instant(optional=True)
    hash: bytes = secret()
    previous_hash: bytes | None = secret(optional=True)
    previous_until: datetime | None = instant(optional=True)
