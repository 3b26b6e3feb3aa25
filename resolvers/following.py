"""Following: an event of an account, what somebody follows, and what they are told.

Between two events anything may change, so each is decided anew for the actor of that
moment: `Change.seen_by` asks for the permission again, and reads the row behind the
actor's own row-level security.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from auth.policy import Actor, Permission
from kernel import pages
from resolvers.graph import FACES, Face


class Seer(Protocol):
    """Whoever looks: what the context of a request does for them."""

    @property
    def actor(self) -> Actor:
        """Who they are."""

    async def find(self, face: Face, number: int) -> Any:
        """The row of a face with this number, or None where there is none that they may see."""

    async def recorded(self, account_id: int, seq: int) -> Any:
        """The record with this number in an account's audit log, or None where they may not see it."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event of an account: its place in the account's order, its public name, when, and its fields."""

    position: int
    name: str
    at: datetime
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of thing that can be followed: its face, how events name it, and what one must hold to follow it."""

    face: str
    subject: str
    permission: Permission
    chained: bool = False
    """Whether it is the account's audit log that is followed: it is told by its own numbers, and never forgotten."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody follows: things of a kind in one account, or one of them, from a place on or from now on."""

    kind: Kind
    account_id: int
    number: int | None = None
    after: int | None = None
    event: str | None = None
    """The only event that is wanted, if not all are."""

    @property
    def stream(self) -> str:
        """What its cursors are sealed with: one of another stream is refused."""
        return f"{self.kind.face}:{self.account_id}"

    def wants(self, told: Told) -> bool:
        """Whether an event is about what is followed."""
        about = told.about.get(self.kind.subject)
        return about is not None and self.number in {None, about} and self.event in {None, told.name}


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to something followed; `row` is what it has become, as its reader sees it."""

    wanted: Wanted
    told: Told
    row: Any = field(default=None)

    @property
    def cursor(self) -> str:
        """Its place, for `after`."""
        return pages.write(self.wanted.stream, (self.told.position,))

    @property
    def event(self) -> str:
        """What happened."""
        return self.told.name

    @property
    def at(self) -> datetime:
        """When."""
        return self.told.at

    async def seen_by(self, seer: Seer) -> Change | None:
        """The change as this actor sees it now; None for a row they don't. Raises NotFound or Forbidden."""
        kind = self.wanted.kind
        seer.actor.require(kind.permission, self.wanted.account_id)
        number = self.told.about[kind.subject]
        if kind.chained:
            row = await seer.recorded(self.wanted.account_id, number)
        else:
            row = await seer.find(FACES[kind.face], number)
        return None if row is None else replace(self, row=row)


class Feed(Protocol):
    """Where changes come from."""

    async def follow(self, wanted: Wanted) -> AsyncIterator[Change]:
        """The changes that are wanted, in their order and without end. Raises a Fault for a place it doesn't know."""
