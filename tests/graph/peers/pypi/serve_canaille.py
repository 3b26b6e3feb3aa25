"""Canaille, with what its admin would enter by hand: applications that rely on it, and tokens for its own SCIM."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from canaille.scim import client as pushing
from loopback import say, serve

A_YEAR = 365 * 24 * 3_600
application = create_app()
pushing.httpx_client = partial(httpx.Client, timeout=A_YEAR)  # its five seconds are few on a busy machine


def enter(uri: str, token: str, redirect: str | None) -> dict[str, str]:
    """An application that relies on it, and the token that one speaks SCIM with to the other."""
    now = datetime.now(UTC)
    client = models.Client(
        client_id=f"client-{token[-8:]}",
        client_secret="a secret of 32 letters and digits",
        client_id_issued_at=now,
        client_name="Seatgraph",
        client_uri=uri,
        redirect_uris=[redirect] if redirect else [],
        grant_types=["authorization_code"],
        response_types=["code"],
        scope=["openid", "profile", "email"],
        token_endpoint_auth_method="client_secret_basic",
    )
    Backend.instance.save(client)
    client.audience = [client]
    Backend.instance.save(client)
    Backend.instance.save(
        models.Token(
            token_id=token[-8:],
            access_token=token,
            client=client,
            audience=[client],
            scope=["openid", "profile"],
            issue_date=now,
            lifetime=A_YEAR,
        )
    )
    return {"clientId": client.client_id, "clientSecret": client.client_secret}


for line in serve(application):
    asked: dict[str, Any] = line
    with application.app_context():
        say(enter(**asked))
