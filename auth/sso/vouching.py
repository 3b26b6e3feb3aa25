"""Vouching: whether what a browser brings back from the identity provider says who it is.

With OpenID Connect, the state finds the flow, the cookie shows that it is the same browser,
the `iss` that the answer is that provider's, and the code becomes an ID token that has to
hold. With SAML, the answer was verified when it was posted (`auth.sso.answering`), and what
is left is to see that the browser is the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any

from auth.sso import rules
from auth.sso.answering import reread
from auth.sso.departing import client
from auth.sso.provider import Client, Described, Providers, Secrets
from auth.sso.rules import FLOW_LIVES, Claimed, LoginRefused, SsoKind
from auth.sso.tables import SsoConnection
from auth.sso.tracing import Trace, digest
from kernel.sealing import unseal
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class Returned:
    """What a browser brings back: the parameters of its address, its secret, and what it calls itself."""

    told: Mapping[str, str] = field(repr=False)
    browser: str = field(repr=False)
    agent: str = ""

    @property
    def state(self) -> str:
        """By which we find what we asked."""
        return self.told.get("state", "")


async def vouched(
    work: Work,
    providers: Providers,
    row: SsoConnection,
    base: str,
    *,
    flow: Mapping[str, Any] | None,
    returned: Returned,
    trace: Trace,
) -> Claimed:
    """Whom the provider vouches for. Raises LoginRefused."""
    if flow is None:
        raise LoginRefused("The state is not of a login that waits: it was used, made up, or is too old.")
    if flow["expires_at"] <= work.now:
        raise LoginRefused(f"The login took longer than {FLOW_LIVES.seconds // 60} minutes.")
    if not compare_digest(flow["browser_hash"], digest(returned.browser)):
        raise LoginRefused("Another browser came back than the one that went.")
    if not row.enabled and flow["login_id"] is None:
        raise LoginRefused("The SSO connection is switched off.")
    if row.kind == SsoKind.SAML:
        return _answered(flow, trace)
    trace.add("A browser came back with a state of ours.")
    us = client(row, base)
    described = await providers.describe(us, work.now)
    code = _code(us, described, returned.told)
    trace.add("The provider sent a code.")
    kept = Secrets(*json.loads(unseal(flow["sealed"].decode())))
    answer = await providers.exchange(us, described, code, kept.verifier)
    trace.add("The provider exchanged the code for an ID token.")
    claimed = trace.claimed = await providers.believe(us, described, answer, kept, work.now)
    trace.add(f"The ID token holds: it is for the subject {claimed.subject}, with {claimed.email or 'no address'}.")
    return claimed


def _answered(flow: Mapping[str, Any], trace: Trace) -> Claimed:
    """Whom the answer vouched for that this browser posted a moment ago."""
    if flow["vouched"] is None:
        raise LoginRefused("The provider's answer has yet to come.")
    told = flow["vouched"]
    trace.steps[:] = told["steps"]
    trace.add("The browser came back that went.")
    claimed = trace.claimed = reread(told["claimed"])
    return claimed


def _code(us: Client, described: Described, told: Mapping[str, str]) -> str:
    """The code in the provider's answer. Raises LoginRefused."""
    issuer = told.get("iss")
    if issuer is None and described.says_issuer:
        raise LoginRefused("The answer does not name its issuer, as this provider says it always does.")
    if issuer is not None and issuer != us.issuer:
        raise LoginRefused("The answer names another issuer: it may come from another provider.")
    if "error" in told:
        said = " ".join(f"{told['error']} {told.get('error_description', '')}".split())[:200]
        raise LoginRefused(f"The provider refused: {said if said.isprintable() else 'in words we can not show'}.")
    code = told.get("code", "")
    if not 0 < len(code) <= rules.LONGEST_CODE or not code.isprintable():
        raise LoginRefused("The answer holds no code.")
    return code
