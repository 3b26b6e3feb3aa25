"""Charging: a subscription's facts, and what they come to now, as one document or one invoice.

Starting, renewing, changing and previewing are the same three steps: take the
facts as they are or as they would be, let the timeline subtract what was issued,
and make a document of the rest. A change writes its new facts and the invoice;
a preview stops at the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from auth.tables import Account
from billing import (
    catalog_rows,
    fact_queries,
    holds,
    invoice_queries,
    invoices,
    knowledge,
    periods,
    queries,
    timeline,
    using,
)
from billing.agreement import Agreement
from billing.bounds import believed, doubt
from billing.documents import Document, document, joined, rates
from billing.facts import Facts, agreement, issued
from billing.lines import Issued, Kind, Line
from billing.pricing import plain
from billing.seller import seller
from billing.tables import (
    Invoice,
    LineItem,
    Subscription,
    SubscriptionClock,
    SubscriptionCycle,
    SubscriptionItem,
    SubscriptionPause,
)
from billing.tax import Rate
from kernel.errors import Conflict
from kernel.time import Period
from kernel.work import Work

PATIENCE = timedelta(minutes=1)
"""How much later than a request another one may have been made that was first at the lock."""

UNUSED = ", unused time"
"""What a line says that gives back."""

RESTORED = ", used after all"
"""What a line says that takes such a credit back."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a subscription comes to now: the facts it follows from, and the document; None for nothing to bill."""

    facts: Facts
    document: Document | None
    at: datetime
    """The instant as of which it is billed."""

    seen: str | None = None
    """Which reports of usage it saw; None where nothing is metered."""

    usage_alone: bool = False
    """Whether it bills usage and leaves all else as it was."""

    ends: datetime | None = None
    """When the period began that ends with it; None for what was asked for, which is not compared with it."""


async def bill(
    work: Work,
    account: Account,
    facts: Facts,
    names: dict[int, str],
    *,
    at: datetime | None = None,
    also: Sequence[Issued] = (),
    usage_alone: bool = False,
) -> Bill:
    """What these facts come to now, or come to at another instant, less what was issued.

    `names` says what each price is called on a line, and `also` what will have been issued by then.
    `usage_alone` leaves all else as it was billed.
    """
    subscription = facts.subscription
    known = facts.standing
    rows = known.issued if known else await fact_queries.issued(work, subscription.account_id, subscription.id)
    at = at or work.now
    used = await using.stated(work.fetch, facts, at)
    before = [*issued(rows), *also]
    lines = timeline.bill(replace(agreement(facts), usage=used.usage), before, now=at)
    lines = [line for line in lines if line.kind is Kind.USAGE] if usage_alone else lines
    taxes = rates(lines, before, seller().rate(account.country, account.vat_id, work.now))
    made = drafted(list(zip(lines, taxes, strict=True)), names, subscription.currency) if lines else None
    return Bill(facts, made, at, used.seen, usage_alone)


def drafted(lines: Sequence[tuple[Line, Rate]], names: dict[int, str], currency: str) -> Document:
    """The document of the lines, each with its tax."""
    return document([(worded(line, names), line, rate) for line, rate in lines], currency)


def worded(line: Line, names: dict[int, str]) -> str:
    """What a line says: what is billed, how much of it, and whether it gives something back."""
    name = names[int(line.price)]
    told = f"{name} × {plain(line.quantity)}" if line.quantity != 1 else name  # noqa: RUF001 - as price lists write it
    match line.kind:
        case Kind.CREDIT:
            return told + UNUSED
        case Kind.RESTORED:
            return told + RESTORED
        case _:
            return told


async def names(work: Work, account: Account, facts: Facts) -> dict[int, str]:
    """What each price of the facts is called on a line, in the account's language."""
    sold = facts.standing.offers if facts.standing else {}
    if facts.prices.keys() <= sold.keys():
        return {one: catalog_rows.called(sold[one].price, sold[one].plan, account.locale) for one in facts.prices}
    return await queries.price_names(work, list(facts.prices), account.locale)


async def begin(work: Work, account: Account, facts: Facts) -> Invoice | None:
    """Write the first facts of a subscription, start its clock, and bill what is due at once."""
    subscription = facts.subscription
    work.add(SubscriptionClock(account_id=account.id, subscription_id=subscription.id, due_at=subscription.period_end))
    for row in (*facts.cycles, *facts.steps, *facts.metered, *facts.discounts):
        work.add(row)
    await work.flush()
    return await settle(work, account, await bill(work, account, facts, await names(work, account, facts)))


async def settle(work: Work, account: Account, billed: Bill) -> Invoice | None:
    """Write the invoice of a bill and make it final, or leave it a draft for the account's grace; None for no bill."""
    made = await settle_together(work, account, [billed])
    return made[0] if made else None


