"""Invariants of what is owed: what must hold in the rows, whatever happened.

Each is a name, the article of the law it follows from, and SQL that gives the rows
that break it, with a reason. `verify` runs them in one snapshot.
"""

# ruff: noqa: S608 - everything in these statements is a constant of this file

from __future__ import annotations

from typing import NamedTuple

from billing.closing_queries import REST


class Invariant(NamedTuple):
    """A sentence that must be true, and the SQL that finds what breaks it: (row, reason)."""

    name: str
    law: int
    sql: str


_BALANCES = """
    with postings as (
        select account_id, currency, debit as account, amount_minor as minor from ledger_transfer
        union all
        select account_id, currency, credit, -amount_minor from ledger_transfer
    ), balances as (
        select account_id, currency, account, sum(minor) as minor from postings group by 1, 2, 3
    )
"""

_REMAINING = "total_minor - credit_minor - paid_minor - (credited_minor - returned_minor)"

LEDGER = (
    Invariant(
        "Every transfer belongs to an entry, and every entry moved something.",
        15,
        """
        select format('ledger_transfer %s/%s', t.account_id, t.id), format('its entry %s is missing', t.entry_id)
        from ledger_transfer t
        left join ledger_entry e on e.account_id = t.account_id and e.id = t.entry_id
        where e.id is null
        union all
        select format('ledger_entry %s/%s', e.account_id, e.id), 'has no transfers'
        from ledger_entry e
        where not exists (select from ledger_transfer t where t.account_id = e.account_id and t.entry_id = e.id)
        """,
    ),
    Invariant(
        "What an account owes in the ledger is what remains of its open invoices.",
        15,
        _BALANCES
        + f"""
        , owed as (
            select account_id, currency, sum({_REMAINING}) as minor from invoice where state = 'open' group by 1, 2
        )
        select format('account %s', coalesce(b.account_id, o.account_id)),
               format('owes %s %s in the ledger, and %s on its open invoices', coalesce(b.minor, 0),
                      coalesce(b.currency, o.currency), coalesce(o.minor, 0))
        from (select * from balances where account = 'receivable') b
        full join owed o on o.account_id = b.account_id and o.currency = b.currency
        where coalesce(b.minor, 0) <> coalesce(o.minor, 0)
        """,
    ),
    Invariant(
        "Revenue earned and deferred is what invoices billed before tax, less what credit notes gave back.",
        16,
        """
        with booked as (
            select t.account_id, t.currency,
                   sum(case when t.credit in ('revenue', 'deferred_revenue') then t.amount_minor else 0 end
                     - case when t.debit in ('revenue', 'deferred_revenue') then t.amount_minor else 0 end) as minor
            from ledger_transfer t
            join ledger_entry e on e.account_id = t.account_id and e.id = t.entry_id and e.subject = 'invoice'
            group by 1, 2
        ), billed as (
            select v.account_id, v.currency,
                   sum(v.subtotal_minor - coalesce((select sum(n.subtotal_minor) from credit_note n
                        where n.account_id = v.account_id and n.invoice_id = v.id), 0)) as minor
            from invoice v where v.state in ('open', 'paid', 'uncollectible') and v.kind <> 'imported' group by 1, 2
        )
        select format('account %s', coalesce(k.account_id, b.account_id)),
               format('has %s in the ledger, and %s were billed', coalesce(k.minor, 0), coalesce(b.minor, 0))
        from booked k full join billed b on b.account_id = k.account_id and b.currency = k.currency
        where coalesce(k.minor, 0) <> coalesce(b.minor, 0)
        """,
    ),
    Invariant(
        "Tax payable is what invoices charged, less what credit notes gave back.",
        15,
        _BALANCES
        + """
        , charged as (
            select v.account_id, v.currency,
                   sum(v.tax_minor - coalesce((select sum(n.tax_minor) from credit_note n
                        where n.account_id = v.account_id and n.invoice_id = v.id), 0)) as minor
            from invoice v where v.state in ('open', 'paid', 'uncollectible') and v.kind <> 'imported' group by 1, 2
        )
        select format('account %s', coalesce(b.account_id, c.account_id)),
               format('has %s in the ledger, and %s were charged', -coalesce(b.minor, 0), coalesce(c.minor, 0))
        from (select * from balances where account = 'tax_payable') b
        full join charged c on c.account_id = b.account_id and c.currency = b.currency
        where -coalesce(b.minor, 0) <> coalesce(c.minor, 0)
        """,
    ),
    Invariant(
        "What came over from Stripe as owed is what was not settled there, less what credit notes gave back.",
        15,
        """
        with moved as (
            select e.account_id, e.subject_id as id,
                   sum(case when t.credit = 'opening' then t.amount_minor else -t.amount_minor end) as minor
            from ledger_entry e
            join ledger_transfer t on t.account_id = e.account_id and t.entry_id = e.id
             and 'opening' in (t.debit, t.credit)
            where e.subject = 'invoice' and e.kind <> 'credit_brought' group by 1, 2
        ), brought as (
            select v.account_id, v.id, case when v.state = 'void' then 0
                   else v.total_minor - v.credited_minor - coalesce(r.settled_minor, v.total_minor) end as minor
            from invoice v left join rail_invoice r on r.account_id = v.account_id and r.id = v.id
            where v.kind = 'imported'
        )
        select format('invoice %s/%s', coalesce(b.account_id, m.account_id), coalesce(b.id, m.id)),
               format('brought %s to the books, and %s would be right', coalesce(m.minor, 0), coalesce(b.minor, 0))
        from brought b full join moved m on m.account_id = b.account_id and m.id = b.id
        where coalesce(m.minor, 0) <> coalesce(b.minor, 0)
        """,
    ),
    Invariant(
        "An invoice that came over is known at Stripe, and what is settled here is closed there, or will be.",
        12,
        """
        select format('invoice %s/%s', v.account_id, v.id),
               case when r.id is null then 'came over from Stripe, and nobody knows as what'
                    else format('is %s here, and nobody closes it at Stripe', v.state) end
        from invoice v left join rail_invoice r on r.account_id = v.account_id and r.id = v.id
        where v.kind = 'imported' and (r.id is null or r.closed_at is null and r.next_at is null
               or v.state <> 'open' and r.wanted is null
                  and not exists (select from outbox o where o.account_id = v.account_id and o.delivered_at is null)
                  and not exists (select from jobs.pgqueuer j where j.entrypoint = 'close_there'))
        """,
    ),
    Invariant(
        "No customer has used more credit than they had, and nothing was ever rounded away.",
        15,
        _BALANCES
        + """
        select format('account %s', account_id), format('has %s %s of %s', -minor, currency, account)
        from balances where (account = 'customer_credit' and minor > 0) or (account = 'rounding' and minor <> 0)
        """,
    ),
)

