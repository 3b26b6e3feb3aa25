"""The catalog, subscriptions and invoices."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table plan (
            id          bigint primary key,
            key         text not null unique,
            audience    text not null check (audience in ('person', 'workspace', 'anyone')),
            name        jsonb not null,
            description jsonb not null,
            position    integer not null,
            created_at  timestamptz not null,
            archived_at timestamptz
        );
        create table plan_version (
            id         bigint primary key,
            plan_id    bigint not null references plan,
            number     integer not null check (number > 0),
            trial_days integer not null check (trial_days >= 0),
            seats      jsonb,
            created_at timestamptz not null,
            unique (plan_id, number)
        );
        create table price (
            id              bigint primary key,
            plan_id         bigint not null references plan,
            plan_version_id bigint not null references plan_version,
            key             text not null,
            currency        text not null check (currency ~ '^[A-Z]{3}$'),
            interval        text not null check (interval in ('day', 'week', 'month', 'year')),
            model           text not null,
            amount_minor    bigint not null check (amount_minor >= 0),
            rule            jsonb not null,
            meter           text,
            created_at      timestamptz not null,
            unique (plan_version_id, key, currency, interval)
        );
        create index on price (plan_id);
        create table entitlement (
            id              bigint primary key,
            plan_version_id bigint not null references plan_version,
            feature         text not null,
            kind            text not null check (kind in ('flag', 'limit', 'text')),
            amount          bigint,
            text            text,
            unique (plan_version_id, feature)
        );
        -- The catalog is public; it changes only by `catalog apply`. A price never changes.
        grant select on plan, plan_version, price, entitlement to seatgraph_app;
        create function price_is_immutable() returns trigger language plpgsql as $$
        begin
            raise exception 'a price is immutable: a changed amount is a new version';
        end $$;
        create trigger immutable before update or delete on price
            for each row execute function price_is_immutable();

        create table subscription (
            account_id      bigint not null references account,
            id              bigint not null unique,
            plan_id         bigint not null references plan,
            plan_version_id bigint not null references plan_version,
            state           text not null check (state in ('trialing', 'active', 'past_due', 'paused', 'canceled')),
            currency        text not null check (currency ~ '^[A-Z]{3}$'),
            interval        text not null check (interval in ('day', 'week', 'month', 'year')),
            anchor          timestamptz not null,
            time_zone       text not null,
            period_start    timestamptz not null,
            period_end      timestamptz not null,
            trial_end       timestamptz,
            cancel_at       timestamptz,
            cancel_reason   text check (length(cancel_reason) <= 1000),
            ended_at        timestamptz,
            created_at      timestamptz not null,
            primary key (account_id, id),
            check (period_start < period_end),
            check ((state = 'canceled') = (ended_at is not null))
        );
        create index on subscription (plan_id) where ended_at is null;
        create index on subscription (cancel_at) where ended_at is null;
        create table subscription_item (
            account_id      bigint not null,
            id              bigint not null unique,
            subscription_id bigint not null,
            plan_id         bigint not null references plan,
            price_id        bigint not null references price,
            quantity        bigint not null check (quantity >= 0),
            created_at      timestamptz not null,
            ended_at        timestamptz,
            primary key (account_id, id),
            foreign key (account_id, subscription_id) references subscription
        );
        create index on subscription_item (account_id, subscription_id);
        -- No foreign keys below: a billing run writes these by the million, and `verify` checks them set-wise.
        create table invoice (
            account_id      bigint not null,
            id              bigint not null unique,
            subscription_id bigint,
            number          text,
            state           text not null check (state in ('draft', 'open', 'paid', 'void', 'uncollectible')),
            currency        text not null check (currency ~ '^[A-Z]{3}$'),
            subtotal_minor  bigint not null,
            tax_minor       bigint not null,
            total_minor     bigint not null check (total_minor = subtotal_minor + tax_minor),
            paid_minor      bigint not null,
            period_start    timestamptz not null,
            period_end      timestamptz not null,
            created_at      timestamptz not null,
            issued_at       timestamptz,
            due_at          timestamptz,
            paid_at         timestamptz,
            primary key (account_id, id),
            check ((state = 'draft') = (number is null)),
            check ((state = 'paid') = (paid_at is not null))
        );
        create index on invoice (account_id, created_at, id);
        create index on invoice (account_id, total_minor, id);
        create index on invoice (created_at, id);
        create unique index one_number on invoice (number) where number is not null;
        create table line_item (
            account_id   bigint not null,
            id           bigint not null,
            invoice_id   bigint not null,
            position     integer not null,
            description  text not null,
            plan_id      bigint,
            price_id     bigint,
            quantity     bigint not null,
            currency     text not null,
            amount_minor bigint not null,
            tax_minor    bigint not null,
            period_start timestamptz not null,
            period_end   timestamptz not null,
            primary key (account_id, id)
        );
        create index on line_item (account_id, invoice_id, position);

        grant select, insert, update on subscription, subscription_item, invoice to seatgraph_app;
        grant select, insert on line_item to seatgraph_app;

        alter table subscription enable row level security;
        create policy seen on subscription for select using (
            account_id = any ((select app_accounts('see_billing'))::bigint[]) or (select app_staff()));
        create policy written on subscription using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        alter table subscription_item enable row level security;
        create policy seen on subscription_item for select using (
            account_id = any ((select app_accounts('see_billing'))::bigint[]) or (select app_staff()));
        create policy written on subscription_item using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        alter table invoice enable row level security;
        create policy seen on invoice for select using (
            account_id = any ((select app_accounts('see_invoices'))::bigint[]) or (select app_staff()));
        create policy written on invoice using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        alter table line_item enable row level security;
        create policy seen on line_item for select using (
            account_id = any ((select app_accounts('see_invoices'))::bigint[]) or (select app_staff()));
        create policy written on line_item using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
    """)
