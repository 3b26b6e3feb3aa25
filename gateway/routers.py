"""Routers: where they ask for our part of a greater graph, with the limits and budgets of everybody."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.routing import Route

from auth.policy import KeyScope
from gateway.charging import charge
from gateway.compiled import Reads
from gateway.documents import Documents
from gateway.http import graphql_endpoint
from gateway.remembering import Remembered
from gateway.settings import Settings
from gateway.sources import Sources
from schema import subgraph


def router_route(settings: Settings, body: int) -> Route:
    """The address of the subgraph, where a request has at most so many bytes."""
    part = subgraph.graph()
    documents = Documents(part, introspection=not settings.in_production, suggestions=not settings.in_production)

    def sources(request: Request) -> Sources:
        remembered: Remembered = request.app.state.remembered
        return replace(remembered.sources, documents=documents)

    endpoint = graphql_endpoint(
        part,
        lambda request: request.app.state.door.context(request),
        documents,
        graphiql=False,
        body=body,
        charge=charge,
        reads=Reads(part, explain=settings.explain),
        sources=sources,
        introspects=lambda context: KeyScope.SCHEMA_READ in context.actor.scopes,
    )
    return Route("/subgraph", endpoint)