CLOSING = (
    Invariant(
        "At the end of the last day that was closed, what is deferred is the unrecognized rest of every line.",
        16,
        f"""
        with days as (
            select account_id, currency, closed_at - interval '1 day' as closed_at, closed_at as ends_at,
                   through as day, time_zone, deferred_minor, seen::pg_snapshot as seen
            from recognition_clock where through is not null
        ), counted as (
            select e.account_id, t.currency,
                   sum(case when t.credit = 'deferred_revenue' then t.amount_minor else -t.amount_minor end) as minor,
                   bool_or(e.day is null and not pg_visible_in_snapshot(e.written::text::xid8, d.seen)) as late
            from days d
            join ledger_entry e on e.account_id = d.account_id and (e.day is not null or e.at < d.ends_at)
            join ledger_transfer t on t.account_id = e.account_id and t.entry_id = e.id and t.currency = d.currency
             and 'deferred_revenue' in (t.debit, t.credit)
            group by 1, 2
        )
        select format('recognition_clock %s %s', d.account_id, d.currency),
               format('%s were deferred at the end of %s, %s by the ledger, and %s by the invoices',
                      d.deferred_minor, d.day, coalesce(c.minor, 0), r.minor)
        from days d
        cross join lateral ({REST}) r
        left join counted c on c.account_id = d.account_id and c.currency = d.currency
        where not coalesce(c.late, false)
          and (d.deferred_minor <> coalesce(c.minor, 0) or d.deferred_minor <> r.minor)
        """,
    ),
    Invariant(
        "No account's books stay open for two days while those of others are closed.",
        16,
        """
        with late as (
            select max(closed_at) - interval '2 days' as at from recognition_clock where through is not null
        )
        select format('recognition_clock %s %s', c.account_id, c.currency),
               case when c.due_at is null then format('rests since %s, and more was billed then', c.closed_at)
                    else format('was to be closed at %s', c.due_at) end
        from recognition_clock c, late
        where c.due_at < late.at or c.due_at is null and exists (
            select from invoice v where v.account_id = c.account_id and v.currency = c.currency
            and v.issued_at >= c.closed_at and v.issued_at < late.at and v.state <> 'draft' and v.kind <> 'imported')
        """,
    ),
)

