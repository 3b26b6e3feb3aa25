"""Invoices that came over from Stripe Billing, and what is still to be said of them there."""

from __future__ import annotations

from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table invoice drop constraint invoice_kind_check,
            add constraint invoice_kind_check check (kind in ('subscription', 'one_off', 'imported'));
        alter table imported_object drop constraint imported_object_kind_check,
            add constraint imported_object_kind_check check (kind in ('customer', 'credit', 'subscription', 'invoice'));
        create table rail_invoice (
            account_id    bigint not null,
            id            bigint not null,
            rail_id       text not null unique,
            currency      text not null check (currency ~ '^[A-Z]{3}$'),
            settled_minor bigint not null check (settled_minor >= 0),
            paid_minor    bigint not null check (paid_minor >= 0),
            booked_minor  bigint not null check (booked_minor between 0 and paid_minor),
            wanted        text check (wanted in ('paid', 'void', 'uncollectible')),
            closed_at     timestamptz,
            told          text,
            next_at       timestamptz,
            looks         integer not null default 0,
            primary key (account_id, id),
            foreign key (account_id, id) references invoice
        );
        create index rail_invoices_due on rail_invoice (next_at) where next_at is not null;
        alter table rail_invoice enable row level security;
        create policy seen on rail_invoice for select using (
            account_id = any ((select app_accounts('see_billing'))::bigint[]) or (select app_staff()));
        create policy written on rail_invoice using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        -- Whoever imports is the owner of the tables; the product itself goes on with what came over.
        grant select, update on rail_invoice to seatgraph_app;
    """)
