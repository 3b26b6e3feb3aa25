"""Public answers: what everybody gets alike is answered from memory until the catalog changes.

An answer is kept for a document, an operation and its variables, as the bytes that are
sent. A change of the catalog is heard of from PostgreSQL, in all processes; while nobody
listens, nothing is kept.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from starlette.requests import Request

from gateway.documents import Operation
from gateway.noticing import Notices
from gateway.requests import Asked

CHANNEL = "seatgraph_catalog"

FRESH = 60
"""Seconds for which others, such as a CDN, may show an answer without asking again."""

_ROOM = 16 * 1024 * 1024
_LARGEST = 256 * 1024
_BESIDE = 512
"""Bytes that an answer takes beside its own."""


@dataclass(frozen=True, slots=True)
class PublicAnswer:
    """The bytes of an answer, and what tells them from others."""

    body: bytes
    etag: str


class PublicAnswers:
    """The answers that one process keeps."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._kept: OrderedDict[bytes, PublicAnswer] = OrderedDict()
        self._room = _ROOM
        notices.tell(CHANNEL, self._forget)

    def get(self, key: bytes) -> PublicAnswer | None:
        """The answer that is kept."""
        found = self._kept.get(key)
        if found:
            self._kept.move_to_end(key)
        return found

    def mark(self) -> int:
        """What to remember before an answer is made."""
        return self._notices.heard

    def put(self, key: bytes, body: bytes, mark: int) -> PublicAnswer:
        """Keep an answer, unless something changed while it was made."""
        answer = PublicAnswer(body, f'"{sha256(body).hexdigest()[:32]}"')
        if self._notices.listening and mark == self._notices.heard and len(body) <= _LARGEST and key not in self._kept:
            self._kept[key] = answer
            self._room -= len(body) + _BESIDE
            while self._room < 0:
                self._room += len(self._kept.popitem(last=False)[1].body) + _BESIDE
        return answer

    def _forget(self) -> None:
        self._kept.clear()
        self._room = _ROOM


def is_public(request: Request, operation: Operation, asked: Asked) -> bool:
    """Whether a stranger asks for what everybody gets alike."""
    nobody = "authorization" not in request.headers and "cookie" not in request.headers
    return operation.cost.public and nobody and asked.extensions.keys() <= {"persistedQuery"}


def key_of(digest: str, operation: Operation, variables: dict[str, Any]) -> bytes:
    """What answers are kept by: 32 bytes, however much is sent, and nothing of what the operation does not ask for."""
    names = [each.variable.name.value for each in operation.node.variable_definitions or ()]
    given = {name: variables[name] for name in names if name in variables}
    return sha256(orjson.dumps([digest, operation.name, given], option=orjson.OPT_SORT_KEYS)).digest()
