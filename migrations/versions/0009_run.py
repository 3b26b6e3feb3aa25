"""The billing run: its chunks, the role that writes in bulk, and room to write in place."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- A run bills whatever is due by `until`, chunk by chunk. A chunk is claimed by locking its row.
        create table billing_run (
            id          bigint primary key,
            until       timestamptz not null,
            started_at  timestamptz not null,
            finished_at timestamptz
        );
        create table run_chunk (
            run_id        bigint not null references billing_run,
            number        integer not null,
            first_account bigint not null,
            last_account  bigint not null,
            planned       integer not null,
            invoices      integer not null default 0,
            held          integer not null default 0,
            skipped       integer not null default 0,
            done_at       timestamptz,
            primary key (run_id, number),
            check (first_account <= last_account)
        );
        create index chunks_waiting on run_chunk (run_id, number) where done_at is null;

        -- The most that one invoice of it may ask for, by contract.
        alter table subscription add column limit_minor bigint check (limit_minor > 0);

        -- Rare among millions: what a run has to look at before it bills.
        create index customer_credit on ledger_transfer (account_id)
            where debit = 'customer_credit' or credit = 'customer_credit';
        create index voided on invoice (account_id, subscription_id) where state = 'void';

        -- Every period touches these rows once: with room on their pages, no index has to move.
        alter table subscription set (fillfactor = 70);
        alter table audit_head set (fillfactor = 70);

        -- Row-level security refuses COPY, so the run works as a role that it doesn't bind. Where the migrating
        -- role may not make one, the run works as the tables' owner.
        do $$
        begin
            if not exists (select from pg_roles where rolname = 'seatgraph_worker') then
                create role seatgraph_worker nologin noinherit nosuperuser bypassrls;
            end if;
        exception when duplicate_object or unique_violation or insufficient_privilege then
            null;
        end $$;
        do $$
        begin
            if exists (select from pg_roles where rolname = 'seatgraph_worker' and rolbypassrls) then
                grant usage on schema public to seatgraph_worker;
                grant select on account, audit_head, billing_run, invoice, item_step, ledger_transfer, line_item,
                    number_series, plan, price, run_chunk, scheduled_change, subscription, subscription_clock,
                    subscription_cycle, subscription_discount, subscription_item, subscription_pause
                    to seatgraph_worker;
                grant usage on sequence id_block to seatgraph_worker;
                grant insert on invoice, line_item, ledger_entry, ledger_transfer, audit_record, outbox
                    to seatgraph_worker;
                grant insert on audit_head, number_series, billing_run, run_chunk to seatgraph_worker;
                grant update (seq, hash) on audit_head to seatgraph_worker;
                grant update (last) on number_series to seatgraph_worker;
                grant update (finished_at) on billing_run to seatgraph_worker;
                grant update (invoices, held, skipped, done_at) on run_chunk to seatgraph_worker;
                grant update (state, period_start, period_end) on subscription to seatgraph_worker;
                grant update (due_at, held) on subscription_clock to seatgraph_worker;
            end if;
        end $$;
    """)
