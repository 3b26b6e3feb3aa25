"""Metrics: what Prometheus may ask of one process, or of all that answer at one port.

Labels take few values: the kind of operation, the status and the error code. A
name that a client chooses is never a label.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass

import asyncpg
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from gateway.gathering import Post
from kernel.errors import Unavailable

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a person."""

    held: int
    """Subscriptions."""

    discrepancies: int


Look = Callable[[], Awaitable[Waiting]]


@dataclass(frozen=True, slots=True)
class _Page:
    """Figures as an encoder takes them."""

    figures: list[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.figures


class Metrics:
    """The figures of one process, in a registry of their own; with a `post`, those of its others are shown as well."""

    def __init__(self, post: Post | None = None) -> None:
        self.registry = CollectorRegistry()
        self.whole = CollectorRegistry()
        """What is so of the database, whichever process is asked."""

        self._post = post
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "seatgraph_requests",
            "Requests answered, by the kind of operation and the status.",
            ["operation", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "seatgraph_request_seconds",
            "How long requests took, by the kind of operation.",
            ["operation"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.errors = Counter("seatgraph_errors", "Errors told to clients, by code.", ["code"], registry=self.registry)
        self.held = Gauge(
            "seatgraph_held_subscriptions",
            "Subscriptions that are billed no more until a person has looked.",
            registry=self.whole,
        )
        self.discrepancies = Gauge(
            "seatgraph_open_discrepancies",
            "Differences from what Stripe moved that wait for a person.",
            registry=self.whole,
        )
        self.look: Look | None = None
        """Counts both when somebody asks for the figures."""

        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self.here = 0
        """Requests being answered now."""

        in_flight = Gauge("seatgraph_requests_in_flight", "Requests being answered now.", registry=self.registry)
        in_flight.set_function(lambda: self.here)
        self.sockets = Gauge("seatgraph_sockets", "WebSockets that are open.", registry=self.registry)
        self.streams = Gauge(
            "seatgraph_streams", "Subscriptions that are open, by transport.", ["transport"], registry=self.registry
        )
        self.told = Counter(
            "seatgraph_changes", "Changes told to subscribers, by transport.", ["transport"], registry=self.registry
        )
        self.cut = Counter(
            "seatgraph_streams_cut",
            "Connections of subscribers that we ended, by the code they were closed with.",
            ["code"],
            registry=self.registry,
        )

    def count(self, operation: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        known = self._known.get((operation, status))
        if known is None:
            found = self.requests.labels(operation, str(status)), self.seconds.labels(operation)
            known = self._known[operation, status] = found
        requests, took = known
        requests.inc()
        took.observe(seconds)

    def shared(self) -> AbstractAsyncContextManager[None]:
        """Tell these figures to the other processes, if there are any, for so long."""
        return self._post.opened(self.registry.collect) if self._post else nullcontext()

    async def page(self, request: Request) -> Response:
        """The figures as Prometheus reads them; while the database is away, the last that is known of it."""
        with suppress(Unavailable, OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError):
            if self.look:
                waiting = await self.look()
                self.held.set(waiting.held)
                self.discrepancies.set(waiting.discrepancies)
        own = self.registry.collect()
        figures = await self._post.gathered(own) if self._post else own
        encode, media = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(_Page([*self.whole.collect(), *figures])), headers={"content-type": media})
