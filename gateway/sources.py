"""Sources: from what a request says of its document to the document.

A request has the text, the id of a trusted document, or, as Apollo's clients do, the
SHA-256 of a text that this process has met lately (an automatic persisted query).
Clients that may ask trusted documents alone are held to it here, whatever carries them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import HTTPConnection

from gateway.documents import Document, Documents, Refusal
from gateway.requests import Asked
from gateway.settings import EVERYBODY
from gateway.trusted.manifests import HASHED, hashed, insist_on_client
from gateway.trusted.registry import Registry
from kernel.errors import Forbidden, InvalidInput, NotFound

_CALLED = ("seatgraph-client", "apollographql-client-name")
_SPELLED = tuple(name.encode() for name in _CALLED)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where documents come from."""

    documents: Documents
    registry: Registry | None = None
    trusted_only: frozenset[str] = field(default_factory=frozenset)
    """The clients that ask trusted documents alone; `*` is everybody."""

    @property
    def open_to_all(self) -> bool:
        """Whether everybody may ask what they think of, so that a text needs not be registered."""
        return not self.trusted_only

    async def read(self, asked: Asked, client: str | None) -> Document | Refusal:
        """The document of a request, or why it may not be executed. Raises InvalidInput, NotFound or Forbidden."""
        if asked.document_id is not None:
            return self.documents.read(await self._registered(asked.document_id, client))
        persisted = _persisted(asked.extensions)
        if persisted is not None and asked.query is None:
            return await self._persisted(persisted, client)
        if asked.query is None:
            raise InvalidInput("The request needs a 'query': the text of a GraphQL document, or a 'documentId'.")
        digest = hashed(asked.query)
        if persisted is not None and digest != persisted:
            raise InvalidInput("The 'sha256Hash' is not that of the 'query'.")
        if self._held_to_it(client) and not (self.registry and await self.registry.trusts(digest, client)):
            raise Forbidden("This client asks registered documents alone. Register its manifest, or send a documentId.")
        return await self.documents.read_beside(asked.query)

    async def _registered(self, id_: str, client: str | None) -> str:
        if self.registry is None:
            raise NotFound("No document is registered here. Send the text.")
        return await self.registry.source(id_, client)

    async def _persisted(self, id_: str, client: str | None) -> Document | Refusal:
        """A document by the hash of its text, registered or met lately. Raises NotFound for one to be sent again."""
        if self.registry and await self.registry.trusts(id_, client):
            return self.documents.read(await self.registry.source(id_, client))
        known = None if self._held_to_it(client) else self.documents.known(id_.removeprefix(HASHED))
        if known is None:
            # Clients compare this text.
            raise NotFound("PersistedQueryNotFound")
        return known

    def _held_to_it(self, client: str | None) -> bool:
        return bool(self.trusted_only & {EVERYBODY, client})


def client_of(connection: HTTPConnection) -> str | None:
    """What a client calls itself, if it does. Raises InvalidInput."""
    for header in _CALLED:
        name = connection.headers.get(header)
        if name:
            return insist_on_client(name)
    return None


def called(headers: Mapping[bytes, bytes]) -> str | None:
    """The same, from headers as they came. Raises InvalidInput."""
    for header in _SPELLED:
        name = headers.get(header)
        if name:
            return insist_on_client(name.decode("latin-1"))
    return None


def _persisted(extensions: dict[str, Any]) -> str | None:
    """The id of an automatic persisted query. Raises InvalidInput."""
    said = extensions.get("persistedQuery")
    if said is None:
        return None
    match said:
        case {"version": 1, "sha256Hash": str(digest)} if len(digest) == 64 and digest.isalnum():  # noqa: PLR2004
            return HASHED + digest.lower()
    raise InvalidInput("A 'persistedQuery' has the version 1 and a 'sha256Hash' of 64 hexadecimal digits.")
