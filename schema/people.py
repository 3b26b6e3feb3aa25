"""People, accounts, workspaces, members, invitations and service keys."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry import UNSET

from auth import tables
from auth.glass.rules import BreakGlassNeeded
from auth.operations import KeyUnusable, LastOwner
from auth.policy import KeyScope, Permission, Role
from auth.tables import AccountKind, MemberState
from resolvers import identity
from resolvers import workspaces as resolve
from resolvers.auditing import OUTCOME, SUBJECT
from resolvers.graph import Bind, Column, Filter, Reader, holders
from resolvers.paying import options
from schema.base import Node, Word, argument, computed, face, many, one, value, words
from schema.changes import mutation
from schema.lists import Narrow, among, containing, equal, page, same, since, until
from seats import tables as seat_tables
from seats.overage import Overage
from seats.resending import ResentTooOften
from seats.seating import (
    AlreadyInvited,
    AlreadyMember,
    InvitationClosed,
    InvitationLinkClosed,
    InvitationState,
    InvitedSomebodyElse,
)
from seats.shrinking import DecreasePolicy

words(Role, "What a member of a workspace is there.")
words(MemberState, "Whether a member still belongs to the workspace.")
words(AccountKind, "Who pays: a person for themselves, or a workspace.")
words(KeyScope, "What a service key may be made for.")
words(InvitationState, "Where an invitation is in its life.")


def acquainted(alias: str, bind: Bind, reader: Reader) -> str:
    """Oneself, the members of workspaces whose seats one may see, and who sits in one's seat groups."""
    accounts = reader.accounts(Permission.SEE_SEATS)
    if accounts is None:
        return "true"
    shared = (
        f"exists (select from member m where m.person_id = {alias}.id"
        f" and m.account_id = any({bind(accounts, 'bigint[]')}))"
    )
    if reader.seat_groups:
        seated = f"a.seat_group_id = any({bind(reader.seat_groups, 'bigint[]')}) and a.state <> 'released'"
        shared = f"{shared} or exists (select from assignment a where a.person_id = {alias}.id and {seated})"
    return (
        f"({shared})" if reader.person_id is None else f"({alias}.id = {bind(reader.person_id, 'bigint')} or {shared})"
    )


def addressed(alias: str, bind: Bind, reader: Reader) -> str:
    """Invitations one may manage, and those written to one's own verified address."""
    managed = holders(Permission.SEE_SEATS)(alias, bind, reader)
    return managed if reader.email is None else f"({managed} or {alias}.email = {bind(reader.email, 'text')})"


def keyed(alias: str, bind: Bind, reader: Reader) -> str:
    """Keys of accounts whose keys one may see, and those one made oneself where one still belongs."""
    every = holders(Permission.SEE_KEYS)(alias, bind, reader)
    if every == "true" or reader.person_id is None:
        return every
    here = holders(Permission.SEE_ACCOUNT)(alias, bind, reader)
    return f"({every} or ({alias}.created_by = {bind(reader.person_id, 'bigint')} and {here}))"


_AUDIT_ORDERS = {"SEQ": ("seq", "bigint", "As it happened, by number in the account's chain.")}
_AUDIT_FILTERS = {
    "action": equal("action", "Only this action, such as `seat.assigned`."),
    "actor": equal("actor", "Only by this kind of actor, such as `person`, `staff` or `directory`."),
    "outcome": Narrow(
        Filter("action", f"{OUTCOME} = {{value}}", "text"), "AuditOutcome", "Only what happened, or what was refused."
    ),
    "person": same("person_id", "person", "Only what this person did."),
    "request": equal("request_id", "Only what this request did."),
    "subject": Narrow(Filter("subject", SUBJECT, "node:text"), "strawberry.ID", "Only what happened to this."),
    "since": since("at", "From this instant on."),
    "until": until("at", "Before this instant."),
}
_INVOICE_ORDERS = {
    "CREATED_AT": ("created_at", "timestamptz", "By when it was made."),
    "TOTAL": ("total_minor", "bigint", "By its total in minor units."),
}
_INVOICE_FILTERS = {
    "state": among("state", "InvoiceState", "Only in one of these states.", usual="paid"),
    "currency": equal("currency", "Only in this currency."),
    "number": equal("number", "Only the one with this number."),
    "since": since("created_at", "Made from this instant on."),
    "until": until("created_at", "Made before this instant."),
}


