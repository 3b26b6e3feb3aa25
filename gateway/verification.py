"""Verification: every invariant recomputed from the rows, in one snapshot that nobody disturbs.

It reads as the owner, because row-level security would hide the very rows that are wrong.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import asyncpg

from gateway.installation import Say
from gateway.invariants import CHECKS
from gateway.money_state import money_state
from kernel import database

COUNTED = (
    *("person", "account", "workspace", "member", "subscription", "license_pool", "assignment"),
    *("invoice", "line_item", "payment", "credit_note", "ledger_transfer", "audit_record", "outbox"),
)
"""The tables whose size tells how much was verified."""


async def told(url: str, say: Say) -> bool:
    """Check everything, saying each broken row as it is found; whether all holds."""
    sound = True
    async with _snapshot(url) as connection:
        for check in CHECKS:
            broken = 0
            async for breach in check.find(connection):
                if not broken:
                    say(f"BROKEN  {check.name} (law {check.law})")
                say(f"        {breach.row}: {breach.reason}")
                broken += 1
            if not broken:
                say(f"holds   {check.name}")
            sound = sound and not broken
        counted = await _counted(connection)
    sizes = ", ".join(f"{count:,} {table}" for table, count in counted.items())
    say(f"{'All holds' if sound else 'Not all holds'} over {sizes}.")
    return sound


async def report(url: str) -> dict[str, Any]:
    """Check everything; the outcome as JSON says it."""
    async with _snapshot(url) as connection:
        checks = [
            {
                "name": check.name,
                "law": check.law,
                "broken": [asdict(breach) async for breach in check.find(connection)],
            }
            for check in CHECKS
        ]
        counted = await _counted(connection)
        money = await money_state(connection)
    ok = not any(check["broken"] for check in checks)
    return {"ok": ok, "checks": checks, "counted": counted, "money": asdict(money)}


@asynccontextmanager
async def _snapshot(url: str) -> AsyncIterator[asyncpg.Connection]:
    async with (
        database.connected(url) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


async def _counted(connection: asyncpg.Connection) -> dict[str, int]:
    return {table: await connection.fetchval(f"select count(*) from {table}") for table in COUNTED}  # noqa: S608 - ours
