"""What a request carries through the graph: its work, its actor and its loaders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import strawberry

from auth.names import Names
from auth.policy import Actor, Permission
from auth.sso.provider import Providers
from billing import invoice_queries, usage_reading
from billing.paper.sheet import Sheet
from kernel import ids
from kernel.errors import Forbidden, InvalidInput, NotFound, Unauthenticated, Unavailable
from kernel.work import Work
from payments.rail.opening import Rail
from resolvers import reading
from resolvers.batches import Batches, Load
from resolvers.following import Feed
from resolvers.graph import BY_PREFIX, FACES, Face, Many, One
from seats import sitting_queries
from seats.sitting_queries import Asked

STEP_UP = timedelta(minutes=10)
"""How long a proof of who one is lasts for what opens doors: SSO, owners, keys and many seats."""

MANY_SEATS = 50
"""How many seats in one purchase ask for such a proof."""

Press = Callable[[Sheet], Awaitable[bytes]]
"""What prints a sheet as a PDF file. Raises Unavailable or TooComplex."""

Renew = Callable[[Work, Actor], Awaitable[Actor]]
"""How an actor is looked up again, after a change that may have been about them."""


class Context:
    """One request: who acts, the unit of work, the language, and rows loaded in batches."""

    def __init__(
        self,
        work: Work,
        actor: Actor,
        locale: str = "en",
        renew: Renew | None = None,
        rail: Rail | None = None,
        *,
        providers: Providers | None = None,
        names: Names | None = None,
        base: str = "",
        feed: Feed | None = None,
        press: Press | None = None,
        exportable: Callable[[str], object] | None = None,
    ) -> None:
        self.work = work
        self.actor = actor
        self.locale = locale
        self._renew = renew
        self._rail = rail
        self._providers = providers
        self.names = names or Names()
        self.base = base
        self.feed = feed
        self.press = press
        self._exportable = exportable
        self.decided = False
        self.afterwards: list[Callable[[], Awaitable[None]]] = []
        """What a change has yet to do once it is committed: what waits for somebody outside."""

        self._loaders: dict[Hashable, Batches] = {}

    # Reading

    def one(self, relation: One, number: int) -> Any:
        """The row a relation points at, in a batch with its siblings; None where the reader may not see it."""
        return self.ones(relation).load(number)

    def many(self, relation: Many, number: int, chosen: reading.Chosen = ()) -> Any:
        """A short list, in a batch with its siblings'."""
        return self.lists(relation, chosen).load(number)

    def page(self, asked: reading.PageAsked, number: int) -> Any:
        """A page, in a batch with its siblings'. Raises InvalidInput for a cursor of another parent's list."""
        asked.insist_on(number)
        return self.pages(asked).load(number)

    def ones(self, relation: One) -> Batches:
        """The rows that a relation points at."""
        return self._loader(relation, partial(self._ones, FACES[relation.target], relation.of))

    def lists(self, relation: Many, chosen: reading.Chosen = ()) -> Batches:
        """The short lists of a relation."""
        return self._loader((relation, chosen), partial(self._lists, relation, chosen))

    def pages(self, asked: reading.PageAsked) -> Batches:
        """The same page of many lists."""
        return self._loader(("page", asked), partial(self._pages, asked))

    def count(self, asked: reading.PageAsked, number: int) -> Any:
        """How long a list is, in a batch with its siblings'."""
        key = ("count", asked.page.name, asked.chosen)
        return self._loader(key, partial(self._counts, asked)).load(number)

    def sitters(self, asked: Asked) -> Any:
        """Who had a seat of a pool during a span, in a batch with those of other lines; None where there is no pool."""
        return self._loader("sitters", self._sitters).load(asked)

    def used(self, subscription: int) -> Any:
        """What meters have counted for a subscription, in a batch with its siblings."""
        return self._loader("used", self._used).load(subscription)

    def used_by_day(self, used: usage_reading.Running) -> Any:
        """The same of one meter, day by day."""
        return self._loader("used by day", self._used_by_day).load(used)

    def held_invoices(self, account_id: int, subscription: int) -> Any:
        """The drafts of a subscription that wait for a person, in a batch with those of others."""
        return self._loader("held invoices", self._held_invoices).load((account_id, subscription))

    async def find(self, face: Face, number: int) -> Any:
        """The row of a face with this number, or None where there is none that the reader may see."""
        return (await reading.by_number(self.work, self.actor, face, [number])).get(number)

    async def recorded(self, account_id: int, seq: int) -> Any:
        """The record with this number in an account's audit log, or None where the reader may not see it."""
        return await reading.recorded(self.work, self.actor, account_id, seq)

    async def found(self, prefix: str, text: str) -> Any:
        """The row that a public id of one kind names. Raises InvalidInput, or NotFound."""
        row = await self.find(BY_PREFIX[prefix], ids.decode(prefix, text))
        if row is None:
            raise NotFound
        return row

    async def renew(self) -> None:
        """Look again, because a change was committed: at the rows, and at what the actor may now see."""
        self._loaders.clear()
        if self._renew:
            self.actor = await self._renew(self.work, self.actor)

    # Deciding

    async def permitted(self, permission: Permission, prefix: str, text: str) -> Any:
        """The row that a public id names, once it is decided that the actor may do this to its account.

        The transaction may then write rows of that account, and of no other.
        Raises InvalidInput, NotFound for what the actor may not see, or Forbidden.
        """
        row = await self.found(prefix, text)
        await self.permit(permission, row["account_id"] if "account_id" in row else row["id"])
        return row

    async def permitted_in_group(self, permission: Permission, prefix: str, text: str) -> Any:
        """The seat or the seat group that a public id names, once it is decided that the actor may do this to it.

        Whoever may in its group alone may, too. Raises as `permitted` does.
        """
        row = await self.found(prefix, text)
        group_id = row["id" if prefix == "seatgroup" else "seat_group_id"]
        self.actor.require_in_group(permission, row["account_id"], group_id)
        await self.own(row["account_id"])
        return row

    async def permit(self, permission: Permission, account_id: int) -> None:
        """Decide that the actor may do this to an account. Raises NotFound or Forbidden."""
        self.actor.require(permission, account_id)
        await self.own(account_id)

    async def own(self, account_id: int) -> None:
        """Let the transaction write one account's rows; the caller has decided why. Raises Forbidden."""
        if self.actor.desk and not self.work.origin.reason:
            raise Forbidden("Staff changes need a reason: send it in the Seatgraph-Reason header.")
        if self.actor.through and self.actor.broke_glass and self.actor.through.account_id != account_id:
            raise Forbidden("You broke the glass: you may change how people sign in, and nothing else.")
        self.decided = True
        await self.work.bind(account_id, asked=True)

    def insist_on_exportable(self, document: str) -> None:
        """Refuse a document that is no list to be exported. Raises NotExportable, or Unavailable."""
        if self._exportable is None:
            raise Unavailable("Nothing is exported here.")
        self._exportable(document)

    def insist_on_staff(self) -> None:
        """Refuse whoever is not of our own staff. Raises Unauthenticated, or Forbidden."""
        if self.actor.desk:
            return
        if self.actor.person_id is None and self.actor.key_id is None:
            raise Unauthenticated("Sign in first: send a bearer token.")
        raise Forbidden("The books are for our own staff. Your statement is `accountStatement`.")

    def because(self, reason: str | None) -> None:
        """Let the audit tell why, unless staff have said so already."""
        self.work.origin = replace(self.work.origin, reason=self.work.origin.reason or reason)

    @property
    def rail(self) -> Rail:
        """The payment rail. Raises Unavailable where nothing can be paid."""
        if self._rail is None:
            raise Unavailable("Nothing can be paid here yet: STRIPE_SECRET_KEY is not set.")
        return self._rail

    def fresh(self) -> None:
        """Insist that whoever came through single sign-on proved who they are a moment ago. Raises Forbidden."""
        through = self.actor.through
        if through is None or through.connection_id is None:
            return
        if through.proved_at and self.work.now - through.proved_at <= STEP_UP:
            return
        url = f"{self.base}/sso/{ids.encode('sso', through.connection_id)}/login?again=1"
        raise Forbidden(f"This needs you to sign in once more, for it opens doors: go to {url}.", signInAt=url)

    def fresh_for(self, seats: int) -> None:
        """Insist on the same for buying so many seats, if they are many. Raises Forbidden."""
        if seats >= MANY_SEATS:
            self.fresh()

    @property
    def providers(self) -> Providers:
        """The identity providers of workspaces."""
        assert self._providers is not None, "the gateway knows how to reach providers"
        return self._providers

    def person(self) -> int:
        """The person who acts. Raises Unauthenticated, or InvalidInput for a key."""
        if self.actor.person_id is not None:
            return self.actor.person_id
        if self.actor.setting is not None:
            # What is made with a link is made for whoever handed it out.
            return self.actor.setting.made_by
        if self.actor.key_id is not None:
            raise InvalidInput("Only a person can do this, and you are signed in with a service key.")
        raise Unauthenticated("Sign in first: send a bearer token.")

    def _loader(self, key: Hashable, load: Load) -> Batches:
        found = self._loaders.get(key)
        if found is None:
            found = self._loaders[key] = Batches(load)
        return found

    async def _sitters(self, asked: list[Asked]) -> list[Any]:
        return list(await sitting_queries.sitters(self.work, asked))

    async def _used(self, subscriptions: list[int]) -> list[Any]:
        return list(await usage_reading.running(self.work, subscriptions))

    async def _used_by_day(self, used: list[usage_reading.Running]) -> list[Any]:
        return list(await usage_reading.days(self.work, used))

    async def _held_invoices(self, asked: list[tuple[int, int]]) -> list[Any]:
        numbers = await invoice_queries.held_of(self.work, asked)
        known = [number for one in numbers for number in one]
        found = await reading.by_number(self.work, self.actor, FACES["Invoice"], known) if known else {}
        return [[found[number] for number in one if number in found] for one in numbers]

    async def _ones(self, face: Face, of: str, numbers: list[int]) -> list[Any]:
        found = await reading.by_number(self.work, self.actor, face, numbers, of)
        return [found.get(number) for number in numbers]

    async def _lists(self, relation: Many, chosen: reading.Chosen, numbers: list[int]) -> list[Any]:
        found = await reading.lists(self.work, self.actor, relation, chosen, numbers)
        return [found[number] for number in numbers]

    async def _pages(self, asked: reading.PageAsked, numbers: list[int]) -> list[Any]:
        found = await reading.page_of(self.work, self.actor, asked, numbers)
        return [found[number] for number in numbers]

    async def _counts(self, asked: reading.PageAsked, numbers: list[int]) -> list[Any]:
        found = await reading.count_of(self.work, self.actor, asked, numbers)
        return [found[number] for number in numbers]


Info = strawberry.Info[Context, None]
