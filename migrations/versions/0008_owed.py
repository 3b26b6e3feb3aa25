"""What money follows from, and what was made of it: steps, cycles, changes, credit notes and the ledger."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TENANT = """
        alter table {table} enable row level security;
        create policy seen on {table} for select using (
            account_id = any ((select app_accounts('{scope}'))::bigint[]) or (select app_staff()));
        create policy written on {table} using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
"""


def upgrade() -> None:
    op.execute("""
        alter table account
            add column address        jsonb,
            add column vat_id         text check (length(vat_id) <= 20),
            add column collection     text not null default 'charge_automatically'
                check (collection in ('charge_automatically', 'send_invoice')),
            add column net_days       integer not null default 0 check (net_days between 0 and 365),
            add column po_number      text check (length(po_number) <= 100),
            add column seat_collection text not null default 'immediately'
                check (seat_collection in ('immediately', 'monthly', 'at_renewal')),
            add column one_invoice    boolean not null default false,
            add column grace_hours    integer not null default 0 check (grace_hours between 0 and 720);

        -- The facts: from which instant an item is so many of a price. Nothing here is changed or deleted.
        create table item_step (
            account_id      bigint not null,
            id              bigint not null,
            subscription_id bigint not null,
            item_id         bigint not null,
            at              timestamptz not null,
            price_id        bigint references price,
            quantity        bigint not null check (quantity >= 0),
            primary key (account_id, id),
            foreign key (account_id, subscription_id) references subscription,
            foreign key (account_id, item_id) references subscription_item
        );
        create index on item_step (account_id, subscription_id, at, id);
        create table subscription_cycle (
            account_id      bigint not null,
            id              bigint not null,
            subscription_id bigint not null,
            since           timestamptz not null,
            anchor          timestamp not null,
            time_zone       text not null,
            interval        text not null check (interval in ('day', 'week', 'month', 'year')),
            count           integer not null check (count > 0),
            primary key (account_id, id),
            unique (account_id, subscription_id, since, id),
            foreign key (account_id, subscription_id) references subscription
        );
        create table subscription_pause (
            account_id      bigint not null,
            id              bigint not null,
            subscription_id bigint not null,
            starts_at       timestamptz not null,
            ends_at         timestamptz check (ends_at >= starts_at),
            reason          text check (length(reason) <= 1000),
            primary key (account_id, id),
            foreign key (account_id, subscription_id) references subscription
        );
        create index on subscription_pause (account_id, subscription_id);
        create table subscription_discount (
            account_id      bigint not null,
            id              bigint not null,
            subscription_id bigint not null,
            key             text not null,
            name            text not null check (length(name) between 1 and 200),
            percent         text,
            fixed_minor     bigint check (fixed_minor > 0),
            currency        text check (currency ~ '^[A-Z]{3}$'),
            periods         integer check (periods > 0),
            since           timestamptz not null,
            until           timestamptz,
            price_ids       bigint[],
            primary key (account_id, id),
            unique (account_id, subscription_id, key),
            check ((percent is null) <> (fixed_minor is null)),
            check ((fixed_minor is null) = (currency is null)),
            foreign key (account_id, subscription_id) references subscription
        );
        -- What was asked for and takes effect later; it can be withdrawn until then.
        create table scheduled_change (
            account_id      bigint not null,
            id              bigint not null unique,
            subscription_id bigint not null,
            kind            text not null check (kind in ('change', 'pause', 'resume', 'billing_day')),
            item_id         bigint,
            price_id        bigint references price,
            quantity        bigint check (quantity >= 0),
            day             integer check (day between 1 and 31),
            due_at          timestamptz not null,
            state           text not null check (state in ('pending', 'applied', 'withdrawn')),
            reason          text check (length(reason) <= 1000),
            created_at      timestamptz not null,
            settled_at      timestamptz,
            primary key (account_id, id),
            check ((state = 'pending') = (settled_at is null)),
            foreign key (account_id, subscription_id) references subscription
        );
        create index on scheduled_change (account_id, subscription_id) where state = 'pending';
        -- Narrow, and locked first by whoever bills. `due_at` is what advances.
        create table subscription_clock (
            account_id      bigint not null,
            subscription_id bigint not null,
            due_at          timestamptz not null,
            held            text,
            primary key (account_id, subscription_id)
        ) with (fillfactor = 50);
        create index clocks_due on subscription_clock (due_at, account_id, subscription_id) where held is null;

        alter table invoice
            add column kind           text not null default 'subscription' check (kind in ('subscription', 'one_off')),
            add column collection     text not null default 'charge_automatically',
            add column net_days       integer not null default 0,
            add column po_number      text,
            add column finalize_at    timestamptz,
            add column credited_minor bigint not null default 0 check (credited_minor >= 0),
            add column credit_minor   bigint not null default 0,
            add column tax_notes      text[] not null default '{}',
            add column billed_to      jsonb not null default '{}',
            add column held           text,
            add column locale         text not null default 'en',
            add column returned_minor bigint not null default 0 check (returned_minor between 0 and credited_minor),
            add column known          jsonb not null default '{}',
            -- The third fence behind billing.crediting: no more is given back than was asked for.
            add constraint credited_within_total check (credited_minor <= greatest(total_minor, 0)),
            -- A number is given once, when an invoice is issued, and stays; a draft that is discarded never had one.
            drop constraint invoice_check1,
            add constraint numbered_once_issued check ((issued_at is null) = (number is null)),
            add constraint issued_once_final check (
                case state when 'draft' then number is null when 'void' then true else number is not null end);
        create index drafts_waiting on invoice (finalize_at) where state = 'draft' and held is null;
        alter table line_item
            add column kind           text not null default 'charge'
                check (kind in ('charge', 'credit', 'restored', 'usage', 'one_off')),
            add column subscription_id bigint,
            add column item_id        bigint,
            add column above          bigint,
            add column billed_period  timestamptz,
            add column discount_minor bigint not null default 0,
            add column discounts      jsonb not null default '[]',
            add column formula        text not null default '',
            add column proration      text not null default 'second' check (proration in ('second', 'day', 'none')),
            add column reverses       bigint,
            add column adjusted_minor bigint not null default 0 check (adjusted_minor >= 0),
            add column tax_percent    text not null default '0',
            add column tax_category   text not null default 'standard',
            add column tax_inclusive  boolean not null default false,
            add column facts          jsonb not null default '{}';
        create index on line_item (account_id, subscription_id, billed_period) where subscription_id is not null;
        grant update (adjusted_minor) on line_item to seatgraph_app;

        create table credit_note (
            account_id     bigint not null,
            id             bigint not null unique,
            invoice_id     bigint not null,
            number         text not null unique,
            reason         text not null check (length(reason) between 1 and 1000),
            destination    text not null check (destination in ('receivable', 'customer_credit', 'refunds')),
            currency       text not null check (currency ~ '^[A-Z]{3}$'),
            subtotal_minor bigint not null,
            tax_minor      bigint not null,
            total_minor    bigint not null check (total_minor = subtotal_minor + tax_minor and total_minor > 0),
            returned_minor bigint not null default 0 check (returned_minor between 0 and total_minor),
            issued_at      timestamptz not null,
            primary key (account_id, id)
        );
        create index on credit_note (account_id, invoice_id);
        create table credit_note_line (
            account_id     bigint not null,
            id             bigint not null,
            credit_note_id bigint not null,
            line_item_id   bigint not null,
            currency       text not null check (currency ~ '^[A-Z]{3}$'),
            amount_minor   bigint not null check (amount_minor >= 0),
            tax_minor      bigint not null check (tax_minor >= 0),
            primary key (account_id, id),
            check (amount_minor > 0 or tax_minor > 0)
        );
        create index on credit_note_line (account_id, credit_note_id);
        create index on credit_note_line (account_id, line_item_id);

        -- What staff give away above a limit needs a second person, who never is the one that asked.
        create table credit_approval (
            account_id   bigint not null,
            id           bigint not null unique,
            kind         text not null check (kind in ('credit_note', 'credit_grant', 'write_off')),
            invoice_id   bigint check ((kind = 'credit_grant') = (invoice_id is null)),
            currency     text not null check (currency ~ '^[A-Z]{3}$'),
            amount_minor bigint not null check (amount_minor > 0),
            reason       text not null check (length(reason) between 1 and 1000),
            requested_by bigint not null,
            requested_at timestamptz not null,
            approved_by  bigint check (approved_by <> requested_by),
            approved_at  timestamptz,
            used_at      timestamptz check (used_at is null or approved_at is not null),
            primary key (account_id, id),
            check ((approved_by is null) = (approved_at is null))
        );

        -- Numbers without gaps: taken last, in the transaction that uses them.
        create table number_series (
            entity text not null,
            kind   text not null check (kind in ('invoice', 'credit_note')),
            year   integer not null,
            last   bigint not null check (last >= 0),
            primary key (entity, kind, year)
        );
        create table tax_rate (
            country   text not null check (country ~ '^[A-Z]{2}$'),
            category  text not null,
            since     timestamptz not null,
            percent   text not null,
            inclusive boolean not null default false,
            primary key (country, category, since)
        );

        create table ledger_entry (
            account_id bigint not null,
            id         bigint not null,
            at         timestamptz not null,
            kind       text not null,
            subject    text not null,
            subject_id bigint not null,
            reverses   bigint,
            primary key (account_id, id)
        );
        create index on ledger_entry (account_id, at, id);
        -- A transfer moves a positive amount from the credited account to the debited one, so an entry always balances.
        create table ledger_transfer (
            account_id   bigint not null,
            id           bigint not null,
            entry_id     bigint not null,
            debit        text not null,
            credit       text not null,
            currency     text not null check (currency ~ '^[A-Z]{3}$'),
            amount_minor bigint not null check (amount_minor > 0),
            primary key (account_id, id),
            check (debit <> credit)
        );
        create index on ledger_transfer (account_id, entry_id);
        create function ledger_is_append_only() returns trigger language plpgsql as $$
        begin
            raise exception 'the ledger only grows: write a reversing entry';
        end $$;
        create trigger append_only before update or delete on ledger_entry
            for each row execute function ledger_is_append_only();
        create trigger append_only before update or delete on ledger_transfer
            for each row execute function ledger_is_append_only();

        grant select, insert on item_step, subscription_cycle, credit_note, credit_note_line,
            ledger_entry, ledger_transfer to seatgraph_app;
        alter table credit_approval enable row level security;
        create policy seen on credit_approval for select using ((select app_staff()));
        create policy written on credit_approval using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        grant select, insert, update on credit_approval, subscription_pause, subscription_discount, scheduled_change,
            subscription_clock, number_series to seatgraph_app;
        grant select on tax_rate to seatgraph_app;
    """)
    for table in _FACTS:
        op.execute(_TENANT.format(table=table, scope="see_billing"))
    for table in ("credit_note", "credit_note_line", "ledger_entry", "ledger_transfer"):
        op.execute(_TENANT.format(table=table, scope="see_invoices"))


_FACTS = (
    "item_step",
    "subscription_cycle",
    "subscription_pause",
    "subscription_discount",
    "scheduled_change",
    "subscription_clock",
)
