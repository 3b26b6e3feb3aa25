"""What is done with directories and their tokens: load, decide, record."""

from __future__ import annotations

from auth import bearers, events
from auth.directories import queries, tokens
from auth.directories.rules import kept_for
from auth.directories.tables import Directory, DirectoryToken
from auth.directories.tokens import DirectoryDisabled, TooManyTokens
from auth.operations import named
from kernel.work import Work


def create(work: Work, account_id: int, person_id: int, *, name: str, pool_id: int | None) -> Directory:
    """A directory without a token, so that nobody speaks for it yet."""
    row = Directory(
        account_id=account_id,
        id=work.new_id(),
        name=named(name),
        pool_id=pool_id,
        created_by=person_id,
        created_at=work.now,
    )
    work.add(row)
    work.emit(events.DirectoryCreated(account_id, row.id), row)
    return row


async def change(
    work: Work,
    account_id: int,
    directory_id: int,
    *,
    name: str | None,
    pool_id: int | None,
    no_pool: bool,
    keeps_days: int | None,
) -> Directory:
    """Change what a directory is called, where its people sit, and what is kept for whom. Raises DirectoryDisabled.

    What is None stays; no days keep nothing from now on.
    """
    row = await _connected(work, account_id, directory_id)
    row.name = row.name if name is None else named(name)
    row.pool_id = None if no_pool else pool_id or row.pool_id
    row.keeps_days = row.keeps_days if keeps_days is None else kept_for(keeps_days)
    await work.flush()
    work.emit(events.DirectoryChanged(account_id, directory_id), row)
    return row


async def rotate(work: Work, account_id: int, directory_id: int, person_id: int) -> tuple[DirectoryToken, str]:
    """Another token, and its text; the one before still works. Raises TooManyTokens, or DirectoryDisabled."""
    await _connected(work, account_id, directory_id)
    if len(await queries.tokens(work, account_id, directory_id)) >= tokens.MOST:
        raise TooManyTokens(tokens.MOST)
    minted = bearers.issue(tokens.PREFIX)
    row = DirectoryToken(
        account_id=account_id,
        id=work.new_id(),
        directory_id=directory_id,
        hash=minted.digest,
        created_by=person_id,
        created_at=work.now,
    )
    work.add(row)
    work.emit(events.DirectoryTokenCreated(account_id, row.id), row)
    return row, minted.text


async def remove_token(work: Work, account_id: int, token_id: int) -> DirectoryToken:
    """A token that opens nothing any more."""
    row = await queries.token(work, account_id, token_id)
    if row.removed_at is None:
        row.removed_at = work.now
        await work.flush()
        work.emit(events.DirectoryTokenRemoved(account_id, token_id), row)
    return row


async def disable(work: Work, account_id: int, directory_id: int) -> Directory:
    """End a directory: none of its tokens opens anything. Its people stay as they are. Raises DirectoryDisabled."""
    row = await _connected(work, account_id, directory_id)
    row.disabled_at = work.now
    await work.flush()
    work.emit(events.DirectoryDisabled(account_id, directory_id), row)
    return row


async def _connected(work: Work, account_id: int, directory_id: int) -> Directory:
    row = await queries.directory(work, account_id, directory_id)
    if row.disabled_at is not None:
        raise DirectoryDisabled(row.name)
    return row
