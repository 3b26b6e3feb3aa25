"""What happens to people, workspaces, members and keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True)
class AccountOpened(Event):
    """A person signed in for the first time."""

    subject: ClassVar[str] = "account"
    account: int


@dataclass(frozen=True)
class WorkspaceCreated(Event):
    """A workspace was made; whoever made it is its owner."""

    subject: ClassVar[str] = "workspace"
    workspace: int


@dataclass(frozen=True)
class WorkspaceRenamed(Event):
    """A workspace has another name."""

    subject: ClassVar[str] = "workspace"
    workspace: int


@dataclass(frozen=True)
class WorkspaceChanged(Event):
    """How people get into a workspace has changed: single sign-on is enforced or not, or sessions live otherwise."""

    subject: ClassVar[str] = "workspace"
    workspace: int


@dataclass(frozen=True)
class MemberJoined(Event):
    """A person became a member."""

    subject: ClassVar[str] = "member"
    member: int


@dataclass(frozen=True)
class MemberChanged(Event):
    """A member has another role."""

    subject: ClassVar[str] = "member"
    member: int


@dataclass(frozen=True)
class MemberRemoved(Event):
    """A member was removed."""

    subject: ClassVar[str] = "member"
    member: int


@dataclass(frozen=True)
class KeyCreated(Event):
    """A service key was made."""

    subject: ClassVar[str] = "key"
    key: int


@dataclass(frozen=True)
class KeyRotated(Event):
    """A service key has a new secret; the one before works for a while."""

    subject: ClassVar[str] = "key"
    key: int


@dataclass(frozen=True)
class KeyRevoked(Event):
    """A service key was revoked."""

    subject: ClassVar[str] = "key"
    key: int


@dataclass(frozen=True)
class SsoCreated(Event):
    """An SSO connection was made; nobody signs in through it until it is enabled."""

    subject: ClassVar[str] = "sso"
    sso: int


@dataclass(frozen=True)
class SsoChanged(Event):
    """An SSO connection has other values, or was switched on or off."""

    subject: ClassVar[str] = "sso"
    sso: int


@dataclass(frozen=True)
class SsoDeleted(Event):
    """An SSO connection is gone; nobody signs in through it any more."""

    subject: ClassVar[str] = "sso"
    sso: int


@dataclass(frozen=True)
class SsoCertificateAdded(Event):
    """Another certificate signs for an SSO connection."""

    subject: ClassVar[str] = "certificate"
    certificate: int


@dataclass(frozen=True)
class SsoCertificateRemoved(Event):
    """A certificate signs for an SSO connection no more."""

    subject: ClassVar[str] = "certificate"
    certificate: int


@dataclass(frozen=True)
class SsoCertificateExpiring(Event):
    """A certificate is about to expire."""

    subject: ClassVar[str] = "certificate"
    certificate: int


@dataclass(frozen=True)
class SsoCertificateAnnounced(Event):
    """A provider's metadata names a certificate that doesn't count for its SSO connection."""

    subject: ClassVar[str] = "sso"
    sso: int
    fingerprint: str


@dataclass(frozen=True)
class LoginTestStarted(Event):
    """Somebody goes to try an SSO connection."""

    subject: ClassVar[str] = "login"
    login: int


@dataclass(frozen=True)
class LoginSucceeded(Event):
    """Somebody came in through an SSO connection, or tried it with success."""

    subject: ClassVar[str] = "login"
    login: int


@dataclass(frozen=True)
class LoginRefused(Event):
    """A login through an SSO connection failed; the record says why."""

    subject: ClassVar[str] = "login"
    login: int


@dataclass(frozen=True)
class IdentityLinked(Event):
    """A subject of an SSO connection is a person of ours from now on."""

    subject: ClassVar[str] = "identity"
    identity: int


@dataclass(frozen=True)
class IdentityFollowed(Event):
    """Whoever a subject is has the address from now on that the provider says, and no session from before."""

    subject: ClassVar[str] = "identity"
    identity: int


@dataclass(frozen=True)
class IdentityUnlinked(Event):
    """A subject of an SSO connection is nobody any more."""

    subject: ClassVar[str] = "identity"
    identity: int


@dataclass(frozen=True)
class SessionEnded(Event):
    """Somebody signed out, or was signed out."""

    subject: ClassVar[str] = "session"
    session: int


@dataclass(frozen=True)
class SetupLinkCreated(Event):
    """An admin made a link with which somebody else sets up one thing."""

    subject: ClassVar[str] = "link"
    link: int


@dataclass(frozen=True)
class SetupLinkOpened(Event):
    """Somebody opened a setup link; nobody can again."""

    subject: ClassVar[str] = "link"
    link: int


@dataclass(frozen=True)
class SetupLinkRevoked(Event):
    """A setup link opens nothing any more."""

    subject: ClassVar[str] = "link"
    link: int


@dataclass(frozen=True)
class PersonSignedOut(Event):
    """Somebody else ended all sessions that a person had here."""

    subject: ClassVar[str] = "person"
    person: int


@dataclass(frozen=True)
class IdentityRelinked(Event):
    """A subject of an SSO connection is somebody else of ours from now on."""

    subject: ClassVar[str] = "identity"
    identity: int


@dataclass(frozen=True)
class ViewingStarted(Event):
    """One of our staff looks at the account as somebody of it."""

    subject: ClassVar[str] = "viewing"
    viewing: int


@dataclass(frozen=True)
class ViewingEnded(Event):
    """One of our staff looks no more."""

    subject: ClassVar[str] = "viewing"
    viewing: int


@dataclass(frozen=True)
class BreakGlassEnrolled(Event):
    """An owner got a second factor for break-glass, and has yet to confirm it."""

    subject: ClassVar[str] = "glass"
    glass: int


@dataclass(frozen=True)
class BreakGlassConfirmed(Event):
    """An owner can break the glass from now on."""

    subject: ClassVar[str] = "glass"
    glass: int


@dataclass(frozen=True)
class BreakGlassReplaced(Event):
    """An owner has another second factor from now on, and this one opens nothing more."""

    subject: ClassVar[str] = "glass"
    glass: int


@dataclass(frozen=True)
class BreakGlassRemoved(Event):
    """An owner can break the glass no more."""

    subject: ClassVar[str] = "glass"
    glass: int


@dataclass(frozen=True)
class BreakGlassRefused(Event):
    """Somebody tried to break the glass with a wrong code."""

    subject: ClassVar[str] = "glass"
    glass: int


@dataclass(frozen=True)
class BreakGlassOpened(Event):
    """An owner broke the glass: for half an hour they may change how people sign in."""

    subject: ClassVar[str] = "glass"
    glass: int


@dataclass(frozen=True)
class DomainAdded(Event):
    """A workspace says that a domain is its own, and has yet to prove it."""

    subject: ClassVar[str] = "domain"
    domain: int


@dataclass(frozen=True)
class DomainVerified(Event):
    """A workspace proved that a domain is its own."""

    subject: ClassVar[str] = "domain"
    domain: int


@dataclass(frozen=True)
class DomainChanged(Event):
    """People of a domain get something else when they come for the first time."""

    subject: ClassVar[str] = "domain"
    domain: int


@dataclass(frozen=True)
class DomainRemoved(Event):
    """A domain is the workspace's no more."""

    subject: ClassVar[str] = "domain"
    domain: int


