"""Invariants: what must be true of every database of ours, each a sentence and the rows that break it.

A check reads sets, so that a million rows take one statement. It gives the row, as
its table and key, and the reason, in words. Where a constraint insists on the same,
the check is the proof that nobody dropped it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import asyncpg

from billing import coverage
from billing import invariants as billing
from kernel.audit import Breach, breaches
from seats import invariants as seats

Find = Callable[[asyncpg.Connection], AsyncIterator[Breach]]
"""Yields what is broken, inside the connection's transaction."""


@dataclass(frozen=True, slots=True)
class Check:
    """A sentence that must be true, the number of its law, and how to find what breaks it."""

    name: str
    law: int
    find: Find


def rows(statement: str) -> Find:
    """Finds by a statement whose rows are (row, reason)."""

    async def find(connection: asyncpg.Connection) -> AsyncIterator[Breach]:
        async for row, reason in connection.cursor(statement, prefetch=1_000):
            yield Breach(row, reason)

    return find


_NUMBERED = (
    *("person", "session", "account", "workspace", "member", "service_key", "invitation"),
    *("plan", "plan_version", "price", "entitlement", "subscription", "subscription_item"),
    *("item_step", "subscription_cycle", "subscription_pause", "subscription_discount", "scheduled_change"),
    *("license_pool", "assignment", "invoice", "line_item", "payment_method", "payment"),
    *("credit_note", "credit_note_line", "credit_approval", "ledger_entry", "ledger_transfer"),
    *("audit_record", "audit_seal", "outbox", "usage_batch"),
)

_HANDED_OUT = """
    with handed_out as (select (last_value + case when is_called then 1 else 0 end) * 1024 as below from id_block)
"""


def _above(table: str) -> str:
    return (
        f"select '{table} ' || id, 'the blocks handed out so far end below ' || below"  # noqa: S608 - a table of ours
        f" from {table}, handed_out where id >= below"
    )


def _of_another_plan(table: str, row: str, stands: str) -> Find:
    """Finds rows that name a plan, and a version of another one."""
    return rows(f"""
        select {row}, format('{stands} plan %s, and its version is of %s', r.plan_id, v.plan_id)
        from {table} r left join plan_version v on v.id = r.plan_version_id
        where r.plan_id is distinct from v.plan_id
    """)  # noqa: S608 - constant words


SUBSCRIPTIONS = (
    Check(
        "A price belongs to the plan of its version.",
        8,
        _of_another_plan("price", "format('price %s', r.id)", "is of"),
    ),
    Check(
        "A subscription is to a version of its plan.",
        8,
        _of_another_plan("subscription", "format('subscription %s/%s', r.account_id, r.id)", "is to"),
    ),
    Check(
        "A subscription item is a price of its own plan, in its subscription's currency and interval.",
        8,
        rows("""
            select format('subscription_item %s/%s', i.account_id, i.id),
                   format('is of plan %s in %s by %s, and its price of %s in %s by %s',
                          i.plan_id, s.currency, s.interval, p.plan_id, p.currency, p.interval)
            from subscription_item i
            left join subscription s on s.account_id = i.account_id and s.id = i.subscription_id
            left join price p on p.id = i.price_id
            where i.plan_id is distinct from p.plan_id or s.currency is distinct from p.currency
               or (p.meter is null and s.interval is distinct from p.interval)
        """),
    ),
    Check(
        "The items of an ended subscription have ended, and a running one has a running item.",
        11,
        rows("""
            select format('subscription %s/%s', s.account_id, s.id),
                   format('is %s and has %s running items', s.state, count(i.id))
            from subscription s
            left join subscription_item i
                   on i.account_id = s.account_id and i.subscription_id = s.id and i.ended_at is null
            group by s.account_id, s.id
            having (s.ended_at is null) <> (count(i.id) > 0)
        """),
    ),
)

INVOICES = (
    Check(
        "An invoice's total is its subtotal and its tax.",
        3,
        rows("""
            select format('invoice %s/%s', account_id, id),
                   format('totals %s, and not %s', total_minor, subtotal_minor + tax_minor)
            from invoice where total_minor <> subtotal_minor + tax_minor
        """),
    ),
    Check(
        "An invoice, its lines and its payments are in one currency.",
        4,
        rows("""
            select format('line_item %s/%s', l.account_id, l.id),
                   format('is in %s, and its invoice in %s', l.currency, v.currency)
            from line_item l join invoice v on v.account_id = l.account_id and v.id = l.invoice_id
            where l.currency <> v.currency
            union all
            select format('payment %s/%s', p.account_id, p.id),
                   format('is in %s, and its invoice in %s', p.currency, v.currency)
            from payment p join invoice v on v.account_id = p.account_id and v.id = p.invoice_id
            where p.currency <> v.currency
        """),
    ),
    Check(
        "What was paid on an invoice is what its succeeded payments moved.",
        12,
        rows("""
            with moved as (
                select account_id, invoice_id, applied_minor as minor from payment_part where state = 'settled'
                union all
                select account_id, id, settled_minor from rail_invoice
                union all
                select p.account_id, p.invoice_id, p.amount_minor from payment p
                where p.state = 'succeeded' and not exists (
                    select from payment_part t where t.account_id = p.account_id and t.payment_id = p.id)
            )
            select format('invoice %s/%s', v.account_id, v.id),
                   format('says %s were paid, and its payments moved %s', v.paid_minor, coalesce(sum(m.minor), 0))
            from invoice v left join moved m on m.account_id = v.account_id and m.invoice_id = v.id
            group by v.account_id, v.id
            having v.paid_minor <> coalesce(sum(m.minor), 0)
        """),
    ),
    Check(
        "Invoice numbers count up from 1 in their series, without a gap and without a double.",
        12,
        rows("""
            with numbered as (
                select account_id, id, number, regexp_match(number, '^(.+)-([0-9]+)$') as parts
                from invoice where number is not null and kind <> 'imported'
            ), placed as (
                select account_id, id, number, parts[2]::numeric as place,
                       lag(parts[2]::numeric, 1, 0::numeric)
                           over (partition by parts[1] order by parts[2]::numeric, number) as before
                from numbered where parts is not null
            )
            select format('invoice %s/%s', account_id, id),
                   format('has the number %s, and the one before it in its series is %s', number, before)
            from placed where place <> before + 1
            union all
            select format('invoice %s/%s', account_id, id), format('has the number %s, which is of no series', number)
            from numbered where parts is null
        """),
    ),
)

