"""Gathering: the figures of all processes that answer at one port, whichever of them is asked.

Each process tells its own at a door that was made before any of them was started: a
socket in a folder that nobody else may enter. Whoever is asked asks the others, and
shows each figure with the `worker` it is of, so that a process that begins anew resets
its own counters and nobody else's.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import structlog
from prometheus_client import Metric

from kernel.errors import Unavailable

WORKER = "worker"
"""The label that says of which process a figure is."""

_PATIENCE = 1.0
"""Seconds that a process has to tell its figures, before they are shown without."""

log = structlog.get_logger("gateway.gathering")

Figures = list[Any]
"""Families of figures as JSON: of each its name, sentence and type, and of each sample its name, labels and value."""


@dataclass(frozen=True, slots=True)
class Post:
    """The place of one process among those that tell each other their figures."""

    place: int
    doors: tuple[socket.socket, ...]
    """Where each of them tells."""

    @asynccontextmanager
    async def opened(self, own: Callable[[], Iterable[Metric]]) -> AsyncIterator[None]:
        """Tell whoever of the others asks what our `own` figures are, for so long."""

        async def tell(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                writer.write(json.dumps(_plain(own())).encode())
                writer.close()
                await writer.wait_closed()

        telling = await asyncio.start_unix_server(tell, sock=self.doors[self.place])
        try:
            yield
        finally:
            telling.close()

    async def gathered(self, own: Iterable[Metric]) -> list[Metric]:
        """The figures of all of them, each with its worker; without those of whoever doesn't answer soon."""
        others = [place for place in range(len(self.doors)) if place != self.place]
        told = dict(zip(others, await asyncio.gather(*map(self._asked, others)), strict=True))
        return merged({self.place: _plain(own), **told})

    async def _asked(self, place: int) -> Figures:
        try:
            async with asyncio.timeout(_PATIENCE):
                reader, writer = await asyncio.open_unix_connection(self.doors[place].getsockname())
                try:
                    told: Figures = json.loads(await reader.read())
                finally:
                    writer.close()
        except (OSError, TimeoutError, ValueError) as failure:
            log.warning("a process tells no figures", place=place, kind=type(failure).__name__)
            return []
        return told


@contextmanager
def posts(count: int) -> Iterator[list[Post]]:
    """The places of so many processes, for those that are started meanwhile. Raises Unavailable."""
    folder = Path(mkdtemp(prefix="seatgraph-"))
    doors: list[socket.socket] = []
    try:
        doors += (_door(folder / str(place)) for place in range(count))
        yield [Post(place, tuple(doors)) for place in range(count)]
    finally:
        for door in doors:
            door.close()
        shutil.rmtree(folder, ignore_errors=True)


def _door(path: Path) -> socket.socket:
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        door.bind(str(path))
    except OSError as refusal:
        door.close()
        raise Unavailable(f"We can't make a socket at {path}: {refusal}. Name another folder in TMPDIR.") from None
    return door


def merged(told: Mapping[int, Figures]) -> list[Metric]:
    """The figures of several processes as one, each with its worker."""
    families: dict[str, Metric] = {}
    for worker in sorted(told):
        for name, says, kind, samples in told[worker]:
            family = families.setdefault(name, Metric(name, says, kind))
            for sample, labels, value in samples:
                family.add_sample(sample, {**labels, WORKER: str(worker)}, value)
    return list(families.values())


def _plain(figures: Iterable[Metric]) -> Figures:
    return [
        [each.name, each.documentation, each.type, [[made.name, made.labels, made.value] for made in each.samples]]
        for each in figures
    ]
