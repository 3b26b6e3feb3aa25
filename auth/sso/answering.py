"""Answering: a browser posts what a SAML provider told it, and is sent on to where its cookie counts.

The post comes from the provider's page, so a browser sends no cookie of ours along. What
was posted is verified here, and whom it vouches for is kept in the login's row, under a
new handle that serves once; the browser goes on to `/finish` with it, and brings its
cookie there. The rest of the way is that of every login.

An answer that nobody asked for is never taken for a login. Where an SSO connection allows
that a login begins at the provider, it makes us begin one of our own.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from auth.policy import ActorKind
from auth.saml.answers import Believed, Expected, believe, opened
from auth.saml.mapping import Mapping as Attributes
from auth.sso import addresses, queries, rules
from auth.sso.federating import pinned_of
from auth.sso.rules import FLOW_LIVES, Claimed, LoginRefused
from auth.sso.tables import SsoConnection, SsoFlow
from auth.sso.tracing import Trace, digest, refuse, sent
from kernel.sealing import unseal
from kernel.work import Work

HANDLE_LIVES = timedelta(minutes=2)
"""How long a browser may take from the provider's answer to us."""

_SYSTEM = {"staff": "on"}


@dataclass(frozen=True, slots=True)
class Posted:
    """What a browser posts for its provider."""

    answer: str = field(repr=False)
    state: str = field(repr=False)


async def receive(work: Work, row: SsoConnection, base: str, posted: Posted) -> str:
    """Where a browser goes on to, with what it posted. Raises LoginRefused."""
    await work.see_as({"sso": str(row.id), "state": digest(posted.state).hex()}, work.origin)
    async with work.transaction():
        flow = await queries.take_flow(work, row.id, digest(posted.state))
    await work.see_as(_SYSTEM, replace(work.origin, actor=ActorKind.ANONYMOUS.value))
    test = flow["login_id"] if flow else None
    trace = Trace([sent(row)] if test is not None else [])
    try:
        if flow is None and _begun_there(row, posted):
            return f"{addresses.door(base, row.id, 'login')}?{urlencode({'next': rules.local(posted.state)})}"
        believed = await _believed(work, row, base, flow=flow, posted=posted, trace=trace)
        return await _kept(work, row, base, flow=flow, believed=believed, trace=trace)
    except LoginRefused as refusal:
        await refuse(work, row, test, trace, refusal)
        raise


def _begun_there(row: SsoConnection, posted: Posted) -> bool:
    """Whether this is an answer to no request of ours, and the SSO connection allows that. Raises LoginRefused."""
    return row.idp_initiated and row.enabled and opened(posted.answer).get("InResponseTo") is None


async def _believed(
    work: Work, row: SsoConnection, base: str, *, flow: Mapping[str, Any] | None, posted: Posted, trace: Trace
) -> Believed:
    if flow is None or flow["vouched"] is not None:
        raise LoginRefused("The RelayState is not of a login that waits: it was used, made up, or is too old.")
    if flow["expires_at"] <= work.now:
        raise LoginRefused(f"The login took longer than {FLOW_LIVES.seconds // 60} minutes.")
    request, again = json.loads(unseal(flow["sealed"].decode()))
    trace.add("The provider answered a request of ours.")
    pinned = await queries.certificates(work, row.account_id, row.id)
    expected = Expected(
        issuer=row.issuer,
        audience=row.client_id,
        address=addresses.door(base, row.id, "acs"),
        request=request,
        certificates=pinned_of(pinned),
        mapping=Attributes(row.subject_attribute, row.email_attribute, row.name_attribute),
        again=again,
    )
    believed = believe(posted.answer, expected, work.now)
    claimed = trace.claimed = believed.claimed
    trace.add(f"The answer holds: it is for the subject {claimed.subject}, with {claimed.email or 'no address'}.")
    return believed


async def _kept(
    work: Work, row: SsoConnection, base: str, *, flow: Mapping[str, Any], believed: Believed, trace: Trace
) -> str:
    """Keep whom an answer vouches for under a new handle. Raises LoginRefused for an assertion that counted before."""
    handle = secrets.token_urlsafe(32)
    async with work.transaction():
        await work.bind(row.account_id)
        if not await queries.counts_once(work, row.account_id, row.id, digest(believed.assertion), believed.until):
            raise LoginRefused("The assertion has counted before.")
        work.add(
            SsoFlow(
                account_id=row.account_id,
                state_hash=digest(handle),
                connection_id=row.id,
                login_id=flow["login_id"],
                browser_hash=flow["browser_hash"],
                sealed=flow["sealed"],
                vouched={"claimed": written(believed.claimed), "steps": trace.steps},
                next=flow["next"],
                app=flow["app"],
                person_id=flow["person_id"],
                created_at=work.now,
                expires_at=min(flow["expires_at"], work.now + HANDLE_LIVES),
            )
        )
    return f"{addresses.door(base, row.id, 'finish')}?{urlencode({'handle': handle})}"


def written(claimed: Claimed) -> dict[str, Any]:
    """What was claimed, as JSON can say it."""
    proved = claimed.proved_at
    return asdict(claimed) | {"proved_at": None if proved is None else proved.isoformat()}


def reread(told: Mapping[str, Any]) -> Claimed:
    """The same, read again."""
    proved = told["proved_at"]
    return Claimed(**{**told, "proved_at": None if proved is None else datetime.fromisoformat(proved)})