@face(tables.Person, "person", visible=acquainted)
class Person(Node):
    """Somebody who signs in."""

    name: str
    """What they are called."""

    email: str
    """Their address."""

    email_verified: bool
    """Whether they have proven that the address is theirs."""

    locale: str
    """The language they read."""


@face(tables.Account, "account", visible=holders(Permission.SEE_ACCOUNT, account="id", own="person_id"))
class Account(Node):
    """Who pays: a person for themselves, or a workspace."""

    kind: AccountKind
    """Whether a person or a workspace pays."""

    name: str
    """The name on its invoices."""

    email: str
    """Where its invoices go."""

    currency: str
    """The currency it prefers."""

    country: str
    """Where it is, as ISO 3166 writes it."""

    time_zone: str
    """The zone its dates are counted in."""

    created_at: datetime
    """When it was opened."""

    workspace = one("Workspace", by="id")
    """The workspace it pays for; null for a person's."""

    billing = one("BillingSettings", by="id")
    """How it is billed, if you may see its invoices."""

    subscriptions = page(
        "Subscription",
        by="account_id",
        name="AccountSubscriptions",
        filters={"state": among("state", "SubscriptionState", "Only in one of these states.")},
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it started.")},
    )
    """What it is subscribed to, ended ones included."""

    held_subscriptions = many(
        "Subscription",
        by="account_id",
        where="exists (select from subscription_clock c where (c.account_id, c.subscription_id)"
        " = ({row}.account_id, {row}.id) and not starts_with(c.held, 'ended'))",
    )
    """Those of which nothing more is billed until a person of our staff has looked."""

    invoices = page(
        "Invoice", by="account_id", name="AccountInvoices", filters=_INVOICE_FILTERS, orders=_INVOICE_ORDERS
    )
    """What it was asked to pay."""

    payment_methods = many("PaymentMethod", by="account_id", where="{row}.detached_at is null")
    """What it pays with."""

    payment_options = Word(
        Column("country"),
        "list[PaymentMethodOption]",
        (argument("currency", "str | None", "The ISO 4217 code; the account's own when left out.", default=UNSET),),
        resolve=options,
        needs=("currency",),
    )
    """What it may pay with in a currency, from where it is; what suits best comes first."""

    payments = page(
        "Payment",
        by="account_id",
        name="AccountPayments",
        filters={"state": among("state", "PaymentState", "Only in one of these states.")},
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it was tried.")},
    )
    """What it paid, and tried to."""

    ledger = page(
        "LedgerEntry",
        by="account_id",
        name="AccountLedger",
        filters={
            "since": since("at", "From this instant on."),
            "until": until("at", "Before this instant."),
        },
        orders={"AT": ("at", "timestamptz", "By when it happened.")},
    )
    """What happened to its money, entry by entry; our own staff see it."""

    service_keys = many("ServiceKey", by="account_id")
    """The keys with which programs speak for it."""

    audit_log = page("AuditRecord", by="account_id", name="AccountAudit", filters=_AUDIT_FILTERS, orders=_AUDIT_ORDERS)
    """What happened to it, and who did it."""


