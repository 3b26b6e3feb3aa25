"""Running: prices, subscriptions and twins for the billing run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from auth.tables import Account
from billing import changes, subscriptions
from billing.invariants import INVARIANTS
from billing.run import crew
from billing.run.crew import Summary
from kernel import audit
from kernel.work import Work
from tests.billing.living import Life, Open, assert_covered

START = datetime(2026, 1, 31, 1, 30, tzinfo=UTC)
TERMS = {"count": 1, "proration": "second", "timing": "advance", "decrease": "at_renewal"}
VOLUME = [{"up_to": "10", "unit": "10000"}, {"up_to": "50", "unit": "9000", "flat": "5000"}, {"unit": "8500"}]
LADDER = [{"up_to": "5", "unit": "0"}, {"up_to": "20", "unit": "1234.5"}, {"unit": "999", "flat": "77"}]

PRICES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "flat": ("USD", "month", {"model": "flat", "amount": "2000"}),
    "free": ("USD", "month", {"model": "flat", "amount": "0"}),
    "yearly": ("USD", "year", {"model": "flat", "amount": "20000"}),
    "weekly": ("USD", "week", {"model": "flat", "amount": "777"}),
    "daily": ("USD", "day", {"model": "per_unit", "amount": "33.4", "proration": "day"}),
    "volume": ("USD", "month", {"model": "volume", "tiers": VOLUME}),
    "yen": ("JPY", "month", {"model": "graduated", "tiers": LADDER}),
    "dinar": ("KWD", "month", {"model": "per_unit", "amount": "12345.678", "proration": "day"}),
    "after": ("EUR", "month", {"model": "per_unit", "amount": "1500", "timing": "arrears"}),
    "whole": ("EUR", "month", {"model": "per_unit", "amount": "999", "proration": "none"}),
    "giving": ("EUR", "month", {"model": "per_unit", "amount": "1000", "decrease": "now"}),
    "quarter": ("EUR", "month", {"model": "flat", "amount": "5999", "count": 3}),
    "huge": ("USD", "month", {"model": "per_unit", "amount": "999999999999999999"}),
}
"""Currency, interval and rule of prices that the product's catalog doesn't have, by name."""

Price = Callable[..., Awaitable[int]]


async def price(life: Life, name: str, trial_days: int = 0) -> int:
    """A price of a plan of its own, added when it is first asked for."""
    key = f"{name}_{trial_days}"
    known = "select r.id from price r join plan p on p.id = r.plan_id where p.key = $1"
    if not await life.one(known, key):
        currency, interval, rule = PRICES[name]
        await life.blocks.reserve(life.owner, 1)
        number = life.blocks.take()
        words = orjson.dumps({"en": name.title(), "de": f"{name} ß\t\\"}).decode()
        await life.owner.execute("insert into plan values ($1, $2, 'anyone', $3, '{}', 1, now())", number, key, words)
        await life.owner.execute("insert into plan_version values ($1, $1, 1, $2, null, now())", number, trial_days)
        await life.owner.execute(
            "insert into price (id, plan_id, plan_version_id, key, currency, interval, model, amount_minor, rule,"
            " created_at) values ($1, $1, $1, 'base', $2, $3, $4, 0, $5, now())",
            *(number, currency, interval, rule["model"], orjson.dumps(TERMS | rule).decode()),
        )
    found: int = await life.one(known, key)
    return found


async def subscribe(life: Life, price_id: int, quantity: int = 1) -> None:
    """Start the account's subscription to a price."""

    async def started(work: Work, account: Account) -> None:
        subscription, item = await subscriptions.subscribe(work, account, price_id, quantity)
        life.subscription_id, life.item_id = subscription.id, item.id

    await life.do(started)


async def many(opened: Open, count: int, name: str = "flat", start: datetime = START, **columns: Any) -> list[Life]:
    """Accounts that have subscribed to a price."""
    lives = [await opened(start, country="US", **columns) for _ in range(count)]
    for life in lives:
        await subscribe(life, await price(life, name))
    return lives


async def due(life: Life) -> datetime:
    """When a subscription is billed next."""
    moment: datetime = await life.one(
        "select due_at from subscription_clock where subscription_id = $1", life.subscription_id
    )
    return moment


async def hold(life: Life, reason: str | None) -> None:
    """Keep the run away from a subscription, or no longer."""
    await life.owner.execute(
        "update subscription_clock set held = $2 where subscription_id = $1", life.subscription_id, reason
    )


async def renew(life: Life) -> None:
    """Renew a subscription the interactive way, at the instant it is due."""
    life.now = await due(life)
    await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))


async def bill(url: str, until: datetime, **options: Any) -> Summary:
    """A run whose now is its until."""
    return await crew.bill(url, until=until, now=until, **options)


async def story(life: Life) -> Sequence[Any]:
    """All that was ever billed to an account, but for numbers that name rows."""
    told = []
    for table, left_out in _TOLD.items():
        rows = await life.owner.fetch(
            f"select to_jsonb(t) - $2::text[] as told from {table} t where account_id = $1", life.account_id, left_out
        )
        told += sorted((table, row["told"]) for row in rows)
    clock = "select due_at, held from subscription_clock where subscription_id = $1"
    told.append(("clock", str(await life.owner.fetchrow(clock, life.subscription_id))))
    state = "select state, period_start, period_end from subscription where id = $1"
    told.append(("subscription", str(await life.owner.fetchrow(state, life.subscription_id))))
    return told


async def assert_whole(life: Life) -> None:
    """Insist on every invariant of the whole database, and on every audit chain."""
    for name, _, sql in INVARIANTS:
        broken = [tuple(row) for row in await life.owner.fetch(sql)]
        assert not broken, (name, broken)
    await assert_covered(life.owner)
    assert [breach async for breach in audit.breaches(life.owner)] == []


_ROWS = ["account_id", "id", "subscription_id", "invoice_id", "item_id", "entry_id", "subject_id", "reverses"]
_TOLD = {
    "invoice": [*_ROWS, "number", "known"],
    "line_item": _ROWS,
    # Which transaction wrote it is nothing that was billed.
    "ledger_entry": [*_ROWS, "written"],
    "ledger_transfer": _ROWS,
}
