"""Trusting: registering what clients ask, by the command line and at the start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import schema
from gateway.documents import Documents, Refusal
from gateway.trusted import manifests, queries
from gateway.trusted.manifests import Listed
from kernel import database
from kernel.errors import InvalidInput

_SHOWN = 20


async def register(url: str, client: str, path: Path, *, revoked: bool = True) -> str:
    """Let a client ask the documents of a manifest, all or none, and those that were `revoked` again; as a sentence.

    Raises InvalidInput.
    """
    manifests.insist_on_client(client)
    listed = manifests.read(path)
    _insist_on_answers(path, listed)
    async with database.connected(url) as connection:
        new = await queries.register(connection, client, listed, revoked=revoked)
    texts = len({each.source for each in listed})
    return f"{client} may ask {texts:,} documents of {path.name}; {new:,} of their {len(listed):,} ids are new."


async def register_folder(url: str, folder: Path) -> list[str]:
    """Register the manifest of each client in a folder: `web.json` is that of `web`. What was revoked stays so.

    Raises InvalidInput.
    """
    return [await register(url, path.stem, path, revoked=False) for path in _in(folder)]


async def revoke(url: str, client: str, id_: str | None) -> str:
    """Let a client ask a document no more, or none of them; as a sentence. Raises InvalidInput."""
    manifests.insist_on_client(client)
    if id_ is not None:
        manifests.insist_on_id(id_)
    async with database.connected(url) as connection:
        gone = await queries.revoke(connection, client, id_)
    if not gone:
        raise InvalidInput(f"{client} has no such document that could be revoked.")
    return f"{client} may not ask by {gone:,} ids any more."


async def listed(url: str) -> str:
    """Each client and how many documents it registered, a line for each."""
    async with database.connected(url) as connection:
        counted = await queries.counted(connection)
    lines = [f"{client}: {active:,} ids, and {revoked:,} revoked" for client, active, revoked in counted]
    return "\n".join(lines) or "No client has registered documents."


def _in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InvalidInput(f"SEATGRAPH_DOCUMENTS must be a folder, and {folder} is none.")
    return sorted(folder.glob("*.json"))


def _insist_on_answers(path: Path, listed: Sequence[Listed]) -> None:
    """Refuse a manifest with a document that this version would refuse. Raises InvalidInput."""
    documents = Documents(schema.graph())
    wrong = []
    for each in listed:
        read = documents.read(each.source)
        if isinstance(read, Refusal):
            wrong.append(f"{each.id}: {read.errors[0]['message']}")
    if wrong:
        raise InvalidInput("\n".join([f"{path} has documents that can't be answered:", *wrong[:_SHOWN]]))
