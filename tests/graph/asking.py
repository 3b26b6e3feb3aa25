"""Asking: what tests about seats select, say and look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway.letters.posting import Post
from gateway.worker import Worker
from kernel import ids
from tests.scene import Somebody
from tests.scenery import Asker, Reply, Scene, World

DAY = timedelta(days=1)
SEAT = """
    __typename
    ... on Seat { id state email source suspendedAt releaseReason person { id } pool { purchased assigned available } }
    ... on Problem { message }
"""
POOL = "__typename ... on LicensePool { id name purchased assigned available } ... on Problem { message }"
INVITATION = "__typename ... on Invitation { id email role state expiresAt } ... on Problem { message }"
MEMBER = "__typename ... on Member { id role state person { id } } ... on Problem { message }"
SUBSCRIPTION = "__typename ... on Subscription { id state cancelAt cancelReason endedAt } ... on Problem { message }"
LIST = """
    __typename
    ... on ListSeated { seated outcomes { email outcome seat { state person { id } } } pool { assigned available } }
    ... on Problem { message }
"""
SHEET = """
    __typename
    ... on SeatList { done seated ignoredColumns rows { line email outcome says seat { state person { id } } } }
    ... on Problem { message }
"""
SHOWN = {
    "importSeats": SHEET,
    "createLicensePool": POOL,
    "assignSeats": LIST,
    "inviteMember": INVITATION,
    "resendInvitation": INVITATION,
    "revokeInvitation": INVITATION,
    "acceptInvitation": MEMBER,
    "removeMember": MEMBER,
    "subscribe": SUBSCRIPTION,
    "cancelSubscription": SUBSCRIPTION,
}


async def said(scene: Scene, mutation: str, as_: Asker = None, **input_: Any) -> Any:
    """What came of a mutation, asked by the owner unless told otherwise, insisting that it was no fault."""
    return (await told(scene, mutation, as_, **input_)).data[mutation]


async def told(scene: Scene, mutation: str, as_: Asker = None, **input_: Any) -> Reply:
    """The whole reply to a mutation."""
    return await scene.world.change(mutation, as_ or scene.owner, shows_=SHOWN.get(mutation, SEAT), **input_)


async def counted(scene: Scene, pool: str) -> tuple[int, int]:
    """How many seats a pool says are taken, and how many are."""
    (row,) = await scene.world.rows(
        "select assigned, (select count(*) from assignment a where a.pool_id = p.id"
        " and a.state in ('invited', 'active', 'suspended')) from license_pool p where p.id = $1",
        ids.decode("pool", pool),
    )
    return row[0], row[1]


async def state_of(scene: Scene, seat: str) -> tuple[str, str | None]:
    """Where a seat is in its life, and why it was released."""
    (row,) = await scene.world.rows(
        "select state, release_reason from assignment where id = $1", ids.decode("seat", seat)
    )
    return row[0], row[1]


async def letters(scene: Scene, email: str) -> list[str]:
    """The states of the invitations to an address, in the order they were sent."""
    rows = await scene.world.rows(
        "select state from invitation where account_id = $1 and email = $2 order by created_at, id", scene.number, email
    )
    return [row["state"] for row in rows]


async def letter_to(scene: Scene, email: str) -> str:
    """The open invitation to an address, as a client knows it."""
    number = await scene.world.value(
        "select id from invitation where account_id = $1 and email = $2 and state = 'pending'", scene.number, email
    )
    return ids.encode("invitation", number)


async def logged(scene: Scene) -> list[str]:
    """What the workspace's audit log says, in its order."""
    rows = await scene.world.rows("select action from audit_record where account_id = $1 order by seq", scene.number)
    return [row["action"] for row in rows]


async def stranger(world: World, email: str = "grace.{}@example.test") -> Somebody:
    """Somebody signed in whom no workspace knows."""
    return await world.person("grace", email=email.format(world.number()))


@dataclass(frozen=True, slots=True)
class At:
    """A clock that shows one instant."""

    instant: datetime

    async def now(self) -> datetime:
        """That instant."""
        return self.instant


async def work_off(
    world: World, *, later: timedelta = timedelta(0), charging: bool = False, post: Post | None = None
) -> None:
    """Let a worker do what is due then, until nothing is; one that charges speaks to the sandbox, too."""
    door = world.app.state.door
    at = At(await world.now() + later)
    reads = door.providers.fetcher
    worker = Worker(
        world.url, door.engine, at, door.blocks, door.rail if charging else None, door.names, post, fetcher=reads
    )
    for _ in range(1_000):
        if not await worker.turn():
            return
    raise AssertionError("the worker never comes to rest")
