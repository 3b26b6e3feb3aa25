"""Refunds of payments."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- What goes back of a payment: reserved, and committed, before the rail is asked.
        create table refund (
            account_id     bigint not null,
            id             bigint not null unique,
            payment_id     bigint not null,
            invoice_id     bigint not null,
            credit_note_id bigint not null,
            state          text not null check (state in ('reserved', 'unknown', 'requires_action', 'pending',
                                                          'succeeded', 'failed', 'canceled')),
            currency       text not null check (currency ~ '^[A-Z]{3}$'),
            amount_minor   bigint not null check (amount_minor > 0),
            cause          text not null check (cause in ('requested_by_customer', 'duplicate', 'fraudulent')),
            reason         text not null,
            requested_by   bigint,
            created_at     timestamptz not null,
            rail_id        text unique,
            request        jsonb,
            requested_at   timestamptz,
            created_times  integer not null default 0,
            sent_at        timestamptz,
            settled_at     timestamptz,
            failure        text,
            booked         boolean not null default false,
            next_at        timestamptz,
            looks          integer not null default 0,
            primary key (account_id, id),
            foreign key (account_id, payment_id) references payment
        );
        -- What a credit note has promised goes back once.
        create unique index one_refund_a_note on refund (account_id, credit_note_id)
            where state not in ('failed', 'canceled');
        create index on refund (account_id, payment_id, id);
        create index on refund (account_id, invoice_id, id);
        create index refunds_due on refund (next_at, account_id, id) where next_at is not null;
    """)
    op.execute("""
        alter table refund enable row level security;
        create policy seen on refund for select using (
            account_id = any ((select app_accounts('see_billing'))::bigint[]) or (select app_staff()));
        create policy written on refund using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        grant select, insert, update on refund to seatgraph_app;
    """)
    # What goes back to whoever pays is told to whoever sees billing.
    op.execute("""
        alter policy seen on audit_record using (
            account_id = any ((select app_accounts('see_audit'))::bigint[])
            or person_id = (select app_number('person'))
               and account_id = any ((select app_accounts('see_seats'))::bigint[])
            or subject in ('account', 'subscription', 'change', 'pool', 'invoice', 'credit_note', 'entry', 'payment',
                           'payment_method', 'setup', 'refund')
               and (select app_number('person')) is not null
               and account_id = any ((select app_accounts('see_billing'))::bigint[])
            or (select app_staff()));
    """)
