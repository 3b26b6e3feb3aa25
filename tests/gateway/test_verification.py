"""Verification: a sound database holds, and whatever is broken in it is named by its row."""

from datetime import UTC, datetime

import asyncpg
import pytest

from gateway import verification
from gateway.invariants import CHECKS
from kernel import audit, database
from kernel.audit import Entry

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

WORLD = """
    insert into person (id, email, email_verified, name, locale, time_zone, epoch, created_at)
    values (1, 'ada@example.com', true, 'Ada', 'en', 'UTC', 0, now()),
           (2, 'bob@example.com', true, 'Bob', 'en', 'UTC', 0, now());
    insert into account (id, kind, person_id, name, email, currency, country, locale, time_zone, created_at)
    values (10, 'workspace', null, 'Acme', 'ada@example.com', 'USD', 'US', 'en', 'UTC', now());
    insert into workspace (id, name, sso_enforced, created_at) values (10, 'Acme', false, now());
    insert into member (account_id, id, person_id, role, state, joined_at)
    values (10, 11, 1, 'owner', 'active', now()), (10, 12, 2, 'member', 'active', now());

    insert into plan (id, key, audience, name, description, position, created_at)
    values (20, 'enterprise', 'workspace', '{"en": "Enterprise"}', '{"en": "Seats"}', 1, now()),
           (21, 'other', 'workspace', '{"en": "Other"}', '{"en": "Seats"}', 2, now());
    insert into plan_version (id, plan_id, number, trial_days, seats, created_at)
    values (22, 20, 1, 0, '{"minimum": 1}', now()), (23, 21, 1, 0, '{"minimum": 1}', now());
    insert into price (id, plan_id, plan_version_id, key, currency, interval, model, amount_minor, rule, created_at)
    values (24, 20, 22, 'base', 'USD', 'month', 'per_unit', 4000, '{"model": "per_unit", "amount": "4000", "count": 1,
            "proration": "second", "timing": "advance", "decrease": "at_renewal"}', now());

    insert into subscription (account_id, id, plan_id, plan_version_id, state, currency, interval, anchor, time_zone,
                              period_start, period_end, created_at)
    values (10, 30, 20, 22, 'active', 'USD', 'month', now(), 'UTC', now(), now() + interval '1 month', now());
    insert into subscription_item (account_id, id, subscription_id, plan_id, price_id, quantity, created_at)
    values (10, 31, 30, 20, 24, 3, now());
    insert into subscription_clock (account_id, subscription_id, due_at) values (10, 30, now() + interval '1 month');
    insert into license_pool (account_id, id, name, plan_id, subscription_id, subscription_item_id, purchased,
                              assigned, created_at)
    values (10, 32, 'Seats', 20, 30, 31, 3, 2, now());
    insert into assignment (account_id, id, pool_id, plan_id, email, person_id, person_key, state, source, since)
    values (10, 33, 32, 20, 'bob@example.com', 2, '2', 'active', 'manual', now()),
           (10, 34, 32, 20, 'cy@example.com', null, 'cy@example.com', 'invited', 'manual', now());

    insert into payment_method (account_id, id, kind, brand, last4, is_default, rail_id, created_at)
    values (10, 40, 'card', 'visa', '4242', true, 'pm_1', now());
    insert into invoice (account_id, id, subscription_id, number, state, currency, subtotal_minor, tax_minor,
                         total_minor, paid_minor, period_start, period_end, created_at, issued_at, paid_at)
    values (10, 41, 30, 'SG-2026-000001', 'paid', 'USD', 12000, 2400, 14400, 14400, now(), now(), now(), now(), now()),
           (10, 42, 30, 'SG-2026-000002', 'open', 'USD', 4000, 800, 4800, 0, now(), now(), now(), now(), null),
           (10, 43, 30, 'SG-2025-000001', 'void', 'USD', 0, 0, 0, 0, now(), now(), now(), now(), null),
           (10, 44, 30, null, 'draft', 'USD', 0, 0, 0, 0, now(), now(), now(), null, null);
    insert into line_item (account_id, id, invoice_id, position, description, plan_id, price_id, quantity, currency,
                           amount_minor, tax_minor, period_start, period_end)
    values (10, 45, 41, 0, 'Seats', 20, 24, 2, 'USD', 8000, 1600, now(), now()),
           (10, 46, 41, 1, 'A seat', 20, 24, 1, 'USD', 4000, 800, now(), now());

    insert into subscription (account_id, id, plan_id, plan_version_id, state, currency, interval, anchor, time_zone,
                              period_start, period_end, created_at)
    values (10, 35, 20, 22, 'active', 'USD', 'month', now(), 'UTC', now(), now() + interval '1 month', now());
    insert into subscription_item (account_id, id, subscription_id, plan_id, price_id, quantity, created_at)
    values (10, 36, 35, 20, 24, 1, now());
    insert into subscription_clock (account_id, subscription_id, due_at) values (10, 35, now() + interval '1 month');
    insert into subscription_cycle (account_id, id, subscription_id, since, anchor, time_zone, interval, count)
    values (10, 37, 35, now(), now() at time zone 'UTC', 'UTC', 'month', 1);
    insert into item_step (account_id, id, subscription_id, item_id, at, price_id, quantity)
    values (10, 38, 35, 36, now(), 24, 1);
    insert into line_item (account_id, id, invoice_id, position, description, plan_id, price_id, quantity, currency,
                           amount_minor, tax_minor, period_start, period_end, subscription_id, item_id, billed_period)
    values (10, 47, 42, 0, 'A seat', 20, 24, 1, 'USD', 4000, 800, now(), now() + interval '1 month', 35, 36, now());
    insert into payment (account_id, id, invoice_id, payment_method_id, state, currency, amount_minor, created_at)
    values (10, 48, 41, 40, 'failed', 'USD', 14400, now()), (10, 49, 41, 40, 'succeeded', 'USD', 14400, now());
    insert into number_series (entity, kind, year, last) values ('SG', 'invoice', 2025, 1), ('SG', 'invoice', 2026, 2);
    insert into ledger_entry (account_id, id, at, kind, subject, subject_id)
    values (10, 80, now(), 'invoice_finalized', 'invoice', 41), (10, 81, now(), 'invoice_finalized', 'invoice', 42),
           (10, 82, now(), 'payment_received', 'invoice', 41);
    insert into ledger_transfer (account_id, id, entry_id, debit, credit, currency, amount_minor)
    values (10, 90, 80, 'receivable', 'deferred_revenue', 'USD', 12000),
           (10, 91, 80, 'receivable', 'tax_payable', 'USD', 2400),
           (10, 92, 81, 'receivable', 'deferred_revenue', 'USD', 4000),
           (10, 93, 81, 'receivable', 'tax_payable', 'USD', 800),
           (10, 94, 82, 'cash', 'receivable', 'USD', 14400);

    insert into outbox (id, account_id, at, name, payload, request_id, delivered_at)
    values (50, 10, now() - interval '2 hours', 'seat.assigned', '{}', '', now()),
           (51, 10, now(), 'seat.assigned', '{}', '', null);
"""
"""One workspace, sound in every respect. Its numbers are below the first block, so no test takes one of them."""