@face(tables.Workspace, "workspace", visible=holders(Permission.SEE_ACCOUNT, account="id", setup=("any", "")))
class Workspace(Node):
    """The tenant of an enterprise."""

    name: str
    """What people call it."""

    sso_enforced: bool
    """Whether only its own single sign-on lets people in."""

    session_hours: int
    """How many hours a session of its single sign-on lives at most."""

    session_idle_minutes: int
    """How many minutes one lives without being used."""

    overage: Overage
    """What becomes of whoever wants a seat of a full pool."""

    overage_limit: int | None
    """How many seats a pool grows to at most, where missing ones are bought."""

    decrease: DecreasePolicy
    """What becomes of taken seats when a pool is to have fewer."""

    reclaim_after_days: int | None
    """After how many days without use seats are taken back; null for never."""

    created_at: datetime
    """When it was created."""

    account = one("Account", by="id", required=True)
    """Who pays for it."""

    members = page(
        "Member",
        by="account_id",
        name="WorkspaceMembers",
        filters={
            "role": among("role", "Role", "Only with one of these roles."),
            "state": among("state", "MemberState", "Only in one of these states."),
        },
        orders={"JOINED_AT": ("joined_at", "timestamptz", "By when they joined.")},
    )
    """Who belongs to it."""

    license_pools = many("LicensePool", by="account_id")
    """What seats it bought."""

    seats = page(
        "Seat",
        by="account_id",
        name="WorkspaceSeats",
        filters={
            "state": among("state", "SeatState", "Only in one of these states."),
            "person": same("person_id", "person", "Only this person's."),
            "pool": same("pool_id", "pool", "Only of this pool."),
            "seat_group": same("seat_group_id", "seatgroup", "Only of this seat group."),
            "plan": same("plan_id", "plan", "Only of this plan."),
            "since": since("since", "Taken from this instant on."),
            "until": until("since", "Taken before this instant."),
            "search": containing("email", "Only where the address contains this."),
        },
        orders={
            "SINCE": ("since", "timestamptz", "By when it was taken."),
            "EMAIL": ("email", "text", "By the holder's address."),
        },
    )
    """Who sits in them, and who did."""

    invitations = page(
        "Invitation",
        by="account_id",
        name="WorkspaceInvitations",
        filters={"state": among("state", "InvitationState", "Only in one of these states.")},
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it was sent.")},
    )
    """Who was asked to join."""

    seat_requests = page(
        "SeatRequest",
        by="account_id",
        name="WorkspaceSeatRequests",
        filters={
            "state": among("state", "SeatRequestState", "Only in one of these states."),
            "pool": same("pool_id", "pool", "Only of this pool."),
            "search": containing("email", "Only where the address contains this."),
        },
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it was asked for.")},
    )
    """Who shall have a seat, if an admin says so."""

    seat_groups = page(
        "SeatGroup",
        by="account_id",
        name="WorkspaceSeatGroups",
        where="{row}.removed_at is null",
        filters={
            "pool": same("pool_id", "pool", "Only of this pool."),
            "search": containing("name", "Only where the name contains this."),
        },
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it was made.")},
    )
    """The parts that its pools are divided into."""

    seat_imports = page(
        "SeatImport",
        by="account_id",
        name="WorkspaceSeatImports",
        filters={"state": among("state", "SeatImportState", "Only in one of these states.")},
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it was brought.")},
    )
    """The long lists of people that were brought to be seated."""

    join_requests = page(
        "JoinRequest",
        by="account_id",
        name="WorkspaceJoinRequests",
        filters={"state": among("state", "JoinRequestState", "Only in one of these states.")},
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when they asked.")},
    )
    """Who of its domains asks to join it."""

    domains = many("Domain", by="account_id", where="{row}.removed_at is null")
    """The domains that it says are its own."""

    sso_connections = many("SingleSignOn", by="account_id", where="{row}.deleted_at is null")
    """How its people sign in at its own identity provider."""

    directories = many("Directory", by="account_id")
    """The lists of people that tell us over SCIM who belongs to it, those that were disconnected too."""

    setup_links = many("SetupLink", by="account_id")
    """The links that its admins made for others to set something up."""

    break_glass = many("BreakGlass", by="account_id", where="{row}.removed_at is null")
    """The owners who can come in while single sign-on is enforced and away."""

    audit_log = page(
        "AuditRecord", by="account_id", name="WorkspaceAudit", filters=_AUDIT_FILTERS, orders=_AUDIT_ORDERS
    )
    """What happened here, and who did it."""