INVOICES = (
    Invariant(
        "An invoice's subtotal and tax are the sums of its lines, after discounts and without inclusive taxes.",
        3,
        """
        with lines as (
            select account_id, invoice_id, sum(tax_minor) as tax,
                   sum(amount_minor - discount_minor - case when tax_inclusive then tax_minor else 0 end) as amount
            from line_item group by account_id, invoice_id
        )
        select format('invoice %s/%s', v.account_id, v.id),
               format('says %s and %s tax, and its lines sum to %s and %s',
                      v.subtotal_minor, v.tax_minor, coalesce(l.amount, 0), coalesce(l.tax, 0))
        from invoice v left join lines l on l.account_id = v.account_id and l.invoice_id = v.id
        where v.subtotal_minor <> coalesce(l.amount, 0) or v.tax_minor <> coalesce(l.tax, 0)
        """,
    ),
    Invariant(
        "An invoice is paid exactly when nothing remains of it, and never more is given than is owed.",
        12,
        f"""
        select format('invoice %s/%s', account_id, id), format('is %s, and %s remain of it', state, {_REMAINING})
        from invoice
        where (state = 'paid' and {_REMAINING} <> 0) or (state in ('open', 'uncollectible') and {_REMAINING} <= 0)
           or (state in ('draft', 'void') and (paid_minor <> 0 or credit_minor <> 0))
        """,
    ),
    Invariant(
        "A credit note is the sum of its lines, in its invoice's currency.",
        12,
        """
        select format('credit_note %s/%s', n.account_id, n.id),
               format('says %s and %s tax, and its lines sum to %s and %s', n.subtotal_minor, n.tax_minor,
                      coalesce(sum(c.amount_minor - case when l.tax_inclusive then c.tax_minor else 0 end), 0),
                      coalesce(sum(c.tax_minor), 0))
        from credit_note n
        left join credit_note_line c on c.account_id = n.account_id and c.credit_note_id = n.id
        left join line_item l on l.account_id = c.account_id and l.id = c.line_item_id
        left join invoice v on v.account_id = n.account_id and v.id = n.invoice_id
        group by n.account_id, n.id, n.subtotal_minor, n.tax_minor, n.currency
        having n.subtotal_minor
                  <> coalesce(sum(c.amount_minor - case when l.tax_inclusive then c.tax_minor else 0 end), 0)
            or n.tax_minor <> coalesce(sum(c.tax_minor), 0)
            or not coalesce(bool_and(l.invoice_id = n.invoice_id and v.currency = n.currency), false)
        """,
    ),
    Invariant(
        "A line was adjusted by exactly what its credit notes say, and by no more than it billed.",
        12,
        """
        with noted as (
            select account_id, line_item_id, sum(amount_minor) as minor, sum(tax_minor) as tax
            from credit_note_line group by 1, 2
        )
        select format('line_item %s/%s', l.account_id, l.id),
               format('was adjusted by %s, and its credit notes say %s', l.adjusted_minor, coalesce(n.minor, 0))
        from line_item l left join noted n on n.account_id = l.account_id and n.line_item_id = l.id
        where l.adjusted_minor <> coalesce(n.minor, 0)
           or (l.adjusted_minor > 0 and l.adjusted_minor > l.amount_minor - l.discount_minor)
           or coalesce(n.tax, 0) > greatest(l.tax_minor, 0)
        """,
    ),
    Invariant(
        "What credit notes took off an invoice is what they sum to, and never more than it asked for.",
        12,
        """
        with noted as (
            select account_id, invoice_id, sum(total_minor) as minor, sum(returned_minor) as returned
            from credit_note group by 1, 2
        )
        select format('invoice %s/%s', v.account_id, v.id),
               format('says %s were credited, and its credit notes %s', v.credited_minor, coalesce(n.minor, 0))
        from invoice v left join noted n on n.account_id = v.account_id and n.invoice_id = v.id
        where v.credited_minor <> coalesce(n.minor, 0) or v.returned_minor <> coalesce(n.returned, 0)
           or v.credited_minor > greatest(v.total_minor, 0)
        """,
    ),
    Invariant(
        "Numbers of invoices and credit notes count up from 1 in their series, up to the last one given.",
        12,
        """
        with numbered as (
            select 'invoice' as kind, number from invoice where number is not null and kind <> 'imported'
            union all
            select 'credit_note', number from credit_note
        ), placed as (
            select kind, parts[2]::integer as year, parts[3]::bigint as place, count(*) as times
            from (select kind, regexp_match(number, '^(.+)-([0-9]{4})-([0-9]+)$') as parts from numbered) t
            where parts is not null group by 1, 2, 3
        ), series as (
            select kind, year, sum(last) as last from number_series group by 1, 2
        )
        select format('number_series %s %s', s.kind, s.year),
               format('gave %s numbers, and %s are in use, the last %s', s.last, count(p.place), max(p.place))
        from series s left join placed p on p.kind = s.kind and p.year = s.year
        group by s.kind, s.year, s.last
        having count(p.place) <> s.last or coalesce(max(p.place), 0) <> s.last or max(p.times) > 1
        """,
    ),
)

