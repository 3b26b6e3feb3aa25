"""Two people at once, drafts that wait, and what the database itself refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from auth.tables import Account
from billing import changes, credit_notes, invoice_queries, invoices, one_off
from billing.credit_notes import Wish
from billing.crediting import CreditTooHigh
from billing.one_off import Wanted
from billing.states import CreditDestination
from gateway.worker import Worker
from kernel.clock import Clock
from kernel.money import Money
from kernel.work import Work
from tests.billing.living import Open, lives

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Stopped(Clock):
    """A clock that shows what a test says."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    async def now(self) -> datetime:
        return self._moment


@pytest.fixture
async def opened(fresh_database_url: str) -> AsyncIterator[Open]:
    async with lives(fresh_database_url) as made:
        yield made


async def _billed(work: Work, account: Account) -> int:
    drafted = await one_off.create(work, account, "EUR", [Wanted("Workshop", 10_000)])
    return (await invoices.finalize(work, drafted)).id


async def test_two_credit_notes_at_once_never_exceed_what_is_left(opened: Open) -> None:
    life = await opened(NOW)
    number = await life.do(_billed)
    wish = Wish(CreditDestination.RECEIVABLE, Money(7_000, "EUR"))

    told = await asyncio.gather(
        *(life.do(lambda work, account: credit_notes.issue(work, account, number, wish, "Sorry.")) for _ in range(5)),
        return_exceptions=True,
    )

    assert sorted(type(one).__name__ for one in told) == ["CreditNote", *["CreditTooHigh"] * 4]
    assert any(isinstance(one, CreditTooHigh) for one in told)
    await life.assert_sound()


async def test_the_same_credit_is_not_used_twice(opened: Open) -> None:
    life = await opened(NOW)
    await life.do(lambda work, account: credit_notes.grant(work, account.id, Money(15_000, "EUR")))

    await asyncio.gather(*(life.do(_billed) for _ in range(5)))

    assert sum([(await life.invoice(number))["credit_minor"] for number in await life.numbers()]) == 15_000
    await life.assert_sound()


async def test_voiding_and_crediting_at_once_leave_one_of_them(opened: Open) -> None:
    life = await opened(NOW)
    number = await life.do(_billed)
    wish = Wish(CreditDestination.CUSTOMER_CREDIT)

    await asyncio.gather(
        life.do(lambda work, account: credit_notes.issue(work, account, number, wish, "Sorry.")),
        life.do(lambda work, account: invoices.void(work, account, number)),
        return_exceptions=True,
    )

    assert (await life.invoice(number))["state"] in {"paid", "void"}
    await life.assert_sound()


async def test_a_draft_waits_for_its_grace_and_is_final_after_it(opened: Open, fresh_database_url: str) -> None:
    life = await opened(NOW, grace_hours=24)
    await life.subscribe("enterprise_pro", quantity=3)
    life.now += timedelta(days=14)
    await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))
    (number,) = await life.numbers()
    drafted = await life.invoice(number)

    for hours, state in ((23, "draft"), (24, "open")):
        worker = Worker(fresh_database_url, life.engine, Stopped(life.now), life.blocks)
        await worker.finalize(life.now + timedelta(hours=hours))
        assert (await life.invoice(number))["state"] == state

    final = await life.invoice(number)
    assert (drafted["number"], final["number"]) == (None, "SG-2026-000001")
    assert final["issued_at"] == life.now + timedelta(hours=24)
    await life.assert_sound()


async def test_a_held_or_discarded_draft_does_not_become_final(opened: Open, fresh_database_url: str) -> None:
    life = await opened(NOW, grace_hours=1)
    await life.subscribe("enterprise_pro", quantity=3)
    life.now += timedelta(days=14)
    await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))
    (number,) = await life.numbers()
    await life.owner.execute("update invoice set held = 'Too much.' where id = $1", number)

    later = life.now + timedelta(days=1)
    held = await Worker(fresh_database_url, life.engine, Stopped(later), life.blocks).finalize(later)
    await life.do(lambda work, account: invoices.void(work, account, number))
    await life.do(lambda work, account: invoices.finalize_due(work, account.id, number))

    assert not held
    assert (await life.invoice(number))["state"] == "void"
    assert await life.do(lambda work, _: invoice_queries.waiting(work, later)) == []
    await life.assert_sound()


async def test_a_discarded_draft_is_billed_again_by_the_next_bill(opened: Open) -> None:
    life = await opened(NOW, grace_hours=1)
    await life.subscribe("enterprise_pro", quantity=3)
    life.now += timedelta(days=14)
    await life.do(lambda work, account: changes.renew(work, account, life.subscription_id))
    (number,) = await life.numbers()
    await life.do(lambda work, account: invoices.void(work, account, number))

    wish = changes.Wish(life.item_id, quantity=4)
    await life.do(lambda work, account: changes.change(work, account, life.subscription_id, wish))

    first, second = [await life.invoice(one) for one in await life.numbers()]
    assert second["subtotal_minor"] == first["subtotal_minor"] * 4 // 3
    await life.assert_sound()


@pytest.mark.parametrize(
    "sql",
    [
        "update invoice set number = null",
        "update invoice set state = 'draft'",
        "update invoice set credited_minor = total_minor + 1",
        "update invoice set returned_minor = 1",
        "update line_item set adjusted_minor = -1",
        "update ledger_transfer set amount_minor = 1",
        "delete from ledger_entry",
    ],
)
async def test_the_database_insists(opened: Open, sql: str) -> None:
    life = await opened(NOW)
    await life.do(_billed)

    with pytest.raises(asyncpg.PostgresError):
        await life.owner.execute(sql)
