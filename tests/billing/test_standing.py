"""Standing: one statement says the same as a dozen questions do, and one statement writes what several tables hold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import SQLModel, col, select

from auth.tables import Account
from billing import changes, charging, discounting, fact_queries, invoice_queries, invoices, queries, standing_queries
from billing.changes import Wish
from billing.facts import Facts
from billing.tables import Invoice, ItemStep, SubscriptionItem
from kernel import rows
from kernel.work import Work
from seats import buying
from tests.billing.living import Life, Open, lives

START = datetime(2026, 3, 20, 9, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
async def opened(fresh_database_url: str) -> AsyncIterator[Open]:
    async with lives(fresh_database_url) as opened:
        yield opened


@pytest.fixture
async def life(opened: Open) -> Life:
    """Seats that were changed, paused and discounted, of whose invoices one is void, and for which a change waits."""
    found = await opened(START, country="DE", time_zone="Europe/Berlin", locale="de-AT")
    await found.subscribe("enterprise_pro", quantity=5)
    number, code = found.subscription_id, await found.code("12.5", periods=3)
    found.now += timedelta(days=40)
    await found.do(lambda work, account: buying.begin_due(work, account, number))
    for quantity in (7, 9, 6):
        found.now += timedelta(days=1)
        wish = Wish(found.item_id, quantity=quantity)
        await found.do(lambda work, account, wish=wish: changes.change(work, account, number, wish))  # type: ignore[misc]
    drafted = (await found.numbers("paid_at is null"))[-1]
    await found.do(lambda work, account: invoices.void(work, account, drafted))
    await found.do(lambda work, account: discounting.apply(work, account, number, code))
    found.now += timedelta(days=1)
    await found.do(lambda work, account: changes.pause(work, account, number, "A summer off."))
    found.now += timedelta(days=1)
    await found.do(lambda work, account: changes.resume(work, account, number))
    yearly = Wish(found.item_id, price_id=await found.price("enterprise_pro", interval="year"))
    await found.do(lambda work, account: changes.schedule(work, account, number, yearly, None))
    return found


@pytest.mark.parametrize("lock", [False, True])
async def test_one_statement_says_what_a_dozen_questions_say(life: Life, *, lock: bool) -> None:
    number, further = life.subscription_id, await life.price("enterprise_pro", interval="year")

    async def asked(work: Work, account: Account) -> dict[str, Any]:
        facts = await fact_queries.facts(work, await queries.subscription(work, account.id, number), further)
        return await _said(work, account, facts, await queries.changed_at(work, account.id, number))

    async def read(work: Work, account: Account) -> dict[str, Any]:
        facts, at = await standing_queries.standing(work, account.id, number, further, lock=lock)
        return await _said(work, account, facts, at)

    one, dozen = await life.do(read), await life.do(asked)

    assert all(one[name] for name in ("steps", "cycles", "pauses", "discounts", "waiting", "issued", "void"))
    assert one == dozen


async def test_what_is_gathered_is_written_like_a_flush_writes_it(life: Life) -> None:
    number = life.subscription_id

    async def written(work: Work, account: Account, *, gathered: bool) -> list[Any]:
        facts = await changes.standing(work, account.id, number, lock=True)
        item = facts.items[0]
        item.quantity += 1
        step = ItemStep(**facts.steps[-1].model_dump() | {"id": work.new_id(), "quantity": item.quantity})
        work.add(step)
        await (work.write() if gathered else work.flush())
        work.wrote(step)
        assert not rows.change(item)[0], "nothing is left to write"
        told = select(ItemStep).where(col(ItemStep.id) == step.id).execution_options(populate_existing=True)
        mine = select(SubscriptionItem).where(col(SubscriptionItem.id) == item.id)
        again = await work.one(mine.execution_options(populate_existing=True))
        return [rows.columns(await work.one(told)) | {"id": None, "quantity": None}, again.quantity - item.quantity]

    flushed = await life.do(lambda work, account: written(work, account, gathered=False))
    gathered = await life.do(lambda work, account: written(work, account, gathered=True))

    assert gathered == flushed


async def test_what_is_put_and_then_changed_is_written_as_it_has_become(life: Life) -> None:
    async def put(work: Work, account: Account) -> tuple[int, int]:
        facts = await changes.standing(work, account.id, life.subscription_id, lock=True)
        item = SubscriptionItem(**facts.items[0].model_dump() | {"id": work.new_id(), "quantity": 3})
        await work.put(item)
        asked = select(SubscriptionItem).where(col(SubscriptionItem.id) == item.id)
        told = asked.execution_options(populate_existing=True)
        first = (await work.one(told)).quantity
        item.quantity = 5
        await work.flush()
        return first, (await work.one(told)).quantity

    assert await life.do(put) == (3, 5)


async def _said(work: Work, account: Account, facts: Facts, changed_at: datetime | None) -> dict[str, Any]:
    """What is known of the subscription: read together with the facts, or asked one after another."""
    known, number, day = facts.standing, facts.subscription.id, work.now - timedelta(days=1)
    clock = known.clock if known else await fact_queries.clock(work, account.id, number, lock=False)
    waiting = known.pending if known else await queries.pending(work, account.id, number)
    issued = known.issued if known else await fact_queries.issued(work, account.id, number)
    lines = known.lines if known else await invoice_queries.lines_since(work, account.id, number, day)
    void = known.void if known else [one.id for one in await _void(work, account.id)]
    return {
        "subscription": rows.columns(facts.subscription),
        "clock": rows.columns(clock),
        "prices": facts.prices,
        "meters": facts.meters,
        "names": await charging.names(work, account, facts),
        "lines": lines,
        "void": list(void),
        "changed_at": changed_at,
        "again": facts.again,
        **{name: _columns(getattr(facts, name)) for name in ("items", "metered", "steps", "cycles", "pauses")},
        "discounts": _columns(facts.discounts),
        "waiting": _columns(waiting),
        "issued": _columns(issued),
    }


def _columns(told: Sequence[SQLModel]) -> list[dict[str, Any]]:
    return [rows.columns(row) for row in told]


async def _void(work: Work, account_id: int) -> list[Invoice]:
    asked = select(Invoice).where(col(Invoice.account_id) == account_id, col(Invoice.state) == "void")
    return list(await work.all(asked))
