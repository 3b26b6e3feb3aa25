"""Idempotency keys: the first answer to a key is every later answer to it, for 24 hours."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from payments.sandbox.clock import DAY
from payments.sandbox.multipart import Upload
from payments.sandbox.refusals import Refused, invalid, key_in_use
from payments.sandbox.tables import Connection

_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Saved:
    """The answer that a key was first given."""

    status: int
    body: bytes
    request_id: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key, with the path and the parameters it was sent with."""

    text: str
    path: str
    fingerprint: str

    @classmethod
    def of(cls, text: str, path: str, tree: dict[str, Any]) -> Key:
        """Raises Refused for a key that is too long."""
        if len(text) > _LONGEST:
            raise invalid(f"Idempotency keys can be up to {_LONGEST} characters long.", code="idempotency_key_too_long")
        sorting = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
        content = orjson.dumps([path, tree], option=sorting, default=_digest)
        return cls(text, path, sha256(content).hexdigest())


async def claim(connection: Connection, key: Key, now: int) -> Saved | None:
    """Hold a key until the transaction ends; the saved answer, if it has one.

    Raises Refused when another request holds the key, or used it differently.
    """
    if not await connection.fetchval("select pg_try_advisory_xact_lock(hashtextextended($1, 0))", key.text):
        raise key_in_use(key.text)
    row = await connection.fetchrow("select * from sandbox.idempotency where key = $1", key.text)
    if row is None:
        return None
    if row["created"] <= now - DAY:
        await connection.execute("delete from sandbox.idempotency where created <= $1", now - DAY)
        return None
    if row["path"] != key.path:
        raise _misused(
            "Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{key.path}' vs '{row['path']}'). Try using a key other than '{key.text}' if you meant to execute a "
            "different request."
        )
    if row["fingerprint"] != key.fingerprint:
        raise _misused(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key.text}' if you meant to execute a different request."
        )
    return Saved(row["status"], row["body"], row["request_id"])


async def save(connection: Connection, key: Key, answer: Saved, now: int) -> None:
    """Keep the answer to a key that was claimed."""
    await connection.execute(
        "insert into sandbox.idempotency (key, fingerprint, path, created, request_id, status, body) "
        "values ($1, $2, $3, $4, $5, $6, $7)",
        key.text,
        key.fingerprint,
        key.path,
        now,
        answer.request_id,
        answer.status,
        answer.body,
    )


def _digest(upload: Upload) -> str:
    return sha256(upload.content).hexdigest()


def _misused(message: str) -> Refused:
    refused = Refused(message, kind="idempotency_error")
    refused.burns = False
    return refused
