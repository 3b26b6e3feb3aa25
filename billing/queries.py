"""What we ask about prices and subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import col, select

from billing.catalog_tables import Plan, PlanVersion, Price
from billing.pricing import Decrease
from billing.states import ChangeState
from billing.tables import ENDED, ScheduledChange, Subscription, SubscriptionClock, SubscriptionItem
from kernel.errors import NotFound
from kernel.work import Work

RUNNING = (
    "from subscription_clock c join account a on a.id = c.account_id"
    " join subscription s on s.account_id = c.account_id and s.id = c.subscription_id"
)
_BEGINS = "c.held is null and s.ended_at is null and coalesce(s.cancel_at > c.due_at, true)"
_OTHERS = (
    "from (select k.account_id, k.subscription_id, k.due_at, t.currency from subscription_clock k"
    " join subscription t on t.account_id = k.account_id and t.id = k.subscription_id"
    " where k.held is null and t.ended_at is null and coalesce(t.cancel_at > k.due_at, true)) o"
)
_DAY = "({clock}.due_at at time zone a.time_zone)::date"
_ITS_DAY, _THAT_DAY = _DAY.format(clock="c"), _DAY.format(clock="o")
WAITS_FOR_OTHERS = (
    f"(a.one_invoice and exists (select {_OTHERS}"
    f" where o.account_id = c.account_id and o.currency = s.currency"
    f" and ({_THAT_DAY} < {_ITS_DAY} or ({_THAT_DAY} = {_ITS_DAY} and o.due_at > $1))))"
)
"""Whether a clock of RUNNING waits for others of its account: for those that are behind, and for the last of its own
local day; $1 is now."""


async def offer(work: Work, price_id: int) -> tuple[Price, PlanVersion, Plan]:
    """A price with the plan version and the plan it belongs to. Raises NotFound."""
    price = await work.one(select(Price).where(col(Price.id) == price_id))
    if price is None:
        raise NotFound
    version = await work.one(select(PlanVersion).where(col(PlanVersion.id) == price.plan_version_id))
    plan = await work.one(select(Plan).where(col(Plan.id) == price.plan_id))
    return price, version, plan


async def offers(work: Work, numbers: Sequence[int]) -> dict[int, Price]:
    """Prices, by number."""
    rows: Sequence[Price] = await work.all(select(Price).where(col(Price.id).in_(numbers)))
    return {row.id: row for row in rows}


async def newest_version(work: Work, plan_id: int) -> int:
    """The number of the version of a plan that is sold now."""
    asked = select(col(PlanVersion.number)).where(col(PlanVersion.plan_id) == plan_id)
    return int(await work.one(asked.order_by(col(PlanVersion.number).desc()).limit(1)))


async def take_turn(work: Work, account_id: int) -> None:
    """Decide about an account's subscriptions one after another: others wait until this transaction ends."""
    await work.execute("select from account where id = $1 for no key update", account_id)


async def running(work: Work, account_id: int, plan_id: int) -> Subscription | None:
    """The account's subscription to a plan that has not ended."""
    mine = (col(Subscription.account_id) == account_id, col(Subscription.plan_id) == plan_id)
    asked = select(Subscription).where(*mine, col(Subscription.ended_at).is_(None)).order_by(col(Subscription.id))
    found: Subscription | None = await work.one(asked.limit(1))
    return found


async def subscriptions(work: Work, numbers: Sequence[int]) -> Sequence[Subscription]:
    """Those of these subscriptions that there are, to be looked at."""
    found: Sequence[Subscription] = await work.all(select(Subscription).where(col(Subscription.id).in_(numbers)))
    return found


async def subscription(work: Work, account_id: int, subscription_id: int, *, lock: bool = True) -> Subscription:
    """A subscription, locked for a change unless it is only looked at. Raises NotFound."""
    asked = select(Subscription).where(
        col(Subscription.account_id) == account_id, col(Subscription.id) == subscription_id
    )
    found: Any = await work.one(asked.with_for_update() if lock else asked)
    if found is None:
        raise NotFound
    return found  # type: ignore[no-any-return]


