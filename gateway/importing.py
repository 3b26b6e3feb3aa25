"""Importing at the command line: an account at Stripe Billing is read, compared, and brought over bit by bit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from billing import catalog_queries
from billing.amendments import Unsaved
from billing.importing import bringing, deciding, matching, matching_file, queries, reading
from billing.importing.agreeing import agreed, paid_there
from billing.importing.comparing import Comparison, compared
from billing.importing.deciding import OVER, Decision, Shelf, Wanted
from billing.importing.reading import Theirs
from billing.seller import seller
from billing.tables import ImportedObject
from gateway import stopping
from gateway.import_bar import Bar
from gateway.import_invoices import Carried, Taking, carried
from gateway.installation import Say, clock, configure
from gateway.logs import configure_logging
from gateway.rails import rail
from gateway.settings import Settings
from kernel import database, ids
from kernel.audit import Origin
from kernel.errors import Fault, InvalidInput, Problem, Unavailable
from kernel.id_blocks import IdBlocks
from kernel.money import Money
from kernel.work import Work
from payments import rail_invoices
from payments.rail.billing_values import TheirSubscription
from payments.rail.errors import RailError
from payments.rail.opening import Rail
from payments.rail.values import Method

WITHOUT_METHOD = "They have no payment method at Stripe: what is billed here waits until they add one."

log = structlog.get_logger("gateway.importing")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: the file of the import, whether to only look, and whether to end things at Stripe."""

    file: Path
    dry: bool
    end_there: bool = False


@dataclass(slots=True)
class Subscribed:
    """A subscription that comes over, or came."""

    wanted: Wanted
    next: Comparison | None
    ours: int | None = None
    """Its number, once it is here."""

    is_new: bool = True
    ends_there: bool = False
    """Whether it ends there when its period does."""


@dataclass(slots=True)
class Told:
    """What became of a customer, or would."""

    decision: Decision
    subscriptions: list[Subscribed]
    methods: int = 0
    credit: Sequence[Money] = ()
    invoices: list[Carried] = field(default_factory=list)
    account: int | None = None
    failure: str | None = None


@dataclass(slots=True)
class Outcome:
    """What an import came to."""

    wish: Wish
    proposed: bool = False
    """Whether the file was written first."""

    customers: list[Told] = field(default_factory=list)
    nothing_runs: int = 0
    """Customers of whom nothing is there that could come over."""

    orphans: list[str] = field(default_factory=list)
    """Subscriptions whose customer was deleted."""

    odd: Mapping[int, str] = field(default_factory=dict)
    """What has to be known of invoices that came over before, by their number, for they are otherwise at Stripe."""

    stopped: bool = False

    @property
    def whole(self) -> bool:
        """Whether it went through to its end."""
        return not self.stopped and not any(told.failure for told in self.customers)


async def run(settings: Settings, url: str, wish: Wish, *, shown: bool, tell: Say) -> Outcome:
    """Import, or tell what an import would do. Raises InvalidInput, or Unavailable where Stripe can't be read."""
    configure(settings)
    configure_logging(production=settings.in_production)
    async with rail(settings, url) as line, clock(settings, url) as ticking:
        if line is None:
            raise InvalidInput("There is no Stripe account to import from: set STRIPE_SECRET_KEY.")
        owner = database.engine(url, role=None, pool_size=2)
        try:
            with Bar(shown=shown) as bar:
                return await _Import(line, owner, await ticking.now(), wish, bar, tell).run()
        except RailError as silence:
            raise Unavailable(f"Stripe can't be read: {silence}. Nothing was changed by that.") from silence
        finally:
            await owner.dispose()


