"""Answers: what a mutation gave, kept so that the same key gives the same again.

An answer is a row, kept as its type and number, or a plain value, kept as sealed
JSON because it may hold a secret that is shown once. A refusal is not kept: it
changed nothing, so asking again is a new question.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter
from sqlmodel import SQLModel

from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.sealing import seal, unseal
from kernel.work import Work
from resolvers.graph import BY_TABLE, FACES
from resolvers.info import Context

LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What a mutation gave: a row by type and number, or a value of its own."""

    face: str | None = None
    number: int | None = None
    value: Any = None

    @classmethod
    def of(cls, result: Any) -> Answer:
        """The answer that a resolver's result is."""
        if isinstance(result, SQLModel):
            return cls(BY_TABLE[type(result)].name, result.id)  # type: ignore[attr-defined]
        assert is_dataclass(result), "a mutation answers with a row or a plain value"
        return cls(value=result)

    async def read(self, context: Context) -> Any:
        """The row or the value as a client sees it now."""
        if self.face is None:
            return self.value
        assert self.number is not None
        row = await context.find(FACES[self.face], self.number)
        if row is None:
            raise NotFound
        return row


@dataclass(frozen=True, slots=True)
class Once:
    """A client's idempotency key, and what it was sent with."""

    actor: str
    key: str
    mutation: str
    digest: bytes

    @classmethod
    def of(cls, context: Context, key: str, mutation: str, values: Mapping[str, Any]) -> Once:
        """The key of one request. Raises InvalidInput."""
        if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
            raise InvalidInput(f"An idempotency key is 1 to {LONGEST_KEY} printable characters, such as a UUID.")
        said = json.dumps(values, sort_keys=True, default=str).encode()
        return cls(context.actor.name, key, mutation, sha256(said).digest())

    async def recall(self, work: Work, kind: type | None) -> Answer | None:
        """The answer this key gave before, or None the first time. Raises Conflict for another input.

        Two requests with one key take turns here: the second waits for the first to end.
        """
        claimed = await work.execute(
            "insert into idempotency_key (actor, key, mutation, digest, created_at) values ($1, $2, $3, $4, $5)"
            " on conflict do nothing",
            self.actor,
            self.key,
            self.mutation,
            self.digest,
            work.now,
        )
        if claimed:
            return None
        sql = "select mutation, digest, answer from idempotency_key where actor = $1 and key = $2"
        (kept,) = await work.fetch(sql, self.actor, self.key)
        if (kept["mutation"], kept["digest"]) != (self.mutation, self.digest):
            raise Conflict("This idempotency key was used with another request. Use a new key for a new request.")
        return _kept(kept["answer"], kind)

    async def keep(self, work: Work, answer: Answer) -> None:
        """Remember the answer, in the transaction that made it true."""
        if answer.face:
            said = json.dumps([answer.face, answer.number])
        else:
            said = seal(TypeAdapter(type(answer.value)).dump_json(answer.value).decode())
        sql = "update idempotency_key set answer = $3 where actor = $1 and key = $2"
        await work.execute(sql, self.actor, self.key, said)


def _kept(said: str, kind: type | None) -> Answer:
    if said.startswith("["):
        face, number = json.loads(said)
        return Answer(face, number)
    assert kind is not None
    return Answer(value=TypeAdapter(kind).validate_json(unseal(said)))