async def items(work: Work, account_id: int, subscription_id: int) -> list[SubscriptionItem]:
    """The items of a subscription that have not ended."""
    mine = (col(SubscriptionItem.account_id) == account_id, col(SubscriptionItem.subscription_id) == subscription_id)
    return list(await work.all(select(SubscriptionItem).where(*mine, col(SubscriptionItem.ended_at).is_(None))))


async def ending(work: Work, now: datetime, most: int = 1_000) -> list[tuple[int, int]]:
    """Account and subscription of those whose end has come, as nobody but the system sees them.

    One that has a period to make up for is billed for it before it ends.
    """
    found = await work.fetch(
        "select s.account_id, s.id from subscription s where s.ended_at is null and s.cancel_at <= $1"
        " and not exists (select from subscription_clock c where c.account_id = s.account_id"
        " and c.subscription_id = s.id and c.held is null and c.due_at < s.cancel_at)"
        " order by s.cancel_at limit $2",
        now,
        most,
    )
    return [(row["account_id"], row["id"]) for row in found]


async def settling(work: Work, now: datetime, why: str, most: int = 1_000) -> list[tuple[int, int]]:
    """Account and subscription of those that have ended, and whose usage nobody may add to any more."""
    found = await work.fetch(
        "select account_id, subscription_id from subscription_clock where held = $1 and due_at <= $2"
        " order by due_at limit $3",
        why,
        now,
        most,
    )
    return [(row["account_id"], row["subscription_id"]) for row in found]


async def due(work: Work, now: datetime, most: int) -> list[tuple[int, int]]:
    """Account and subscription of those whose next period has begun, as nobody but the system sees them.

    One whose end has come begins no period, whether or not it was ended yet. One whose
    account wants one invoice waits for the last that is due on the same day.
    """
    found = await work.fetch(
        f"select c.account_id, c.subscription_id {RUNNING} where c.due_at <= $1 and {_BEGINS}"
        f" and not {WAITS_FOR_OTHERS} order by c.due_at, c.subscription_id limit $2",
        now,
        most,
    )
    return [(row["account_id"], row["subscription_id"]) for row in found]


async def due_together(work: Work, account_id: int, subscription_id: int) -> list[int]:
    """The subscriptions of an account that begin a period on the day on which this one does, with it.

    None as long as one of them is not due yet, or this one is not.
    """
    found = await work.fetch(
        f"select o.subscription_id, c.due_at <= $3 and o.due_at <= $3 as due {RUNNING}"
        f" join {_OTHERS.removeprefix('from')} on o.account_id = c.account_id and o.currency = s.currency"
        f" and {_THAT_DAY} = {_ITS_DAY}"
        f" where c.account_id = $1 and c.subscription_id = $2 and {_BEGINS}"
        " order by o.subscription_id",
        account_id,
        subscription_id,
        work.now,
    )
    return [row["subscription_id"] for row in found] if all(row["due"] for row in found) else []


async def collecting(work: Work, now: datetime, most: int = 1_000) -> list[int]:
    """The accounts that are billed by the month for seats, and owe some since before it began, as the system sees them.

    What is renewed now is billed by its renewal.
    """
    found = await work.fetch(
        "select distinct c.account_id from subscription_clock c join account a on a.id = c.account_id"
        " where c.unbilled_since < date_trunc('month', $1::timestamptz, a.time_zone) and a.seat_collection = 'monthly'"
        " and c.held is null and c.due_at > $1 order by c.account_id limit $2",
        now,
        most,
    )
    return [row["account_id"] for row in found]


async def decrease(work: Work, account_id: int, item_id: int) -> Decrease:
    """When a smaller quantity of an item takes effect on the bill."""
    rows = await work.fetch(
        "select r.rule ->> 'decrease' as decrease from subscription_item i join price r on r.id = i.price_id"
        " where i.account_id = $1 and i.id = $2",
        account_id,
        item_id,
    )
    return Decrease(rows[0]["decrease"])


