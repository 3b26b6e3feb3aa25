"""Previews: the invoice that a change would make, and the regular one after it.

A preview takes the facts as they are, lets the same rules make of them what a change
would, and bills that. It locks nothing and writes nothing, and its rows have numbers
that nobody has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from auth.tables import Account
from billing import accruals, amendments, books, changes, charging, fact_queries, ledger, queries, subscriptions
from billing.amendments import Unsaved
from billing.changes import Wish
from billing.charging import Bill
from billing.documents import Document, DocumentLine, joined
from billing.facts import Facts, agreement
from billing.lines import Issued
from billing.subscriptions import CancelAt
from billing.tables import ScheduledChange
from kernel.money import Money
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class Foreseen:
    """An invoice that is not made yet: its lines, what of the customer's credit it uses, and what comes after it.

    Without lines, no invoice is made.
    """

    document: Document
    at: datetime
    """When it is made."""

    credit: Money
    """What of the customer's credit settles it; below zero, what it adds to that."""

    next: Foreseen | None = None
    """The next regular invoice, as things would then stand; None where nothing is to come."""

    @property
    def currency(self) -> str:
        """The one currency it is in."""
        return self.document.currency

    @property
    def lines(self) -> tuple[DocumentLine, ...]:
        """What it is made of."""
        return self.document.lines

    @property
    def due(self) -> Money:
        """What is left to be paid, once credit is used."""
        return self.document.total - self.credit


async def subscribing(work: Work, account: Account, price_id: int, quantity: int, code: str | None) -> Bill:
    """What `subscribe` would bill. Raises its refusals."""
    return await _bill(
        work, account, await subscriptions.wanted(work, account, price_id, quantity, Unsaved(), code=code)
    )


async def scheduling(
    work: Work, account: Account, subscription_id: int, wish: Wish, *, known: Facts | None = None
) -> tuple[Bill, ScheduledChange]:
    """Nothing is billed before a change takes effect: what there is, and the change that would wait."""
    facts, _ = await changes.wished(work, account, subscription_id, wish, lock=False, known=known)
    return Bill(facts, None, work.now), changes.later(facts, wish, None, work.now, Unsaved())


async def unchanged(work: Work, account: Account, subscription_id: int) -> Bill:
    """Nothing is billed where nothing changes. Raises SubscriptionOver."""
    return Bill(await changes.standing(work, account.id, subscription_id, lock=False), None, work.now)


async def pausing(work: Work, account: Account, subscription_id: int) -> Bill:
    """What `pause` would give back. Raises its refusals."""
    facts = await changes.standing(work, account.id, subscription_id, lock=False)
    return await _bill(work, account, changes.pausing(facts, work.now, None, Unsaved()))


async def resuming(work: Work, account: Account, subscription_id: int) -> Bill:
    """What `resume` would bill. Raises its refusals."""
    facts = await changes.standing(work, account.id, subscription_id, lock=False)
    return await _bill(work, account, changes.resuming(facts, work.now))


async def billing_on(work: Work, account: Account, subscription_id: int, day: int) -> Bill:
    """What `bill_on` would bill and give back. Raises its refusals."""
    facts = await changes.standing(work, account.id, subscription_id, lock=False)
    return await _bill(work, account, charging.moved(facts, changes.moving(facts, work.now, day, Unsaved()), work.now))


async def reactivating(work: Work, account: Account, subscription_id: int) -> Bill:
    """Nothing is billed for taking an end back; what comes next is. Raises the refusals of `reactivate`."""
    facts = await changes.standing(work, account.id, subscription_id, lock=False)
    changes.check_ending(facts.subscription, work.now)
    return Bill(amendments.kept(facts), None, work.now)


async def canceling(work: Work, account: Account, subscription_id: int, at: CancelAt, *, credit: bool) -> Bill:
    """What `cancel` would bill and give back, once what is overdue is billed. Raises its refusals."""
    subscription = await queries.subscription(work, account.id, subscription_id, lock=False)
    subscriptions.check_cancel(subscription, at, credit=credit)
    facts = await fact_queries.facts(work, subscription)
    end = work.now if at is CancelAt.NOW else subscription.period_end
    after = replace(amendments.ended(facts, min(subscription.cancel_at or end, end)), paid_stays=not credit)
    if at is CancelAt.PERIOD_END:
        return Bill(after, None, work.now)
    clock = await fact_queries.clock(work, account.id, subscription_id, lock=False)
    # What is overdue is billed before, on invoices of its own.
    before = await _bill(work, account, facts) if clock.due_at <= work.now else None
    last = None if credit else await accruals.last(work, account, facts)
    known = [part.document for part in (before, last) if part and part.document]
    issued = [line for part in known for line in _issued(part)]
    billed = await charging.bill(work, account, after, await charging.names(work, account, after), also=issued)
    parts = [part.document for part in (last, billed) if part and part.document]
    return replace(billed, document=joined(parts) if parts else None)