@pytest.fixture
async def url(fresh_database_url: str) -> str:
    """A database that holds the world, with an audit chain and its seal."""
    async with database.connected(fresh_database_url) as owner:
        await owner.execute(WORLD)
        async with owner.transaction():
            await audit.append(owner, [_entry(number) for number in range(60, 64)])
            await audit.seal(owner, 70, NOW)
    return fresh_database_url


def _entry(number: int) -> Entry:
    return Entry(number, 10, NOW, "seat.assigned", "seat", 33, None, {"state": "active"})


async def broken(url: str) -> dict[str, list[str]]:
    """What does not hold: the check's sentence, to its rows with their reasons."""
    report = await verification.report(url)
    assert report["ok"] == (not any(check["broken"] for check in report["checks"]))
    return {
        check["name"]: [f"{each['row']}: {each['reason']}" for each in check["broken"]]
        for check in report["checks"]
        if check["broken"]
    }


async def plant(url: str, statement: str) -> None:
    """Break something as only the owner can, who doesn't care for constraints."""
    async with database.connected(url) as owner:
        await _drop_constraints(owner)
        await owner.execute(f"set session_replication_role = replica; {statement}")


async def _drop_constraints(owner: asyncpg.Connection) -> None:
    checks = await owner.fetch(
        "select conrelid::regclass::text as of, conname from pg_constraint"
        " where contype = 'c' and connamespace = 'public'::regnamespace and coninhcount = 0"
    )
    await owner.execute("".join(f'alter table {each["of"]} drop constraint "{each["conname"]}";' for each in checks))
    await owner.execute("drop index one_seat_a_person")


