"""The registry: which text an id stands for, and for which client, remembered until it changes."""

from __future__ import annotations

import asyncpg

from gateway.noticing import Notices
from gateway.trusted import queries
from gateway.trusted.manifests import insist_on_id
from kernel.errors import Forbidden, NotFound

CHANNEL = "seatgraph_documents"
_KNOWN = 10_000
"""Ids that are remembered, those that nobody registered among them."""


class Registry:
    """The trusted documents of one database."""

    def __init__(self, connections: asyncpg.Pool, notices: Notices) -> None:
        self._connections = connections
        self._notices = notices
        self._known: dict[str, list[asyncpg.Record]] = {}
        notices.tell(CHANNEL, self._known.clear)

    async def source(self, id_: str, client: str | None) -> str:
        """The text that this client registered. Raises InvalidInput, NotFound, or Forbidden for a revoked one."""
        found = await self._registered(insist_on_id(id_))
        mine = [row for row in found if client is None or row["client"] == client]
        for row in mine:
            if row["revoked_at"] is None:
                return str(row["source"])
        if mine:
            raise Forbidden("This document was revoked. Update the client.")
        if found:
            raise NotFound("This document is registered for another client. Say in Seatgraph-Client who you are.")
        raise NotFound("No document of this id is registered. Register the client's manifest, or send the text.")

    async def trusts(self, id_: str, client: str | None) -> bool:
        """Whether this client registered the document and nobody revoked it."""
        found = await self._registered(id_)
        return any(row["revoked_at"] is None and client in {None, row["client"]} for row in found)

    async def _registered(self, id_: str) -> list[asyncpg.Record]:
        known = self._known.get(id_)
        if known is not None:
            return known
        mark = self._notices.heard
        found = await queries.registered(self._connections, id_)
        # What changed while we asked is asked for again, and so is everything while nobody listens.
        if self._notices.listening and mark == self._notices.heard:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[id_] = found
        return found
