"""Authentication: from what a request carries to the actor it speaks for.

A bearer is a service key, a token of ours, or a token of a configured issuer. It
names somebody and nothing more; what they may do is read from the database for
every request, so that a demotion acts on tokens already out. A bearer that was
believed is remembered, together with what the database told then (`gateway.recalling`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import HTTPConnection

from auth import keys, operations, queries, sessions
from auth.names import Names
from auth.oidc import Issuers
from auth.policy import (
    Actor,
    ActorKind,
    sees,
)
from auth.refusal import refused
from auth.setup import rules as setups
from auth.sso.provider import Providers
from auth.tokens import Signer
from auth.viewing import rules as looks
from gateway import cards
from gateway.cookies import Cookies, same_site
from gateway.observability import request_id
from gateway.recalling import Recalled, Recognized, Recollection, entering
from gateway.recognizing import (
    holder,
    looking,
    newcomer,
    person_in,
    person_of_ours,
    renewed,
    session_of,
    setting_up,
    spoken,
    standing,
)
from kernel import ids
from kernel.audit import Origin
from kernel.clock import Clock
from kernel.errors import Forbidden
from kernel.id_blocks import IdBlocks
from kernel.work import Work
from payments.rail.opening import Rail
from resolvers.following import Feed
from resolvers.info import Context, Press

REASON = "seatgraph-reason"
LONGEST_REASON = 1_000
LONGEST_DEVICE = 300


@dataclass(frozen=True, slots=True)
class Door:
    """Everything that turns a request into a context."""

    engine: AsyncEngine
    clock: Clock
    issuers: Issuers
    signer: Signer | None
    blocks: IdBlocks
    rail: Rail | None = None
    providers: Providers | None = None
    names: Names = field(default_factory=Names)
    base: str = ""
    press: Press | None = None
    cookies: Cookies = field(default_factory=lambda: Cookies(secure=True))
    feed: Feed | None = None
    recollection: Recollection = field(default_factory=Recollection)
    exportable: Callable[[str], object] | None = None

    def bearer(self, request: HTTPConnection, said: str | None = None) -> str | None:
        """What a request carries to say who asks: what it `said` in an Authorization of its own, a header or a cookie.

        Raises Unauthenticated for another scheme, or Forbidden for a cookie that another site may have sent.
        """
        return _bearer(request.headers.get("authorization") if said is None else said) or self._carried(request)

    @asynccontextmanager
    async def context(
        self, request: HTTPConnection, said: str | None = None, *, now: datetime | None = None
    ) -> AsyncIterator[Context]:
        """The context of one request. Raises Unauthenticated for a bearer we don't believe."""
        async with self.work(request, now or await self.clock.now()) as work:
            bearer = self.bearer(request, said)
            found: Recognized | Recalled = Recognized(Actor())
            if bearer is not None:
                found = await self._recall(request, work, bearer) or await self._met(work, bearer)
            if isinstance(found, Recognized):
                await work.see_as(sees(found.actor), _origin(request, found.actor))
            yield Context(
                work,
                found.actor,
                found.locale or "en",
                renewed,
                self.rail,
                providers=self.providers,
                names=self.names,
                base=self.base,
                feed=self.feed,
                press=self.press,
                exportable=self.exportable,
            )

    def _carried(self, request: HTTPConnection) -> str | None:
        """The session in a cookie. Raises Forbidden for a request that another site may have made a browser send."""
        text = request.cookies.get(self.cookies.session)
        if text is not None and not same_site(request, self.base):
            raise Forbidden(
                "This request did not come from our own pages, so the cookie does not count. Send a bearer."
            )
        return text

    async def leave(self, work: Work, text: str) -> None:
        """End the session with this text, if it is one."""
        session = await session_of(work, text)
        if session is None or not sessions.lives(session, work.now):
            return
        token = ids.encode("session", session.id)
        origin = replace(work.origin, actor=ActorKind.PERSON.value, person_id=session.person_id, token=token)
        await work.see_as({"person": str(session.person_id)}, origin)
        async with work.transaction():
            await operations.end_session(work, session.id, why="signed out")

    @asynccontextmanager
    async def work(self, request: HTTPConnection, now: datetime) -> AsyncIterator[Work]:
        """A unit of work that belongs to nobody yet."""
        work = Work(self.engine, now, ids=self.blocks, origin=_origin(request, Actor()))
        try:
            yield work
        finally:
            await work.close()

    async def _recall(self, request: HTTPConnection, work: Work, bearer: str) -> Recalled | None:
        """Whom the bearer named a moment ago, if all that decides what they may is as it was then.

        The transaction sees as they do.
        """
        found = self.recollection.get(bearer, work.now)
        if found is None:
            return None
        if await work.enter(found.entering, found.sees, _origin(request, found.actor)) == found.facts:
            return found
        self.recollection.forget(bearer)
        await work.see_as({}, _origin(request, Actor()))
        return None

    async def _met(self, work: Work, bearer: str) -> Recognized:
        """Whom the bearer names; remembered when it comes for the second time."""
        subject = self.recollection.subject(bearer)
        if subject is None:
            found = await self._recognize(work, bearer)
            if found.subject:
                self.recollection.meet(bearer, found.subject)
            return found
        self.recollection.forget(bearer)
        # Before they are recognized: what changes meanwhile makes the next request find other facts.
        facts = await work.enter(entering(subject), {}, work.origin)
        found = await self._recognize(work, bearer)
        if found.subject == subject:
            self.recollection.put(bearer, found, facts)
        return found

    async def _recognize(self, work: Work, bearer: str) -> Recognized:
        if bearer.startswith(keys.PREFIX):
            return await holder(work, bearer)
        if bearer.startswith(sessions.PREFIX):
            return await person_in(work, bearer)
        if bearer.startswith(setups.BEARER):
            return Recognized(await setting_up(work, bearer))
        if bearer.startswith(looks.PREFIX):
            return await looking(work, bearer)
        if self.signer and bearer.startswith(tuple(key.header + "." for key in self.signer.keys)):
            return await person_of_ours(work, self.signer, bearer)
        return await self._person_of_theirs(work, bearer)

    async def _person_of_theirs(self, work: Work, bearer: str) -> Recognized:
        token = await self.issuers.verify(bearer, work.now)
        named = {"issuer": token.issuer, "subject": token.subject}
        await work.see_as(named, work.origin)
        person_id = await queries.person_named(work, token.issuer, token.subject)
        if person_id is None:
            person_id = await newcomer(work, token)
        await work.see_as({"person": str(person_id)}, work.origin)
        return await standing(work, person_id, spoken(token), None)


def _bearer(header: str | None) -> str | None:
    if header is None:
        return None
    scheme, _, bearer = header.partition(" ")
    if scheme.lower() != "bearer" or not bearer.strip():
        raise refused() from ValueError("the scheme is not Bearer")
    return bearer.strip()


def _reason(request: HTTPConnection) -> str | None:
    """Why, in the caller's words: a header holds bytes, and clients write UTF-8 into it."""
    said = request.headers.get(REASON, "").encode("latin-1").decode("utf-8", "replace")
    cards.refuse(said)
    return " ".join(said.replace("\0", "").split())[:LONGEST_REASON] or None


def _origin(request: HTTPConnection, actor: Actor) -> Origin:
    return Origin(
        actor=actor.kind.value,
        person_id=actor.setting.made_by if actor.setting else actor.person_id,
        impersonator_id=actor.viewed_by,
        token=actor.token,
        ip=request.client.host if request.client else "",
        request_id=request_id(request.scope),
        reason=_reason(request),
        device=cards.without(request.headers.get("user-agent", ""))[:LONGEST_DEVICE],
    )