SUBSCRIPTIONS = (
    Invariant(
        "What waits to be billed is billed when its subscription is renewed or ends, and not forgotten.",
        8,
        """
        select format('subscription %s/%s', s.account_id, s.id),
               format('owes since %s what no invoice asks for, and %s', c.unbilled_since,
                      case when s.ended_at is null then 'another period has begun' else 'has ended' end)
        from subscription_clock c
        join subscription s on s.account_id = c.account_id and s.id = c.subscription_id
        where c.unbilled_since is not null and (s.ended_at is not null or c.unbilled_since < s.period_start)
        """,
    ),
)

DUNNING = (
    Invariant(
        "What follows an unpaid invoice has its next step and an end, until it has ended or nothing is owed.",
        31,
        """
        select format('invoice_dunning %s/%s', account_id, id),
               format('is %s, has %s steps ahead, and goes on at %s',
                      state, jsonb_array_length(ahead), coalesce(next_at::text, 'no time'))
        from invoice_dunning
        where (state in ('running', 'paused') and (next_at is null or not ahead @> '[{"kind": "end"}]'))
           or (state in ('ended', 'settled') and (next_at is not null or ahead <> '[]'))
           or (state = 'settled') <> (settled_at is not null)
        """,
    ),
    Invariant(
        "An invoice whose charge was declined while nobody was there is followed by something, once that was told.",
        31,
        """
        with declined as (
            select distinct on (t.account_id, t.invoice_id) t.account_id, t.invoice_id, p.id, p.state
            from payment_part t join payment p on p.account_id = t.account_id and p.id = t.payment_id
            where p.off_session and p.invoice_id = t.invoice_id
            order by t.account_id, t.invoice_id, p.created_at desc, p.id desc
        )
        select format('invoice %s/%s', v.account_id, v.id),
               format('is open, payment %s of it was declined, and nothing follows', d.id)
        from invoice v join declined d on d.account_id = v.account_id and d.invoice_id = v.id and d.state = 'failed'
        left join invoice_dunning f on f.account_id = v.account_id and f.id = v.id and f.state <> 'settled'
        where v.state = 'open' and v.collection = 'charge_automatically' and f.id is null
          and v.total_minor - v.paid_minor - v.credited_minor > 0
          and not exists (select from outbox o where o.account_id = v.account_id and o.delivered_at is null)
          and not exists (select from jobs.pgqueuer j where j.entrypoint = 'follow_decline')
        """,
    ),
)

INVARIANTS = (*LEDGER, *CLOSING, *INVOICES, *SUBSCRIPTIONS, *DUNNING)
"""All of them. The two on an invoice's sums and on when it is paid take the place of simpler ones."""
