"""Racing: many connections that change one pool at the same time, and somebody who watches the figures."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from auth import queries as people
from auth.policy import ROLES, Actor, ActorKind, Role, sees
from kernel import database, ids, turns
from kernel.audit import Origin
from kernel.errors import Problem
from kernel.id_blocks import IdBlocks
from kernel.work import Work
from seats import bulk, buying, operations, pools
from seats import invitations as letters
from seats.seating import SeatSource
from tests.scene import Scene, Somebody
from tests.scenery import World

CONNECTIONS = 32

Act = Callable[[Work], Awaitable[object]]
"""What one of the racers does, in a transaction of their own."""


class Figures(NamedTuple):
    """A pool in one snapshot: what it says of itself, and what is there."""

    purchased: int
    assigned: int
    consuming: int
    people: int

    @property
    def hold(self) -> bool:
        """Whether the counter tells the truth, within what was bought, and nobody sits twice."""
        return self.people == self.consuming == self.assigned <= self.purchased


@dataclass
class Racers:
    """Connections that act for the owner of a workspace."""

    world: World
    engine: AsyncEngine
    blocks: IdBlocks = field(default_factory=IdBlocks)

    @classmethod
    def of(cls, world: World) -> Racers:
        """Racers on the database of a world, who wait for each other there and nowhere before."""
        engine = database.engine(world.url, pool_size=CONNECTIONS)
        turns.allow(engine, CONNECTIONS)
        return cls(world, engine)

    async def act(self, scene: Scene, act: Act, *, later: timedelta = timedelta(0)) -> str:
        """One act, committed; what came of it: "done", or the problem's name."""
        number = scene.owner.number
        owner = Actor(ActorKind.PERSON, number, grants={scene.number: ROLES[Role.OWNER]})
        origin = Origin(actor="person", person_id=number)
        work = Work(self.engine, await self.world.now() + later, ids=self.blocks, sees=sees(owner), origin=origin)
        try:
            async with work.transaction():
                await work.bind(scene.number)
                await act(work)
        except Problem as problem:
            return type(problem).__name__
        finally:
            await work.close()
        return "done"

    async def race(self, scene: Scene, acts: Iterable[Act]) -> Counter[str]:
        """All acts, as many at a time as there are connections; how often each thing came of them."""
        return Counter(await asyncio.gather(*(self.act(scene, act) for act in acts)))


# What racers do


def assign(scene: Scene, pool: str, email: str) -> Act:
    """Seat somebody."""
    return lambda work: operations.assign(work, scene.number, ids.decode("pool", pool), email, SeatSource.MANUAL)


def assign_all(scene: Scene, pool: str, emails: list[str]) -> Act:
    """Seat a list."""
    return lambda work: bulk.assign_all(work, scene.number, ids.decode("pool", pool), emails)


def release(scene: Scene, seat: str) -> Act:
    """Free a seat."""
    return lambda work: operations.release(work, scene.number, ids.decode("seat", seat), None)


def transfer(scene: Scene, seat: str, email: str) -> Act:
    """Give a seat to somebody else."""
    return lambda work: operations.transfer(work, scene.number, ids.decode("seat", seat), email)


def resize(scene: Scene, pool: str, seats: int) -> Act:
    """Have so many seats: more at once, fewer from the next period on."""

    async def act(work: Work) -> None:
        account = await people.account(work, scene.number)
        await buying.resize(work, account, ids.decode("pool", pool), seats, None)

    return act


def remove(scene: Scene, who: Somebody) -> Act:
    """End somebody's membership."""
    return lambda work: operations.remove_member(work, scene.number, scene.memberships[who.number])


def invite(scene: Scene, email: str) -> Act:
    """Ask somebody to join."""
    return lambda work: letters.invite(work, scene.number, email, Role.MEMBER)


def expire(scene: Scene, invitation: str) -> Act:
    """Let an invitation run out."""
    return lambda work: letters.expire(work, scene.number, ids.decode("invitation", invitation))


def close(scene: Scene, subscription: int) -> Act:
    """Close the pools of an ended subscription."""
    return lambda work: pools.close_pools(work, scene.number, subscription)


# What is seen


async def figures(world: World, pool: str) -> Figures:
    """A pool as it stands, in one snapshot."""
    (row,) = await world.rows(
        "select p.purchased, p.assigned, count(a.id) as consuming, count(distinct a.person_key) as people"
        " from license_pool p left join assignment a on a.account_id = p.account_id and a.pool_id = p.id"
        " and a.state in ('invited', 'active', 'suspended') where p.id = $1 group by p.purchased, p.assigned",
        ids.decode("pool", pool),
    )
    return Figures(*row)


@asynccontextmanager
async def watched(world: World, *pools: str) -> AsyncIterator[list[Figures]]:
    """Every snapshot of the pools that can be taken meanwhile, and one of each at the end."""
    seen: list[Figures] = []
    over = asyncio.Event()

    async def watch() -> None:
        while not over.is_set():
            seen.extend([await figures(world, pool) for pool in pools])

    watching = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        over.set()
        await watching
    seen.extend([await figures(world, pool) for pool in pools])


_BLOCKED = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


async def blocked(world: World, many: int = 1) -> None:
    """Wait until so many wait for locks of others in this database."""
    for _ in range(6_000):
        if await world.value(_BLOCKED) >= many:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody came up to the lock")