async def renewing(
    work: Work, account: Account, subscription_id: int, least: Mapping[int, int] | None = None
) -> Foreseen | None:
    """The next regular invoice of a subscription; None where none is to come. Raises SubscriptionOver."""
    return (await foreseen(work, account, await unchanged(work, account, subscription_id), least)).next


async def foreseen(
    work: Work,
    account: Account,
    billed: Bill,
    least: Mapping[int, int] | None = None,
    *,
    wish: Wish | None = None,
    waits: ScheduledChange | None = None,
    collected_at: datetime | None = None,
) -> Foreseen:
    """A bill as it would be settled now, and the next regular one.

    `least` is the fewest units an item may have at renewal. A `wish` takes the place of what waits for the same,
    at once or as a change that `waits` itself. What is `collected_at` a later instant is on an invoice of then.
    """
    if collected_at and billed.document:
        renewal = charging.running(billed.facts.subscription, agreement(billed.facts), billed.at).end
        nothing = await foreseen(work, account, replace(billed, document=None), least, wish=wish, waits=waits)
        if collected_at >= renewal:
            return nothing
        collected = await foreseen(work, account, billed, least, wish=wish, waits=waits)
        return replace(nothing, next=replace(collected, at=collected_at))
    currency = billed.facts.subscription.currency
    balance = Money(await books.credit(work, account.id, currency), currency)
    document = billed.document or Document(currency, ())
    used = _used(document.total, balance)
    waiting = await _waiting(work, billed.facts, wish, waits)
    following = await _next(work, account, billed, least or {}, waiting)
    if following and following.document:
        later = following.document
        then = Foreseen(later, following.at, _used(later.total, balance - used))
        return Foreseen(document, billed.at, used, then)
    return Foreseen(document, billed.at, used)


def _used(total: Money, balance: Money) -> Money:
    """What of the customer's credit an invoice uses; a negative one becomes credit, whole."""
    return total if total.minor < 0 else ledger.applicable_credit(total, balance)


async def _bill(work: Work, account: Account, after: Facts) -> Bill:
    return await charging.bill(work, account, after, await charging.names(work, account, after))


async def _next(
    work: Work, account: Account, billed: Bill, least: Mapping[int, int], waiting: Sequence[ScheduledChange]
) -> Bill | None:
    """What will be billed when the period ends, with the changes that wait for that; None after the end."""
    facts = billed.facts
    overdue = facts.subscription.period_end <= billed.at
    due = facts.subscription.period_end if overdue else _end(facts, billed.at)
    end = facts.subscription.ended_at or facts.subscription.cancel_at
    if end and end <= due:
        # What is collected later, and what is billed afterwards, is billed when it ends.
        return await _last(work, account, billed, end)
    prices = await fact_queries.prices(work, [change.price_id for change in waiting if change.price_id])
    after, new_id = replace(facts, prices={**facts.prices, **prices}), Unsaved()
    for change in waiting:
        quantity = change.quantity
        if quantity is not None and change.item_id is not None:
            quantity = max(quantity, least.get(change.item_id, 0))
        then = ScheduledChange(**change.model_dump() | {"quantity": quantity, "due_at": due})
        after = changes.applied(after, then, new_id)
    return await _bill_at(work, account, replace(billed, facts=after), due)


async def _bill_at(work: Work, account: Account, billed: Bill, at: datetime) -> Bill:
    names = await charging.names(work, account, billed.facts)
    return await charging.bill(work, account, billed.facts, names, at=at, also=_issued(billed.document))


async def _last(work: Work, account: Account, billed: Bill, end: datetime) -> Bill | None:
    """What will be billed when the subscription ends; None for nothing, or where it has ended."""
    if end <= billed.at:
        return None
    last = await _bill_at(work, account, replace(billed, facts=replace(billed.facts, paid_stays=True)), end)
    return last if last.document else None


def _end(facts: Facts, at: datetime) -> datetime:
    return charging.running(facts.subscription, agreement(facts), at).end


async def _waiting(
    work: Work, facts: Facts, wish: Wish | None, waits: ScheduledChange | None
) -> Sequence[ScheduledChange]:
    """The changes that will wait for the end of the period."""
    known = await queries.pending(work, facts.subscription.account_id, facts.subscription.id)
    kept = [change for change in known if wish is None or not changes.gives_way(change, wish, waits=bool(waits))]
    return [*kept, waits] if waits else kept


def _issued(document: Document | None) -> list[Issued]:
    """The lines of a document as they will stand once it is issued."""
    new_id = Unsaved()
    return [Issued(new_id(), one.line, rate=one.rate) for one in document.lines] if document else []
