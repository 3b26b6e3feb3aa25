"""Manifests: the documents of a client, as the tools of others write them down.

Apollo's `generate-persisted-query-manifest` writes a list of operations, Relay's compiler
and most others a map of ids to texts. A document is known by the SHA-256 of its text, and
by the id in its manifest where that is another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from gateway.settings import CLIENT
from kernel.errors import InvalidInput

HASHED = "sha256:"
OTHERWISE = "x-"
_OF_MANIFEST = "x-id:"
_ID = re.compile(r"sha256:[0-9a-f]{64}|x-[A-Za-z0-9._-]{1,30}:[!-~]{1,200}")
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Listed:
    """One document of a manifest, under one of its ids."""

    id: str
    source: str


def insist_on_client(name: str) -> str:
    """A client's name as it is. Raises InvalidInput."""
    if not CLIENT.fullmatch(name):
        raise InvalidInput("A client is called by 1 to 64 letters, digits, dots, hyphens and underscores.")
    return name


def insist_on_id(text: str) -> str:
    """A document's id as it is. Raises InvalidInput."""
    if not _ID.fullmatch(text):
        raise InvalidInput("A 'documentId' is sha256: and 64 hexadecimal digits, or begins with x- and has a colon.")
    return text


def hashed(source: str) -> str:
    """The id of a document by its own text."""
    return HASHED + sha256(source.encode()).hexdigest()


def read(path: Path) -> list[Listed]:
    """The documents of a manifest, each under all its ids. Raises InvalidInput."""
    try:
        written = orjson.loads(path.read_bytes())
    except OSError as refusal:
        raise InvalidInput(f"{path} can't be read: {refusal.strerror}.") from None
    except orjson.JSONDecodeError as mistake:
        raise InvalidInput(f"{path} is not JSON: {mistake.msg} (line {mistake.lineno}).") from None
    found = {each.id: each for named, source in _named(written, path) for each in _listed(named, source, path)}
    return list(found.values())


def _named(written: Any, path: Path) -> Iterator[tuple[str | None, str]]:
    """The ids and texts that a manifest of any format names."""
    if isinstance(written, dict) and written.get("format") == "apollo-persisted-query-manifest":
        written = written.get("operations")
    if isinstance(written, dict):
        pairs: list[tuple[Any, Any]] = list(written.items())
    elif isinstance(written, list):
        pairs = [_pair(each) for each in written]
    else:
        raise InvalidInput(f"{path} is no manifest: it holds neither a map of ids to documents nor a list of them.")
    for named, source in pairs:
        if not isinstance(source, str) or not isinstance(named, str | None):
            raise InvalidInput(f"{path} is no manifest: it has a document that is no text.")
        yield named, source


def _pair(each: Any) -> tuple[Any, Any]:
    """An entry of a list: a text alone, Relay's pair, or Apollo's operation."""
    match each:
        case str():
            return None, each
        case [named, source]:
            return named, source
        case {"body": source}:
            return each.get("id"), source
    return None, None


def _listed(named: str | None, source: str, path: Path) -> Iterator[Listed]:
    own = hashed(source)
    yield Listed(own, source)
    if named is None or named in {own, own.removeprefix(HASHED)}:
        return
    if named.startswith(HASHED) or _HEX.fullmatch(named):
        raise InvalidInput(f"{path} is wrong: {named[:80]} is not the SHA-256 of its document.")
    id_ = named if named.startswith(OTHERWISE) and ":" in named else _OF_MANIFEST + named
    yield Listed(insist_on_id(id_), source)
