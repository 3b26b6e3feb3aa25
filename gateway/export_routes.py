"""The addresses under `/export`: sheets, audit logs, and lists that were written whole."""

from __future__ import annotations

from starlette.routing import Route

from gateway.bulk.fetching import exported
from gateway.exports import Answer, exports_endpoint, sheets
from gateway.records import FORMS, records


def export_routes() -> list[Route]:
    """All of them."""
    return [
        *(_route(f"audit.{form}", records) for form in FORMS),
        _route("bulk/{export}.jsonl", exported),
        _route("{sheet}.csv", sheets),
    ]


def _route(path: str, answer: Answer) -> Route:
    return Route(f"/export/{path}", exports_endpoint(lambda request: request.app.state.door.context(request), answer))
