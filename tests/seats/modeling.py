"""A small model of a workspace: pools and their lines, a directory with a group, guests, and what time does to them."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from seats.seating import INVITED_FOR

USERS, GUESTS = range(4), range(4, 8)
"""Whom the directory tells of, and whom admins ask."""

HOME, GROUP = "home", "group"
"""The pool of everybody in the directory, and the one that a rule gives to a group."""

ROOM = {HOME: 3, GROUP: 1}


@dataclass
class Line:
    """A pool: how many seats it has, will have, who sits there and how, who waits, and whose seat is kept till when.

    Who sits and who waits stand in the order in which they came to it.
    """

    seats: int
    next: int | None = None
    sits: dict[int, str] = field(default_factory=dict)
    waits: list[int] = field(default_factory=list)
    kept: dict[int, tuple[datetime, str]] = field(default_factory=dict)
    changes: int = 0

    @property
    def full(self) -> bool:
        return len(self.sits) >= self.seats

    def sit(self, who: int, state: str = "active") -> None:
        self.sits[who] = state
        self.changes += 1

    def become(self, who: int, state: str) -> None:
        self.sits[who] = state
        self.changes += 1

    def want(self, who: int) -> None:
        if who in self.sits or who in self.waits:
            return
        if not self.full:
            self.sit(who)
            return
        self.waits.append(who)
        self.changes += 1

    def leave(self, *people: int) -> None:
        for who in people:
            self.kept.pop(who, None)
            if who in self.waits:
                self.waits.remove(who)
                self.changes += 1
            elif self.sits.pop(who, None):
                self.changes += 1
        self.move()

    def move(self) -> None:
        while self.waits and not self.full:
            self.sit(self.waits.pop(0))

    def keep(self, who: int, until: datetime) -> None:
        """Keep the seat of somebody who goes, if they have one; a place in the line is given up."""
        if who in self.sits:
            self.kept[who] = (until, self.sits[who])
            self.become(who, "suspended")
        else:
            self.leave(who)

    def late(self, now: datetime) -> list[int]:
        return [who for who, (until, _) in self.kept.items() if until <= now]

    def come_back(self, who: int, now: datetime) -> None:
        if who in self.late(now):
            self.leave(who)
        elif who in self.kept:
            self.become(who, self.kept.pop(who)[1])

    def resize(self, seats: int) -> None:
        if seats < self.seats:
            self.next = seats
        else:
            self.seats, self.next = seats, None
            self.move()

    def renew(self) -> None:
        if self.next is not None:
            self.seats, self.next = max(self.next, len(self.sits)), None

    def end(self) -> list[int]:
        """Close the pool, and open one of three seats after it; who sat and may sit again."""
        sat = [who for who, state in self.sits.items() if state == "active"]
        self.changes += len(self.sits) + len(self.waits)
        self.seats, self.next, self.sits, self.waits, self.kept = ROOM[HOME], None, {}, [], {}
        return sat


@dataclass
class Model:
    """The pools, whom the directory tells of and how, who is in its group, who is a member, and who was asked when."""

    now: datetime
    home: Line = field(default_factory=lambda: Line(ROOM[HOME]))
    group: Line = field(default_factory=lambda: Line(ROOM[GROUP]))
    listed: dict[int, bool] = field(default_factory=dict)
    team: set[int] = field(default_factory=set)
    members: set[int] = field(default_factory=set)
    asked: dict[int, datetime] = field(default_factory=dict)
    keeps: timedelta | None = None
    changes: int = 0
    """How often somebody came, went, was asked, or was asked no more."""

    @property
    def lines(self) -> dict[str, Line]:
        return {HOME: self.home, GROUP: self.group}

    @property
    def all_changes(self) -> int:
        return self.changes + sum(line.changes for line in self.lines.values())

    # Whom the directory tells of

    def tell(self, who: int, *, active: bool) -> None:
        self.listed[who] = active
        if active:
            self._come(who)
        else:
            self._go(who, self.keeps)

    def delete(self, who: int) -> None:
        self._go(who, None)
        for line in self.lines.values():
            line.leave(who)
        del self.listed[who]
        self.team.discard(who)

    def regroup(self, team: set[int]) -> None:
        self.team = team
        self.rule()

    def rule(self) -> None:
        for who, active in self.listed.items():
            if active and who in self.team and who not in self.group.sits and who not in self.group.waits:
                self._want(self.group, who)
            elif active and who not in self.team:
                self.group.leave(who)

    def _come(self, who: int) -> None:
        if who not in self.members:
            self.members.add(who)
            self.changes += 1
            for line in self.lines.values():
                line.come_back(who, self.now)
        self._want(self.home, who)

    def _want(self, line: Line, who: int) -> None:
        if line.full:
            self.close(self.overdue)
        line.want(who)

    def _go(self, who: int, keeps: timedelta | None) -> None:
        if who not in self.members:
            return
        self.members.remove(who)
        self.changes += 1
        for line in self.lines.values():
            if keeps is None:
                line.leave(who)
            else:
                line.keep(who, self.now + keeps)

    def settle(self) -> None:
        for line in self.lines.values():
            line.leave(*line.late(self.now))

    # Whom admins ask

    @property
    def overdue(self) -> set[int]:
        return {who for who, at in self.asked.items() if self.now - at >= INVITED_FOR}

    def waiting(self, people: AbstractSet[int]) -> set[int]:
        return {who for who in people if self.home.sits.get(who) == "invited"}

    def assign(self, who: int) -> str:
        late = self.overdue if self.home.full else self.overdue & {who}
        stay = self.home.sits.keys() - self.waiting(late)
        if who in stay:
            return "AlreadySeated"
        if len(stay) >= self.home.seats:
            return "PoolExhausted"
        self._sit(who, late)
        return "done"

    def transfer(self, left: int, who: int) -> str:
        late = self.overdue & {who}
        stay = self.home.sits.keys() - self.waiting(late)
        if left not in stay:
            return "SeatNotHeld"
        if who in stay:
            return "AlreadySeated"
        self._sit(who, late, left)
        return "done"

    def _sit(self, who: int, late: AbstractSet[int], *left: int) -> None:
        """Seat somebody before the line comes to what others leave."""
        waits, self.home.waits = self.home.waits, []
        self.close(late)
        self.home.leave(*left)
        if who not in self.members and who not in self.asked:
            self.asked[who] = self.now
            self.changes += 1
        self.home.sit(who, "active" if who in self.members else "invited")
        self.home.waits = waits
        self.home.move()

    def move(self, who: int, before: str, after: str) -> str:
        if self.home.sits.get(who) != before or who in self.home.kept:
            return "SeatNotHeld"
        self.home.become(who, after)
        return "done"

    def close(self, people: AbstractSet[int]) -> None:
        """Close invitations; the seats that waited are free."""
        waiting = self.waiting(people)
        for who in people:
            del self.asked[who]
        self.changes += len(people)
        self.home.leave(*waiting)

    def accept(self, who: int) -> str:
        if who in self.overdue:
            return "InvitationClosed"
        del self.asked[who]
        self.members.add(who)
        self.changes += 2
        self.move(who, "invited", "active")
        return "done"

    def remove(self, who: int) -> None:
        self._go(who, None)

    # What the subscription does

    def end(self, *, restored: bool) -> None:
        """The subscription of the home pool ends, and another one begins; whoever sat may sit again."""
        sat = self.home.end()
        if restored and sat:
            self._restore(sat)

    def _restore(self, sat: Iterable[int]) -> None:
        wanted = [who for who in sat if who in self.members]
        if len(wanted) > self.home.seats:
            self.close(self.overdue)
        for who in wanted[: self.home.seats]:
            self.home.sit(who)
