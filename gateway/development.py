"""Development: tokens and keys for anybody, which production never makes.

The development issuer is ourselves: it makes a session for the person, as a sign-in
would, and signs an access token that names it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from auth import operations, queries, tokens
from auth.addresses import address
from auth.policy import Actor, KeyScope, Permission, sees
from auth.tables import Session
from gateway import recognizing
from gateway.installation import clock, configure, signer
from gateway.settings import Settings
from kernel import database, ids
from kernel.audit import Origin
from kernel.errors import Forbidden, NotFound
from kernel.id_blocks import IdBlocks
from kernel.work import Work

ISSUER = "development"
LIFETIME = timedelta(hours=1)
"""How long a development token works: the longest that an access token may."""

KEY_LIFE = timedelta(days=90)


async def access_token(settings: Settings, url: str, email: str) -> str:
    """An access token for the person with this address, for an hour. Raises NotFound."""
    signing = signer(settings)
    assert signing is not None, "outside production somebody always signs"
    async with _as_person(settings, url, email) as (work, caller):
        session = Session(
            id=work.new_id(),
            person_id=caller.person_id,
            issuer=ISSUER,
            created_at=work.now,
            expires_at=work.now + LIFETIME,
        )
        work.add(session)
    claim = tokens.Claim(ids.encode("person", caller.person_id), ids.encode("session", session.id), caller.epoch)
    return signing.sign(claim, work.now, LIFETIME)


async def service_key(settings: Settings, url: str, email: str, scopes: Sequence[KeyScope], account: str | None) -> str:
    """A service key that the person with this address makes, as they could through the graph.

    It speaks for `account`, else for the first workspace in which they may make keys,
    else for themselves; and it may all that they may, unless scopes say less.
    Raises InvalidInput, NotFound or Forbidden.
    """
    async with _as_person(settings, url, email) as (work, caller):
        account_id = ids.decode("account", account) if account else _keeps_keys(caller.actor)
        caller.actor.require(Permission.MANAGE_KEYS, account_id)
        wanted = list(scopes) or [scope for scope in KeyScope if not caller.actor.beyond([scope], account_id)]
        if beyond := caller.actor.beyond(wanted, account_id):
            raise Forbidden(f"{email} may not do all of {beyond[0].value} there, so no key of theirs can.")
        await work.bind(account_id)
        _, text = await operations.create_key(
            work, account_id, caller.person_id, name="Command line", scopes=wanted, life=KEY_LIFE
        )
    return text


@dataclass(frozen=True, slots=True)
class _Caller:
    """Somebody to act as."""

    person_id: int
    epoch: int
    actor: Actor


@asynccontextmanager
async def _as_person(settings: Settings, url: str, email: str) -> AsyncIterator[tuple[Work, _Caller]]:
    """One transaction as the person with this address, behind the same fences as theirs. Raises NotFound."""
    configure(settings)
    engine = database.engine(url, pool_size=0)
    async with clock(settings, url) as ticking:
        now = await ticking.now()
    work = Work(engine, now, ids=IdBlocks(), sees={"staff": "on"})
    try:
        caller = await _caller(work, email)
        origin = Origin(
            caller.actor.kind.value, caller.person_id, token=ISSUER, reason="made at the command line for development"
        )
        await work.see_as(sees(caller.actor), origin)
        async with work.transaction():
            yield work, caller
    finally:
        await work.close()
        await engine.dispose()


async def _caller(work: Work, email: str) -> _Caller:
    people = await queries.people_at(work, address(email))
    if not people:
        raise NotFound(f"Nobody here has the address {email}; `seatgraph seed` makes people to try things with.")
    # Whoever proved to own the address comes first.
    person_id = min(people, key=lambda person: not person.email_verified).id
    standing = await queries.standing(work, person_id)
    assert standing is not None, "the person was found a moment ago"
    return _Caller(person_id, standing["epoch"], recognizing.person(person_id, standing, ISSUER))


def _keeps_keys(actor: Actor) -> int:
    """The account for which an actor would make a key: a workspace before their own."""
    workspaces = [account for account in actor.roles if actor.may(Permission.MANAGE_KEYS, account)]
    own = [account for account in actor.grants if account not in actor.roles]
    return min(workspaces or own)
