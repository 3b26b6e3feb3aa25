"""Pools, people, a directory and renewals, driven at random beside a model of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, seed, settings
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
from billing.subscriptions import CancelAt
from kernel import ids
from kernel.audit import Origin
from kernel.errors import Problem
from kernel.work import Work
from seats import bringing_back, buying, groups, invitations, keeping, operations, pools, provisioning, ruling
from seats.groups import TellsGroup
from seats.invariants import INVARIANTS
from seats.seating import INVITED_FOR, SeatSource
from tests.scene import Scene, Somebody
from tests.seats.modeling import GROUP, GUESTS, HOME, ROOM, USERS, Model
from tests.seats.racing import Act, Racers, figures

T = TypeVar("T")
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
SPEED = settings(
    max_examples=15, stateful_step_count=30, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
BROKEN = " union all ".join(
    f"select * from ({one.sql}) as t{number}(about, told) where about ~ (' ' || $1 || '/')"
    for number, one in enumerate(INVARIANTS)
)
"""What of one account breaks what `verify` insists on."""

users, guests = st.sampled_from(USERS), st.sampled_from(GUESTS)


@dataclass(frozen=True, slots=True)
class Sitting:
    """A seat as it is."""

    number: int
    state: str


# The same lives each time, in which every rule has its turn: a run tells of the change it is about. Other seeds look
# further.
@seed(2)
class Office(RuleBasedStateMachine):
    """Four people of a directory, four others, two pools, and the months that pass."""

    racers: ClassVar[Racers]
    loop: ClassVar[asyncio.AbstractEventLoop]

    @initialize()
    def begin(self) -> None:
        world = self.racers.world
        self.model = Model(self.run(world.now()))
        self.entries: dict[int, int] = {}
        self.scene: Scene = self.run(world.workspace(roles=[Role.OWNER]))
        self.pools = {name: self.run(self.scene.pool(seats)) for name, seats in ROOM.items()}
        self.domain = f"own-{self.scene.number:x}.example.com"
        self.run(self.scene.domain(self.domain))
        self.directory = ids.decode("directory", self.run(self.scene.directory(pool=self.pools[HOME])))
        group = self.run(self.scene.directory_group(ids.encode("directory", self.directory)))
        self.run(self.scene.group_rule(group, None, pool=self.pools[GROUP]))
        self.group = ids.decode("group", group)
        known: list[Somebody] = self.run(world.people(f"p{who}" for who in GUESTS))
        self.guests = dict(zip(GUESTS, known, strict=True))

    # What the directory does

    @rule(some=st.sets(users, min_size=1), what=st.sampled_from(["here", "out", "away", "here", "gone"]))
    def tell(self, some: set[int], what: str) -> None:
        """Some of its people are here, or not, or not for a while, or taken out."""
        self.keep_for(5 if what == "away" else None)
        for who in sorted(some):
            if what != "gone":
                self._tell(who, active=what == "here")
            elif who in self.entries:
                self._delete(who)

    def _tell(self, who: int, *, active: bool) -> None:
        name = self.email(who)
        told = Told(name, None, active, (name,), f"User {who}", True, {})

        async def act(work: Work, directory: Directory) -> None:
            if who in self.entries:
                await provisioning.change(work, directory, self.entries[who], told, None)
            else:
                self.entries[who] = (await provisioning.add(work, directory, told)).id

        self.provision(act)
        self.model.tell(who, active=active)
        self.model.rule()

    def _delete(self, who: int) -> None:
        async def act(work: Work, directory: Directory) -> None:
            await provisioning.remove(work, directory, self.entries.pop(who), None)

        self.provision(act)
        self.model.delete(who)
        self.model.rule()

    @precondition(lambda self: self.entries)
    @rule(team=st.sets(users, min_size=1))
    def regroup(self, team: set[int]) -> None:
        wanted = {entry: None for who, entry in self.entries.items() if who in team}

        async def act(work: Work, directory: Directory) -> None:
            await groups.change(work, directory, self.group, TellsGroup("Team", None, wanted), None)

        self.provision(act)
        self.model.regroup(team & self.entries.keys())

    # What admins and guests do

    @rule(who=guests)
    def assign(self, who: int) -> None:
        pool, email = ids.decode("pool", self.pools[HOME]), self.email(who)

        came = self.act(lambda work: operations.assign(work, self.scene.number, pool, email, SeatSource.MANUAL))

        assert came == self.model.assign(who)

    @precondition(lambda self: self.model.home.sits)
    @rule(choice=st.data(), who=guests)
    def transfer(self, choice: st.DataObject, who: int) -> None:
        left = choice.draw(st.sampled_from(sorted(self.model.home.sits)))
        seat, email = self.seat(left), self.email(who)

        came = self.act(lambda work: operations.transfer(work, self.scene.number, seat, email))

        assert came == self.model.transfer(left, who)

    @precondition(lambda self: self.model.home.sits or self.model.home.waits)
    @rule(choice=st.data())
    def release(self, choice: st.DataObject) -> None:
        who = choice.draw(st.sampled_from(sorted({*self.model.home.sits, *self.model.home.waits})))
        seat = self.seat(who)

        assert self.act(lambda work: operations.release(work, self.scene.number, seat, None)) == "done"
        self.model.home.leave(who)

    @precondition(lambda self: self.model.home.sits)
    @rule(choice=st.data(), back=st.booleans())
    def suspend_or_resume(self, choice: st.DataObject, back: bool) -> None:
        who = choice.draw(st.sampled_from(sorted(self.model.home.sits)))
        seat, does = self.seat(who), operations.resume if back else operations.suspend

        came = self.act(lambda work: does(work, self.scene.number, seat))

        assert came == self.model.move(who, *(("suspended", "active") if back else ("active", "suspended")))

    @precondition(lambda self: self.model.asked)
    @rule(choice=st.data(), accepts=st.booleans())
    def answer(self, choice: st.DataObject, accepts: bool) -> None:
        """A guest accepts an invitation, or an admin takes it back that is open."""
        who = choice.draw(st.sampled_from(sorted(self.model.asked)))
        if accepts or who in self.model.overdue:
            self._accept(who)
        else:
            self._revoke(who)

    def _accept(self, who: int) -> None:
        letter, person = self.letter(who), self.guests[who]

        async def act(work: Work) -> None:
            await invitations.accept(work, self.scene.number, letter, person.number, person.email)
            await operations.sit_down(work, self.scene.number, person.number, person.email)

        assert self.act(act) == self.model.accept(who)

    def _revoke(self, who: int) -> None:
        letter, email = self.letter(who), self.email(who)

        async def act(work: Work) -> None:
            await invitations.revoke(work, self.scene.number, letter)
            await operations.give_up(work, self.scene.number, email, "invitation revoked")

        assert self.act(act) == "done"
        self.model.close({who})

    @precondition(lambda self: self.model.members & {*GUESTS})
    @rule(choice=st.data())
    def remove(self, choice: st.DataObject) -> None:
        who = choice.draw(st.sampled_from(sorted(self.model.members & {*GUESTS})))
        sql = "select id from member where account_id = $1 and person_id = $2 and state = 'active'"
        member: int = self.run(self.racers.world.value(sql, self.scene.number, self.guests[who].number))

        assert self.act(lambda work: operations.remove_member(work, self.scene.number, member)) == "done"
        self.model.remove(who)

    # What is bought, and what time does

    @rule(seats=st.integers(1, 5))
    def resize(self, seats: int) -> None:
        pool = ids.decode("pool", self.pools[HOME])

        async def act(work: Work) -> None:
            await buying.resize(work, await people.account(work, self.scene.number), pool, seats, None)

        self.renew_due()
        assert self.act(act) in {"done", "NothingChanges"}
        self.model.home.resize(seats)

    @precondition(lambda self: self.model.home.next)
    @rule()
    def renew(self) -> None:
        _, due = self.run(self.clock())
        self.model.now = max(self.model.now, due)
        self.renew_due()

    @precondition(lambda self: self.model.home.waits or self.model.home.full)
    @rule(restored=st.booleans())
    def end(self, restored: bool) -> None:
        """The subscription ends at once, and another one takes its place."""
        self.renew_due()
        subscription, _ = self.run(self.clock())
        old = ids.decode("pool", self.pools[HOME])

        async def act(work: Work) -> None:
            account = await people.account(work, self.scene.number)
            await buying.cancel(work, account, subscription, CancelAt.NOW, None)
            await pools.close_pools(work, self.scene.number, subscription)

        assert self.act(act) == "done"
        self.pools[HOME] = self.run(self.scene.pool(ROOM[HOME]))
        new = ids.decode("pool", self.pools[HOME])
        self.run(self.racers.world.run("update directory set pool_id = $2 where id = $1", self.directory, new))
        if restored:
            assert self.act(lambda work: bringing_back.restore(work, self.scene.number, old, new)) == "done"
        self.model.end(restored=restored)

    @rule(days=st.sampled_from([1, 4, INVITED_FOR.days]), runs=st.booleans())
    def wait(self, days: int, runs: bool) -> None:
        """Days pass, and the worker runs, or has yet to."""
        self.model.now += days * DAY
        if runs:
            assert self.act(lambda work: invitations.expire_overdue(work, self.scene.number, 100)) == "done"
            self.model.close(self.model.overdue)
            assert self.act(lambda work: keeping.settle(work, self.scene.number, 100)) == "done"
            self.model.settle()

    # What holds after each of these

    @invariant()
    def everybody_sits_and_waits_as_the_model_has_it(self) -> None:
        for name, line in self.model.lines.items():
            found = self.run(self.seats(name))
            sits = {email: seat.state for email, seat in found.items() if seat.state != "waitlisted"}
            assert sits == {self.email(who): state for who, state in line.sits.items()}
            assert [email for email in found if email not in sits] == [self.email(who) for who in line.waits]

    @invariant()
    def the_pools_count_as_the_model_does(self) -> None:
        for name, line in self.model.lines.items():
            found = self.run(figures(self.racers.world, self.pools[name]))
            assert found == (line.seats, *[len(line.sits)] * 3)

    @invariant()
    def every_change_left_one_audit_record(self) -> None:
        sql = "select count(*) from audit_record where account_id = $1 and action ~ '^(seat|member|invitation)[.]'"

        assert self.run(self.racers.world.value(sql, self.scene.number)) == self.model.all_changes

    @invariant()
    def nothing_is_there_that_verify_would_find(self) -> None:
        assert self.run(self.racers.world.rows(BROKEN, str(self.scene.number))) == []

    @invariant()
    def time_passes(self) -> None:
        self.model.now += SECOND

    # Acting

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(timeout=120)

    def act(self, act: Act) -> str:
        """The owner does it; what came of it."""
        person = self.scene.owner.number
        owner = Actor(ActorKind.PERSON, person, grants={self.scene.number: ROLES[Role.OWNER]})
        return self.run(self.done(Origin("person", person), owner, act))

    async def done(self, origin: Origin, actor: Actor, act: Act, *, apart: bool = False) -> str:
        # Whoever an address belongs to may be in no workspace yet: a directory looks further than an owner.
        told = sees(actor) | ({"staff": "on"} if apart else {})
        work = Work(self.racers.engine, self.model.now, ids=self.racers.blocks, sees=told, origin=origin)
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

    def keep_for(self, days: int | None) -> None:
        """For how many days the directory keeps the seats of whoever is out from now on."""
        sql = "update directory set keeps_days = $2 where id = $1"
        self.run(self.racers.world.run(sql, self.directory, days))
        self.model.keeps = None if days is None else days * DAY

    def renew_due(self) -> None:
        """Begin the periods that are due."""
        subscription, due = self.run(self.clock())
        while due <= self.model.now:

            async def act(work: Work) -> None:
                await buying.renew(work, await people.account(work, self.scene.number), subscription)

            assert self.act(act) == "done"
            self.model.home.renew()
            _, due = self.run(self.clock())

    def email(self, who: int) -> str:
        return self.guests[who].email if who in self.guests else f"user{who}@{self.domain}"

    def letter(self, who: int) -> int:
        sql = "select id from invitation where account_id = $1 and email = $2 and state = 'pending'"
        found: int = self.run(self.racers.world.value(sql, self.scene.number, self.email(who)))
        return found

    def seat(self, who: int) -> int:
        """The seat somebody has of the home pool, or waits for."""
        return self.run(self.seats(HOME))[self.email(who)].number

    async def seats(self, name: str) -> dict[str, Sitting]:
        """Who has a seat of a pool or waits for one, in the order in which they came to it."""
        rows = await self.racers.world.rows(
            "select email, id, state from assignment where pool_id = $1 and state <> 'released' order by since, id",
            ids.decode("pool", self.pools[name]),
        )
        return {row["email"]: Sitting(row["id"], row["state"]) for row in rows}

    async def clock(self) -> tuple[int, datetime]:
        """The subscription behind the home pool, and when its period ends."""
        (row,) = await self.racers.world.rows(
            "select c.subscription_id, c.due_at from license_pool p join subscription_clock c"
            " on c.account_id = p.account_id and c.subscription_id = p.subscription_id where p.id = $1",
            ids.decode("pool", self.pools[HOME]),
        )
        return row["subscription_id"], row["due_at"]


async def test_whatever_people_a_directory_and_time_do_the_model_agrees(racers: Racers) -> None:
    Office.racers, Office.loop = racers, asyncio.get_running_loop()

    await asyncio.to_thread(run_state_machine_as_test, Office, settings=SPEED)