async def test_a_sound_database_holds(url: str) -> None:
    said: list[str] = []

    assert await broken(url) == {}
    assert await verification.told(url, said.append)
    assert said[-1].startswith("All holds over 2 person, 1 account, 1 workspace, 2 member")
    assert len(said) == len(CHECKS) + 1


async def test_an_empty_database_holds(fresh_database_url: str) -> None:
    assert await broken(fresh_database_url) == {}


SUMS = "An invoice's subtotal and tax are the sums of its lines, after discounts and without inclusive taxes."
PAID = "An invoice is paid exactly when nothing remains of it, and never more is given than is owed."
BOOKED = "Every transfer belongs to an entry, and every entry moved something."

KEPT = """
    update assignment set state = 'suspended', suspended_at = now() - interval '9 days',
        kept_since = now() - interval '9 days', kept_until = now() - interval """
PLANTED = [
    (
        "update subscription_clock set unbilled_since = now() - interval '1 year'",
        "What waits to be billed is billed when its subscription is renewed or ends, and not forgotten.",
        "subscription 10/30: owes since",
    ),
    (
        "update license_pool set assigned = 3",
        "A license pool counts exactly the seats that are held.",
        "license_pool 10/32: counts 3 seats, and 2 are held",
    ),
    (
        "update assignment set state = 'released', released_at = now() where id = 33",
        "A license pool counts exactly the seats that are held.",
        "license_pool 10/32: counts 2 seats, and 1 are held",
    ),
    (
        "update license_pool set purchased = 1; update subscription_item set quantity = 1",
        "No license pool has more seats assigned than were purchased.",
        "license_pool 10/32: 2 seats are assigned, and 1 were purchased",
    ),
    (
        "update assignment set person_key = '2', person_id = 2 where id = 34",
        "One person holds one seat of a pool.",
        "assignment 10/34: is seat 2 of 2 in license_pool 32",
    ),
    (
        "update assignment set person_key = '1' where id = 33",
        "A seat is held under its person's number, or under their address until they accept.",
        "assignment 10/33: is held under 1",
    ),
    (
        "update member set state = 'removed' where id = 12",
        "Whoever holds an active or suspended seat is an active member, unless it is kept for them.",
        "assignment 10/33: is active, and person 2 is no active member",
    ),
    (
        KEPT + "'49 hours' where id = 33",
        "A seat is kept for nobody who was to be back two days ago.",
        "assignment 10/33: is kept until ",
    ),
    (
        "update license_pool set closed_at = now()",
        "A closed pool holds no seats.",
        "license_pool 10/32: is closed and counts 2 seats",
    ),
    (
        "update subscription_item set quantity = 4",
        "An open pool has as many seats as its subscription item pays for.",
        "license_pool 10/32: has 3 seats, and its item pays for 4",
    ),
    (
        "update assignment set plan_id = 21 where id = 33",
        "A pool and its seats are of the plan and the subscription that pay for them.",
        "assignment 10/33: is of plan 21, and its pool of 20",
    ),
    (
        "update license_pool set subscription_item_id = 99",
        "A pool and its seats are of the plan and the subscription that pay for them.",
        "license_pool 10/32: is of plan 20 and subscription 30, and its item of none and none",
    ),
    (
        "update member set role = 'admin' where id = 11",
        "Every workspace keeps an active owner.",
        "workspace 10: has no active owner",
    ),
    (
        "update price set plan_version_id = 23",
        "A price belongs to the plan of its version.",
        "price 24: is of plan 20, and its version is of 21",
    ),
    (
        "update subscription set plan_version_id = 23",
        "A subscription is to a version of its plan.",
        "subscription 10/30: is to plan 20, and its version is of 21",
    ),
    (
        "update subscription set currency = 'EUR'",
        "A subscription item is a price of its own plan, in its subscription's currency and interval.",
        "subscription_item 10/31: is of plan 20 in EUR by month, and its price of 20 in USD by month",
    ),
    (
        "update subscription_item set ended_at = now()",
        "The items of an ended subscription have ended, and a running one has a running item.",
        "subscription 10/30: is active and has 0 running items",
    ),
    (
        "update line_item set amount_minor = 3999, tax_minor = 801 where id = 46",
        SUMS,
        "invoice 10/41: says 12000 and 2400 tax, and its lines sum to 11999 and 2401",
    ),
    (
        "delete from line_item where id = 47",
        SUMS,
        "invoice 10/42: says 4000 and 800 tax, and its lines sum to 0 and 0",
    ),
    (
        "update invoice set total_minor = 4801 where id = 42",
        "An invoice's total is its subtotal and its tax.",
        "invoice 10/42: totals 4801, and not 4800",
    ),
    (
        "update line_item set currency = 'EUR' where id = 47",
        "An invoice, its lines and its payments are in one currency.",
        "line_item 10/47: is in EUR, and its invoice in USD",
    ),
    (
        "update payment set currency = 'EUR' where id = 48",
        "An invoice, its lines and its payments are in one currency.",
        "payment 10/48: is in EUR, and its invoice in USD",
    ),
    (
        "update invoice set state = 'open' where id = 41",
        PAID,
        "invoice 10/41: is open, and 0 remain of it",
    ),
    (
        "update invoice set state = 'paid' where id = 42",
        PAID,
        "invoice 10/42: is paid, and 4800 remain of it",
    ),
    (
        "update payment set state = 'processing' where id = 49",
        "What was paid on an invoice is what its succeeded payments moved.",
        "invoice 10/41: says 14400 were paid, and its payments moved 0",
    ),
    (
        "update invoice set number = 'SG-2026-000003' where id = 42",
        "Invoice numbers count up from 1 in their series, without a gap and without a double.",
        "invoice 10/42: has the number SG-2026-000003, and the one before it in its series is 1",
    ),
    (
        "update invoice set number = 'SG-2026-01' where id = 42",
        "Invoice numbers count up from 1 in their series, without a gap and without a double.",
        "invoice 10/42: has the number SG-2026-01, and the one before it in its series is 1",
    ),
    (
        "update invoice set number = '2026' where id = 43",
        "Invoice numbers count up from 1 in their series, without a gap and without a double.",
        "invoice 10/43: has the number 2026, which is of no series",
    ),
    (
        "update number_series set last = 3 where year = 2026",
        "Numbers of invoices and credit notes count up from 1 in their series, up to the last one given.",
        "number_series invoice 2026: gave 3 numbers, and 2 are in use, the last 2",
    ),
    (
        "delete from ledger_transfer where entry_id = 82",
        BOOKED,
        "ledger_entry 10/82: has no transfers",
    ),
    (
        "delete from ledger_entry where id = 82",
        BOOKED,
        "ledger_transfer 10/94: its entry 82 is missing",
    ),
    (
        "update ledger_transfer set amount_minor = 14399 where id = 94",
        "What an account owes in the ledger is what remains of its open invoices.",
        "account 10: owes 4801 USD in the ledger, and 4800 on its open invoices",
    ),
    (
        "update ledger_transfer set amount_minor = 12001 where id = 90",
        "Revenue earned and deferred is what invoices billed before tax, less what credit notes gave back.",
        "account 10: has 16001 in the ledger, and 16000 were billed",
    ),
    (
        "update ledger_transfer set amount_minor = 2401 where id = 91",
        "Tax payable is what invoices charged, less what credit notes gave back.",
        "account 10: has 3201 in the ledger, and 3200 were charged",
    ),
    (
        "insert into ledger_transfer values (10, 95, 82, 'opening', 'receivable', 'USD', 5)",
        "What came over from Stripe as owed is what was not settled there, less what credit notes gave back.",
        "invoice 10/41: brought -5 to the books, and 0 would be right",
    ),
    (
        "update invoice set kind = 'imported' where id = 42",
        "An invoice that came over is known at Stripe, and what is settled here is closed there, or will be.",
        "invoice 10/42: came over from Stripe, and nobody knows as what",
    ),
    (
        "insert into ledger_transfer values (10, 95, 82, 'customer_credit', 'cash', 'USD', 5)",
        "No customer has used more credit than they had, and nothing was ever rounded away.",
        "account 10: has -5 USD of customer_credit",
    ),
    (
        "insert into credit_note values (10, 96, 42, '1', 'Sorry.', 'receivable', 'USD', 100, 20, 120, 0, now())",
        "A credit note is the sum of its lines, in its invoice's currency.",
        "credit_note 10/96: says 100 and 20 tax, and its lines sum to 0 and 0",
    ),
    (
        "update line_item set adjusted_minor = 5 where id = 47",
        "A line was adjusted by exactly what its credit notes say, and by no more than it billed.",
        "line_item 10/47: was adjusted by 5, and its credit notes say 0",
    ),
    (
        "update invoice set credited_minor = 5 where id = 42",
        "What credit notes took off an invoice is what they sum to, and never more than it asked for.",
        "invoice 10/42: says 5 were credited, and its credit notes 0",
    ),
    (
        "update line_item set item_id = 99 where id = 47",
        "Every row belongs to something that exists.",
        "line_item 10/47: its item 99 is missing",
    ),
    (
        "delete from line_item where id = 47",
        "Every period of a subscription that has begun was charged, and charged once.",
        "subscription 10/35: in the period from ",
    ),
    (
        "insert into line_item select (jsonb_populate_record(l, '{\"id\": 39}')).* from line_item l where id = 47",
        "Every period of a subscription that has begun was charged, and charged once.",
        "subscription 10/35: in the period from ",
    ),
    (
        "update invoice set finalize_at = now() - interval '2 days', issued_at = null where id = 44",
        "No draft waits for a day after its grace, while its account is billed on.",
        "invoice 10/44: was to be final at",
    ),
    (
        "delete from subscription_clock",
        "Every row belongs to something that exists.",
        "subscription 10/30: its clock is missing",
    ),
    (
        "update line_item set price_id = 99 where id = 47",
        "Every row belongs to something that exists.",
        "line_item 10/47: its plan 20 or price 99 is missing",
    ),
    (
        "update payment set invoice_id = 99 where id = 48",
        "Every row belongs to something that exists.",
        "payment 10/48: its invoice 99 is missing",
    ),
    (
        "update payment set payment_method_id = 99 where id = 48",
        "Every row belongs to something that exists.",
        "payment 10/48: its payment method 99 is missing",
    ),
    (
        "update invoice set subscription_id = 99 where id = 43",
        "Every row belongs to something that exists.",
        "invoice 10/43: its subscription 99 is missing",
    ),
    (
        "update payment set id = 1024 where id = 48",
        "No number is above the blocks that were handed out.",
        "payment 1024: the blocks handed out so far end below 1024",
    ),
    (
        "update outbox set delivered_at = null where id = 50; update outbox set delivered_at = now() where id = 51",
        "No event is passed over for an hour while later ones are told.",
        "outbox 50: seat.assigned of",
    ),
    (
        (
            "insert into recognition_clock (account_id, currency, closed_at, through, time_zone, deferred_minor, seen)"
            " values (10, 'USD', now(), current_date, 'UTC', 5, pg_current_snapshot()::text)"
        ),
        "At the end of the last day that was closed, what is deferred is the unrecognized rest of every line.",
        "recognition_clock 10 USD: 5 were deferred at the end of",
    ),
    (
        (
            "insert into recognition_clock (account_id, currency, closed_at, due_at, through, time_zone, seen)"
            " values (10, 'EUR', now(), null, current_date, 'UTC', pg_current_snapshot()::text),"
            " (10, 'JPY', now() - interval '4 days', now() - interval '3 days', null, null, null)"
        ),
        "No account's books stay open for two days while those of others are closed.",
        "recognition_clock 10 JPY: was to be closed at",
    ),
    (
        (
            "insert into recognition_clock (account_id, currency, closed_at, through, time_zone, seen)"
            " select 10, 'USD', min(issued_at) - interval '1 day', null::date, null, null from invoice union all"
            " select 10, 'EUR', max(issued_at) + interval '4 days', current_date, 'UTC', pg_current_snapshot()::text"
            " from invoice"
        ),
        "No account's books stay open for two days while those of others are closed.",
        "recognition_clock 10 USD: rests since",
    ),
    (
        (
            "insert into invoice_dunning (account_id, id, state, course, schedule, time_zone, started_at)"
            " values (10, 42, 'running', 'ask', 'standard', 'UTC', now())"
        ),
        "What follows an unpaid invoice has its next step and an end, until it has ended or nothing is owed.",
        "invoice_dunning 10/42: is running, has 0 steps ahead, and goes on at no time",
    ),
    (
        (
            "update outbox set delivered_at = now();"
            " update payment set off_session = true, invoice_id = 42 where id = 48;"
            " insert into payment_part (account_id, id, payment_id, invoice_id, currency, amount_minor, state)"
            " values (10, 60, 48, 42, 'USD', 4800, 'open')"
        ),
        "An invoice whose charge was declined while nobody was there is followed by something, once that was told.",
        "invoice 10/42: is open, payment 48 of it was declined, and nothing follows",
    ),
    (
        "update audit_record set actor = 'nobody' where seq = 2",
        "Every audit chain, its head and its seals hold.",
        "audit_record 10/2: was changed after it was written",
    ),
    (
        "delete from audit_record where seq = 4; update audit_head set seq = 3",
        "Every audit chain, its head and its seals hold.",
        "audit_record 10/4: was sealed and is missing",
    ),
    (
        (
            "insert into seat_group (account_id, id, pool_id, name, allocation, assigned, created_at)"
            " values (10, 95, 32, 'Design', 1, 1, now())"
        ),
        "A seat group counts exactly the seats of it that are held.",
        "seat_group 10/95: counts 1 seats of 1, and 0 are held",
    ),
    (
        "update license_pool set set_apart = 1",
        "A license pool sets apart what its seat groups have and have not taken.",
        "license_pool 10/32: sets 1 seats apart, and its groups have 0 free",
    ),
    (
        (
            "insert into seat_group (account_id, id, pool_id, name, allocation, created_at)"
            " values (10, 95, 32, 'Design', 9, now())"
        ),
        "The seat groups of a pool have no more seats together than were purchased.",
        "license_pool 10/32: has 3 seats, and its groups 9",
    ),
    (
        "update audit_seal set at = now()",
        "Every audit chain, its head and its seals hold.",
        "audit_seal 70: was changed after it was written",
    ),
]


