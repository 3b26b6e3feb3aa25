"""The books of every day: revenue is recognized when the day is over, account by account."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table ledger_entry
            -- The local day whose books an entry closes; null for one that counts on the day of its instant.
            add column day date,
            -- The transaction that wrote it, by which a closing tells what it has not counted yet.
            add column written bigint default (pg_current_xact_id()::text::bigint);

        -- Which books are closed: everything of an account and currency before `closed_at` is recognized.
        create table recognition_clock (
            account_id     bigint not null,
            currency       text not null check (currency ~ '^[A-Z]{3}$'),
            closed_at      timestamptz not null,
            due_at         timestamptz,
            through        date,
            time_zone      text,
            deferred_minor bigint not null default 0,
            seen           text,
            primary key (account_id, currency),
            check ((through is null) = (seen is null)),
            check ((through is null) = (time_zone is null))
        ) with (fillfactor = 70);
        create index closings_due on recognition_clock (due_at) where due_at is not null;
        create index invoices_issued on invoice using brin (issued_at);
        alter table recognition_clock enable row level security;
        create policy seen on recognition_clock for select using ((select app_staff()));
        create policy written on recognition_clock using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        grant select on recognition_clock to seatgraph_app;

        -- What of an amount is earned by the end of a local day: see billing.revenue, which says the same.
        create function revenue_earned(amount bigint, starts timestamptz, ends timestamptz, zone text, through date)
        returns bigint language sql immutable parallel safe as $$
            select case when amount < 0 then -1 else 1 end * div(
                2 * abs(amount)::numeric
                    * least(greatest(through - (starts at time zone zone)::date + 1, 0),
                            greatest((ends at time zone zone)::date - (starts at time zone zone)::date, 1))
                    + greatest((ends at time zone zone)::date - (starts at time zone zone)::date, 1),
                2 * greatest((ends at time zone zone)::date - (starts at time zone zone)::date, 1))::bigint
        $$;

        do $$
        begin
            if exists (select from pg_roles where rolname = 'seatgraph_worker' and rolbypassrls) then
                grant select on credit_note, credit_note_line, ledger_entry, recognition_clock to seatgraph_worker;
                grant insert, update on recognition_clock to seatgraph_worker;
            end if;
        end $$;
    """)
