"""Audit of a billing run: many short chains grown at once, by the very digest that `kernel.audit` checks.

A run says little, and all of it is known beforehand, so each record is written as
the JSON that is hashed without making its values first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from hashlib import sha256

import asyncpg

from billing.run.chunks import Run
from billing.run.forms import NULL
from kernel.audit import GENESIS

COLUMNS = (
    *("account_id", "seq", "id", "at", "action", "subject", "subject_id", "before", "after"),
    *("actor", "token", "ip", "request_id", "hash"),
)


End = tuple[int, bytes]
"""The number and the hash of the last record of a chain."""

Said = tuple[int, str, str, int, str, str]
"""What a run says of one change: account, action, subject, its number, and its states before and after.

They are JSON: null, or an object in order of its keys, without spaces.
"""


def grown(run: Run, ids: Iterator[int], said: Sequence[Said], ends: dict[int, End]) -> list[str]:
    """The records as rows of COLUMNS, each account's chained to its end, which moves.

    A hash is of what `kernel.audit.digest` writes for a record. There is no person, no token and no reason, for the
    system acts.
    """
    at, name = run.now.astimezone(UTC).isoformat(timespec="microseconds"), run.name
    tail, rows = f',"system",null,null,"","","{name}",null]', []
    for (account, action, subject, subject_id, before, after), number in zip(said, ids):  # noqa: B905 - ids are more
        seq, last = ends[account]
        seq += 1
        hashed = f'[{account},{seq},{number},"{at}","{action}","{subject}",{subject_id},{before},{after}{tail}'
        digest = sha256(last + hashed.encode())
        ends[account] = seq, digest.digest()
        rows.append(
            f"{account}\t{seq}\t{number}\t{at}\t{action}\t{subject}\t{subject_id}"
            f"\t{NULL if before == 'null' else before}\t{NULL if after == 'null' else after}"
            f"\tsystem\t\t\t{name}\t\\\\x{digest.hexdigest()}"
        )
    return rows


async def heads(connection: asyncpg.Connection, accounts: Sequence[int]) -> dict[int, End]:
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


async def move(connection: asyncpg.Connection, starts: Mapping[int, int], ends: Mapping[int, End]) -> bool:
    """Let the heads say where the chains end now; False where one of them is not at the number where it started."""
    told: str = await connection.execute(
        "update audit_head h set seq = e.seq, hash = e.hash"
        " from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[]) as e(account_id, start, seq, hash)"
        " where h.account_id = e.account_id and h.seq = e.start",
        list(starts),
        list(starts.values()),
        [ends[account][0] for account in starts],
        [ends[account][1] for account in starts],
    )
    return told == f"UPDATE {len(starts)}"


_LOCK = (
    "select account_id, seq, hash from audit_head where account_id = any($1::bigint[])"
    " order by account_id for no key update"
)
