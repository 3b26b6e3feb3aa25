"""What moved our balance at the rail, its payouts, and how far it was compared with the books."""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- What the rail's balance tells, once each: the source of truth for what was moved.
        create table balance_movement (
            rail_id       text primary key,
            kind          text not null,
            currency      text not null check (currency ~ '^[A-Z]{3}$'),
            amount_minor  bigint not null,
            fee_minor     bigint not null,
            net_minor     bigint not null check (net_minor = amount_minor - fee_minor),
            source        text,
            exchange_rate text,
            created_at    timestamptz not null,
            available_at  timestamptz,
            payout        text,
            owner         text not null check (owner in ('ours', 'other', 'nobody', 'rail')),
            subject       text check (subject in ('payment', 'refund', 'dispute')),
            account_id    bigint,
            subject_id    bigint,
            payment_id    bigint,
            check ((account_id is null) = (payment_id is null)),
            check ((subject is null) = (subject_id is null)),
            check (subject is null or account_id is not null)
        );
        create index on balance_movement (created_at, rail_id);
        create index on balance_movement (account_id, payment_id) where account_id is not null;
        create index on balance_movement (source) where source is not null;
        create index on balance_movement (payout) where payout is not null;

        create table rail_payout (
            rail_id        text primary key,
            state          text not null,
            currency       text not null check (currency ~ '^[A-Z]{3}$'),
            amount_minor   bigint not null,
            automatic      boolean not null,
            created_at     timestamptz not null,
            arrives_at     timestamptz,
            items          integer,
            itemized_minor bigint,
            itemized_at    timestamptz,
            check ((items is null) = (itemized_minor is null) and (items is null) = (itemized_at is null))
        );
        create index on rail_payout (created_at, rail_id);

        -- One comparison of a span, done in pieces: whoever does the next one takes it from here.
        create table reconciliation (
            id         bigint primary key,
            since      timestamptz not null,
            until      timestamptz not null check (since < until),
            nightly    boolean not null,
            stage      text not null check (stage in ('events', 'movements', 'payouts', 'payments',
                                                        'books', 'done')),
            place      text,
            events     integer not null default 0,
            movements  integer not null default 0,
            payouts    integer not null default 0,
            payments   integer not null default 0,
            found      integer not null default 0,
            mended     integer not null default 0,
            started_at timestamptz not null,
            touched_at timestamptz not null,
            next_at    timestamptz,
            ended_at   timestamptz,
            check ((ended_at is null) = (stage <> 'done'))
        );
        create index on reconciliation (started_at, id);
        create unique index one_reconciliation_at_a_time on reconciliation (nightly) where ended_at is null;

        create index on payment (charge) where charge is not null;
        create index on payment (settled_at, account_id, id) where source = 'rail' and settled_at is not null;
    """)
    for table in ("balance_movement", "rail_payout", "reconciliation"):
        op.execute(f"""
            grant select, insert, update on {table} to seatgraph_app;
            alter table {table} enable row level security;
            create policy reconciled on {table} using ((select app_staff())) with check ((select app_staff()));
        """)
