"""What is asked of the table of trusted documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from gateway.trusted.manifests import Listed

Connections = asyncpg.Connection | asyncpg.Pool


async def registered(connections: Connections, id_: str) -> list[asyncpg.Record]:
    """Who registered a document of this id, revoked ones too."""
    rows: list[asyncpg.Record] = await connections.fetch(
        "select client, source, revoked_at from trusted_document where id = $1 order by client", id_
    )
    return rows


async def register(connection: Connections, client: str, documents: Sequence[Listed], *, revoked: bool) -> int:
    """Let a client ask these, also those that were `revoked`; how many it couldn't ask before."""
    rows = await connection.fetch(
        """
        insert into trusted_document as t (client, id, source)
        select $1, u.id, u.source from unnest($2::text[], $3::text[]) as u(id, source)
        on conflict (client, id) do update set source = excluded.source, revoked_at = null
        where (t.revoked_at is not null and $4) or (t.revoked_at is null and t.source <> excluded.source)
        returning id
        """,
        client,
        [each.id for each in documents],
        [each.source for each in documents],
        revoked,
    )
    return len(rows)


async def revoke(connection: Connections, client: str, id_: str | None) -> int:
    """Let a client ask a document no more, with all its ids, or all its documents; how many ids that were."""
    rows = await connection.fetch(
        """
        update trusted_document t set revoked_at = clock_timestamp()
        where client = $1 and revoked_at is null and ($2::text is null or source = (
            select source from trusted_document where client = $1 and id = $2))
        returning id
        """,
        client,
        id_,
    )
    return len(rows)


async def counted(connection: Connections) -> list[tuple[Any, ...]]:
    """Each client with how many ids it may ask by, and how many were revoked."""
    rows = await connection.fetch(
        """
        select client, count(*) filter (where revoked_at is null) as active,
            count(*) filter (where revoked_at is not null) as revoked
        from trusted_document group by client order by client
        """
    )
    return [tuple(row) for row in rows]
