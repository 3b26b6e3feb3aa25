"""Noticing: what other processes changed that this one remembers, told by PostgreSQL.

One connection listens. While it is broken nothing is remembered, because nobody would
say when that is over; when it is back, everything is looked up again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import asyncpg
import structlog

from kernel import database
from kernel.errors import Unavailable

_KNOWN_AS = {"application_name": "seatgraph-noticing"}
_PROBED = 10  # seconds of silence after which the connection is asked whether it lives
_REST = 0.5  # seconds before another try

log = structlog.get_logger("gateway.noticing")


class Notices:
    """Which notices of a database reached this process."""

    def __init__(self, url: str) -> None:
        self.listening = False
        """Whether a notice would reach us now."""

        self.heard = 0
        """How many there were; what was asked for before the last one may be out of date."""

        self._url = url
        self._told: dict[str, list[Callable[[], object]]] = {}

    def tell(self, channel: str, forget: Callable[[], object]) -> None:
        """Have something forgotten whenever a channel is notified, and whenever a notice may have been missed."""
        self._told.setdefault(channel, []).append(forget)

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except (Unavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("notices will be heard again", kind=type(error).__name__)
            finally:
                self.listening = False
                self._forget(*self._told)
            await asyncio.sleep(_REST)

    async def _listen(self) -> None:
        broken = asyncio.Event()
        async with database.connected(self._url, role=database.APP_ROLE, server_settings=_KNOWN_AS) as connection:
            connection.add_termination_listener(lambda _: broken.set())
            for channel in self._told:
                await connection.add_listener(channel, lambda *heard: self._forget(heard[2]))
            self._forget(*self._told)
            self.listening = True
            while not broken.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(broken.wait(), _PROBED)
                if not broken.is_set():
                    await connection.fetchval("select 1", timeout=_PROBED)
        raise Unavailable("The connection that listens has ended.")

    def _forget(self, *channels: str) -> None:
        self.heard += 1
        for channel in channels:
            for forget in self._told[channel]:
                forget()
