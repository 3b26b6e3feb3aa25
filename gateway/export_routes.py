"""The addresses under `/export`: sheets, audit logs, and lists that were written whole."""

from __future__ import annotations

from starlette.routing import Route

from gateway.bulk.fetching import exported
from gateway.exports import Answer, Places, exports_endpoint, sheets
from gateway.records import FORMS, records


def export_routes() -> list[Route]:
    """All of them."""
    places = Places()
    return [
        *(_route(f"audit.{form}", records, places) for form in FORMS),
        _route("bulk/{export}.jsonl", exported, places),
        _route("{sheet}.csv", sheets, places),
    ]


def _route(path: str, answer: Answer, places: Places) -> Route:
    endpoint = exports_endpoint(lambda request: request.app.state.door.context(request), answer, places)
    return Route(f"/export/{path}", endpoint)
