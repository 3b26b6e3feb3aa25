"""Refusals: Stripe's error envelopes, and whether a refusal burns its idempotency key."""

from __future__ import annotations

from typing import Any


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error of ours
    """A request that Stripe would not fulfil, as the `error` hash of its answer."""

    def __init__(self, message: str, *, status: int = 400, kind: str = "invalid_request_error", **facts: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error = {key: fact for key, fact in facts.items() if fact is not None} | {"message": message, "type": kind}
        if "code" in self.error:
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.error['code'].replace('_', '-')}"
        self.headers: dict[str, str] = {}
        self.burns = True
        """Whether a retry with the same idempotency key gets this refusal again."""
        self.commits = False
        """Whether what the request changed before it was refused stays changed."""


def invalid(message: str, param: str | None = None, code: str | None = None, status: int = 400) -> Refused:
    """A request that was refused before any work began: its key can be used again."""
    refused = Refused(message, status=status, param=param, code=code)
    refused.burns = False
    return refused


def unexpected(message: str, code: str | None = None, **facts: Any) -> Refused:
    """A request that contradicts the state of an object; the refusal is what its key now answers."""
    return Refused(message, code=code, **facts)


def missing(kind: str, id: str, param: str, status: int) -> Refused:
    """Nothing of this kind has this id. 404 when the id stands in the path, 400 when in the body."""
    return invalid(f"No such {kind.rsplit('.', maxsplit=1)[-1]}: '{id}'", param, "resource_missing", status)


def declined(message: str, code: str, **facts: Any) -> Refused:
    """402: the payment method said no. The failed attempt stays recorded."""
    refused = Refused(message, status=402, kind="card_error", code=code, **facts)
    refused.commits = True
    return refused


def rate_limited(reason: str = "endpoint-rate") -> Refused:
    """429 without `Stripe-Should-Retry`: the SDK doesn't try again by itself."""
    message = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
    refused = invalid(message, code="rate_limit", status=429)
    refused.headers = {"Stripe-Rate-Limited-Reason": reason}
    return refused


def locked() -> Refused:
    """429 with `Stripe-Should-Retry`: another request holds the object."""
    message = (
        "This object cannot be accessed right now because another API request or Stripe process "
        "is currently accessing it."
    )
    refused = invalid(message, code="lock_timeout", status=429)
    refused.headers = {"Stripe-Should-Retry": "true"}
    return refused


def key_in_use(key: str) -> Refused:
    """409: a request with the same idempotency key is still at work."""
    message = (
        "There is currently another in-progress request using this Idempotent Key "
        f"(that probably means you submitted twice, and the other request is still going through): {key}. "
        "Please try again later."
    )
    refused = Refused(message, status=409, kind="idempotency_error", code="idempotency_key_in_use")
    refused.burns = False
    return refused


def broken() -> Refused:
    """500: Stripe's own fault. The key answers the same again."""
    return Refused(
        "An unknown error occurred; we have been notified and are working on it.", status=500, kind="api_error"
    )
