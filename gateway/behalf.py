"""On somebody's behalf: what a person or a key may now who asked for something a while ago, and is not here."""

from __future__ import annotations

from auth import queries
from auth.policy import SCOPES, Actor, ActorKind, KeyScope, Permission
from gateway.recognizing import held_by, person
from kernel.work import Work


async def standing(work: Work, person_id: int | None, key_id: int | None, token: str) -> Actor:
    """Who a person or a key is now; nobody, if they are gone. The work then sees as they do."""
    if key_id is not None:
        return await _key(work, key_id, token)
    return Actor() if person_id is None else await _person(work, person_id, token)


async def _person(work: Work, person_id: int, token: str) -> Actor:
    await work.see_as({"person": str(person_id)}, work.origin)
    found = await queries.standing(work, person_id)
    if found is None:
        return Actor()
    # Their session counted where single sign-on is enforced, or they could not have asked.
    found["enforced"] = ()
    return person(person_id, found, token)


async def _key(work: Work, key_id: int, token: str) -> Actor:
    await work.see_as({"key": str(key_id)}, work.origin)
    key = await queries.service_key(work, key_id)
    if key is None or key.revoked_at or key.expires_at <= work.now:
        return Actor()
    account_id, maker_id, scopes = key.account_id, key.created_by, frozenset(map(KeyScope, key.scopes))
    held = frozenset[Permission]().union(*(SCOPES[scope] for scope in scopes))
    held &= await held_by(work, maker_id, account_id)
    return Actor(ActorKind.SERVICE_KEY, grants={account_id: held}, key_id=key_id, scopes=scopes, token=token)
