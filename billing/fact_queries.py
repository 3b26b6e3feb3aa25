"""What we ask about the facts of a subscription, and about what was issued for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import tuple_
from sqlmodel import and_, col, select

from billing import catalog_rows
from billing.catalog import ListPrice
from billing.catalog_tables import Price as PriceRow
from billing.facts import Facts
from billing.states import InvoiceState
from billing.tables import (
    Invoice,
    ItemStep,
    LineItem,
    Subscription,
    SubscriptionClock,
    SubscriptionCycle,
    SubscriptionDiscount,
    SubscriptionItem,
    SubscriptionPause,
)
from kernel.errors import NotFound
from kernel.work import Work


async def clock(work: Work, account_id: int, subscription_id: int, *, lock: bool) -> SubscriptionClock:
    """When a subscription is billed next; whoever changes or bills it locks this first. Raises NotFound."""
    asked = select(SubscriptionClock).where(
        col(SubscriptionClock.account_id) == account_id, col(SubscriptionClock.subscription_id) == subscription_id
    )
    found: SubscriptionClock | None = await work.one(asked.with_for_update() if lock else asked)
    if found is None:
        raise NotFound
    return found


async def unbilled_clocks(work: Work, account_id: int) -> list[SubscriptionClock]:
    """The clocks of an account's subscriptions that owe what no invoice asks for, locked in the order of all."""
    mine = (col(SubscriptionClock.account_id) == account_id, col(SubscriptionClock.held).is_(None))
    asked = select(SubscriptionClock).where(*mine, col(SubscriptionClock.unbilled_since).is_not(None))
    return list(await work.all(asked.order_by(col(SubscriptionClock.subscription_id)).with_for_update()))


async def facts(work: Work, subscription: Subscription, *further: int) -> Facts:
    """Everything that money follows from, with the prices of its steps and `further` ones."""
    (found,) = await all_facts(work, [subscription], *further)
    return found


async def began_with(work: Work, account_id: int, item_id: int) -> int:
    """How many units an item had when the period began that runs; what it began with, if that was later."""
    rows = await work.fetch(
        "select t.quantity from item_step t"
        " join subscription s on s.account_id = t.account_id and s.id = t.subscription_id"
        " where t.account_id = $1 and t.item_id = $2"
        " order by greatest(t.at, s.period_start), t.at desc, t.id desc limit 1",
        account_id,
        item_id,
    )
    return rows[0]["quantity"] if rows else 0


async def all_facts(work: Work, subscriptions: Sequence[Subscription], *further: int) -> list[Facts]:
    """The same of several subscriptions, in as few statements as of one."""
    every = await _of(work, SubscriptionItem, subscriptions, col(SubscriptionItem.id))
    steps = await _of(work, ItemStep, subscriptions, col(ItemStep.at), col(ItemStep.id))
    named = {row.price_id for rows in (*steps.values(), *every.values()) for row in rows if row.price_id}
    meters = await meters_of(work, numbers := named | set(further))
    known = await prices(work, numbers | {meter for sold in meters.values() for meter in sold})
    cycles = await _of(work, SubscriptionCycle, subscriptions, col(SubscriptionCycle.since), col(SubscriptionCycle.id))
    pauses = await _of(work, SubscriptionPause, subscriptions, col(SubscriptionPause.starts_at))
    discounts = await _of(work, SubscriptionDiscount, subscriptions, col(SubscriptionDiscount.id))
    counted = [row for rows in every.values() for row in rows if known[row.price_id].meter]
    since = await again(work, counted) if counted else {}
    return [
        Facts(
            subscription=one,
            items=[item for item in every[one.id] if known[item.price_id].meter is None],
            steps=steps[one.id],
            cycles=cycles[one.id],
            pauses=pauses[one.id],
            discounts=discounts[one.id],
            prices=known,
            metered=[item for item in every[one.id] if known[item.price_id].meter is not None],
            meters=meters,
            again=since.get(one.id),
        )
        for one in subscriptions
    ]


async def again(work: Work, counted: Sequence[SubscriptionItem]) -> dict[int, datetime]:
    """From when on each subscription was billed for usage by invoices that were taken back."""
    rows = await work.fetch(
        "select l.subscription_id, min(l.period_start) as since from line_item l"
        " join invoice v on v.account_id = l.account_id and v.id = l.invoice_id and v.state = 'void'"
        " where l.account_id = any($1::bigint[]) and l.subscription_id = any($2::bigint[]) and l.kind = 'usage'"
        " group by l.subscription_id",
        list({row.account_id for row in counted}),
        list({row.subscription_id for row in counted}),
    )
    return {row["subscription_id"]: row["since"] for row in rows}


async def meters_of(work: Work, numbers: Iterable[int]) -> dict[int, list[int]]:
    """The metered prices that are sold with each price: of its version, in its currency and by its interval."""
    rows = await work.fetch(_METERS, list(numbers))
    return {row["id"]: row["meters"] for row in rows}


async def prices(work: Work, numbers: Iterable[int]) -> dict[int, ListPrice]:
    """Prices as the pure core takes them, keyed by their number as text."""
    rows = await work.all(select(PriceRow).where(col(PriceRow.id).in_(list(numbers))))
    return {row.id: replace(catalog_rows.price_of(row), key=str(row.id)) for row in rows}


async def issued(work: Work, account_id: int, subscription_id: int, since: datetime | None = None) -> list[LineItem]:
    """The line items of a subscription on invoices that were not voided, oldest first."""
    on = (col(Invoice.account_id) == LineItem.account_id, col(Invoice.id) == LineItem.invoice_id)
    mine = (col(LineItem.account_id) == account_id, col(LineItem.subscription_id) == subscription_id)
    asked = select(LineItem).join(Invoice, and_(*on)).where(*mine, col(Invoice.state) != InvoiceState.VOID)
    if since is not None:
        asked = asked.where(col(LineItem.billed_period) >= since)
    # Each process takes ids from blocks of its own, so ids alone don't tell which line is older.
    return list(await work.all(asked.order_by(col(Invoice.created_at), col(LineItem.id))))


async def _of(work: Work, table: Any, subscriptions: Sequence[Subscription], *order: Any) -> dict[int, list[Any]]:
    """The rows of each subscription, by its number."""
    keys = {(one.account_id, one.id) for one in subscriptions}
    mine = tuple_(table.account_id, table.subscription_id).in_(list(keys))
    found: dict[int, list[Any]] = {number: [] for _, number in keys}
    for row in await work.all(select(table).where(mine).order_by(*order)):
        found[row.subscription_id].append(row)
    return found


_METERS = """
    select b.id, array_agg(m.id order by m.id) as meters
    from price b
    join price m on m.plan_version_id = b.plan_version_id and m.currency = b.currency
                and m.interval = b.interval and m.meter is not null
    where b.id = any($1::bigint[]) and b.meter is null
    group by b.id
"""
