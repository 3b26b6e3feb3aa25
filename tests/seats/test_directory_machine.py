"""A directory, its groups, admins and renewals, driven at random beside a model of who sits and who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlmodel import col, select

from auth import queries as people
from auth.directories.rules import Told
from auth.directories.tables import Directory
from auth.policy import DIRECTORY, ROLES, Actor, ActorKind, Role, sees
from kernel import ids
from kernel.audit import Origin
from kernel.errors import Problem
from kernel.work import Work
from seats import buying, groups, operations, provisioning, ruling
from seats.groups import TellsGroup
from seats.seating import SeatSource
from tests.scene import Scene, Somebody
from tests.seats.racing import Racers, figures

T = TypeVar("T")
Act = Callable[[Work], Awaitable[object]]

USERS, GUESTS = range(4), range(4, 7)
HOME, GROUP = "home", "group"
"""The pool of everybody in the directory, and the one that a rule gives to a group."""

ROOM = {HOME: 3, GROUP: 1}
SECOND = timedelta(seconds=1)
SPEED = settings(
    max_examples=10, stateful_step_count=20, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

users, guests = st.sampled_from(USERS), st.sampled_from(GUESTS)


@dataclass
class Line:
    """A pool: how many seats it has, will have, who sits there, and who waits, longest first."""

    seats: int
    next: int | None = None
    sits: set[int] = field(default_factory=set)
    waits: list[int] = field(default_factory=list)

    def want(self, who: int) -> None:
        if who not in self.sits and who not in self.waits:
            self.waits.append(who)
            self.move()

    def leave(self, who: int) -> None:
        self.sits.discard(who)
        if who in self.waits:
            self.waits.remove(who)
        self.move()

    def move(self) -> None:
        while self.waits and len(self.sits) < self.seats:
            self.sits.add(self.waits.pop(0))

    def resize(self, seats: int) -> None:
        if seats < self.seats:
            self.next = seats
        else:
            self.seats, self.next = seats, None
            self.move()

    def renew(self) -> None:
        if self.next is not None:
            self.seats, self.next = max(self.next, len(self.sits)), None


@dataclass
class Model:
    """The pools, whom the directory lists as active or not, and who is in its group."""

    home: Line = field(default_factory=lambda: Line(ROOM[HOME]))
    group: Line = field(default_factory=lambda: Line(ROOM[GROUP]))
    listed: dict[int, bool] = field(default_factory=dict)
    members: set[int] = field(default_factory=set)

    def tell(self, who: int, *, active: bool) -> None:
        self.listed[who] = active
        if not active:
            self.home.leave(who)
            self.group.leave(who)
            return
        self.home.want(who)
        self.rule()

    def delete(self, who: int) -> None:
        self.tell(who, active=False)
        del self.listed[who]
        self.members.discard(who)

    def regroup(self, who: int) -> None:
        self.members ^= {who}
        self.rule()

    def rule(self) -> None:
        for who, active in self.listed.items():
            if active and who in self.members:
                self.group.want(who)
            else:
                self.group.leave(who)

    def assign(self, who: int) -> str:
        if who in self.home.sits:
            return "AlreadySeated"
        if len(self.home.sits) >= self.home.seats:
            return "PoolExhausted"
        self.home.sits.add(who)
        return "done"


class Office(RuleBasedStateMachine):
    """Four people of a directory, three others, two pools, and the months that pass."""

    racers: ClassVar[Racers]
    loop: ClassVar[asyncio.AbstractEventLoop]

    @initialize()
    def begin(self) -> None:
        self.model = Model()
        self.entries: dict[int, int] = {}
        world = self.racers.world
        self.now: datetime = self.run(world.now())
        self.scene: Scene = self.run(world.workspace(roles=[Role.OWNER]))
        self.pools = {name: self.run(self.scene.pool(seats)) for name, seats in ROOM.items()}
        self.domain = f"own-{self.scene.number:x}.example.com"
        self.run(self.scene.domain(self.domain))
        self.directory = ids.decode("directory", self.run(self.scene.directory(pool=self.pools[HOME])))
        group = self.run(self.scene.directory_group(ids.encode("directory", self.directory)))
        self.run(self.scene.group_rule(group, None, pool=self.pools[GROUP]))
        self.group = ids.decode("group", group)
        self.guests: dict[int, Somebody] = {who: self.run(self.scene.join()) for who in GUESTS}

    @rule(who=users, active=st.booleans())
    def tell(self, who: int, active: bool) -> None:
        told = self.told(who, active=active)

        async def act(work: Work, directory: Directory) -> None:
            if who in self.entries:
                await provisioning.change(work, directory, self.entries[who], told, None)
            else:
                self.entries[who] = (await provisioning.add(work, directory, told)).id

        self.provision(act)
        self.model.tell(who, active=active)

    @precondition(lambda self: self.entries)
    @rule(choice=st.data())
    def delete(self, choice: st.DataObject) -> None:
        who = choice.draw(st.sampled_from(sorted(self.entries)))

        async def act(work: Work, directory: Directory) -> None:
            await provisioning.remove(work, directory, self.entries.pop(who), None)

        self.provision(act)
        self.model.delete(who)

    @precondition(lambda self: self.entries)
    @rule(choice=st.data())
    def regroup(self, choice: st.DataObject) -> None:
        who = choice.draw(st.sampled_from(sorted(self.entries)))
        wanted = {self.entries[one]: None for one in self.model.members ^ {who}}

        async def act(work: Work, directory: Directory) -> None:
            await groups.change(work, directory, self.group, TellsGroup("Team", None, wanted), None)

        self.provision(act)
        self.model.regroup(who)

    @rule(who=guests)
    def assign(self, who: int) -> None:
        pool, email = ids.decode("pool", self.pools[HOME]), self.guests[who].email

        came = self.act(lambda work: operations.assign(work, self.scene.number, pool, email, SeatSource.MANUAL))

        assert came == self.model.assign(who)

    @precondition(lambda self: self.model.home.sits or self.model.home.waits)
    @rule(choice=st.data())
    def release(self, choice: st.DataObject) -> None:
        who = choice.draw(st.sampled_from(sorted({*self.model.home.sits, *self.model.home.waits})))
        seat = self.run(self.seats(HOME))[self.email(who)][0]

        assert self.act(lambda work: operations.release(work, self.scene.number, seat, None)) == "done"
        self.model.home.leave(who)

    @rule(seats=st.integers(1, 5))
    def resize(self, seats: int) -> None:
        pool = ids.decode("pool", self.pools[HOME])

        async def act(work: Work) -> None:
            await buying.resize(work, await people.account(work, self.scene.number), pool, seats, None)

        assert self.act(act) in {"done", "NothingChanges"}
        self.model.home.resize(seats)

    @rule()
    def renew(self) -> None:
        subscription, due = self.run(self.clock())
        self.now = max(self.now, due)

        async def act(work: Work) -> None:
            await buying.renew(work, await people.account(work, self.scene.number), subscription)

        assert self.act(act) == "done"
        self.model.home.renew()

    @invariant()
    def everybody_sits_and_waits_as_the_model_has_it(self) -> None:
        for name, line in ((HOME, self.model.home), (GROUP, self.model.group)):
            found = self.run(self.seats(name))
            sits = {email for email, (_, state) in found.items() if state == "active"}
            assert sits == {self.email(who) for who in line.sits}
            assert [email for email in found if email not in sits] == [self.email(who) for who in line.waits]

    @invariant()
    def the_pools_count_as_the_model_does(self) -> None:
        for name, line in ((HOME, self.model.home), (GROUP, self.model.group)):
            found = self.run(figures(self.racers.world, self.pools[name]))
            assert found.hold
            assert (found.purchased, found.assigned) == (line.seats, len(line.sits))

    # Acting

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(timeout=120)

    def act(self, act: Act) -> str:
        """The owner does it; what came of it."""
        person = self.scene.owner.number
        owner = Actor(ActorKind.PERSON, person, grants={self.scene.number: ROLES[Role.OWNER]})
        return self.run(self.done(Origin("person", person), owner, act))

    async def done(self, origin: Origin, actor: Actor, act: Act, *, apart: bool = False) -> str:
        self.now += SECOND
        # Whoever an address belongs to may be in no workspace yet: a directory looks further than an owner.
        told = sees(actor) | ({"staff": "on"} if apart else {})
        work = Work(self.racers.engine, self.now, ids=self.racers.blocks, sees=told, origin=origin)
        try:
            if apart:
                await act(work)
            else:
                async with work.transaction():
                    await work.bind(self.scene.number)
                    await act(work)
        except Problem as problem:
            return type(problem).__name__
        finally:
            await work.close()
        return "done"

    def provision(self, does: Callable[[Work, Directory], Awaitable[None]]) -> None:
        """The directory does it, and then its rules are evaluated, as a worker does a moment later."""
        actor = Actor(ActorKind.DIRECTORY, grants={self.scene.number: DIRECTORY}, directory_id=self.directory)

        async def act(work: Work) -> None:
            directory = await work.one(select(Directory).where(col(Directory.id) == self.directory))
            await does(work, directory)

        assert self.run(self.done(Origin("directory"), actor, act, apart=True)) == "done"
        assert self.act(lambda work: ruling.apply(work, self.scene.number, self.directory, None)) == "done"

    def told(self, who: int, *, active: bool) -> Told:
        name = self.email(who)
        return Told(name, None, active, (name,), f"User {who}", True, {})

    def email(self, who: int) -> str:
        return self.guests[who].email if who in self.guests else f"user{who}@{self.domain}"

    async def seats(self, name: str) -> dict[str, tuple[int, str]]:
        """Who has a seat of a pool or waits for one, in the order in which they came to it."""
        rows = await self.racers.world.rows(
            "select email, id, state from assignment where pool_id = $1 and state <> 'released' order by since, id",
            ids.decode("pool", self.pools[name]),
        )
        return {row["email"]: (row["id"], row["state"]) for row in rows}

    async def clock(self) -> tuple[int, datetime]:
        """The subscription behind the home pool, and when its period ends."""
        (row,) = await self.racers.world.rows(
            "select c.subscription_id, c.due_at from license_pool p join subscription_clock c"
            " on c.account_id = p.account_id and c.subscription_id = p.subscription_id where p.id = $1",
            ids.decode("pool", self.pools[HOME]),
        )
        return row["subscription_id"], row["due_at"]


async def test_whatever_a_directory_admins_and_time_do_the_model_agrees(racers: Racers) -> None:
    Office.racers, Office.loop = racers, asyncio.get_running_loop()

    await asyncio.to_thread(run_state_machine_as_test, Office, settings=SPEED)