@dataclass(frozen=True)
class DomainLost(Event):
    """The record that proved a domain has been gone for a week."""

    subject: ClassVar[str] = "domain"
    domain: int


@dataclass(frozen=True)
class MemberSeatWanted(Event):
    """Somebody joined by their domain, whose people get a seat of a pool."""

    subject: ClassVar[str] = "member"
    member: int
    pool: int
    email: str


@dataclass(frozen=True)
class DirectoryCreated(Event):
    """A workspace connected a directory."""

    subject: ClassVar[str] = "directory"
    directory: int


@dataclass(frozen=True)
class DirectoryChanged(Event):
    """A directory is called otherwise, or gives seats of another pool."""

    subject: ClassVar[str] = "directory"
    directory: int


@dataclass(frozen=True)
class DirectoryDisabled(Event):
    """A directory was disconnected; its people stay as they are."""

    subject: ClassVar[str] = "directory"
    directory: int


@dataclass(frozen=True)
class DirectoryTokenCreated(Event):
    """A directory has another token."""

    subject: ClassVar[str] = "token"
    token: int


@dataclass(frozen=True)
class DirectoryTokenRemoved(Event):
    """A token of a directory opens nothing any more."""

    subject: ClassVar[str] = "token"
    token: int


@dataclass(frozen=True)
class DirectoryUserAdded(Event):
    """A directory lists somebody."""

    subject: ClassVar[str] = "user"
    user: int
    directory: int


@dataclass(frozen=True)
class DirectoryUserChanged(Event):
    """A directory tells something else of somebody."""

    subject: ClassVar[str] = "user"
    user: int
    directory: int


@dataclass(frozen=True)
class DirectoryUserRemoved(Event):
    """A directory lists somebody no more."""

    subject: ClassVar[str] = "user"
    user: int
    directory: int


@dataclass(frozen=True)
class DirectoryGroupAdded(Event):
    """A directory has another group."""

    subject: ClassVar[str] = "group"
    group: int
    directory: int
    users: tuple[int, ...] | None = None
    """Whose groups are others now; None for everybody in the directory."""


@dataclass(frozen=True)
class DirectoryGroupChanged(Event):
    """A group of a directory has another name, or other people."""

    subject: ClassVar[str] = "group"
    group: int
    directory: int
    users: tuple[int, ...] | None = None


@dataclass(frozen=True)
class DirectoryGroupRemoved(Event):
    """A directory has a group no more."""

    subject: ClassVar[str] = "group"
    group: int
    directory: int
    users: tuple[int, ...] | None = None


@dataclass(frozen=True)
class GroupRuleSet(Event):
    """The people of a group get something else."""

    subject: ClassVar[str] = "rule"
    rule: int
    directory: int


@dataclass(frozen=True)
class GroupRuleRemoved(Event):
    """The people of a group get nothing by it any more."""

    subject: ClassVar[str] = "rule"
    rule: int
    directory: int
