"""Webhook endpoints: where events are delivered to. The secret is shown once, at creation."""

from __future__ import annotations

from urllib.parse import urlsplit

from payments.sandbox.books import Books
from payments.sandbox.objects import Body, assign, hidden
from payments.sandbox.pages import Question, page
from payments.sandbox.refusals import invalid
from payments.sandbox.spec import VERSION

_MOST = 16


async def create(books: Books, given: Body) -> Body:
    """POST /v1/webhook_endpoints."""
    _check(given)
    if given.get("connect"):
        raise invalid("This sandbox doesn't play `connect`.", "connect")
    if given.get("api_version", VERSION) != VERSION:
        raise invalid(f"This sandbox renders events as of {VERSION} alone.", "api_version")
    if len(await books.where("webhook_endpoint")) >= _MOST:
        raise invalid(f"You have reached the maximum of {_MOST} test webhook endpoints.")
    endpoint = books.new("webhook_endpoint", metadata={}, status="enabled")
    assign(endpoint, given, ("api_version", "description", "enabled_events", "metadata", "url"))
    secret = f"whsec_{books.ids.text(32)}"
    hidden(endpoint)["secret"] = secret
    return endpoint | {"secret": secret}


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/webhook_endpoints/{webhook_endpoint}."""
    del given
    return await books.one("webhook_endpoint", id, "webhook_endpoint")


async def update(books: Books, given: Body, id: str) -> Body:
    """POST /v1/webhook_endpoints/{webhook_endpoint}."""
    endpoint = await books.one("webhook_endpoint", id, "webhook_endpoint")
    _check(given)
    assign(endpoint, given, ("description", "enabled_events", "metadata", "url"))
    if "disabled" in given:
        endpoint["status"] = "disabled" if given["disabled"] else "enabled"
    return endpoint


async def delete(books: Books, given: Body, id: str) -> Body:
    """DELETE /v1/webhook_endpoints/{webhook_endpoint}."""
    del given
    endpoint = await books.one("webhook_endpoint", id, "webhook_endpoint")
    endpoint.clear()
    endpoint.update({"id": id, "object": "webhook_endpoint", "deleted": True})
    return endpoint


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/webhook_endpoints."""
    return await page(books, Question("webhook_endpoint"), given, "/v1/webhook_endpoints")


def _check(given: Body) -> None:
    if "url" in given and urlsplit(given["url"]).scheme not in ("http", "https"):
        raise invalid("Invalid URL: An explicit scheme (such as https) must be provided.", "url", "url_invalid")
