"""Who may do what: the whole decision, from (actor, permission, account).

A permission is asked of an account. A person holds every consumer permission on
their own account; in a workspace they hold what their role there gives; a service
key holds what its scopes give, on one account; staff see everything and may do
what their desk may. Nothing here reads a row or a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from kernel.errors import Forbidden, NotFound


class Permission(StrEnum):
    """Something an actor may do to an account."""

    SEE_ACCOUNT = "see_account"
    SEE_COUNTS = "see_counts"
    SEE_SEATS = "see_seats"
    SEE_BILLING = "see_billing"
    SEE_INVOICES = "see_invoices"
    SEE_AUDIT = "see_audit"
    SEE_KEYS = "see_keys"
    SEE_IDENTITY = "see_identity"
    RENAME_WORKSPACE = "rename_workspace"
    INVITE_MEMBERS = "invite_members"
    ASSIGN_SEATS = "assign_seats"
    MANAGE_MEMBERS = "manage_members"
    BUY = "buy"
    ADJUST = "adjust"
    CHASE = "chase"
    MANAGE_KEYS = "manage_keys"
    REPORT_USAGE = "report_usage"
    MANAGE_IDENTITY = "manage_identity"
    ENROLL = "enroll"
    PROVISION = "provision"
    SIGN_OUT = "sign_out"
    RELINK = "relink"
    VIEW_AS = "view_as"


class Role(StrEnum):
    """What a member of a workspace is there."""

    OWNER = "owner"
    """Everything, and the only one who makes owners and admins."""

    ADMIN = "admin"
    """Members, seats, keys and the audit log; not the money."""

    SEAT_ADMIN = "seat_admin"
    """Invites people and assigns seats."""

    BILLING_ADMIN = "billing_admin"
    """Buys, cancels, and sees what is paid."""

    AUDITOR = "auditor"
    """Sees members, seats, invoices and the audit log, and changes nothing."""

    MEMBER = "member"
    """Sees the workspace and their own seat."""


class Desk(StrEnum):
    """Where a member of our own staff works."""

    SUPPORT = "support"
    FINANCE = "finance"
    ADMIN = "admin"


class KeyScope(StrEnum):
    """What a service key may be made for."""

    SEATS_READ = "seats:read"
    """Sees members, pools and seats."""

    SEATS_WRITE = "seats:write"
    """Invites people and assigns seats."""

    BILLING_READ = "billing:read"
    """Sees subscriptions, invoices and payments."""

    BILLING_WRITE = "billing:write"
    """Buys and cancels."""

    AUDIT_READ = "audit:read"
    """Sees the audit log."""

    USAGE_WRITE = "usage:write"
    """Reports what is used."""

    SCHEMA_READ = "schema:read"
    """Reads the schema itself by introspection, which production closes to everybody else."""


P = Permission
_SEES_ALL = frozenset(
    {P.SEE_ACCOUNT, P.SEE_COUNTS, P.SEE_SEATS, P.SEE_BILLING, P.SEE_INVOICES, P.SEE_AUDIT, P.SEE_KEYS, P.SEE_IDENTITY}
)
_SEATS = frozenset({P.SEE_ACCOUNT, P.SEE_COUNTS, P.SEE_SEATS})
_SEATING = _SEATS | {P.INVITE_MEMBERS, P.ASSIGN_SEATS}
_BILLING = frozenset({P.SEE_ACCOUNT, P.SEE_COUNTS, P.SEE_BILLING, P.SEE_INVOICES})

ROLES: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(P) - {P.ADJUST, P.CHASE, P.PROVISION, P.VIEW_AS},
    Role.ADMIN: _SEATING
    | {P.RENAME_WORKSPACE, P.MANAGE_MEMBERS, P.MANAGE_KEYS, P.SEE_AUDIT, P.SEE_KEYS}
    | {P.SEE_IDENTITY, P.MANAGE_IDENTITY, P.SIGN_OUT, P.RELINK},
    Role.SEAT_ADMIN: _SEATING | {P.MANAGE_KEYS},
    Role.BILLING_ADMIN: _BILLING | {P.BUY, P.MANAGE_KEYS, P.REPORT_USAGE},
    Role.AUDITOR: _SEATS | {P.SEE_INVOICES, P.SEE_AUDIT, P.SEE_IDENTITY},
    Role.MEMBER: frozenset({P.SEE_ACCOUNT}),
}
DELEGATED = frozenset({P.ASSIGN_SEATS})
"""What an admin of a seat group may, of the seats of that group: where it is asked for them alone."""

GLASS = frozenset({P.SEE_ACCOUNT, P.SEE_IDENTITY, P.MANAGE_IDENTITY})
"""What an owner may who broke the glass."""

SELF = _SEES_ALL | {P.BUY, P.MANAGE_KEYS, P.REPORT_USAGE, P.SIGN_OUT}
DESKS: Mapping[Desk, frozenset[Permission]] = {
    Desk.SUPPORT: _SEES_ALL | {P.CHASE, P.SIGN_OUT, P.VIEW_AS},
    Desk.FINANCE: _SEES_ALL | {P.BUY, P.ADJUST, P.CHASE, P.REPORT_USAGE},
    Desk.ADMIN: _SEES_ALL
    | {P.BUY, P.ADJUST, P.CHASE, P.REPORT_USAGE, P.ASSIGN_SEATS, P.INVITE_MEMBERS, P.RENAME_WORKSPACE}
    | {P.SIGN_OUT, P.RELINK, P.VIEW_AS},
}
SCOPES: Mapping[KeyScope, frozenset[Permission]] = {
    KeyScope.SEATS_READ: _SEATS,
    KeyScope.SEATS_WRITE: _SEATING,
    KeyScope.BILLING_READ: _BILLING,
    KeyScope.BILLING_WRITE: _BILLING | {P.BUY},
    KeyScope.AUDIT_READ: frozenset({P.SEE_ACCOUNT, P.SEE_AUDIT}),
    KeyScope.USAGE_WRITE: frozenset({P.SEE_ACCOUNT, P.REPORT_USAGE}),
    KeyScope.SCHEMA_READ: frozenset({P.SEE_ACCOUNT}),
}

DIRECTORY = frozenset({P.SEE_ACCOUNT, P.SEE_COUNTS, P.SEE_SEATS, P.SEE_IDENTITY, P.PROVISION})
"""What the token of a directory may, in its workspace, at the door for directories."""

DOING: Mapping[Permission, str] = {
    P.SEE_ACCOUNT: "look at the account",
    P.SEE_COUNTS: "see how many seats are taken",
    P.SEE_SEATS: "see members and their seats",
    P.SEE_BILLING: "see what is paid, and how",
    P.SEE_INVOICES: "see invoices",
    P.SEE_AUDIT: "read the audit log",
    P.SEE_KEYS: "see service keys",
    P.RENAME_WORKSPACE: "rename the workspace",
    P.INVITE_MEMBERS: "invite people",
    P.ASSIGN_SEATS: "give and take seats",
    P.MANAGE_MEMBERS: "change or remove members",
    P.BUY: "buy or cancel",
    P.ADJUST: "adjust what is billed",
    P.CHASE: "decide what follows an unpaid invoice",
    P.MANAGE_KEYS: "manage service keys",
    P.REPORT_USAGE: "report usage",
    P.SEE_IDENTITY: "see how people sign in",
    P.MANAGE_IDENTITY: "change how people sign in",
    P.ENROLL: "enroll owners for break-glass",
    P.PROVISION: "say who belongs to it",
    P.SIGN_OUT: "end people's sessions",
    P.RELINK: "say anew who somebody is",
    P.VIEW_AS: "look as somebody else",
}
"""What a permission lets one do, as a sentence says it."""

_RANK = [Role.MEMBER, Role.AUDITOR, Role.BILLING_ADMIN, Role.SEAT_ADMIN, Role.ADMIN, Role.OWNER]


def outranks(role: Role, other: Role) -> bool:
    """Whether one role stands above another."""
    return _RANK.index(role) > _RANK.index(other)


class ActorKind(StrEnum):
    """What kind of somebody acts."""

    ANONYMOUS = "anonymous"
    PERSON = "person"
    SERVICE_KEY = "service_key"
    DIRECTORY = "directory"
    STAFF = "staff"
    SETUP = "setup"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Through:
    """The session that somebody came with, if a workspace's own: it counts for that workspace."""

    account_id: int
    connection_id: int | None
    """The SSO connection that made it; None for break-glass."""

    proved_at: datetime | None
    """When they last proved to the provider who they are, if it says so."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setup link that was opened: its number and maker, what it is for, and the one thing made with it."""

    link_id: int
    made_by: int
    purpose: str
    made_id: int | None
    mutations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and on which accounts they hold which permissions."""

    kind: ActorKind = ActorKind.ANONYMOUS
    person_id: int | None = None
    email: str | None = None
    """The person's address, only if it is verified."""

    grants: Mapping[int, frozenset[Permission]] = field(default_factory=dict)
    roles: Mapping[int, Role] = field(default_factory=dict)
    desk: Desk | None = None
    key_id: int | None = None
    scopes: frozenset[KeyScope] = frozenset()
    directory_id: int | None = None
    token: str = ""
    """The session or key that spoke, for the audit."""

    through: Through | None = None
    """How a person came in, if not by our own sign-in."""

    viewed_by: int | None = None
    """The one of our staff who looks as this person, and changes nothing."""

    setting: Setting | None = None
    """The setup link that was opened, if that is who acts."""

    groups: Mapping[int, int] = field(default_factory=dict)
    """The seat groups whose seats the actor gives, and the workspace of each."""

    @property
    def seat_groups(self) -> list[int]:
        """The numbers of those groups."""
        return sorted(self.groups)

    @property
    def plain(self) -> bool:
        """Whether what they see follows from who they are and from their accounts, as customers' does.

        Not so for staff, and for whoever looks after a seat group.
        """
        return self.desk is None and not self.groups

    @property
    def known(self) -> bool:
        """Whether it is anybody at all."""
        return self.person_id is not None or self.key_id is not None or self.setting is not None

    @property
    def broke_glass(self) -> bool:
        """Whether this is an owner who broke the glass: they may change how people sign in, and nothing else."""
        return self.through is not None and self.through.connection_id is None

    @property
    def name(self) -> str:
        """Who it is whatever token spoke: a person over all their sessions, a service key, or a directory."""
        if self.directory_id is not None:
            return f"directory:{self.directory_id}"
        if self.setting is not None:
            return f"setup:{self.setting.link_id}"
        return f"person:{self.person_id}" if self.person_id is not None else f"key:{self.key_id}"

    def may(self, permission: Permission, account_id: int) -> bool:
        """Whether the actor holds a permission on an account."""
        if self.desk:
            return permission in DESKS[self.desk]
        return permission in self.grants.get(account_id, ())

    def require(self, permission: Permission, account_id: int) -> None:
        """Refuse an actor who doesn't hold the permission. Raises Forbidden, or NotFound if they may not even look."""
        if self.may(permission, account_id):
            return
        if not self.may(P.SEE_ACCOUNT, account_id):
            raise NotFound
        whom = {P.ADJUST: "our Finance", P.CHASE: "our Support", P.VIEW_AS: "our Support"}.get(permission, "an owner")
        raise Forbidden(f"You may see this, but you may not {DOING[permission]} here. Ask {whom}.")

    def require_in_group(self, permission: Permission, account_id: int, group_id: int | None) -> None:
        """Refuse an actor who holds a permission neither on the account nor in this group. Raises as `require`."""
        delegated = group_id is not None and self.groups.get(group_id) == account_id
        if not delegated or permission not in DELEGATED:
            self.require(permission, account_id)

    def looked_as(self, account_id: int, staff_id: int, token: str) -> Actor:
        """What one of our staff sees who looks at one account as this person: what they see there, and nothing more."""
        seen = {account: held & _SEES_ALL for account, held in self.grants.items() if account == account_id}
        groups = {group: account for group, account in self.groups.items() if account == account_id}
        here = replace(self, grants=seen, groups=groups)
        return replace(here, kind=ActorKind.PERSON, email=None, desk=None, token=token, viewed_by=staff_id)

    def accounts(self, permission: Permission) -> list[int] | None:
        """The accounts on which the actor holds a permission; None means all of them."""
        if self.desk:
            return None if permission in DESKS[self.desk] else []
        return sorted(account for account, held in self.grants.items() if permission in held)

    def role_in(self, account_id: int) -> Role | None:
        """The actor's role in a workspace."""
        return self.roles.get(account_id)

    def may_grant(self, role: Role, account_id: int) -> bool:
        """Whether the actor may make somebody this, or take it away: only an owner grants a role like their own."""
        mine = self.roles.get(account_id)
        if mine is Role.OWNER:
            return True
        if mine is Role.ADMIN:
            return _RANK.index(role) < _RANK.index(Role.ADMIN)
        return self.may(P.INVITE_MEMBERS, account_id) and role is Role.MEMBER

    def beyond(self, scopes: Iterable[KeyScope], account_id: int) -> list[KeyScope]:
        """Those of the scopes that hold more than the actor does: a key never may what its maker may not."""
        held = self.grants.get(account_id, frozenset())
        return [scope for scope in scopes if not SCOPES[scope] <= held]


SETUP = frozenset({P.SEE_ACCOUNT, P.SEE_IDENTITY, P.MANAGE_IDENTITY})
"""What the bearer of a setup link holds; its purpose says of what."""

ANONYMOUS = Actor()


def sees(actor: Actor) -> dict[str, str]:
    """What row-level security is told of an actor: setting names (without `app.`) and their text."""
    told = {
        "person": "" if actor.person_id is None else str(actor.person_id),
        "email": actor.email or "",
        "key": "" if actor.key_id is None else str(actor.key_id),
        "actor": actor.name,
        "staff": "on" if actor.desk else "",
        "groups": "{" + ",".join(map(str, actor.seat_groups)) + "}",
    }
    for permission in _SEES_ALL:
        accounts = actor.accounts(permission) or []
        told[permission.value] = "{" + ",".join(map(str, accounts)) + "}"
    return told
