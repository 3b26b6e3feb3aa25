"""Charging: a subscription's facts, and what they come to now, as one document or one invoice.

Starting, renewing, changing and previewing are the same three steps: take the
facts as they are or as they would be, let the timeline subtract what was issued,
and make a document of the rest. A change writes its new facts and the invoice;
a preview stops at the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auth.tables import Account
from billing import fact_queries, invoices, knowledge, periods, queries, timeline
from billing.agreement import Agreement
from billing.documents import Document, document
from billing.facts import Facts, agreement, cycle_row, issued
from billing.lines import Kind, Line
from billing.seller import seller
from billing.tables import Invoice, ItemStep, Subscription, SubscriptionClock, SubscriptionItem, SubscriptionPause
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class Bill:
    """What a subscription comes to now: the facts it follows from, and the document; None for nothing to bill."""

    facts: Facts
    document: Document | None


async def bill(work: Work, account: Account, facts: Facts, names: dict[int, str]) -> Bill:
    """What these facts come to now, less what was issued. `names` says what each price is called on a line."""
    subscription = facts.subscription
    rows = await fact_queries.issued(work, subscription.account_id, subscription.id)
    lines = timeline.bill(agreement(facts), issued(rows), now=work.now)
    return Bill(facts, drafted(account, subscription, lines, names, work) if lines else None)


def drafted(
    account: Account, subscription: Subscription, lines: Sequence[Line], names: dict[int, str], work: Work
) -> Document:
    """The document of the lines, taxed where the account is."""
    rate = seller().rate(account.country, account.vat_id, work.now)
    return document([(worded(line, names), line) for line in lines], rate, subscription.currency)


def worded(line: Line, names: dict[int, str]) -> str:
    """What a line says: what is billed, how much of it, and whether it gives something back."""
    name = names[int(line.price)]
    told = f"{name} × {line.quantity}" if line.quantity != 1 else name  # noqa: RUF001 - as price lists write it
    match line.kind:
        case Kind.CREDIT:
            return f"{told}, unused time"
        case Kind.RESTORED:
            return f"{told}, used after all"
        case _:
            return told


async def begin(work: Work, account: Account, subscription: Subscription, item: SubscriptionItem) -> Invoice | None:
    """Write the first facts of a subscription, start its clock, and bill what is due at once."""
    cycle = periods.anniversary(subscription.anchor, subscription.interval, 1, subscription.time_zone)
    work.add(cycle_row(subscription, work.new_id(), cycle))
    work.add(
        ItemStep(
            account_id=account.id,
            id=work.new_id(),
            subscription_id=subscription.id,
            item_id=item.id,
            at=subscription.created_at,
            price_id=item.price_id,
            quantity=item.quantity,
        )
    )
    clock = SubscriptionClock(account_id=account.id, subscription_id=subscription.id, due_at=subscription.period_end)
    work.add(clock)
    await work.flush()
    facts = await fact_queries.facts(work, subscription)
    names = await queries.price_names(work, list(facts.prices), account.locale)
    return await settle(work, account, await bill(work, account, facts, names))


async def settle(work: Work, account: Account, billed: Bill) -> Invoice | None:
    """Write the invoice of a bill and make it final, or leave it a draft for the account's grace; None for no bill."""
    if billed.document is None:
        return None
    known = await knowledge.known(work, billed.facts)
    invoice = await invoices.draft(work, account, billed.facts.subscription.id, billed.document, known)
    return invoice if account.grace_hours else await invoices.finalize(work, invoice)


async def record(work: Work, before: Facts, after: Facts) -> None:
    """Write the facts that are new, and set the clock to the next period they begin."""
    known = {id(row) for rows in (before.items, before.steps, before.cycles, before.pauses) for row in rows}
    pauses = {pause.id: pause for pause in before.pauses}
    for rows in (after.items, after.cycles, after.steps, after.pauses):
        for row in rows:
            if isinstance(row, SubscriptionPause) and row.id in pauses:
                pauses[row.id].ends_at = row.ends_at
            elif id(row) not in known:
                work.add(row)
        await work.flush()


def advance(subscription: Subscription, clock: SubscriptionClock, facts: Agreement, work: Work) -> None:
    """Move a subscription into the period that runs now, and its clock to the next."""
    period = periods.at(facts.cycles, max(work.now, facts.cycles[0].since))
    subscription.period_start, subscription.period_end = period.span.start, period.span.end
    clock.due_at = period.span.end
    if subscription.trial_end and work.now < subscription.trial_end:
        subscription.period_start, subscription.period_end = subscription.created_at, subscription.trial_end
        clock.due_at = subscription.trial_end
