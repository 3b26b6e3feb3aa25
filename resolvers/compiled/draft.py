"""The draft: a statement while it is written, and where the values it binds will come from."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from auth.policy import Actor, Permission
from kernel import ids
from resolvers.compiled.asking import Asking
from resolvers.graph import Bind

Read = Callable[[Asking], Any]

MARK = b"\t"
"""A character that stands as it is around what we are needed for; inside of JSON's strings it is escaped."""

GIVE_UP = r"E'\t0'::json"
"""The SQL of a mark at which the text is thrown away, and the graph is read as usual."""


class NotCompiled(Exception):  # noqa: N818 - an outcome
    """Something of an operation that PostgreSQL can't answer alone, and what it is."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A value that each request brings along."""

    key: Hashable
    read: Read
    present: bool = False
    """Whether it is known to be there, and not empty, for every reader of the kind."""

    def __bool__(self) -> bool:
        if not self.present:
            raise NotCompiled("whether rows are seen depends on more than the kind of reader")
        return True


class Draft(Bind):
    """The values of a statement: how each request finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[Read] = []
        self.lists: list[tuple[str, str]] = []
        """The lists whose cursors the text has marks for: the name that seals them, and the kind of their order."""

        self.moment: int | None = None
        """Which of the values is the instant of the request; others stay the same for one reader and question."""

        self.personal = False
        """Whether it was asked who reads, so that not everybody gets the same answer."""

        self._known: dict[tuple[Hashable, str], str] = {}
        self._aliases = 0

    def __call__(self, value: Any, kind: str) -> str:
        """A placeholder for a value of a PostgreSQL type, or for one that a mark stands for."""
        if isinstance(value, Mark):
            return self.bound(value.key, value.read, kind)
        return self.bound((repr(value),), lambda _: value, kind)

    def bound(self, key: Hashable, read: Read, kind: str) -> str:
        """A placeholder for what `read` finds; one placeholder for each key and type."""
        known = (key, kind)
        if known not in self._known:
            self.reads.append(read)
            self._known[known] = f"${len(self.reads)}::{kind}"
        return self._known[known]

    @property
    def known(self) -> set[Hashable]:
        """The keys of what is bound."""
        return {known[0] for known in self._known}

    def alias(self) -> str:
        """A name that nothing else in the statement has."""
        self._aliases += 1
        return f"t{self._aliases}"

    def now(self) -> str:
        """The SQL of the instant of the request."""
        said = self.bound("now", lambda asking: asking.now, "timestamptz")
        self.moment = int(said[1:].partition("::")[0]) - 1
        return said

    def id(self, prefix: str, number: str) -> str:
        """The SQL of a public id."""
        return ids.expression(prefix, number, [(self._round(n, 0), self._round(n, 1)) for n in range(3)])

    def _round(self, place: int, part: int) -> str:
        return self.bound(("round", place, part), lambda _: ids.in_force()[place][part], "bigint")


class Marked:
    """A reader of whom only the kind is known: everything else is a mark, bound when somebody asks."""

    def __init__(self, actor: Actor, draft: Draft) -> None:
        self._actor = actor
        self._draft = draft

    @property
    def _who(self) -> Actor:
        """The actor, on whom the statement depends from here on, also where it comes to bind nothing of them."""
        self._draft.personal = True
        return self._actor

    @property
    def person_id(self) -> Any:
        """The mark of the person who reads, or None where no person does."""
        return None if self._who.person_id is None else Mark("person", lambda asking: asking.actor.person_id)

    @property
    def email(self) -> Any:
        """The mark of their address, or None where there is none."""
        return None if self._who.email is None else Mark("email", lambda asking: asking.actor.email)

    @property
    def setting(self) -> None:
        """None: whoever came with a setup link is answered by the executor."""

    @property
    def seat_groups(self) -> Any:
        """The mark of the seat groups whose seats the reader gives, or nothing where there are none."""
        if not self._who.groups:
            return []
        return Mark("seat groups", lambda asking: asking.actor.seat_groups, present=True)

    def accounts(self, permission: Permission) -> Any:
        """The mark of the accounts on which the reader holds a permission; None means all."""
        if self._who.accounts(permission) is None:
            return None
        return Mark(permission, lambda asking: asking.actor.accounts(permission))
