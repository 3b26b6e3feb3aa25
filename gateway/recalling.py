"""Recalling: who a bearer named a moment ago, so that it need not be found out again for every request.

What a signature or a secret proved is remembered by the bearer's SHA-256, until it ends.
What somebody may is not taken from memory: everything that decides it is told by the
database, as one text, in the same transaction in which a request reads (`standing_told`).
If the text is another than the one when they were recognized, nothing is read, and they
are recognized anew. So an end is an end at once, in every process.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from auth.policy import Actor, sees
from resolvers.compiled.plan import Plan

STANDS = "select standing_told($1::bigint, $2::bigint, $3::bigint) = $4::text"
"""Whether what decides what somebody may is still what it was."""

_SEPARATOR = "\x01"
_MOST = 10_000
"""Bearers that one process remembers; each takes about 3 KB, and half a KB for each question."""

_ASKED = 8
"""Questions of one bearer for which all that a statement binds is remembered."""


class Subject(NamedTuple):
    """Whose rows decide what a bearer may: a person's, and their session's or key's."""

    person: int
    session: int | None = None
    key: int | None = None


@dataclass(frozen=True, slots=True)
class Recognized:
    """Who asks, by a bearer that we believe."""

    actor: Actor
    locale: str | None = None
    subject: Subject | None = None
    """Whose rows decide; None where more does, so that nothing is remembered."""

    until: datetime | None = None
    """Until when it stays so while those rows stay the same."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A question of somebody: its statement, and what that binds."""

    plan: Plan
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Recalled:
    """Who asks, as long as the database tells the same facts."""

    actor: Actor
    locale: str | None
    name: str
    """Whose budget pays."""

    sees: Mapping[str, str]
    entering: str
    """What lets a transaction see as them."""

    facts: str
    """What the database told of them before they were recognized."""

    until: datetime
    stands: Sequence[object]
    """Whose rows `standing_told` is asked of, and what it has to say."""

    bound: dict[int, Bound] = field(default_factory=dict)
    """What they asked lately, by the number of the question."""

    def bind(self, question: int, bound: Bound) -> None:
        """Remember what a question binds."""
        if len(self.bound) >= _ASKED:
            self.bound.clear()
        self.bound[question] = bound


class Recollection:
    """The bearers that one process met lately; the least recently used one is forgotten first."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: OrderedDict[bytes, Recalled | Subject] = OrderedDict()

    def get(self, bearer: str, now: datetime) -> Recalled | None:
        """Whom a bearer named, if it may still count."""
        return self.known(digest(bearer), now)

    def known(self, bearer: bytes, now: datetime) -> Recalled | None:
        """Whom the bearer with this digest named, if it may still count."""
        found = self._known.get(bearer)
        if not isinstance(found, Recalled) or found.until <= now:
            return None
        return found

    def subject(self, bearer: str) -> Subject | None:
        """Whose rows decide about a bearer that was believed before."""
        found = self._known.get(digest(bearer))
        return found if isinstance(found, Subject) else None

    def meet(self, bearer: str, subject: Subject) -> None:
        """Remember whose rows decide about a bearer."""
        self._put(digest(bearer), subject)

    def put(self, bearer: str, recognized: Recognized, facts: str) -> None:
        """Remember who somebody is, of whom the database told these facts before they were recognized."""
        actor, subject, until = recognized.actor, recognized.subject, recognized.until
        # Nothing that is told is told of everybody: a demotion would go unnoticed.
        if subject is None or until is None or not facts:
            return
        told = sees(actor)
        if not any(_SEPARATOR in each or "\0" in each for each in told.values()):
            said = entering(subject, told)
            stands = (*subject, facts)
            known = Recalled(actor, recognized.locale, actor.name, told, said, facts, until, stands)
            self._put(digest(bearer), known)

    def forget(self, bearer: str) -> None:
        """Have a bearer recognized anew."""
        self._known.pop(digest(bearer), None)

    def _put(self, digest: bytes, found: Recalled | Subject) -> None:
        self._known[digest] = found
        self._known.move_to_end(digest)
        if len(self._known) > self._most:
            self._known.popitem(last=False)


def entering(subject: Subject, told: Mapping[str, str] | None = None) -> str:
    """The text for `enter`, so that a transaction sees what is `told`; nothing, unless it is."""
    told = told or {}
    rows = ("" if each is None else str(each) for each in subject)
    return _SEPARATOR.join([*rows, ",".join(told), *told.values()])


def digest(bearer: str) -> bytes:
    """What a bearer is remembered by."""
    return sha256(bearer.encode()).digest()
