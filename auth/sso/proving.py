"""Proving: what is done with the domains of a workspace."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError

from auth import domains, events
from auth.domains import CHECKED_EVERY, GRACE, DomainNamed, DomainTaken, DomainUnproven
from auth.names import Names, NoAnswer
from auth.sso import queries
from auth.sso.rules import DomainBehavior
from auth.sso.tables import WorkspaceDomain
from kernel.errors import InvalidInput, Unavailable
from kernel.work import Work


async def add(work: Work, account_id: int, person_id: int, name: str) -> WorkspaceDomain:
    """A domain that the workspace has yet to prove. Raises InvalidInput, or DomainNamed."""
    row = WorkspaceDomain(
        account_id=account_id,
        id=work.new_id(),
        name=domains.domain(name),
        token=secrets.token_urlsafe(24),
        created_by=person_id,
        created_at=work.now,
    )
    found = row.name
    work.add(row)
    try:
        await work.flush()
    except IntegrityError:
        raise DomainNamed(found) from None
    work.emit(events.DomainAdded(account_id, row.id), row)
    return row


async def verify(work: Work, names: Names, account_id: int, domain_id: int) -> WorkspaceDomain:
    """The domain, proven. Raises DomainUnproven, DomainTaken, or Unavailable when nobody can be asked."""
    row = await queries.domain_numbered(work, account_id, domain_id)
    try:
        texts: Sequence[str] = await names.texts(domains.record(row.name))
    except NoAnswer as silence:
        raise Unavailable("The domain name system does not answer. Try again in a minute.") from silence
    if not domains.proves(texts, row.token):
        raise DomainUnproven(domains.record(row.name), domains.value(row.token))
    name = row.name
    row.verified_at, row.checked_at, row.failing_since = row.verified_at or work.now, work.now, None
    try:
        await work.flush()
    except IntegrityError:
        raise DomainTaken(name) from None
    work.emit(events.DomainVerified(account_id, domain_id), row)
    return row


async def change(
    work: Work, account_id: int, domain_id: int, behavior: DomainBehavior, pool_id: int | None
) -> WorkspaceDomain:
    """Say what people of a domain get who come for the first time. Raises InvalidInput."""
    row = await queries.domain_numbered(work, account_id, domain_id)
    if (behavior is DomainBehavior.JOIN_AND_SEAT) is not (pool_id is not None):
        raise InvalidInput("Name the pool that gives the seats with JOIN_AND_SEAT, and with nothing else.")
    row.behavior, row.pool_id = behavior, pool_id
    await work.flush()
    work.emit(events.DomainChanged(account_id, domain_id), row)
    return row


async def remove(work: Work, account_id: int, domain_id: int) -> WorkspaceDomain:
    """The domain is the workspace's no more. Its people stay members."""
    row = await queries.domain_numbered(work, account_id, domain_id)
    row.removed_at = work.now
    await work.flush()
    work.emit(events.DomainRemoved(account_id, domain_id), row)
    return row


async def rechecked(work: Work, account_id: int, told: tuple[int, bool | None]) -> None:
    """Note whether the record of a proven domain is still there; after a week without it, the domain is lost.

    Where nobody answered, it is only noted that somebody was asked, so that others have their turn.
    """
    domain_id, there = told
    row = await queries.domain_numbered(work, account_id, domain_id)
    if row.verified_at is None or (row.checked_at and work.now - row.checked_at < CHECKED_EVERY):
        return
    row.checked_at = work.now
    if there is None:
        return
    row.failing_since = None if there else row.failing_since or work.now
    if row.failing_since and work.now - row.failing_since >= GRACE:
        row.verified_at = None
        await work.flush()
        work.emit(events.DomainLost(account_id, domain_id), row)
