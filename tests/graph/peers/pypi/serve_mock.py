"""oidc-provider-mock, as its own project starts it, for clients that registered; it knows the people it is told."""

from __future__ import annotations

from loopback import serve, told
from oidc_provider_mock import User, app

people = [User(sub=sub, claims=claims) for sub, claims in told["people"].items()]

for _ in serve(app(require_client_registration=True, require_nonce=True, user_claims=people)):
    pass
