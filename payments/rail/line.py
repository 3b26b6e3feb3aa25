"""The line to Stripe: one client a process, and what its answers mean in our words.

Open it inside the event loop that uses it, and close it there. It follows from
nothing but its settings; no call holds a connection of the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import stripe

from payments.rail.errors import Declined, Misconfigured, NeedsAction, RailError, Refused, Throttled, Unknown
from payments.rail.turns import Turns
from payments.rail.values import VERSION, Body, Decline, Intent, Setup

TIMEOUT = httpx.Timeout(30, connect=5)
"""Seconds for an answer, and for a connection."""

RETRIES = 2
"""How often the SDK sends a request again, with the same idempotency key."""

_PAUSES = (0.1, 0.3, 0.8)
"""Seconds before we try again what was not begun."""

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_SERVERS_FAULT = 500
_IN_USE = 409

stripe.enable_telemetry = False
stripe.set_app_info("Seatgraph", version="0.1.0")

Act = Callable[[Any], Awaitable[Any]]
"""A method of the SDK, given the options of the call."""


class Line:
    """An open line: calls operations of Stripe, one turn each."""

    def __init__(self, key: str, turns: Turns, *, api: str | None = None, files: str | None = None) -> None:
        self._turns = turns
        self._http = _Client(proxies=urlsplit(api or "").hostname not in _LOOPBACK)
        addresses = {name: address for name, address in {"api": api, "files": files or api}.items() if address}
        self._client = stripe.StripeClient(
            key,
            base_addresses=addresses,  # type: ignore[arg-type] # the names are two of the four
            http_client=self._http,
            max_network_retries=RETRIES,
            stripe_version=VERSION,
        )
        self.v1 = self._client.v1
        self.address = api
        """Where it leads, unless to Stripe itself."""

    async def close(self) -> None:
        """Hang up."""
        await self._http.close_async()  # type: ignore[no-untyped-call] # the SDK leaves it untyped

    async def call(self, operation: str, act: Act, *, key: str | None = None, urgent: bool = True) -> dict[str, Any]:
        """The answer to one call, as plain JSON. Raises a RailError.

        A call that changes something has a `key`: asked again with the same, it happens once.
        """
        for pause in (*_PAUSES, None):
            await self._turns.take(operation, urgent=urgent)
            try:
                return await _answer(act, key)
            except Throttled:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")


class _Client(stripe.HTTPXClient):
    """The SDK's client, which asks the environment for a proxy only where one may be needed."""

    def __init__(self, *, proxies: bool) -> None:
        super().__init__(timeout=TIMEOUT)
        if not proxies:
            self._client_async = httpx.AsyncClient(trust_env=False)


async def _answer(act: Act, key: str | None) -> dict[str, Any]:
    try:
        answered = await act({"idempotency_key": key} if key else {})
        told: dict[str, Any] = answered.to_dict()
    except stripe.StripeError as error:
        raise meaning(error) from error
    except Exception as error:
        # Whatever it was, it came after the request had left.
        raise Unknown from error
    return told


def meaning(error: stripe.StripeError) -> RailError:
    """What an error of the SDK means in our words."""
    told = _told(error)
    match error:
        case stripe.CardError():
            return _declined(told)
        case stripe.RateLimitError():
            return Throttled(str(told.get("code") or "rate_limit"))
        case stripe.AuthenticationError() | stripe.PermissionError():
            return Misconfigured(told.get("message") or "Stripe doesn't accept STRIPE_SECRET_KEY.")
        case stripe.APIConnectionError():
            return Unknown(error.request_id)
        case _ if error.http_status is None or error.http_status >= _SERVERS_FAULT or error.http_status == _IN_USE:
            return Unknown(error.request_id, replayed=_replayed(error))
    return Refused(
        code=told.get("code") or told.get("type") or "invalid_request_error",
        message=told.get("message") or "",
        param=told.get("param"),
        intent=_intent(told),
    )


def _replayed(error: stripe.StripeError) -> bool:
    """Whether Stripe says that it has answered the same before, under the same key."""
    told = {name.lower(): value for name, value in (error.headers or {}).items()}
    return told.get("idempotent-replayed") == "true"


def _told(error: stripe.StripeError) -> Mapping[str, Any]:
    """The `error` hash of an answer, or nothing."""
    body = error.json_body
    told = body.get("error") if isinstance(body, Mapping) else None
    return told if isinstance(told, Mapping) else {}


def _declined(told: Body) -> RailError:
    kind = NeedsAction if told.get("code") == "authentication_required" else Declined
    setup = told.get("setup_intent")
    return kind(Decline.from_body(told), _intent(told), Setup.from_body(setup) if setup else None)


def _intent(told: Body) -> Intent | None:
    body = told.get("payment_intent")
    return Intent.from_body(body) if body else None
