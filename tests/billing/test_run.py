"""The billing run: what an interactive renewal would have billed, once, whatever happens to its workers."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from auth.tables import Account
from billing import changes, credit_notes, invoices, usage
from billing.bounds import believed, doubt
from billing.credit_notes import Wish
from billing.events import SubscriptionReactivated
from billing.metering import Report
from billing.run.chunks import ROLE, Progress, Tally
from billing.states import CreditDestination
from billing.subscriptions import CancelAt, cancel
from kernel import database
from kernel.errors import Problem
from kernel.money import Money
from kernel.work import Work
from tests.billing import running
from tests.billing.living import Life, Open, lives
from tests.billing.running import START, assert_whole, bill, due, hold, many, price, renew, story, subscribe

KILLS = 20
MONTH = timedelta(days=31)


@pytest.fixture
async def opened(fresh_database_url: str) -> AsyncIterator[Open]:
    async with lives(fresh_database_url) as made:
        yield made


# What is billed


HAPPENINGS = st.lists(
    st.tuples(
        st.integers(1, 30 * 24),
        st.one_of(
            st.tuples(st.just("quantity"), st.integers(1, 80)),
            st.tuples(st.sampled_from(["pause", "resume", "cancel", "void", "wait"]), st.just(0)),
            st.tuples(st.just("percent"), st.sampled_from(["10", "33.3", "100"])),
            st.tuples(st.just("fixed"), st.integers(1, 50_000)),
            st.tuples(st.just("grant"), st.integers(1, 30_000)),
            st.tuples(st.just("credit"), st.integers(1, 5_000)),
        ),
    ),
    max_size=4,
)


@given(
    name=st.sampled_from(sorted(running.PRICES.keys() - {"huge"})),
    quantity=st.integers(1, 60),
    trial_days=st.sampled_from([0, 0, 7, 30]),
    start=st.sampled_from([START, datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2028, 2, 29, 12, tzinfo=UTC)]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland"]),
    place=st.sampled_from(["US", "DE", "JP", "IE"]),
    terms=st.sampled_from([{}, {}, {"grace_hours": 5}, {"net_days": 30, "po_number": "PO\t1\\", "locale": "de"}]),
    happenings=HAPPENINGS,
)
# To shrink a failure would take longer than to read its two stories.
@settings(
    max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, phases=[Phase.generate]
)
async def test_a_run_bills_what_an_interactive_renewal_would_have_billed(
    opened: Open,
    fresh_database_url: str,
    *,
    name: str,
    quantity: int,
    trial_days: int,
    start: datetime,
    zone: str,
    place: str,
    terms: dict[str, Any],
    happenings: Sequence[tuple[int, tuple[str, Any]]],
) -> None:
    twins = [await opened(start, country=place, time_zone=zone, **terms) for _ in range(2)]
    await twins[0].owner.execute("update subscription_clock set held = 'an earlier example'")
    for twin in twins:
        await subscribe(twin, await price(twin, name, trial_days), quantity)
    billed, renewed = twins

    for hours, happening in [*happenings, (1, ("wait", 0)), (1, ("wait", 0))]:
        moment = min(billed.now + timedelta(hours=hours), await due(billed) - timedelta(seconds=1))
        for twin in twins:
            twin.now = max(moment, twin.now)
            await _happen(twin, *happening)
        until = await due(billed)
        await hold(renewed, "the other twin")
        summary = await bill(fresh_database_url, until)
        await hold(renewed, None)
        billed.now = until
        await renew(renewed)

        assert await story(billed) == await story(renewed)
        assert summary.leftovers == ()

    await billed.assert_sound()
    await assert_whole(billed)


async def _happen(life: Life, what: str, value: Any) -> None:
    with suppress(Problem):
        await _do(life, what, value)


async def _do(life: Life, what: str, value: Any) -> None:
    number = life.subscription_id
    currency = await life.one("select currency from subscription where id = $1", number)
    billed = await life.numbers("state <> 'void'")
    match what:
        case "void" | "credit" if not billed:
            pass
        case "quantity":
            wanted = changes.Wish(life.item_id, None, value)
            await life.do(lambda work, account: changes.change(work, account, number, wanted))
        case "pause":
            await life.do(lambda work, account: changes.pause(work, account, number, None))
        case "resume":
            await life.do(lambda work, account: changes.resume(work, account, number))
        case "cancel":
            await life.do(lambda work, account: cancel(work, account.id, number, CancelAt.PERIOD_END, None))
        case "void":
            await life.do(lambda work, account: invoices.void(work, account, billed[-1]))
        case "percent" | "fixed":
            await _discount(life, what, value, currency)
        case "grant":
            await life.do(lambda work, account: credit_notes.grant(work, account.id, Money(value, currency)))
        case "credit":
            wish = Wish(CreditDestination.CUSTOMER_CREDIT, Money(value, currency))
            await life.do(lambda work, account: credit_notes.issue(work, account, billed[-1], wish, "Sorry."))


async def _discount(life: Life, kind: str, value: Any, currency: str) -> None:
    await life.blocks.reserve(life.owner, 1)
    number = life.blocks.take()
    await life.owner.execute(
        "insert into subscription_discount (account_id, id, subscription_id, key, name, percent, fixed_minor, currency,"
        " periods, since) values ($1, $2, $3, $4, 'Hello', $5, $6, $7, 2, $8)",
        *(life.account_id, number, life.subscription_id, str(life.now)),
        *((value, None, None) if kind == "percent" else (None, value, currency)),
        life.now,
    )


async def test_missed_periods_are_caught_up_one_by_one(opened: Open, fresh_database_url: str) -> None:
    (life,) = await many(opened, 1)
    until = datetime(2026, 5, 1, tzinfo=UTC)

    summary = await bill(fresh_database_url, until)

    assert summary.tally == Tally(invoices=3)
    assert [str(row["period_start"].date()) for row in await _invoices(life)] == [
        *("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"),
    ]
    assert {row["issued_at"] for row in (await _invoices(life))[1:]} == {until}
    life.now = until
    await life.assert_sound()


async def test_usage_is_billed_with_the_next_period(opened: Open, fresh_database_url: str) -> None:
    """Plain renewals, those with late usage, and interactive ones come to the same."""
    run, hand = await opened(START), await opened(START)
    for life in (run, hand):
        await life.subscribe("api")
        await _use(life, START, 2000)
        life.now = await due(life)

    await bill(fresh_database_url, await due(run))
    await hand.do(lambda work, account: changes.renew(work, account, hand.subscription_id))
    for life in (run, hand):
        life.now += timedelta(days=2)
        await _use(life, START, 500)
        await _use(life, life.now, 3000)
    await bill(fresh_database_url, await due(run))
    hand.now = await due(hand)
    await hand.do(lambda work, account: changes.renew(work, account, hand.subscription_id))

    billed = [
        await life.owner.fetch(
            "select kind, quantity, amount_minor, formula, period_start, period_end, facts::text from line_item"
            " where account_id = $1 order by id",
            life.account_id,
        )
        for life in (run, hand)
    ]
    wanted = [("usage", 2000, 500), ("usage", 2500, 250), ("usage", 3000, 1000)]
    assert [tuple(line)[:3] for line in billed[0]] == wanted
    assert billed[0] == billed[1]
    for life in (run, hand):
        await life.assert_sound()


async def _use(life: Life, at: datetime, quantity: int) -> None:
    report = Report(str(quantity), "searches", at, quantity)
    batch = await life.do(lambda work, account: usage.record(work, account.id, [report]))
    assert batch.recorded == 1


async def test_killed_workers_bill_nothing_twice_and_forget_nothing(opened: Open, fresh_database_url: str) -> None:
    people = await many(opened, 300)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.billing.test_run"])
    chance = random.Random(7)
    until, kills = await due(people[0]), 0

    for _ in range(10 * KILLS):
        if kills == KILLS:
            break
        worker = context.Process(target=_worker, args=(fresh_database_url, until))
        worker.start()
        await asyncio.to_thread(worker.join, chance.uniform(0.05, 0.8))
        if worker.is_alive():
            worker.kill()
            kills += 1
        await asyncio.to_thread(worker.join)
        until += MONTH if worker.exitcode == 0 else timedelta(0)
    await bill(fresh_database_url, until)

    assert kills == KILLS
    for life in people:
        await _assert_billed_once(life, until)
    await assert_whole(people[0])


async def test_many_workers_bill_nothing_twice(opened: Open, fresh_database_url: str) -> None:
    people = await many(opened, 60)
    until = await due(people[0])

    together = await asyncio.gather(
        bill(fresh_database_url, until, workers=2, size=7),
        bill(fresh_database_url, until + timedelta(hours=1), size=11),
        bill(fresh_database_url, until + timedelta(hours=2), size=13),
    )

    assert all(summary.tally.held == 0 for summary in together)
    for life in people:
        await _assert_billed_once(life, until)
    await assert_whole(people[0])


async def test_events_have_their_places_in_the_order_of_commits_though_a_run_is_overtaken(
    opened: Open, fresh_database_url: str
) -> None:
    calm, busy = await many(opened, 2)
    until = await due(calm)

    async with database.connected(fresh_database_url) as other:
        async with other.transaction():
            # Whoever holds the series lets a run get up to its numbers, and no further.
            await other.execute("select from number_series for update")
            billing = asyncio.create_task(bill(fresh_database_url, until))
            await _waiting_for_a_number(calm)
            busy.now += timedelta(hours=1)
            await busy.do(_told)
        summary = await billing

    assert summary.tally.invoices == 2
    assert await _heard(calm) == ["invoice.finalized", "subscription.renewed"]
    assert await _heard(busy) == ["subscription.reactivated", "invoice.finalized", "subscription.renewed"]
    await assert_whole(busy)


async def _waiting_for_a_number(life: Life) -> None:
    asked = (
        "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        " and query like '%into number_series%' and pid <> pg_backend_pid())"
    )
    for _ in range(6_000):
        if await life.one(asked):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("no run came up to its numbers")


async def _told(work: Work, account: Account) -> None:
    (number,) = [row["id"] for row in await work.fetch("select id from subscription where account_id = $1", account.id)]
    work.emit(SubscriptionReactivated(account.id, number))


async def _heard(life: Life) -> list[str]:
    """What an account was told after it began, in the order of places."""
    rows = await life.owner.fetch(
        "select name from outbox where account_id = $1 and at > $2 order by position", life.account_id, START
    )
    return [row["name"] for row in rows]


async def test_a_run_that_was_stopped_goes_on_and_counts_everything(opened: Open, fresh_database_url: str) -> None:
    people = await many(opened, 30)
    until = await due(people[0])
    seen: list[Progress] = []

    def stop(told: Progress) -> None:
        seen.append(told)
        running_now.cancel()

    running_now = asyncio.create_task(bill(fresh_database_url, until, size=1, progress=stop))
    with pytest.raises(asyncio.CancelledError):
        await running_now
    summary = await bill(fresh_database_url, until, progress=seen.append)

    assert summary.tally == Tally(invoices=30)
    assert seen[0].done < seen[-1].done == 30
    assert summary.tally.amounts == {"USD": 30 * 20_00}
    await assert_whole(people[0])


def _worker(url: str, until: datetime) -> None:
    asyncio.run(bill(url, until, size=20))


async def _assert_billed_once(life: Life, until: datetime) -> None:
    rows = await _invoices(life)
    assert all(row["state"] == "open" for row in rows)
    assert [row["period_end"] for row in rows[:-1]] == [row["period_start"] for row in rows[1:]]
    assert rows[-1]["period_start"] <= until < rows[-1]["period_end"]


async def _invoices(life: Life) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await life.owner.fetch(
        "select * from invoice where account_id = $1 order by period_start, id", life.account_id
    )
    return rows


# What is left to a person


async def test_an_invoice_above_the_contract_waits_for_a_person(opened: Open, fresh_database_url: str) -> None:
    life, other = await many(opened, 2)
    await life.owner.execute("update subscription set limit_minor = 1999 where id = $1", life.subscription_id)

    summary = await bill(fresh_database_url, await due(life))

    held = (await _invoices(life))[-1]
    assert summary.tally == Tally(invoices=1, held=1)
    assert (held["state"], held["number"]) == ("draft", None)
    assert held["held"] == "20.00 USD is above the contract's 19.99 USD."
    assert (await _invoices(other))[-1]["state"] == "open"
    assert (await bill(fresh_database_url, await due(life))).tally == Tally(invoices=1)
    assert len(await _invoices(life)) == 2
    await assert_whole(life)


@pytest.mark.parametrize(
    ("total", "lines", "before", "limit", "why"),
    [
        (20_00, 1, 20_00, None, None),
        (20_00, 1, 0, None, None),
        (500_00, 1, 20_00, None, None),
        (5_000_00, 1, 20_00, None, "5000.00 USD is more than 10 times the 20.00 USD before."),
        (20_00, 501, 20_00, None, "501 lines in a day; 500 are believed."),
        (20_00, 1, 20_00, 20_00, None),
        (20_01, 1, 20_00, 20_00, "20.01 USD is above the contract's 20.00 USD."),
    ],
)
def test_what_is_hard_to_believe_is_doubted(
    total: int, lines: int, before: int, limit: int | None, why: str | None
) -> None:
    assert doubt(Money(total, "USD"), lines, before, limit, believed()) == why


@pytest.mark.parametrize(
    "broken",
    [
        "delete from subscription_cycle where subscription_id = $1",
        (
            "update item_step set quantity = 100, price_id = (select r.id from price r join plan p on p.id = r.plan_id"
            " where p.key = 'huge_0') where subscription_id = $1"
        ),
    ],
)
async def test_one_that_cannot_be_billed_does_not_stop_the_others(
    opened: Open, fresh_database_url: str, broken: str
) -> None:
    people = await many(opened, 9)
    await price(people[0], "huge")
    moment = await due(people[4])
    await people[4].owner.execute(broken, people[4].subscription_id)

    summary = await bill(fresh_database_url, moment)

    clock = "select due_at, held from subscription_clock where subscription_id = $1"
    (stuck,) = await people[4].owner.fetch(clock, people[4].subscription_id)
    assert summary.tally == Tally(invoices=8, held=1)
    assert stuck["due_at"] == moment
    assert stuck["held"].startswith(("It can't be billed", "The database refuses"))
    assert [len(await _invoices(life)) for life in people] == [2, 2, 2, 2, 1, 2, 2, 2, 2]
    await assert_whole(people[0])


async def test_a_scheduled_change_is_left_to_whoever_knows_of_seats(opened: Open, fresh_database_url: str) -> None:
    (life,) = await many(opened, 1, "volume")
    fewer = changes.Wish(life.item_id, quantity=3)
    more = changes.Wish(life.item_id, quantity=9)
    await life.do(lambda work, account: changes.change(work, account, life.subscription_id, more))
    await life.do(lambda work, account: changes.schedule(work, account, life.subscription_id, fewer, None))
    moment = await due(life)

    summary = await bill(fresh_database_url, moment + MONTH)
    assert (summary.tally, summary.leftovers) == (Tally(), ((life.account_id, life.subscription_id, moment),))
    await renew(life)
    summary = await bill(fresh_database_url, moment + MONTH)

    assert (summary.tally, summary.leftovers) == (Tally(invoices=1), ())
    assert (await _invoices(life))[-1]["subtotal_minor"] == 300_00
    await assert_whole(life)


async def test_one_that_ended_is_never_due_again(opened: Open, fresh_database_url: str) -> None:
    (life,) = await many(opened, 1)
    await life.do(lambda work, account: cancel(work, account.id, life.subscription_id, CancelAt.NOW, None))

    summary = await bill(fresh_database_url, START + 12 * MONTH)

    assert summary.tally == Tally()
    assert len(await _invoices(life)) == 1


async def test_the_runs_role_may_do_what_a_run_does_and_nothing_else(opened: Open) -> None:
    owner = (await opened(START)).owner
    (role,) = await owner.fetch("select * from pg_roles where rolname = $1", ROLE)
    granted = await owner.fetch(
        "select table_name, privilege_type from information_schema.role_table_grants where grantee = $1", ROLE
    )

    flags = ("rolsuper", "rolcanlogin", "rolcreaterole", "rolcreatedb", "rolreplication", "rolinherit")
    assert [role[flag] for flag in flags] == [False] * 6
    kinds = {row["privilege_type"] for row in granted if row["table_name"] != "recognition_clock"}
    assert kinds == {"SELECT", "INSERT"}
    written = {row["table_name"] for row in granted if row["privilege_type"] == "INSERT"}
    assert written == {
        *("invoice", "line_item", "ledger_entry", "ledger_transfer", "audit_record", "audit_head", "outbox"),
        *("number_series", "billing_run", "run_chunk", "recognition_clock"),
    }
    assert not {row["table_name"] for row in granted} & {"person", "identity", "session", "service_key", "payment"}