@pytest.mark.parametrize(("statement", "name", "row"), PLANTED, ids=[statement for statement, _, _ in PLANTED])
async def test_what_is_broken_is_named_by_its_row(url: str, statement: str, name: str, row: str) -> None:
    await plant(url, statement)

    found = await broken(url)

    assert any(each.startswith(row) for each in found[name]), found


async def test_every_check_finds_something() -> None:
    tried = {name for _, name, _ in PLANTED} | {AFTER_THE_END}

    assert tried == {check.name for check in CHECKS}


AFTER_THE_END = "The pools of an ended subscription are closed once everybody was told of its end."
END = """
    update subscription set state = 'canceled', ended_at = now();
    update subscription_item set ended_at = now();
    insert into outbox (id, account_id, at, name, payload, request_id)
    values (52, 10, now(), 'subscription.canceled', '{"subscription": 30}', '');
"""


async def test_a_pool_may_stay_open_until_its_end_was_told(url: str) -> None:
    await plant(url, END)

    assert await broken(url) == {}

    async with database.connected(url) as owner:
        await owner.execute("update outbox set delivered_at = now()")

    assert [row.partition(":")[0] for row in (await broken(url))[AFTER_THE_END]] == ["license_pool 10/32"]


async def test_a_worker_has_two_days_to_release_what_was_kept_as_the_clock_shows(url: str) -> None:
    await plant(url, KEPT + "'47 hours' where id = 33")
    in_time = await broken(url)
    async with database.connected(url) as owner:
        await owner.execute("update clock set moved = 2 * 3600 * 1000000::bigint")

    assert in_time == {}
    assert list(await broken(url)) == ["A seat is kept for nobody who was to be back two days ago."]


