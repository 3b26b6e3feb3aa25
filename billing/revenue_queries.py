"""What Finance asks about revenue: what is earned on each day, what is deferred at its end, and what the books say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from kernel.money import Money
from kernel.work import Work

_DAY = timedelta(days=1)

_SCHEDULE = """
    with days as (
        select day::date as day from generate_series($4::date - 1, $5::date, interval '1 day') day
    ), lines as (
        select a.time_zone, (v.issued_at at time zone a.time_zone)::date as issued_on, l.period_start, l.period_end,
               l.amount_minor - l.discount_minor - l.adjusted_minor - case when l.tax_inclusive then l.tax_minor - (
                   select coalesce(sum(n.tax_minor), 0)::bigint from credit_note_line n
                   where n.account_id = l.account_id and n.line_item_id = l.id) else 0 end as net
        from invoice v
        join account a on a.id = v.account_id
        join line_item l on l.account_id = v.account_id and l.invoice_id = v.id and l.kind <> 'usage'
        where ($1::bigint is null or v.account_id = $1) and v.currency = $2 and ($3::bigint is null or v.id = $3)
          and v.state in ('open', 'paid', 'uncollectible') and v.kind <> 'imported'
          and l.period_end > $4::date - interval '3 days'
    ), sums as (
        select d.day, coalesce(sum(l.net), 0)::bigint as billed, coalesce(
                   sum(revenue_earned(l.net, l.period_start, l.period_end, l.time_zone, d.day)), 0)::bigint as earned
        from days d left join lines l on l.issued_on <= d.day group by d.day
    )
    select day, earned - lag(earned) over (order by day) as earned, billed - earned as deferred from sums order by day
"""

_BOOKED = """
    with moved as (
        select coalesce(e.day, (e.at at time zone a.time_zone)::date) as day,
               sum(case when t.credit = 'deferred_revenue' then t.amount_minor else -t.amount_minor end) as minor
        from ledger_transfer t
        join ledger_entry e on e.account_id = t.account_id and e.id = t.entry_id
        join account a on a.id = t.account_id
        where ($1::bigint is null or t.account_id = $1) and t.currency = $2
          and 'deferred_revenue' in (t.debit, t.credit)
        group by 1
    )
    select day::date as day, coalesce((select sum(minor) from moved m where m.day <= d.day), 0)::bigint as minor
    from generate_series($3::date, $4::date, interval '1 day') d(day)
"""

_CLOSED = """
    select bool_or(through is null) as never, min(through) as through from recognition_clock
    where due_at is not null and currency = $2 and ($1::bigint is null or account_id = $1)
"""


@dataclass(frozen=True, slots=True)
class Day:
    """What was earned on a day, what is deferred at its end by today's documents, and what the books said then."""

    day: date
    earned: Money
    deferred: Money
    booked: Money | None
    """None while the books of the day are open."""


async def schedule(
    work: Work, account_id: int | None, currency: str, since: date, until: date, *, invoice_id: int | None = None
) -> list[Day]:
    """Each day, of one account where it lives or of all that the actor sees. Nothing is before it is billed."""
    rows = await work.fetch(_SCHEDULE, account_id, currency, invoice_id, since, until)
    booked = {} if invoice_id else await _booked(work, account_id, currency, since, until)
    return [
        Day(row["day"], Money(row["earned"], currency), Money(row["deferred"], currency), booked.get(row["day"]))
        for row in rows[1:]
    ]


async def _booked(work: Work, account_id: int | None, currency: str, since: date, until: date) -> dict[date, Money]:
    """What the books say was deferred at the end of each day that is closed."""
    (closed,) = await work.fetch(_CLOSED, account_id, currency)
    # Where no clock runs, nothing is left to be earned: every day that is over is closed.
    last = min(until, closed["through"] or work.now.date() - _DAY)
    if closed["never"] or last < since:
        return {}
    rows = await work.fetch(_BOOKED, account_id, currency, since, last)
    return {row["day"]: Money(row["minor"], currency) for row in rows}
