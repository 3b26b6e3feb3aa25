"""A crowd: everybody who may come to a workspace's door, each by the name that the tables of tests use."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from auth.policy import Desk, KeyScope, Role
from tests.scenery import Asker, Reply, Scene, World

ROLES = tuple(role.value for role in Role)
SCOPES = tuple(scope.value for scope in KeyScope)
DESKS = tuple(f"{desk.value} staff" for desk in Desk)
WITHOUT_A_REASON = tuple(f"{desk} without a reason" for desk in DESKS)
OUTSIDERS = ("stranger", "former admin", "key of another workspace")
UNBELIEVED = ("ended session", "expired session", "raised epoch", "expired key", "revoked key")
EVERYBODY = (*ROLES, *SCOPES, *DESKS, *WITHOUT_A_REASON, *OUTSIDERS, "anonymous", *UNBELIEVED)

DAY = timedelta(days=1)


class Caller(NamedTuple):
    """Somebody at the door, and the reason they give."""

    asker: Asker
    reason: str | None = None


async def crowd(scene: Scene) -> dict[str, Caller]:
    """Everybody in EVERYBODY, as they stand to this workspace."""
    world = scene.world
    return {
        **{role.value: Caller(who) for role, who in scene.members.items()},
        **{scope.value: Caller(await scene.key(scope)) for scope in KeyScope},
        **await _staff(world),
        **await _outsiders(scene),
        "anonymous": Caller(None),
        **await _unbelieved(scene),
    }


async def _staff(world: World) -> dict[str, Caller]:
    hired = {f"{desk.value} staff": await world.person(desk.value, desk=desk) for desk in Desk}
    told = {name: Caller(who, "A customer asked for it.") for name, who in hired.items()}
    return told | {f"{name} without a reason": Caller(who) for name, who in hired.items()}


async def _outsiders(scene: Scene) -> dict[str, Caller]:
    elsewhere = await scene.world.workspace(name="Elsewhere", roles=[Role.OWNER])
    return {
        "stranger": Caller(elsewhere.owner),
        "former admin": Caller(await scene.join(Role.ADMIN, removed=True)),
        "key of another workspace": Caller(await elsewhere.key(*KeyScope)),
    }


async def _unbelieved(scene: Scene) -> dict[str, Caller]:
    """Owners and keys of the workspace, of whom nothing is believed any more."""
    world, now = scene.world, await scene.world.now()
    ended, expired, raised = [await scene.join(Role.OWNER) for _ in range(3)]
    await world.run("update session set ended_at = $2 where id = $1", ended.session_number, now)
    await world.run("update session set expires_at = $2 where id = $1", expired.session_number, now)
    await world.run("update person set epoch = 1 where id = $1", raised.number)
    old, taken_back = await scene.key(*KeyScope), await scene.key(*KeyScope)
    await world.run("update service_key set expires_at = $2 where id = $1", old.number, now)
    await world.run("update service_key set revoked_at = $2 where id = $1", taken_back.number, now)
    callers = [Caller(ended), Caller(expired), Caller(raised), Caller(old), Caller(taken_back)]
    return dict(zip(UNBELIEVED, callers, strict=True))


def outcome(reply: Reply) -> str:
    """What came of a mutation, in a word: `done`, the code of the error, or the name of the problem."""
    if reply.codes:
        return str(reply.code)
    (answer,) = reply.json["data"].values()
    return "done" if "message" not in answer else str(answer["__typename"])


async def evidence(scene: Scene) -> str:
    """What tells whether anything changed that belongs to the workspace, or how much there is of what is anybody's."""
    if not _OWNED:
        _OWNED.extend((row["name"], row["used"]) for row in await scene.world.rows(_OWN))
    digests = [
        f"select '{table}', count(*) || ' ' || {_LATEST if used else _NEWEST} from {table} t where account_id = $1"
        for table, used in _OWNED
    ]
    digests += [f"select '{table}', count(*)::text from {table} where $1 > 0" for table in _COUNTED]
    digests += [f"select '{table}', md5(to_jsonb(t)::text) from {table} t where id = $1" for table in _SAME_NUMBER]
    # PostgreSQL gives the parts of a union in any order.
    return str(sorted(str(tuple(row)) for row in await scene.world.rows(" union all ".join(digests), scene.number)))


# A row that was put there or changed has a newer transaction than all that were before; what was taken away is counted.
_NEWEST = "coalesce(max(t.xmin::text::bigint), 0)"
# That somebody was here is no change.
_LATEST = "coalesce(md5(string_agg((to_jsonb(t) - 'last_used_at')::text, '|' order by t::text)), '')"
_OWN = """
    select relname as name,
           exists (select from pg_attribute where attrelid = t.oid and attname = 'last_used_at') as used
    from pg_class t join pg_attribute on attrelid = t.oid and attname = 'account_id'
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition order by 1
"""
_OWNED: list[tuple[str, bool]] = []  # the same in every database of a run, and asked for thousands of times
_COUNTED = ("account", "audit_record", "idempotency_key", "identity", "outbox", "person", "session", "workspace")
_SAME_NUMBER = ("account", "workspace")