async def test_broken_rows_are_told_under_the_sentence_they_break(url: str) -> None:
    await plant(url, "update license_pool set assigned = 3")
    said: list[str] = []

    assert not await verification.told(url, said.append)

    place = said.index("BROKEN  A license pool counts exactly the seats that are held. (law 19)")
    assert said[place + 1] == "        license_pool 10/32: counts 3 seats, and 2 are held"
    assert said[-1].startswith("Not all holds")


async def test_everything_that_is_broken_is_named_and_not_only_the_first(url: str) -> None:
    await plant(
        url,
        "insert into line_item select account_id, id + 1000, 99, position, description, plan_id, price_id, quantity,"
        " currency, amount_minor, tax_minor, period_start, period_end from line_item",
    )

    found = await broken(url)

    assert len(found["Every row belongs to something that exists."]) == 3


async def test_the_report_counts_what_was_verified(url: str) -> None:
    report = await verification.report(url)

    assert report["counted"]["invoice"] == 4
    assert report["counted"]["audit_record"] == 4


CHANGED = [
    "update ledger_transfer set amount_minor = amount_minor + 1 where id = 94",
    "update ledger_transfer set currency = 'EUR' where id = 94",
    "update invoice set paid_minor = 14399 where id = 41",
    "update invoice set state = 'uncollectible' where id = 42",
    "update payment set amount_minor = 14399 where id = 49",
    "update payment set state = 'processing' where id = 49",
    "update payment set fee_minor = 30, fee_currency = 'USD' where id = 49",
    "update payment set invoice_id = 42 where id = 49",
    "delete from payment where id = 48",
]
SAME = [
    "update payment set created_at = created_at - interval '1 day', rail_id = 'pi_' || id",
    "update payment set id = id + 100",
    "update invoice set issued_at = now(), paid_at = null, number = 'SG-' || id",
    "update ledger_entry set id = id + 100, at = now(); update ledger_transfer set entry_id = entry_id + 100",
]


async def money(url: str) -> str:
    """The hash over all money."""
    report = await verification.report(url)
    assert report["money"]["accounts"] == 1
    return str(report["money"]["hash"])


@pytest.mark.parametrize("statement", CHANGED)
async def test_other_money_has_another_hash(url: str, statement: str) -> None:
    before = await money(url)

    await plant(url, statement)

    assert await money(url) != before


@pytest.mark.parametrize("statement", SAME)
async def test_ids_numbers_and_instants_are_not_in_the_hash(url: str, statement: str) -> None:
    before = await money(url)

    await plant(url, statement)

    assert await money(url) == before
