"""What we ask about directories and their tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from auth.directories.tables import Directory, DirectoryToken
from auth.queries import there
from kernel.work import Work


async def directory(work: Work, account_id: int, directory_id: int) -> Directory:
    """A directory, locked for a change. Raises NotFound."""
    named = (col(Directory.account_id) == account_id, col(Directory.id) == directory_id)
    found: Directory | None = await work.one(select(Directory).where(*named).with_for_update())
    return there(found)


async def token(work: Work, account_id: int, token_id: int) -> DirectoryToken:
    """A token, locked for a change. Raises NotFound."""
    named = (col(DirectoryToken.account_id) == account_id, col(DirectoryToken.id) == token_id)
    found: DirectoryToken | None = await work.one(select(DirectoryToken).where(*named).with_for_update())
    return there(found)


async def tokens(work: Work, account_id: int, directory_id: int) -> list[DirectoryToken]:
    """The tokens of a directory that count."""
    asked = select(DirectoryToken).where(
        col(DirectoryToken.account_id) == account_id,
        col(DirectoryToken.directory_id) == directory_id,
        col(DirectoryToken.removed_at).is_(None),
    )
    return list(await work.all(asked))


@dataclass(frozen=True, slots=True)
class Met:
    """A token that was shown, and its directory."""

    token_id: int
    last_used_at: datetime | None
    removed_at: datetime | None
    directory: Directory


async def met(work: Work, digest: bytes) -> Met | None:
    """The token with this digest, and its directory, as they are at this moment."""
    found = await work.glance("select * from directory_met($1, $2)", digest)
    if not found:
        return None
    token_id, last_used_at, removed_at, directory = found[0]
    return Met(token_id, last_used_at, removed_at, Directory(**dict(directory)))


async def note_use(work: Work, account_id: int, token_id: int) -> None:
    """Remember that a token was used now."""
    await work.execute(
        "update directory_token set last_used_at = $3 where account_id = $1 and id = $2", account_id, token_id, work.now
    )