ALL_ROWS = (
    Check(
        "Every row belongs to something that exists.",
        18,
        rows("""
            select format('line_item %s/%s', l.account_id, l.id), format('its invoice %s is missing', l.invoice_id)
            from line_item l left join invoice v on v.account_id = l.account_id and v.id = l.invoice_id
            where v.id is null
            union all
            select format('line_item %s/%s', l.account_id, l.id),
                   format('its plan %s or price %s is missing', l.plan_id, l.price_id)
            from line_item l left join plan on plan.id = l.plan_id left join price on price.id = l.price_id
            where (l.plan_id is not null and plan.id is null) or (l.price_id is not null and price.id is null)
            union all
            select format('payment %s/%s', p.account_id, p.id), format('its invoice %s is missing', p.invoice_id)
            from payment p left join invoice v on v.account_id = p.account_id and v.id = p.invoice_id
            where v.id is null
            union all
            select format('payment %s/%s', p.account_id, p.id),
                   format('its payment method %s is missing', p.payment_method_id)
            from payment p left join payment_method m on m.account_id = p.account_id and m.id = p.payment_method_id
            where p.payment_method_id is not null and m.id is null
            union all
            select format('line_item %s/%s', l.account_id, l.id), format('its item %s is missing', l.item_id)
            from line_item l left join subscription_item i on i.account_id = l.account_id and i.id = l.item_id
            where l.item_id is not null and i.id is null
            union all
            select format('subscription %s/%s', s.account_id, s.id), 'its clock is missing'
            from subscription s
            left join subscription_clock c on c.account_id = s.account_id and c.subscription_id = s.id
            where c.subscription_id is null
            union all
            select format('invoice %s/%s', v.account_id, v.id), 'its account is missing'
            from invoice v left join account a on a.id = v.account_id
            where a.id is null
            union all
            select format('invoice %s/%s', v.account_id, v.id),
                   format('its subscription %s is missing', v.subscription_id)
            from invoice v left join subscription s on s.account_id = v.account_id and s.id = v.subscription_id
            where v.subscription_id is not null and s.id is null
            union all
            select format('imported_object %s', o.rail_id), format('its %s %s is missing', o.kind, o.ours)
            from imported_object o
            left join subscription s on s.account_id = o.account_id and s.id = o.ours
            left join ledger_entry e on e.account_id = o.account_id and e.id = o.ours
            left join invoice v on v.account_id = o.account_id and v.id = o.ours
            where (o.kind = 'subscription' and s.id is null) or (o.kind = 'credit' and e.id is null)
               or (o.kind = 'invoice' and v.id is null)
            union all
            select format('license_pool %s/%s', p.account_id, p.id),
                   format('its subscription %s is missing', p.subscription_id)
            from license_pool p left join subscription s on s.account_id = p.account_id and s.id = p.subscription_id
            where s.id is null
        """),
    ),
    Check(
        "No number is above the blocks that were handed out.",
        18,
        rows(_HANDED_OUT + " union all ".join(map(_above, _NUMBERED))),
    ),
    Check(
        "No event is passed over for an hour while later ones are told.",
        18,
        rows("""
            with events as (
                select id, name, at, delivered_at, max(delivered_at) over (order by id desc) as later_told_at
                from outbox
            )
            select format('outbox %s', id), format('%s of %s waits, and later ones were told', name, at)
            from events where delivered_at is null and later_told_at > at + interval '1 hour'
        """),
    ),
    Check("Every audit chain, its head and its seals hold.", 17, breaches),
)

SEATS, OWED = (
    tuple(Check(known.name, known.law, rows(known.sql)) for known in invariants)
    for invariants in (seats.INVARIANTS, billing.INVARIANTS)
)

COVERED = (
    Check("Every period of a subscription that has begun was charged, and charged once.", 14, coverage.breaches),
    Check(
        "No draft waits for a day after its grace, while its account is billed on.",
        14,
        rows("""
            select format('invoice %s/%s', v.account_id, v.id), format('was to be final at %s', v.finalize_at)
            from invoice v
            where v.state = 'draft' and v.held is null
              and v.finalize_at < (select max(issued_at) - interval '1 day' from invoice w
                                   where w.account_id = v.account_id)
        """),
    ),
)

CHECKS = (*SEATS, *SUBSCRIPTIONS, *INVOICES, *OWED, *COVERED, *ALL_ROWS)
"""Everything that is checked, what is quickly found first."""