@dataclass
class _Import:
    line: Rail
    owner: AsyncEngine
    now: datetime
    wish: Wish
    bar: Bar
    tell: Say
    blocks: IdBlocks = field(default_factory=IdBlocks)

    async def run(self) -> Outcome:
        outcome = Outcome(self.wish)
        if not self.wish.dry and not self.wish.file.exists():
            raise InvalidInput(f"There is no {self.wish.file}: run with --dry-run, which proposes one, and edit it.")
        async with self._work() as work:
            offers = matching.offers(await catalog_queries.shelf(work))
            known = await queries.known(work)
            outcome.odd = await rail_invoices.odd(work)
        theirs = await reading.read(self.line, frozenset(OVER), self._read)
        if not self.wish.file.exists():
            self._propose(theirs, offers)
            outcome.proposed = True
        says = matching_file.read(self.wish.file, offers)
        if unknown := sorted(says.customers.keys() - theirs.customers.keys()):
            raise InvalidInput(f"{self.wish.file} speaks of {', '.join(unknown)}, and Stripe knows no such customer.")
        shelf = Shelf(says, offers, theirs.prices, self.now, known)
        await self._customers(outcome, shelf, theirs, known)
        return outcome

    def _read(self, what: str, count: int) -> None:
        stopping.check()
        self.bar.reading(what, count)

    def _propose(self, theirs: Theirs, offers: Mapping[matching.Target, matching.Offer]) -> None:
        suggestions = [matching.suggested(price, offers.values()) for price in theirs.prices.values()]
        self.wish.file.write_text(matching_file.written(suggestions, theirs.counts))
        self.tell(f"Wrote {self.wish.file}: look at it, and edit what stands for what.")

    async def _customers(
        self, outcome: Outcome, shelf: Shelf, theirs: Theirs, known: Mapping[str, ImportedObject]
    ) -> None:
        outcome.orphans = _orphans(theirs)
        for place, (name, customer) in enumerate(sorted(theirs.customers.items()), 1):
            if stopping.asked():
                outcome.stopped = True
                break
            self.bar.customer(place, len(theirs.customers))
            found = theirs.subscriptions.get(name, ())
            decision = deciding.decided(shelf, customer, found, theirs.invoices.get(name, ()))
            decision.credit = [each for each in decision.credit if f"{name}:{each.currency}" not in known]
            before = [(each, known[each.id]) for each in found if each.id in known]
            owed = theirs.invoices.get(name, ())
            if not (decision.wanted or decision.left or decision.credit or before or owed):
                outcome.nothing_runs += 1
                continue
            told = Told(decision, [self._subscribed(each, known) for each in decision.wanted])
            told.invoices = [Carried(each, known[each.id].ours) for each in owed if each.id in known]
            told.invoices += [carried(each) for each in decision.invoices]
            if name in known:
                told.account = known[name].account_id
            outcome.customers.append(told)
            await self._tried(shelf, told, before)

    async def _tried(
        self, shelf: Shelf, told: Told, before: Sequence[tuple[TheirSubscription, ImportedObject]]
    ) -> None:
        """One customer; what is wrong with one must not stop the others."""
        try:
            await self._customer(shelf, told)
            for theirs, row in before:
                told.account = row.account_id
                if not self.wish.dry:
                    await self._follow(shelf, told, theirs, row.ours)
            await self._take_over(told)
        except (Fault, Problem, RailError) as failure:
            told.failure = str(failure)
        except DBAPIError as refusal:
            log.exception("the database refuses a customer", customer=told.decision.customer.id)
            told.failure = f"The database refuses its rows: {type(refusal.orig).__name__}; the log says why."

    def _subscribed(self, wanted: Wanted, known: Mapping[str, ImportedObject]) -> Subscribed:
        row = known.get(wanted.theirs.id)
        return Subscribed(wanted, None, row.ours if row else None, is_new=row is None, ends_there=wanted.ends)

    async def _customer(self, shelf: Shelf, told: Told) -> None:
        """What is new of a customer: compared and, unless this is a dry run, brought over."""
        decision = told.decision
        new = [each for each in told.subscriptions if each.is_new]
        for each in new:
            each.next = self._compared(each.wanted, decision)
        comes = [each.theirs for each in told.invoices if each.comes and (self.wish.end_there or self.wish.dry)]
        if not (new or decision.credit or (comes and told.account is None)):
            return
        methods = await self.line.billing.methods(decision.customer.id)
        told.methods, told.credit = len(methods), decision.credit
        billed = [*(each.wanted.theirs.by_invoice for each in new), *(each.by_invoice for each in comes)]
        if not (methods or all(billed)):
            decision.notes.append(WITHOUT_METHOD)
        if not self.wish.dry:
            await self._bring(shelf, told, new, methods)

    async def _bring(self, shelf: Shelf, told: Told, new: Sequence[Subscribed], methods: Sequence[Method]) -> None:
        async with self._work() as work, work.transaction():
            brought = await bringing.bring(work, shelf.matching, told.decision, methods)
        told.account, told.methods, told.credit = brought.account_id, brought.methods, brought.credit
        for each in new:
            each.ours = brought.subscriptions[each.wanted.theirs.id]
            await self._follow(shelf, told, each.wanted.theirs, each.ours)

    async def _follow(self, shelf: Shelf, told: Told, theirs: TheirSubscription, ours: int) -> None:
        """See that a subscription ends there, if that was asked for; only once it does it is billed here."""
        assert told.account is not None, "its account has come over"
        if self.wish.end_there and not (theirs.ends_with_period or theirs.status in OVER):
            key = f"{self.line.installation}-end-{theirs.id}"
            theirs = await self.line.billing.end(theirs.id, ids.encode("sub", ours), key=key)
        if not (theirs.ends_with_period or theirs.status in OVER):
            return
        now = deciding.as_it_is(shelf, told.decision.customer, theirs)
        async with self._work() as work, work.transaction():
            await bringing.ended_there(work, told.account, ours, now)
        for each in told.subscriptions:
            each.ends_there = each.ends_there or each.wanted.theirs.id == theirs.id

    async def _take_over(self, told: Told) -> None:
        """Bring over what is owed, if things are to end there."""
        if not self.wish.end_there:
            return
        taking = Taking(self.line, self.now, self._work)
        for each in told.invoices:
            if each.comes:
                assert told.account is not None, "its account has come over"
                await taking.take(told.account, each)

    def _compared(self, wanted: Wanted, decision: Decision) -> Comparison | None:
        terms = agreed(wanted, 0, decision.time_zone, Unsaved())
        rate = seller().rate(decision.columns["country"], decision.columns.get("vat_id"), wanted.period.end)
        return compared(terms, wanted, paid_there(terms.there, (), self.now), rate)

    @asynccontextmanager
    async def _work(self) -> AsyncIterator[Work]:
        """A unit of work of the owner, who alone writes down what came over."""
        work = Work(self.owner, self.now, ids=self.blocks, origin=Origin(reason="stripe import"))
        try:
            yield work
        finally:
            await work.close()


def _orphans(theirs: Theirs) -> list[str]:
    """Subscriptions that run, and whose customer was deleted."""
    gone = sorted(theirs.subscriptions.keys() - theirs.customers.keys())
    return [each.id for name in gone for each in theirs.subscriptions[name] if each.status not in OVER]
