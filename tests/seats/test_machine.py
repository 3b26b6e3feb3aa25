"""A pool and its people, driven at random beside a model of them that fits on a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import timedelta
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

from auth import operations as members
from auth.policy import Role
from kernel import ids
from kernel.work import Work
from seats import invitations, keeping, operations
from seats.seating import INVITED_FOR, SeatSource
from seats.tables import Assignment
from tests.scene import Scene, Somebody
from tests.seats.racing import Act, Racers, expire, figures

T = TypeVar("T")
PEOPLE = range(5)
ROOM = 3
KEPT = 5
SPEED = settings(
    max_examples=25, stateful_step_count=20, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

anybody = st.sampled_from(PEOPLE)


@dataclass
class Model:
    """Who is a member, who sits how, who was asked when, whose seat is kept, and how many records there are."""

    members: set[int] = field(default_factory=set)
    seats: dict[int, str] = field(default_factory=dict)
    asked: dict[int, int] = field(default_factory=dict)
    kept: dict[int, tuple[int, str]] = field(default_factory=dict)
    day: int = 0
    changes: int = 0

    @property
    def overdue(self) -> set[int]:
        return {who for who, day in self.asked.items() if self.day - day >= INVITED_FOR.days}

    def waiting(self, people: AbstractSet[int]) -> set[int]:
        return {who for who in people if self.seats.get(who) == "invited"}

    def seat(self, who: int) -> str:
        late = self.overdue if len(self.seats) >= ROOM else self.overdue & {who}
        kept = self.seats.keys() - self.waiting(late)
        if who in kept:
            return "AlreadySeated"
        if len(kept) >= ROOM:
            return "PoolExhausted"
        self.close(late)
        self._sit(who)
        return "done"

    def transfer(self, left: int, who: int) -> str:
        late = self.overdue & {who}
        kept = self.seats.keys() - self.waiting(late)
        if left not in kept:
            return "SeatNotHeld"
        if who in kept:
            return "AlreadySeated"
        self.close(late)
        self.leave(left)
        self._sit(who)
        return "done"

    def _sit(self, who: int) -> None:
        if who not in self.members and who not in self.asked:
            self.asked[who] = self.day
            self.changes += 1
        self.seats[who] = "active" if who in self.members else "invited"
        self.changes += 1

    def leave(self, who: int) -> str:
        self.kept.pop(who, None)
        if self.seats.pop(who, None) is None:
            return "SeatNotHeld"
        self.changes += 1
        return "done"

    def move(self, who: int, before: str, after: str) -> str:
        if self.seats.get(who) != before or who in self.kept:
            return "SeatNotHeld"
        self.seats[who] = after
        self.changes += 1
        return "done"

    def close(self, people: AbstractSet[int]) -> None:
        """Close invitations; the seats that waited are free."""
        for who in self.waiting(people):
            self.leave(who)
        for who in people:
            del self.asked[who]
        self.changes += len(people)

    def accept(self, who: int) -> str:
        if who in self.overdue:
            return "InvitationClosed"
        del self.asked[who]
        self.members.add(who)
        self.changes += 2
        self.move(who, "invited", "active")
        return "done"

    def step_out(self, who: int) -> None:
        """Leave for a while: the seat is kept."""
        self.members.remove(who)
        self.changes += 1
        if state := self.seats.get(who):
            self.move(who, state, "suspended")
            self.kept[who] = (self.day + KEPT, state)

    @property
    def late(self) -> set[int]:
        return {who for who, (until, _) in self.kept.items() if self.day >= until}

    def come_back(self, who: int) -> None:
        """Be a member again, with the seat as it was, unless it is too late."""
        self.members.add(who)
        self.changes += 1
        if who in self.late:
            self.leave(who)
            return
        _, state = self.kept.pop(who)
        self.move(who, "suspended", state)


class Seats(RuleBasedStateMachine):
    """A pool of three seats, five people, and the weeks that pass."""

    racers: ClassVar[Racers]
    loop: ClassVar[asyncio.AbstractEventLoop]

    @initialize()
    def begin(self) -> None:
        self.model = Model()
        self.held: dict[int, int] = {}
        self.scene: Scene = self.run(self.racers.world.workspace(roles=[Role.OWNER]))
        self.pool: str = self.run(self.scene.pool(ROOM))
        self.people: list[Somebody] = self.run(self.racers.world.people(f"p{who}" for who in PEOPLE))

    @rule(who=anybody)
    def seat(self, who: int) -> None:
        if who in self.model.kept:
            return
        pool, email = ids.decode("pool", self.pool), self.people[who].email

        async def act(work: Work) -> None:
            self.sits(who, await operations.assign(work, self.scene.number, pool, email, SeatSource.MANUAL))

        assert self.act(act) == self.model.seat(who)

    @precondition(lambda self: self.held)
    @rule(left=anybody, who=anybody)
    def transfer(self, left: int, who: int) -> None:
        seat, email = self.held.get(left), self.people[who].email
        if seat is None or who in self.model.kept:
            return

        async def act(work: Work) -> None:
            self.sits(who, await operations.transfer(work, self.scene.number, seat, email))

        assert self.act(act) == self.model.transfer(left, who)

    @precondition(lambda self: self.held)
    @rule(who=anybody)
    def release(self, who: int) -> None:
        if seat := self.held.get(who):
            came = self.act(lambda work: operations.release(work, self.scene.number, seat, None))
            assert came == self.model.leave(who)

    @precondition(lambda self: self.held)
    @rule(who=anybody)
    def suspend(self, who: int) -> None:
        if seat := self.held.get(who):
            came = self.act(lambda work: operations.suspend(work, self.scene.number, seat))
            assert came == self.model.move(who, "active", "suspended")

    @precondition(lambda self: self.held)
    @rule(who=anybody)
    def resume(self, who: int) -> None:
        if seat := self.held.get(who):
            came = self.act(lambda work: operations.resume(work, self.scene.number, seat))
            assert came == self.model.move(who, "suspended", "active")

    @precondition(lambda self: self.model.asked)
    @rule(choice=st.data())
    def accept(self, choice: st.DataObject) -> None:
        who = choice.draw(st.sampled_from(sorted(self.model.asked)))
        letter, person = self.letter(who), self.people[who]

        async def act(work: Work) -> None:
            await invitations.accept(work, self.scene.number, letter, person.number, person.email)
            await operations.sit_down(work, self.scene.number, person.number, person.email)

        assert self.act(act) == self.model.accept(who)

    @precondition(lambda self: self.model.asked.keys() - self.model.overdue)
    @rule(choice=st.data())
    def revoke(self, choice: st.DataObject) -> None:
        who = choice.draw(st.sampled_from(sorted(self.model.asked.keys() - self.model.overdue)))
        letter, email = self.letter(who), self.people[who].email

        async def act(work: Work) -> None:
            await invitations.revoke(work, self.scene.number, letter)
            await operations.give_up(work, self.scene.number, email, "invitation revoked")

        assert self.act(act) == "done"
        self.model.close({who})

    @precondition(lambda self: self.model.overdue)
    @rule()
    def expire(self) -> None:
        for who in self.model.overdue:
            assert self.act(expire(self.scene, ids.encode("invitation", self.letter(who)))) == "done"
        self.model.close(self.model.overdue)

    @precondition(lambda self: self.model.members)
    @rule(choice=st.data())
    def remove(self, choice: st.DataObject) -> None:
        who = choice.draw(st.sampled_from(sorted(self.model.members)))
        member = self.value("select id from member where account_id = $1 and person_id = $2 and state = 'active'", who)

        assert self.act(lambda work: operations.remove_member(work, self.scene.number, member)) == "done"
        self.model.members.remove(who)
        self.model.changes += 1
        self.model.leave(who)

    @precondition(lambda self: self.model.members)
    @rule(choice=st.data())
    def step_out(self, choice: st.DataObject) -> None:
        who = choice.draw(st.sampled_from(sorted(self.model.members)))
        member = self.value("select id from member where account_id = $1 and person_id = $2 and state = 'active'", who)

        async def act(work: Work) -> None:
            until = work.now + timedelta(days=KEPT)
            await operations.remove_member(work, self.scene.number, member, kept_until=until)

        assert self.act(act) == "done"
        self.model.step_out(who)

    @precondition(lambda self: self.model.kept)
    @rule(choice=st.data())
    def come_back(self, choice: st.DataObject) -> None:
        who = choice.draw(st.sampled_from(sorted(self.model.kept)))
        person = self.people[who]

        async def act(work: Work) -> None:
            members.join(work, self.scene.number, person.number, Role.MEMBER)
            await operations.sit_down(work, self.scene.number, person.number, person.email)

        assert self.act(act) == "done"
        self.model.come_back(who)

    @precondition(lambda self: self.model.late)
    @rule()
    def settle(self) -> None:
        assert self.act(lambda work: keeping.settle(work, self.scene.number, 100)) == "done"
        for who in self.model.late:
            self.model.leave(who)

    @rule(days=st.sampled_from([1, 4, INVITED_FOR.days]))
    def wait(self, days: int) -> None:
        self.model.day += days

    @invariant()
    def the_pool_is_as_the_model_has_it(self) -> None:
        found = self.run(figures(self.racers.world, self.pool))

        assert found == (ROOM, *[len(self.model.seats)] * 3)

    @invariant()
    def everybody_sits_as_the_model_has_it(self) -> None:
        rows = self.run(
            self.racers.world.rows(
                "select email, state from assignment where account_id = $1 and state <> 'released'", self.scene.number
            )
        )

        assert {row["email"]: row["state"] for row in rows} == {
            self.people[who].email: state for who, state in self.model.seats.items()
        }

    @invariant()
    def every_change_left_one_audit_record(self) -> None:
        records = self.run(
            self.racers.world.value("select count(*) from audit_record where account_id = $1", self.scene.number)
        )

        assert records == self.model.changes

    # Acting

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(timeout=30)

    def act(self, act: Act) -> str:
        return self.run(self.racers.act(self.scene, act, later=timedelta(days=self.model.day)))

    def sits(self, who: int, seat: Assignment) -> None:
        self.held[who] = seat.id

    def letter(self, who: int) -> int:
        sql = "select id from invitation where account_id = $1 and email = $2 and state = 'pending'"
        found: int = self.run(self.racers.world.value(sql, self.scene.number, self.people[who].email))
        return found

    def value(self, sql: str, who: int) -> int:
        found: int = self.run(self.racers.world.value(sql, self.scene.number, self.people[who].number))
        return found


async def test_whatever_happens_to_a_pool_its_figures_agree(racers: Racers) -> None:
    Seats.racers, Seats.loop = racers, asyncio.get_running_loop()

    await asyncio.to_thread(run_state_machine_as_test, Seats, settings=SPEED)
