"""Payment methods and payments."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table payment_method (
            account_id  bigint not null references account,
            id          bigint not null unique,
            kind        text not null check (kind in ('card', 'sepa_debit', 'link', 'bank_transfer')),
            brand       text not null,
            last4       text not null check (last4 ~ '^[0-9A-Z]{0,4}$'),
            expires_on  text check (expires_on ~ '^[0-9]{4}-[0-9]{2}$'),
            is_default  boolean not null,
            rail_id     text not null,
            created_at  timestamptz not null,
            detached_at timestamptz,
            primary key (account_id, id)
        );
        create unique index one_default on payment_method (account_id) where is_default and detached_at is null;
        create table payment (
            account_id        bigint not null,
            id                bigint not null unique,
            invoice_id        bigint not null,
            payment_method_id bigint,
            state             text not null check (state in ('created', 'requires_action', 'processing', 'unknown',
                                                             'succeeded', 'failed', 'canceled')),
            currency          text not null check (currency ~ '^[A-Z]{3}$'),
            amount_minor      bigint not null check (amount_minor > 0),
            decline_code      text,
            created_at        timestamptz not null,
            settled_at        timestamptz,
            primary key (account_id, id)
        );
        create index on payment (account_id, invoice_id);
        create index on payment (account_id, created_at, id);
        grant select, insert, update on payment_method, payment to seatgraph_app;

        alter table payment_method enable row level security;
        create policy seen on payment_method for select using (
            account_id = any ((select app_accounts('see_billing'))::bigint[]) or (select app_staff()));
        create policy written on payment_method using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        alter table payment enable row level security;
        create policy seen on payment for select using (
            account_id = any ((select app_accounts('see_billing'))::bigint[]) or (select app_staff()));
        create policy written on payment using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
    """)
