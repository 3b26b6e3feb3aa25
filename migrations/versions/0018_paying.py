"""Customers, setups, payments in parts, attempts, and what the rail told us."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TENANT = """
        alter table {table} enable row level security;
        create policy seen on {table} for select using (
            account_id = any ((select app_accounts('see_billing'))::bigint[]) or (select app_staff()));
        create policy written on {table} using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        grant select, insert, update on {table} to seatgraph_app;
"""


def upgrade() -> None:
    op.execute("""
        alter table payment_method
            drop constraint payment_method_kind_check,
            add constraint payment_method_kind_check check (
                kind in ('card', 'sepa_debit', 'us_bank_account', 'link', 'bank_transfer', 'other')),
            add column wallet      text,
            add column country     text,
            add column fingerprint text,
            add column ip          text not null default '',
            add column device      text not null default '',
            add column warned_of   text;
        create unique index on payment_method (account_id, rail_id);
        create index methods_expiring on payment_method (expires_on)
            where detached_at is null and warned_of is distinct from expires_on;

        -- The number of an account's customer at the rail: written down before the rail is asked for it.
        create table rail_customer (
            account_id bigint primary key references account,
            rail_id    text unique,
            made       integer not null default 0 check (made >= 0),
            created_at timestamptz not null
        );
        -- What a subscription is paid with, where that is not the account's default.
        create table payment_choice (
            account_id        bigint not null,
            subscription_id   bigint not null,
            payment_method_id bigint,
            primary key (account_id, subscription_id),
            foreign key (account_id, payment_method_id) references payment_method
        );
        create table payment_setup (
            account_id        bigint not null,
            id                bigint not null unique,
            kinds             text[] not null check (cardinality(kinds) > 0),
            state             text not null check (state in ('created', 'open', 'succeeded', 'failed', 'canceled')),
            makes_default     boolean not null,
            subscription_id   bigint,
            rail_id           text unique,
            secret            bytea,
            payment_method_id bigint,
            decline_code      text,
            ip                text not null,
            device            text not null,
            created_at        timestamptz not null,
            settled_at        timestamptz,
            primary key (account_id, id)
        );
        create index on payment_setup (account_id, created_at, id);

        alter table payment
            add column source         text not null default 'rail'
                check (source in ('rail', 'bank_transfer', 'manual')),
            add column rail_id        text unique,
            add column secret         bytea,
            add column request        jsonb,
            add column requested_at   timestamptz,
            add column created_times  integer not null default 0,
            add column seen           jsonb not null default '{}',
            add column charge         text,
            add column decline_reason text,
            add column advice         text,
            add column off_session    boolean not null default false,
            add column return_url     text,
            add column reference      text check (length(reference) <= 200),
            add column person_id      bigint,
            add column ip             text not null default '',
            add column device         text not null default '',
            add column replaces       bigint[] not null default '{}',
            add column next_at        timestamptz,
            add column looks          integer not null default 0,
            add column transaction    text,
            add column fee_minor      bigint,
            add column fee_currency   text,
            add column settled_minor  bigint,
            add column refunded_minor bigint not null default 0 check (refunded_minor between 0 and amount_minor),
            add column disputed       boolean not null default false;
        create index payments_due on payment (next_at, account_id, id) where next_at is not null;

        -- What of a payment is for which invoice. Of one invoice only one payment is under way.
        create table payment_part (
            account_id   bigint not null,
            id           bigint not null,
            payment_id   bigint not null,
            invoice_id   bigint not null,
            currency     text not null check (currency ~ '^[A-Z]{3}$'),
            amount_minor bigint not null check (amount_minor > 0),
            state        text not null check (state in ('waiting', 'open', 'settled', 'released')),
            primary key (account_id, id),
            unique (account_id, payment_id, invoice_id),
            foreign key (account_id, payment_id) references payment
        );
        create unique index one_payment_at_a_time on payment_part (account_id, invoice_id) where state = 'open';
        create index on payment_part (account_id, invoice_id);

        -- One try of a payment at a payment method: written down, and committed, before the rail is asked.
        create table payment_attempt (
            account_id        bigint not null,
            id                bigint not null unique,
            payment_id        bigint not null,
            number            integer not null check (number > 0),
            payment_method_id bigint not null,
            state             text not null check (state in ('waiting', 'sent', 'answered')),
            sends             integer not null default 0,
            keys              integer not null default 0,
            charge_before     text,
            outcome           text check (outcome in
                                  ('succeeded', 'processing', 'requires_action', 'declined', 'refused', 'canceled')),
            charge            text,
            decline_code      text,
            decline_reason    text,
            advice            text,
            fingerprint       text,
            brand             text not null default '',
            created_at        timestamptz not null,
            sent_at           timestamptz,
            answered_at       timestamptz,
            primary key (account_id, id),
            unique (account_id, payment_id, number),
            check ((state = 'answered') = (outcome is not null)),
            foreign key (account_id, payment_id) references payment
        );
        create unique index one_attempt_at_a_time on payment_attempt (account_id, payment_id)
            where state in ('waiting', 'sent');
        -- Card networks count tries at a card over 30 days, whoever they were for.
        create index tries_at_a_card on payment_attempt (fingerprint, sent_at) where fingerprint is not null;

        -- What the rail told us, once each, until it is applied.
        create table rail_event (
            id          text primary key check (length(id) between 1 and 255),
            kind        text not null,
            at          timestamptz not null,
            api_version text,
            live        boolean not null,
            body        jsonb not null,
            received_at timestamptz not null,
            next_at     timestamptz,
            tries       integer not null default 0,
            outcome     text,
            check ((next_at is null) = (outcome is not null))
        );
        create index events_waiting on rail_event (next_at, id) where next_at is not null;
        create index on rail_event (received_at);
        grant select, insert, update, delete on rail_event to seatgraph_app;
        alter table rail_event enable row level security;
        create policy relayed on rail_event using ((select app_staff())) with check ((select app_staff()));
    """)
    for table in ("rail_customer", "payment_choice", "payment_setup", "payment_part", "payment_attempt"):
        op.execute(_TENANT.format(table=table))
    # Who saves a payment method is told to whoever sees billing.
    op.execute("""
        alter policy seen on audit_record using (
            account_id = any ((select app_accounts('see_audit'))::bigint[])
            or person_id = (select app_number('person'))
               and account_id = any ((select app_accounts('see_seats'))::bigint[])
            or subject in ('account', 'subscription', 'change', 'pool', 'invoice', 'credit_note', 'entry', 'payment',
                           'payment_method', 'setup')
               and (select app_number('person')) is not null
               and account_id = any ((select app_accounts('see_billing'))::bigint[])
            or (select app_staff()));
    """)
