"""The vigil: streams end when what let their reader in does.

A token, session or key is believed when a stream begins and whenever something is
told on it. Between two events nobody asks, so twice a second one statement looks for
those that have ended, however many streams are open.
"""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog

from auth.policy import Actor
from gateway.live import queries
from gateway.live.feed import Begin
from kernel import ids

EVERY = 0.4
"""Seconds between two looks."""

log = structlog.get_logger("gateway.live")

End = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Passport:
    """What let somebody in, and has to last."""

    session: int | None = None
    key: int | None = None
    person: int | None = None
    epoch: int | None = None
    until: int | None = None
    """When the token expires, in seconds since 1970."""

    def expired(self, now: datetime) -> bool:
        """Whether the token is too old at this instant."""
        return self.until is not None and now.timestamp() >= self.until


def passport(actor: Actor, bearer: str) -> Passport:
    """What a bearer that was believed stands on."""
    if actor.key_id is not None:
        return Passport(key=actor.key_id)
    session = ids.decode("session", actor.token) if actor.token.startswith("session_") else None
    if bearer.count(".") != 2:  # noqa: PLR2004 - a JSON Web Token has three parts
        return Passport(session=session)
    body = bearer.split(".")[1]
    said = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    # Another issuer's epoch is none of ours.
    epoch = said["epoch"] if session is not None else None
    return Passport(session=session, person=actor.person_id, epoch=epoch, until=int(said["exp"]))


class Vigil:
    """Whoever is let in, and how to end what they read."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._guests: dict[Passport, list[End]] = {}

    @contextmanager
    def over(self, carried: Passport, end: End) -> Iterator[None]:
        """Call `end` when a passport is worth nothing any more."""
        self._guests.setdefault(carried, []).append(end)
        try:
            yield
        finally:
            ends = self._guests[carried]
            ends.remove(end)
            if not ends:
                del self._guests[carried]

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            if self._guests:
                try:
                    await self.look()
                except Exception as error:
                    log.exception("sessions will be looked at again", kind=type(error).__name__)

    async def look(self) -> None:
        """End what is read on passports that are worth nothing any more."""
        guests = list(self._guests)
        async with self._begin() as work:
            carried = [(each.session, each.key, each.person, each.epoch) for each in guests]
            over = {guests[place] for place in await queries.over(work, carried, work.now)}
            over |= {each for each in guests if each.expired(work.now)}
        for each in over:
            for end in list(self._guests.get(each, ())):
                end()
