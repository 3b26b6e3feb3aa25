"""The trace of a login: what happened, step by step, and why it failed, in words for admins and Support."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from auth import events
from auth.sso import queries
from auth.sso.rules import Claimed, LoginPurpose, LoginRefused, LoginState, SsoKind
from auth.sso.tables import SsoConnection, SsoLogin
from kernel.work import Work

MOST_REFUSALS = 60
"""Refusals for a purpose that are recorded of one SSO connection in an hour: nobody fills its log from outside."""

_SENT = {
    SsoKind.OIDC: "The provider's description could be read, and the browser was sent there.",
    SsoKind.SAML: "The browser was sent to the provider.",
}

LONGEST_REASON = 1_000
_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Trace:
    """What happened so far, a sentence a step."""

    steps: list[str] = field(default_factory=list)
    claimed: Claimed | None = None
    """Whom the provider vouched for, once it has."""

    def add(self, says: str) -> None:
        """One more step."""
        self.steps.append(says)


def sent(row: SsoConnection) -> str:
    """The first step of a test, by which one that never came back is told from one that never began."""
    return _SENT[row.kind]


async def refuse(
    work: Work,
    row: SsoConnection,
    login_id: int | None,
    trace: Trace,
    refusal: LoginRefused,
    *,
    purpose: LoginPurpose = LoginPurpose.SIGN_IN,
) -> None:
    """Record why a login failed, in a transaction of its own."""
    async with work.transaction():
        await work.bind(row.account_id)
        lately = await queries.refusals_since(work, row.account_id, row.id, work.now - _HOUR, purpose)
        if login_id is None and lately >= MOST_REFUSALS:
            return
        login = begun(work, row, purpose) if login_id is None else await queries.login(work, row.account_id, login_id)
        login.state, login.reason = LoginState.REFUSED, str(refusal)[:LONGEST_REASON]
        login.steps, login.ended_at = list(trace.steps), work.now
        if trace.claimed:
            login.subject, login.email = trace.claimed.subject, trace.claimed.email
        await work.flush()
        work.emit(events.LoginRefused(row.account_id, login.id), login)


def begun(work: Work, row: SsoConnection, purpose: LoginPurpose = LoginPurpose.SIGN_IN) -> SsoLogin:
    """The row of a login that nobody has announced."""
    login = SsoLogin(
        account_id=row.account_id,
        id=work.new_id(),
        connection_id=row.id,
        purpose=purpose,
        request_id=work.origin.request_id,
        created_at=work.now,
    )
    work.add(login)
    return login


def close(work: Work, login: SsoLogin, trace: Trace, claimed: Claimed) -> None:
    """Record a login that succeeded."""
    login.state, login.ended_at = LoginState.DONE, work.now
    login.steps, login.subject, login.email = list(trace.steps), claimed.subject, claimed.email
    work.emit(events.LoginSucceeded(login.account_id, login.id), login)


def digest(text: str) -> bytes:
    """What we keep of a secret that somebody carries for us."""
    return sha256(text.encode()).digest()
