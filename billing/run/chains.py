"""Audit of a billing run: many short chains grown at once, by the very digest that `kernel.audit` checks.

A run says little, and all of it is known beforehand, so each record is written as
the JSON that is hashed without making its values first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import asyncpg

from billing.run.chunks import Run
from billing.run.forms import NULL
from kernel.audit import GENESIS
from kernel.work import IdBlocks

COLUMNS = (
    *("account_id", "seq", "id", "at", "action", "subject", "subject_id", "before", "after"),
    *("actor", "token", "ip", "request_id", "hash"),
)


class Said(NamedTuple):
    """What a run says of one change. Its states are JSON: null, or an object in order of its keys, without spaces."""

    account_id: int
    action: str
    subject: str
    subject_id: int
    before: str
    after: str


async def chained(connection: asyncpg.Connection, run: Run, blocks: IdBlocks, said: Sequence[Said]) -> list[str]:
    """The records as rows of COLUMNS, each account's chained to its head; heads are locked, and moved."""
    accounts = list(dict.fromkeys(record.account_id for record in said))
    heads = await _heads(connection, accounts)
    at, name = run.now.astimezone(UTC).isoformat(timespec="microseconds"), run.name
    rows: list[str] = []
    ends: list[tuple[int, bytes]] = []
    for account_id, records in groupby(said, attrgetter("account_id")):
        seq, last = heads[account_id]
        for record in records:
            seq += 1
            row, last = _chained(record, seq, blocks.take(), at, name, last=last)
            rows.append(row)
        ends.append((seq, last))
    await _move(connection, accounts, ends)
    return rows


def _chained(said: Said, seq: int, number: int, at: str, name: str, *, last: bytes) -> tuple[str, bytes]:
    """The record as a row, and its hash: of what `kernel.audit.digest` writes for it.

    There is no person, no token and no reason, for the system acts.
    """
    account_id, action, subject, subject_id, before, after = said
    hashed = (
        f'[{account_id},{seq},{number},"{at}","{action}","{subject}",{subject_id},{before},{after}'
        f',"system",null,null,"","","{name}",null]'
    )
    last = sha256(last + hashed.encode()).digest()
    row = (
        f"{account_id}\t{seq}\t{number}\t{at}\t{action}\t{subject}\t{subject_id}"
        f"\t{NULL if before == 'null' else before}\t{NULL if after == 'null' else after}"
        f"\tsystem\t\t\t{name}\t\\\\x{last.hex()}"
    )
    return row, last


async def _heads(connection: asyncpg.Connection, accounts: Sequence[int]) -> dict[int, tuple[int, bytes]]:
    """Where each account's chain ends, locked."""
    rows = await connection.fetch(_LOCK, accounts)
    if len(rows) < len(accounts):
        await connection.execute(
            "insert into audit_head (account_id, seq, hash) select account_id, 0, $2"
            " from unnest($1::bigint[]) as t(account_id) order by account_id on conflict do nothing",
            accounts,
            GENESIS,
        )
        rows = await connection.fetch(_LOCK, accounts)
    return {row["account_id"]: (row["seq"], row["hash"]) for row in rows}


async def _move(connection: asyncpg.Connection, accounts: Sequence[int], ends: Sequence[tuple[int, bytes]]) -> None:
    """Let the heads say where the chains end now."""
    await connection.execute(
        "update audit_head h set seq = e.seq, hash = e.hash"
        " from unnest($1::bigint[], $2::bigint[], $3::bytea[]) as e(account_id, seq, hash)"
        " where h.account_id = e.account_id",
        accounts,
        [seq for seq, _ in ends],
        [last for _, last in ends],
    )


_LOCK = (
    "select account_id, seq, hash from audit_head where account_id = any($1::bigint[])"
    " order by account_id for no key update"
)
