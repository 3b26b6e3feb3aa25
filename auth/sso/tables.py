"""The rows behind single sign-on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from auth.sso.rules import DomainBehavior, LoginPurpose, LoginState, SsoKind
from kernel.rows import document, instant, key, secret, text, texts, whole, word


class SsoConnection(SQLModel, table=True):
    """How a workspace's people sign in at their own identity provider."""

    __tablename__ = "sso_connection"

    account_id: int = key()
    id: int = key()
    kind: SsoKind = word(SsoKind)
    name: str = text()
    issuer: str = text()
    client_id: str = text()
    sealed_secret: bytes | None = secret(optional=True)
    enabled: bool = False
    created_by: int = whole()
    created_at: datetime = instant()
    tested_at: datetime | None = instant(optional=True)
    tested_by: int | None = whole(optional=True)
    deleted_at: datetime | None = instant(optional=True)
    sign_in_url: str | None = text(optional=True)
    """Where a provider that speaks SAML wants browsers sent."""

    metadata_url: str | None = text(optional=True)
    metadata_read_at: datetime | None = instant(optional=True)
    announced_certificates: list[str] = texts()
    """The fingerprints of certificates that its metadata names, and that have never counted here."""

    idp_initiated: bool = False
    subject_attribute: str | None = text(optional=True)
    email_attribute: str | None = text(optional=True)
    name_attribute: str | None = text(optional=True)


class SsoCertificate(SQLModel, table=True):
    """A certificate whose key signs the answers of a provider that speaks SAML."""

    __tablename__ = "sso_certificate"

    account_id: int = key()
    id: int = key()
    connection_id: int = whole()
    slot: int = whole()
    """1 or 2: as many count at a time."""

    der: bytes = secret()
    fingerprint: str = text()
    subject: str = text()
    begins_at: datetime = instant()
    expires_at: datetime = instant()
    warned: int = whole(default=0)
    """How many of the warnings before its end were given."""

    created_by: int = whole()
    created_at: datetime = instant()
    removed_at: datetime | None = instant(optional=True)


class SsoAssertion(SQLModel, table=True):
    """An assertion that has counted, and never will again."""

    __tablename__ = "sso_assertion"

    account_id: int = key()
    connection_id: int = key()
    hash: bytes = Field(primary_key=True)
    holds_until: datetime = instant()


class SsoFlow(SQLModel, table=True):
    """A login on its way through a browser."""

    __tablename__ = "sso_flow"

    account_id: int = whole()
    state_hash: bytes = secret()
    connection_id: int = whole()
    login_id: int | None = whole(optional=True)
    """The test that it is part of."""

    browser_hash: bytes = secret()
    sealed: bytes = secret()
    """The nonce and the PKCE verifier; with SAML, the id of our request."""

    vouched: dict[str, Any] | None = document(optional=True, private=True)
    """With SAML: whom the answer vouched for, while the browser is on its way from there to us."""

    next: str = text()
    app: dict[str, Any] | None = document(optional=True)
    """The app that began: where its code goes, its challenge and its state."""

    person_id: int | None = whole(optional=True)
    created_at: datetime = instant()
    expires_at: datetime = instant()
    __mapper_args__ = {"primary_key": ["state_hash"]}


class SsoIdentity(SQLModel, table=True):
    """How an SSO connection names a person."""

    __tablename__ = "sso_identity"

    account_id: int = key()
    id: int = key()
    connection_id: int = whole()
    subject: str = text()
    person_id: int = whole()
    created_at: datetime = instant()
    unlinked_at: datetime | None = instant(optional=True)


class SsoLogin(SQLModel, table=True):
    """One try to sign in through an SSO connection, step by step."""

    __tablename__ = "sso_login"

    account_id: int = key()
    id: int = key()
    connection_id: int = whole()
    purpose: LoginPurpose = word(LoginPurpose)
    state: LoginState = word(LoginState, LoginState.WAITING)
    steps: list[str] = texts()
    reason: str | None = text(optional=True)
    subject: str | None = text(optional=True)
    email: str | None = text(optional=True)
    person_id: int | None = whole(optional=True)
    ticket_hash: bytes | None = secret(optional=True)
    request_id: str = text()
    created_at: datetime = instant()
    ended_at: datetime | None = instant(optional=True)


class WorkspaceDomain(SQLModel, table=True):
    """A domain that a workspace says is its own."""

    __tablename__ = "workspace_domain"

    account_id: int = key()
    id: int = key()
    name: str = text()
    behavior: DomainBehavior = word(DomainBehavior, DomainBehavior.NONE)
    pool_id: int | None = whole(optional=True)
    token: str = text()
    created_by: int = whole()
    created_at: datetime = instant()
    verified_at: datetime | None = instant(optional=True)
    checked_at: datetime | None = instant(optional=True)
    failing_since: datetime | None = instant(optional=True)
    removed_at: datetime | None = instant(optional=True)
