"""SSO connections, the logins through them, and who is who there."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth import tables as people
from auth.domains import DomainNamed, DomainTaken, DomainUnproven
from auth.glass import tables as glass_tables
from auth.glass.operations import Opened
from auth.glass.rules import BreakGlassClosed, BreakGlassFull, BreakGlassNeeded, CodeWrong
from auth.policy import Permission
from auth.sso import tables
from auth.sso.rules import (
    ConnectionUnreachable,
    DomainBehavior,
    LoginPurpose,
    LoginState,
    SsoKind,
    SsoNeeded,
    SsoUntested,
    SubjectTaken,
)
from resolvers import identity as resolve
from resolvers.graph import Bind, Reader, holders
from schema.base import Node, computed, face, many, one, value, words
from schema.changes import mutation
from schema.lists import among, page

words(DomainBehavior, "What people of a verified domain get who come for the first time.")
words(SsoKind, "What an SSO connection speaks.")
words(LoginPurpose, "What somebody went to their identity provider for.")
words(LoginState, "What became of a login.")

_SEEN = holders(Permission.SEE_IDENTITY)


@face(tables.SsoConnection, "sso", visible=holders(Permission.SEE_IDENTITY, setup=("sso", "id")))
class SingleSignOn(Node):
    """An SSO connection: how a workspace's people sign in at their own identity provider."""

    kind: SsoKind
    """What it speaks."""

    name: str
    """What people call it."""

    issuer: str
    """The provider's issuer; with SAML, its entity id."""

    client_id: str
    """What the provider calls us; with SAML, our entity id."""

    has_secret = computed("{row}.sealed_secret is not null", "bool")
    """Whether we have a secret for the provider."""

    enabled: bool
    """Whether people sign in through it."""

    created_at: datetime
    """When it was made."""

    created_by = one("Person", by="created_by")
    """Who made it."""

    tested_at: datetime | None
    """When somebody last tried it as themselves, with success."""

    tested_by = one("Person", by="tested_by")
    """Who did."""

    deleted_at: datetime | None
    """When it was deleted."""

    sign_in_url: str | None
    """With SAML: where the provider wants browsers sent."""

    metadata_url: str | None
    """With SAML: where its metadata was read."""

    metadata_read_at: datetime | None
    """With SAML: when it was last read, which is tried once a day where it has an address."""

    announced_certificates: list[str]
    """With SAML: the SHA-256 in hex of certificates that its metadata names and that have never counted here."""

    idp_initiated: bool
    """With SAML: whether a login may begin at the provider; it then begins anew here."""

    subject_attribute: str | None
    """With SAML: the attribute that names a person for good; null for the NameID."""

    email_attribute: str | None
    """With SAML: the attribute with the address; null for the usual ones."""

    name_attribute: str | None
    """With SAML: the attribute with the name; null for the usual ones."""

    certificates = many("SsoCertificate", by="connection_id", where="{row}.removed_at is null")
    """With SAML: the certificates that sign its answers, two at most."""

    workspace = one("Workspace", by="account_id")
    """Whose people."""

    logins = page(
        "SsoLogin",
        by="connection_id",
        name="SingleSignOnLogins",
        filters={
            "purpose": among("purpose", "LoginPurpose", "Only for one of these purposes."),
            "state": among("state", "LoginState", "Only in one of these states."),
        },
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when they began.")},
    )
    """Who tried to come in through it, and why they could not."""

    identities = page(
        "SsoIdentity",
        by="connection_id",
        name="SingleSignOnIdentities",
        where="{row}.unlinked_at is null",
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when they were linked.")},
    )
    """Who is who there."""


@face(tables.SsoLogin, "login", visible=holders(Permission.SEE_IDENTITY, setup=("sso", "connection_id")))
class SsoLogin(Node):
    """One try to sign in through an SSO connection, step by step."""

    purpose: LoginPurpose
    """What for."""

    state: LoginState
    """What became of it."""

    steps: list[str]
    """What went well, a sentence a step."""

    reason: str | None
    """Why it failed."""

    subject: str | None
    """Whom the provider vouched for, in its own name for them."""

    email: str | None
    """The address that it claimed."""

    created_at: datetime
    """When it began."""

    ended_at: datetime | None
    """When it was decided."""

    request_id: str
    """The request, as our logs know it."""

    person = one("Person", by="person_id")
    """Who came in, or who tests."""

    connection = one("SingleSignOn", by="connection_id", required=True)
    """Through which SSO connection."""


@face(tables.SsoIdentity, "identity", visible=_SEEN)
class SsoIdentity(Node):
    """What an SSO connection calls a person."""

    subject: str
    """The provider's name for them."""

    created_at: datetime
    """When it was first known whose it is."""

    unlinked_at: datetime | None
    """When that was forgotten."""

    person = one("Person", by="person_id")
    """Who it is."""

    connection = one("SingleSignOn", by="connection_id", required=True)
    """Where."""


