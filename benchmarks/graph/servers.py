"""Servers: ours and its peers, each one process, and how each is asked the same."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from benchmarks.graph import graphile
from benchmarks.graph.load import request
from benchmarks.graph.operations import Operation
from kernel import ids

OURS = ("executed", "compiled")
PLAIN = "Strawberry"
PEERS = {"mercurius": "Mercurius", "yoga": "graphql-yoga", "apollo": "Apollo Server", "postgraphile": "PostGraphile"}
"""The scripts of those from npm, and what they are called."""

Say = Callable[["Server", Operation], "tuple[dict[str, Any], dict[str, str]] | None"]
"""The body and the headers with which a server is asked an operation; None where it can't be."""


@dataclass(slots=True)
class Server:
    """A server under measurement."""

    name: str
    command: list[str]
    say: Say
    environment: Mapping[str, str]
    within: Path | None = None
    port: int = 0
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def pid(self) -> int:
        return self.started[0].pid

    def asked(self, operation: Operation) -> bytes | None:
        """The request that asks an operation; None where this server knows nothing like it."""
        said = self.say(self, operation)
        return request(self.port, "/graphql", orjson.dumps(said[0]), said[1]) if said else None

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        self.port = _free()
        self._begin()
        for _ in range(1_200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                if self.started[0].poll() is not None:
                    break
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return
        raise SystemExit(f"{self.name} does not answer")

    def _begin(self) -> None:
        command, environment = [*self.command, str(self.port)], os.environ | self.environment
        self.started.append(
            subprocess.Popen(command, env=environment, cwd=self.within, stdout=subprocess.DEVNULL, stderr=_errors())
        )

    def stop(self) -> None:
        for process in self.started:
            process.terminate()
            process.wait()


def ours(environment: Mapping[str, str], bearers: Mapping[str, str]) -> list[Server]:
    """The product, which compiles reads or executes them all."""

    def say(_server: Server, operation: Operation) -> tuple[dict[str, Any], dict[str, str]]:
        known = operation.variables.items()
        variables = {name: ids.encode(*value) if isinstance(value, tuple) else value for name, value in known}
        bearer = {"authorization": f"Bearer {bearers[operation.asker]}"} if operation.asker else {}
        return {"query": operation.document, "variables": variables}, bearer | operation.headers

    module = [sys.executable, "-m", "benchmarks.graph.server"]
    return [Server(way, [*module, way], say, environment) for way in OURS]


def _bare(_server: Server, operation: Operation) -> tuple[dict[str, Any], dict[str, str]] | None:
    """How a peer is asked that has the same fields: with numbers for ids, and told who asks."""
    known = operation.variables.items()
    variables = {name: str(value[1]) if isinstance(value, tuple) else value for name, value in known}
    return {"query": operation.document, "variables": variables}, {"x-person": str(operation.person)}


def _graphile(_server: Server, operation: Operation) -> tuple[dict[str, Any], dict[str, str]] | None:
    said = graphile.asked(operation)
    return (said, {}) if said else None


def plain(url: str) -> Server:
    """Strawberry and SQLModel as they are usually written."""
    command = [sys.executable, "-m", "benchmarks.graph.plain"]
    return Server(PLAIN, command, _bare, {"DATABASE_URL": url})


def peers(home: Path, url: str) -> list[Server]:
    """Those from npm that `home` has."""
    environment = {"NODE_ENV": "production", "GRAPHILE_ENV": "production", **_settings(url)}
    return [
        Server(
            name, ["node", f"{script}.mjs"], _graphile if script == "postgraphile" else _bare, environment, within=home
        )
        for script, name in PEERS.items()
    ]


def _settings(url: str) -> dict[str, str]:
    """Where PostgreSQL is, as its own clients are told."""
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    told = {
        "PGHOST": host,
        "PGPORT": str(parts.port or ""),
        "PGUSER": parts.username or "",
        "PGPASSWORD": parts.password or "",
        "PGDATABASE": parts.path.removeprefix("/"),
    }
    return {name: value for name, value in told.items() if value}


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _errors() -> int | None:
    """Where servers complain: nowhere, but if somebody wants to see it."""
    return None if os.environ.get("SEATGRAPH_BENCHMARK_ERRORS") else subprocess.DEVNULL
