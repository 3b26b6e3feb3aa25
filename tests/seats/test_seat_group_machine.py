"""Two seat groups of a pool, driven at random beside a model of them that fits on a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from auth.policy import Role
from kernel import ids
from kernel.work import Work
from seats import operations, seat_groups
from seats.seating import SeatSource
from seats.tables import Assignment
from tests.scene import Scene
from tests.seats.racing import Act, Racers

T = TypeVar("T")
ROOM = 4
SPEED = settings(
    max_examples=20, stateful_step_count=20, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

anybody = st.sampled_from(range(6))
group = st.sampled_from(["left", "right"])
place = st.sampled_from(["left", "right", None])


@dataclass
class Model:
    """How many seats each group has, and in which part everybody sits."""

    has: dict[str, int] = field(default_factory=dict)
    seats: dict[int, str | None] = field(default_factory=dict)

    def taken(self, part: str | None) -> int:
        return sum(sits == part for sits in self.seats.values())

    @property
    def free(self) -> int:
        """What is neither taken nor set apart."""
        return ROOM - sum(self.has.values()) - self.taken(None)

    def full(self, part: str | None) -> str:
        """Why nobody more sits in a part, or nothing."""
        if part is None:
            return "" if self.free > 0 else "PoolExhausted"
        if part not in self.has:
            return "SeatGroupRemoved"
        return "" if self.taken(part) < self.has[part] else "SeatGroupFull"

    def seat(self, who: int, part: str | None) -> str:
        if part is not None and part not in self.has:
            return "SeatGroupRemoved"
        if who in self.seats:
            return "AlreadySeated"
        if why := self.full(part):
            return why
        self.seats[who] = part
        return "done"

    def move(self, who: int, part: str | None) -> str:
        if who not in self.seats:
            return "SeatNotHeld"
        if part is not None and part not in self.has:
            return "SeatGroupRemoved"
        if self.seats[who] != part and (why := self.full(part)):
            return why
        self.seats[who] = part
        return "done"

    def leave(self, who: int) -> str:
        return "SeatNotHeld" if self.seats.pop(who, 0) == 0 else "done"

    def allot(self, part: str, seats: int) -> str:
        if part not in self.has:
            return "SeatGroupRemoved"
        if seats < self.taken(part):
            return "AllocationTaken"
        if seats - self.has[part] > max(self.free, 0):
            return "SeatsNotFree"
        self.has[part] = seats
        return "done"

    def make(self, part: str, seats: int) -> str:
        if seats > max(self.free, 0):
            return "SeatsNotFree"
        self.has[part] = seats
        return "done"

    def end(self, part: str) -> str:
        if part not in self.has:
            return "SeatGroupRemoved"
        del self.has[part]
        self.seats = {who: None if sits == part else sits for who, sits in self.seats.items()}
        return "done"


class Groups(RuleBasedStateMachine):
    """A pool of four seats, two names for groups, and six people."""

    racers: ClassVar[Racers]
    loop: ClassVar[asyncio.AbstractEventLoop]

    @initialize(left=st.integers(0, 3))
    def begin(self, left: int) -> None:
        self.model = Model()
        self.numbers: dict[str | None, int | None] = {None: None}
        self.held: dict[int, int] = {}
        self.scene: Scene = self.run(self.racers.world.workspace(roles=[Role.OWNER]))
        self.pool = ids.decode("pool", self.run(self.scene.pool(ROOM)))
        self.make("left", left)
        self.make("right", 1)

    @rule(part=group, seats=st.integers(0, 4))
    def make(self, part: str, seats: int) -> None:
        if part in self.model.has:
            return

        async def act(work: Work) -> None:
            made = await seat_groups.create(work, self.scene.number, self.pool, part, seats)
            self.numbers[part] = made.id

        assert self.act(act) == self.model.make(part, seats)

    @rule(part=group, seats=st.integers(0, 4))
    def allot(self, part: str, seats: int) -> None:
        if number := self.numbers.get(part):
            came = self.act(lambda work: seat_groups.change(work, self.scene.number, number, None, seats))
            assert came == self.model.allot(part, seats)

    @rule(part=group)
    def end(self, part: str) -> None:
        if number := self.numbers.get(part):
            assert self.act(lambda work: seat_groups.remove(work, self.scene.number, number)) == self.model.end(part)

    @rule(who=anybody, part=place)
    def seat(self, who: int, part: str | None) -> None:
        number, email = self.numbers.get(part, 0), f"p{who}@part.test"
        if number == 0:
            return

        async def act(work: Work) -> None:
            if number is None:
                seat = await operations.assign(work, self.scene.number, self.pool, email, SeatSource.MANUAL)
            else:
                seat = await seat_groups.assign(work, self.scene.number, number, email, SeatSource.MANUAL)
            self.sits(who, seat)

        assert self.act(act) == self.model.seat(who, part)

    @rule(who=anybody, part=place)
    def move(self, who: int, part: str | None) -> None:
        seat, number = self.held.get(who), self.numbers.get(part, 0)
        if seat is not None and number != 0:
            came = self.act(lambda work: seat_groups.regroup(work, self.scene.number, seat, number))
            assert came == self.model.move(who, part)

    @rule(who=anybody)
    def release(self, who: int) -> None:
        if seat := self.held.get(who):
            came = self.act(lambda work: operations.release(work, self.scene.number, seat, None))
            assert came == self.model.leave(who)

    @invariant()
    def everything_is_as_the_model_has_it(self) -> None:
        world, number = self.racers.world, self.scene.number
        groups = self.run(
            world.rows(
                "select name, allocation, assigned from seat_group where account_id = $1 and removed_at is null", number
            )
        )
        (pool,) = self.run(world.rows("select assigned, set_apart from license_pool where id = $1", self.pool))
        seats = self.run(
            world.rows(
                "select a.email, g.name from assignment a left join seat_group g on g.id = a.seat_group_id"
                " where a.account_id = $1 and a.state <> 'released'",
                number,
            )
        )

        has, taken = self.model.has, self.model.taken
        assert {row["name"]: (row["allocation"], row["assigned"]) for row in groups} == {
            part: (seats, taken(part)) for part, seats in has.items()
        }
        assert (pool["assigned"], pool["set_apart"]) == (
            len(self.model.seats),
            sum(seats - taken(part) for part, seats in has.items()),
        )
        assert {row["email"]: row["name"] for row in seats} == {
            f"p{who}@part.test": part for who, part in self.model.seats.items()
        }

    # Acting

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(timeout=60)

    def act(self, act: Act) -> str:
        return self.run(self.racers.act(self.scene, act))

    def sits(self, who: int, seat: Assignment) -> None:
        self.held[who] = seat.id


async def test_whatever_happens_to_groups_their_figures_agree(racers: Racers) -> None:
    Groups.racers, Groups.loop = racers, asyncio.get_running_loop()

    await asyncio.to_thread(run_state_machine_as_test, Groups, settings=SPEED)