@face(tables.WorkspaceDomain, "domain", visible=holders(Permission.SEE_IDENTITY, setup=("domain", "id")))
class Domain(Node):
    """A domain that a workspace says is its own. Until it is proven, it ties nobody's address to the workspace."""

    name: str
    """The domain."""

    behavior: DomainBehavior
    """What its people get who come through single sign-on for the first time."""

    record = computed("'_seatgraph.' || {row}.name", "str")
    """The name of the TXT record that proves it."""

    value = computed("'seatgraph-domain-verification=' || {row}.token", "str")
    """What the record has to say."""

    created_at: datetime
    """When it was added."""

    verified_at: datetime | None
    """When it was proven; null while it is not."""

    checked_at: datetime | None
    """When we last looked for the record."""

    failing_since: datetime | None
    """Since when the record has been gone; after a week the domain is."""

    removed_at: datetime | None
    """When it was given up."""

    pool = one("LicensePool", by="pool_id")
    """The pool that gives its people seats."""


@face(glass_tables.BreakGlass, "glass", visible=_SEEN)
class BreakGlass(Node):
    """An owner who has a way in of their own while the workspace enforces single sign-on."""

    created_at: datetime
    """When they were enrolled."""

    confirmed_at: datetime | None
    """When they showed a first code; null while the enrollment opens nothing."""

    opened_at: datetime | None
    """When they last came in that way."""

    closed_until: datetime | None
    """Until when it is closed, after too many wrong codes."""

    removed_at: datetime | None
    """When it was removed."""

    person = one("Person", by="person_id", required=True)
    """Who it is."""


def mine(alias: str, bind: Bind, reader: Reader) -> str:
    """Sessions of whoever reads."""
    return "false" if reader.person_id is None else f"{alias}.person_id = {bind(reader.person_id, 'bigint')}"


@face(people.Session, "session", visible=mine)
class Session(Node):
    """A place where you are signed in."""

    created_at: datetime
    """When you came in."""

    last_used_at: datetime | None
    """When it was last used, to the minute, if we note that."""

    expires_at: datetime
    """When it ends at the latest."""

    ended_at: datetime | None
    """When it ended."""

    agent: str
    """What the browser called itself."""

    ip: str
    """From where you came."""

    workspace = one("Workspace", by="account_id")
    """The workspace that it counts for; null for your own sign-in, which counts for all that don't enforce theirs."""


@value(resolve.Enforcement)
class SsoEnforcement:
    """Whether single sign-on is enforced."""

    enforced: bool
    """Whether the workspace's own single sign-on alone lets people in, from now on."""


@value(resolve.TestStarted)
class SsoTestStarted:
    """A test that waits for a browser."""

    url: str
    """Where to go with a browser, once, within 15 minutes."""

    login = one("SsoLogin", by="login_id", required=True)
    """What becomes of it."""


@value(resolve.Enrolled)
class BreakGlassEnrolled:
    """A second factor that waits to be confirmed; its secret is shown once."""

    secret: str
    """The secret in base 32, to be typed into an authenticator app."""

    url: str
    """The same as an `otpauth` address, to be shown as a QR code."""

    break_glass = one("BreakGlass", by="glass_id", required=True)
    """Whose it is."""


@value(Opened)
class BreakGlassOpened:
    """What came of a code."""

    session: str | None
    """What to send as a bearer token, shown once; null if the code was wrong."""

    until: datetime | None
    """When the session ends; or, after too many wrong codes, from when on they count again."""

    tries_left: int
    """How many wrong codes are left before the door closes for a while."""


@strawberry.type
class IdentityMutation:
    """How the people of a workspace sign in."""

    create_sso_connection = mutation(resolve.create_sso_connection, "SingleSignOn", refusals=[ConnectionUnreachable])
    change_sso_connection = mutation(resolve.change_sso_connection, "SingleSignOn", refusals=[SsoNeeded])
    delete_sso_connection = mutation(resolve.delete_sso_connection, "SingleSignOn", refusals=[SsoNeeded])
    start_sso_test = mutation(resolve.start_sso_test, "SsoTestStarted")
    link_sso_login = mutation(resolve.link_sso_login, "SsoIdentity", refusals=[SubjectTaken])
    unlink_sso_identity = mutation(resolve.unlink_sso_identity, "SsoIdentity")
    enforce_sso = mutation(resolve.enforce_sso, "SsoEnforcement", refusals=[SsoUntested, BreakGlassNeeded])
    enroll_break_glass = mutation(resolve.enroll_break_glass, "BreakGlassEnrolled", refusals=[BreakGlassFull])
    confirm_break_glass = mutation(resolve.confirm_break_glass, "BreakGlass", refusals=[CodeWrong])
    remove_break_glass = mutation(resolve.remove_break_glass, "BreakGlass", refusals=[BreakGlassNeeded])
    open_break_glass = mutation(resolve.open_break_glass, "BreakGlassOpened", refusals=[BreakGlassClosed])
    end_session = mutation(resolve.end_session, "Session")
    add_domain = mutation(resolve.add_domain, "Domain", refusals=[DomainNamed])
    verify_domain = mutation(resolve.verify_domain, "Domain", refusals=[DomainUnproven, DomainTaken])
    change_domain = mutation(resolve.change_domain, "Domain")
    remove_domain = mutation(resolve.remove_domain, "Domain")