async def settle_together(work: Work, account: Account, bills: Sequence[Bill]) -> list[Invoice]:
    """Write what several bills of an account come to, on one invoice for each currency.

    One with a bill that is hard to believe stays a draft that a person has to look at.
    """
    due: dict[str, list[tuple[Bill, Document]]] = {}
    for billed in bills:
        if billed.document:
            due.setdefault(billed.document.currency, []).append((billed, billed.document))
    return [await _invoice(work, account, group) for group in due.values()]


async def _invoice(work: Work, account: Account, due: Sequence[tuple[Bill, Document]]) -> Invoice:
    owners = [billed.facts.subscription.id for billed, part in due for _ in part.lines]
    known: dict[str, Any] = {}
    doubted: dict[int, str] = {}
    for billed, part in due:
        known |= await knowledge.known(work, billed.facts, billed.at, billed.seen, usage_alone=billed.usage_alone)
        if why := await _doubt(work, billed, part):
            doubted[billed.facts.subscription.id] = why
    at, held = max(billed.at for billed, _ in due), next(iter(doubted.values()), None)
    made = joined([part for _, part in due])
    if not held and not account.grace_hours:
        return await invoices.issue(work, account, owners, made, known, at=at)
    invoice = await invoices.draft(work, account, owners, made, known, at=at, held=held)
    for number, why in doubted.items():
        await holds.hold(work, account.id, number, why)
    return invoice


async def _doubt(work: Work, billed: Bill, made: Document) -> str | None:
    """Why the bill of a subscription has to be looked at first; None for one that looks right."""
    subscription = billed.facts.subscription
    account_id, number = subscription.account_id, subscription.id
    known = billed.facts.standing
    day = work.now - timedelta(days=1)
    lines = known.lines if known else await invoice_queries.lines_since(work, account_id, number, day)
    before = 0
    if billed.ends:
        before = sum(gross(row) for row in await fact_queries.issued(work, account_id, number, since=billed.ends))
    return doubt(made.subtotal + made.tax, lines + len(made.lines), before, subscription.limit_minor, believed())


def gross(row: LineItem) -> int:
    """What a line came to with its tax, in minor units."""
    return row.amount_minor - row.discount_minor + (0 if row.tax_inclusive else row.tax_minor)


def record(work: Work, before: Facts, after: Facts) -> None:
    """Have the facts written that are new; whoever goes on to ask for rows of theirs writes them before."""
    known_discounts = {discount.id: discount for discount in before.discounts}
    for discount in after.discounts:
        known_discounts[discount.id].since = discount.since
    known = {
        id(row) for rows in (before.items, before.metered, before.steps, before.cycles, before.pauses) for row in rows
    }
    pauses = {pause.id: pause for pause in before.pauses}
    cycles = {cycle.id: cycle for cycle in before.cycles}
    metered = {item.id: item for item in before.metered}
    for rows in (after.items, after.metered, after.cycles, after.steps, after.pauses):
        for row in rows:
            if isinstance(row, SubscriptionPause) and row.id in pauses:
                pauses[row.id].ends_at = row.ends_at
            elif isinstance(row, SubscriptionItem) and row.id in metered:
                metered[row.id].ended_at = row.ended_at
            elif isinstance(row, SubscriptionCycle) and row.id in cycles:
                known_cycle = cycles[row.id]
                known_cycle.anchor, known_cycle.interval, known_cycle.count = row.anchor, row.interval, row.count
            elif id(row) not in known:
                work.add(row)


def advance(subscription: Subscription, clock: SubscriptionClock, facts: Agreement, at: datetime) -> None:
    """Move a subscription into the period that runs at an instant, and its clock to the next."""
    span = running(subscription, facts, at)
    subscription.period_start, subscription.period_end = span.start, span.end
    clock.due_at = span.end


def moved(before: Facts, after: Facts, at: datetime) -> Facts:
    """The facts after a change, with an end that was agreed for the period's end where that has moved."""
    ends_with_period = before.subscription.cancel_at == before.subscription.period_end
    if not ends_with_period or len(after.cycles) == len(before.cycles):
        return after
    end = running(after.subscription, agreement(after), at).end
    return replace(after, subscription=Subscription(**after.subscription.model_dump() | {"cancel_at": end}))


def running(subscription: Subscription, facts: Agreement, at: datetime) -> Period:
    """The period that a subscription is in at an instant: its trial, or the billing period."""
    if subscription.trial_end and at < subscription.trial_end:
        return Period(subscription.created_at, subscription.trial_end)
    return periods.span_at(facts.cycles, at)


async def catch_up(work: Work, account_id: int, subscription_id: int) -> None:
    """Go on right after the last change, for a request that waited while another one changed the subscription.

    So changes have an order, whenever they were sent. Raises Conflict where the clock was set back.
    """
    go_on_after(work, await queries.changed_at(work, account_id, subscription_id))


def go_on_after(work: Work, last: datetime | None) -> None:
    """The same, told when it was last changed."""
    if last and last > work.now + PATIENCE:
        raise Conflict(f"This subscription was changed as of {last:%Y-%m-%d %H:%M} UTC. Change it again after that.")
    if last and last > work.now:
        work.now = last + timedelta(microseconds=1)