@face(tables.Member, "member", visible=holders(Permission.SEE_SEATS, own="person_id"))
class Member(Node):
    """A person in a workspace."""

    role: Role
    """What they are there."""

    state: MemberState
    """Whether they still belong to it."""

    joined_at: datetime
    """When they came."""

    last_used_at: datetime | None
    """When they last used the workspace, to the day; null for never."""

    removed_at: datetime | None
    """When they were removed."""

    person = one("Person", by="person_id", required=True)
    """Who it is."""

    workspace = one("Workspace", by="account_id")
    """Where; null once you may not see it any more."""

    seats = page(
        "Seat",
        by="person_id",
        of="person_id",
        name="MemberSeats",
        orders={"SINCE": ("since", "timestamptz", "By when it was taken.")},
    )
    """The seats they hold and held, as far as you may see them."""

    seat_requests = page(
        "SeatRequest",
        by="person_id",
        of="person_id",
        name="MemberSeatRequests",
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it was asked for.")},
    )
    """The seats that were requested for them, as far as you may see that."""


@face(seat_tables.Invitation, "invitation", visible=addressed)
class Invitation(Node):
    """A letter that asks somebody to join a workspace."""

    email: str
    """Where it went."""

    role: Role
    """What they will be."""

    state: InvitationState
    """What became of it."""

    created_at: datetime
    """When it was sent."""

    expires_at: datetime
    """When it runs out, and the seat that waits for it is free again."""

    workspace_name = computed("workspace_name({row}.account_id)", "str")
    """Who asks: the workspace's name, which the invited person may know."""

    workspace = one("Workspace", by="account_id")
    """Where; null until you belong to it."""


@face(tables.ServiceKey, "key", visible=keyed)
class ServiceKey(Node):
    """A key with which a program speaks for an account. Its secret is kept as a hash alone."""

    name: str
    """What it is for."""

    scopes: list[KeyScope]
    """What it may do."""

    created_at: datetime
    """When it was made."""

    expires_at: datetime
    """When it stops working."""

    rotated_at: datetime | None
    """When it last got a new secret."""

    revoked_at: datetime | None
    """When it was revoked."""

    last_used_at: datetime | None
    """When it last spoke, to the minute."""

    created_by = one("Person", by="created_by")
    """Who made it."""


@value(resolve.KeyShown)
class ServiceKeyShown:
    """A service key with its text, which is shown once."""

    text: str
    """What to send as a bearer token. Keep it now: nobody can read it again."""

    key = one("ServiceKey", by="key_id", required=True)
    """The key."""


@strawberry.type
class PeopleMutation:
    """The life of a workspace and its people."""

    create_workspace = mutation(resolve.create_workspace, "Workspace")
    rename_workspace = mutation(resolve.rename_workspace, "Workspace")
    change_session_policy = mutation(identity.change_session_policy, "Workspace")
    invite_member = mutation(resolve.invite_member, "Invitation", refusals=[AlreadyMember, AlreadyInvited])
    accept_invitation = mutation(
        resolve.accept_invitation,
        "Member",
        refusals=[InvitationClosed, InvitationLinkClosed, InvitedSomebodyElse, AlreadyMember],
    )
    resend_invitation = mutation(resolve.resend_invitation, "Invitation", refusals=[InvitationClosed, ResentTooOften])
    revoke_invitation = mutation(resolve.revoke_invitation, "Invitation", refusals=[InvitationClosed])
    change_role = mutation(resolve.change_role, "Member", refusals=[LastOwner, BreakGlassNeeded])
    remove_member = mutation(resolve.remove_member, "Member", refusals=[LastOwner, BreakGlassNeeded])
    leave_workspace = mutation(resolve.leave_workspace, "Member", refusals=[LastOwner, BreakGlassNeeded])
    create_service_key = mutation(resolve.create_service_key, "ServiceKeyShown")
    rotate_service_key = mutation(resolve.rotate_service_key, "ServiceKeyShown", refusals=[KeyUnusable])
    revoke_service_key = mutation(resolve.revoke_service_key, "ServiceKey", refusals=[KeyUnusable])