async def held(work: Work) -> int:
    """How many subscriptions wait for a person, as the system sees them."""
    rows = await work.fetch("select count(*) as held from subscription_clock where not starts_with(held, $1)", ENDED)
    return int(rows[0]["held"])


async def is_due(work: Work, account_id: int, subscription_id: int) -> bool:
    """Whether a subscription's next period has begun, and may be billed."""
    found = await work.fetch(
        "select from subscription_clock c"
        " join subscription s on s.account_id = c.account_id and s.id = c.subscription_id"
        " where c.account_id = $1 and c.subscription_id = $2 and c.due_at <= $3 and c.held is null"
        " and s.ended_at is null and coalesce(s.cancel_at > c.due_at, true)",
        account_id,
        subscription_id,
        work.now,
    )
    return bool(found)


async def take_clock(work: Work, account_id: int, subscription_id: int) -> datetime:
    """Decide about a subscription one after another: lock its clock, before anything else of it; when it is due.

    Raises NotFound.
    """
    rows = await work.fetch(
        "select due_at from subscription_clock where account_id = $1 and subscription_id = $2 for update",
        account_id,
        subscription_id,
    )
    if not rows:
        raise NotFound
    due_at: datetime = rows[0]["due_at"]
    return due_at


async def changed_at(work: Work, account_id: int, subscription_id: int) -> datetime | None:
    """The latest instant at which something happened to a subscription; ask once its clock is locked."""
    rows = await work.fetch(
        "select greatest("
        "(select max(at) from item_step where account_id = $1 and subscription_id = $2),"
        "(select max(greatest(starts_at, ends_at)) from subscription_pause"
        " where account_id = $1 and subscription_id = $2),"
        "(select max(created_at) from invoice where account_id = $1 and subscription_id = $2)) as at",
        account_id,
        subscription_id,
    )
    at: datetime | None = rows[0]["at"]
    return at


async def stop_clock(
    work: Work, account_id: int, subscription_id: int, why: str, due_at: datetime | None = None
) -> None:
    """Begin no further period of a subscription; call it first, as whoever bills does.

    `due_at` is when somebody has to look at it once more, if that is so.
    """
    mine = (col(SubscriptionClock.account_id) == account_id, col(SubscriptionClock.subscription_id) == subscription_id)
    stopped = {"held": why, "unbilled_since": None} | ({"due_at": due_at} if due_at else {})
    await work.changed(update(SubscriptionClock).where(*mine).values(**stopped))


async def pending(work: Work, account_id: int, subscription_id: int) -> list[ScheduledChange]:
    """The changes a subscription waits for, the earliest first."""
    mine = (col(ScheduledChange.account_id) == account_id, col(ScheduledChange.subscription_id) == subscription_id)
    asked = select(ScheduledChange).where(*mine, col(ScheduledChange.state) == ChangeState.PENDING)
    return list(await work.all(asked.order_by(col(ScheduledChange.due_at), col(ScheduledChange.id))))


async def scheduled(work: Work, account_id: int, change_id: int) -> ScheduledChange:
    """A scheduled change, locked after the clock of its subscription. Raises NotFound."""
    await work.execute(
        "select from subscription_clock where account_id = $1 and subscription_id ="
        " (select subscription_id from scheduled_change where account_id = $1 and id = $2) for update",
        account_id,
        change_id,
    )
    mine = (col(ScheduledChange.account_id) == account_id, col(ScheduledChange.id) == change_id)
    found: ScheduledChange | None = await work.one(select(ScheduledChange).where(*mine).with_for_update())
    if found is None:
        raise NotFound
    return found


async def price_names(work: Work, numbers: Sequence[int], locale: str) -> dict[int, str]:
    """What each price is called on a line: its plan's name in the account's language."""
    rows = await work.fetch(
        "select r.id, coalesce(p.name ->> $2, p.name ->> split_part($2, '-', 1), p.name ->> 'en') as name, r.meter"
        " from price r join plan p on p.id = r.plan_id where r.id = any($1::bigint[])",
        list(numbers),
        locale,
    )
    return {row["id"]: f"{row['name']}: {row['meter']}" if row["meter"] else row["name"] for row in rows}
