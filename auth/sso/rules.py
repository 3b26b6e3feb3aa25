"""The rules of single sign-on: words, spans, and who a stranger's claim may be taken for.

A person is found by (SSO connection, subject) and by nothing else. An e-mail address
makes the first link between the two, and only where each condition of `link` holds:
whoever runs an identity provider can write any address into a claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kernel.errors import Problem

FLOW_LIVES = timedelta(minutes=10)
"""How long somebody may take at their identity provider."""

TEST_LIVES = timedelta(minutes=15)
"""How long the address of a test can be opened."""

LONGEST_NEXT = 1_000
LONGEST_CODE = 4_000


class SsoKind(StrEnum):
    """What an SSO connection speaks."""

    OIDC = "oidc"
    """OpenID Connect."""

    SAML = "saml"
    """SAML 2.0."""


class LoginPurpose(StrEnum):
    """What somebody went to their identity provider for."""

    SIGN_IN = "sign_in"
    """To come in."""

    TEST = "test"
    """To try an SSO connection, while signed in already."""

    SIGN_OUT = "sign_out"
    """To sign out there; kept only where the provider said so in a way that does not hold."""


class LoginState(StrEnum):
    """What became of a login."""

    WAITING = "waiting"
    """Its browser has not come back yet."""

    DONE = "done"
    """It succeeded."""

    REFUSED = "refused"
    """It failed, and `reason` says why."""


class DomainBehavior(StrEnum):
    """What somebody with an address in a verified domain gets, who comes for the first time."""

    NONE = "none"
    """Nothing: they need an invitation."""

    SUGGEST = "suggest"
    """The workspace is suggested to them; they ask to join, and an admin lets them in."""

    JOIN = "join"
    """They become a member."""

    JOIN_AND_SEAT = "join_and_seat"
    """They become a member, and get a seat of the domain's pool if one is free."""


class LoginRefused(Exception):  # noqa: N818 - an outcome, not an error of ours
    """Why a login failed, in a sentence for admins and Support; whoever tried is told nothing of it."""


@dataclass(eq=False)
class ConnectionUnreachable(Problem):
    """The identity provider's own description can't be read, or contradicts what was said of it."""

    says = "We can't use this identity provider. {why}"
    why: str
    """What is wrong."""


@dataclass(eq=False)
class SsoUntested(Problem):
    """Nobody has shown that the owner who asks can come in through the SSO connection."""

    says = "First test an SSO connection that is enabled, as yourself, within the last {minutes} minutes."
    minutes: int
    """How recent the test has to be."""


@dataclass(eq=False)
class SsoNeeded(Problem):
    """The workspace enforces single sign-on, and this is its last SSO connection that is enabled."""

    says = "This is the only way in while single sign-on is enforced. Stop enforcing it first."


@dataclass(eq=False)
class SubjectTaken(Problem):
    """Somebody else is known by this name at the identity provider, or this member by another one."""

    says = "Somebody is linked already: this login, or this member. Unlink first."


@dataclass(eq=False)
class Unvouched(Problem):
    """The provider has never said that the subject has the member's address."""

    says = (
        "The provider did not claim this member's proven address for that subject when it last signed in."
        " Ask an owner of the workspace to re-link them."
    )


@dataclass(frozen=True, slots=True)
class Claimed:
    """Whom an identity provider says it has before it, in claims that were verified."""

    subject: str
    email: str | None
    """The address in lower case, unless the provider says that it did not verify it."""

    name: str | None
    proved_at: datetime | None = None
    """When they proved who they are, if the provider says so."""

    provider_session: str | None = None
    ends_at: int | None = None
    """When the provider ends its own session: seconds since 1970."""

    @property
    def domain(self) -> str:
        """What stands behind the @ of the address."""
        return (self.email or "").rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Left:
    """Who signed out at the provider: a subject, one of its sessions, or one session of a subject."""

    subject: str | None
    provider_session: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody whose verified address is the one claimed."""

    person_id: int
    linked: bool
    """Whether another subject of this SSO connection is them."""

    here: str | None
    """Their role in this workspace, if they are a member."""

    elsewhere: int
    """In how many other workspaces they are."""


def link(
    claimed: Claimed, behavior: DomainBehavior | None, known: Known | None, *, invited: bool = False
) -> Known | None:
    """Whose the claimed address is, or None for somebody new who may join. Raises LoginRefused.

    `behavior` is that of the verified domain of this workspace that the address is in, and
    `invited` tells whether an invitation waits for the address.
    """
    if claimed.email is None:
        raise LoginRefused("Nobody is linked to this subject yet, and the provider vouches for no e-mail address.")
    if behavior is None:
        raise LoginRefused(f"Nobody is linked to this subject yet, and {claimed.domain} is not a verified domain here.")
    if known is None or known.here is None:
        insist_on_joining(claimed, behavior, invited=invited)
        if known is None:
            return None
    if known.linked:
        raise LoginRefused(
            f"SUBJECT_CHANGED: the person at {claimed.email} is linked to another subject. Re-link them."
        )
    if known.elsewhere:
        raise LoginRefused(f"MEMBER_OF_OTHER_WORKSPACE: the person at {claimed.email} belongs to another workspace.")
    if known.here == "owner":
        raise LoginRefused(f"The person at {claimed.email} is an owner: link them by a test login of their own.")
    return known


def insist_on_joining(claimed: Claimed, behavior: DomainBehavior | str | None, *, invited: bool) -> None:
    """Refuse somebody who is no member, unless people of their domain join or they were invited. Raises LoginRefused.

    An invitation counts in a verified domain alone: elsewhere nobody has shown that the provider may say whose it is.
    """
    if behavior is None or not (invited or behavior in {DomainBehavior.JOIN, DomainBehavior.JOIN_AND_SEAT}):
        raise LoginRefused(f"{claimed.email} is no member, and people of {claimed.domain} don't join by themselves.")


def unfollowed(claimed: Claimed, *, proven: bool, role: str | None, elsewhere: bool) -> str:
    """Why somebody isn't known by the address that their provider says by now.

    `proven` tells whether it is in a verified domain of the workspace, `elsewhere` whether they are in another one.
    """
    if not proven:
        return f"{claimed.domain} is not a verified domain here."
    if role == "owner":
        return "no provider changes the address of an owner."
    if elsewhere:
        return "they belong to another workspace, too."
    return "somebody else has the new one."


def local(address: str | None) -> str:
    """Where to go after a login: a path of ours, and the front door for anything else."""
    sound = address is not None and len(address) <= LONGEST_NEXT and address.isascii() and address.isprintable()
    # A browser reads "//host" and "/\\host" as another host.
    if address is None or not sound or not address.startswith("/") or address[1:2] in {"/", "\\"} or "\\" in address:
        return "/"
    return address
