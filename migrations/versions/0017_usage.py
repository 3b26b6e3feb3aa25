"""Meters, and what was used: reports in partitions of a month, batches, and alerts that were told."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TENANT = """
        alter table {table} enable row level security;
        create policy seen on {table} for select using (
            account_id = any ((select app_accounts('see_billing'))::bigint[]) or (select app_staff()));
        create policy written on {table} using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
"""


def upgrade() -> None:
    op.execute("""
        -- What is counted. How events become a quantity never changes: a meter is named anew instead.
        create table meter (
            id             integer generated always as identity primary key,
            key            text not null unique check (key ~ '^[a-z][a-z0-9_]{0,62}$'),
            aggregation    text not null check (aggregation in ('sum', 'count', 'max', 'last', 'unique', 'weighted')),
            value          text,
            distinct_value text check ((distinct_value is not null) = (aggregation = 'unique')),
            group_by       text[] not null default '{}'
        );
        insert into meter (key, aggregation) select distinct meter, 'sum' from price where meter is not null;
        create function a_meter_is_immutable() returns trigger language plpgsql as $$
        begin
            raise exception 'a meter is immutable: invoices were computed by it';
        end $$;
        create trigger immutable before update or delete on meter
            for each row execute function a_meter_is_immutable();
        grant select on meter to seatgraph_app;

        -- Reports that came together, or one record that takes another back. `recorded_in` tells whether a bill saw it.
        create table usage_batch (
            account_id  bigint not null,
            id          bigint not null,
            recorded_at timestamptz not null,
            recorded_in xid8 not null default pg_current_xact_id(),
            events      integer not null check (events > 0),
            first_at    timestamptz not null,
            last_at     timestamptz not null,
            reason      text check (length(reason) <= 1000),
            primary key (account_id, id)
        );
        -- One index deduplicates and answers. Nothing here is changed or deleted; months are dropped whole.
        create table usage_event (
            account_id      bigint not null,
            meter_id        integer not null,
            at              timestamptz not null,
            key             text not null check (length(key) between 1 and 101),
            subscription_id bigint not null,
            batch_id        bigint not null,
            quantity        numeric not null,
            subject         text,
            properties      jsonb,
            voids           boolean not null default false,
            check (voids = (left(key, 1) = '~'))
        ) partition by range (at);
        create unique index usage_event_once on usage_event (account_id, meter_id, at, key);
        -- A metered item has no quantity of its own; so the run finds those that have some without looking at others.
        create index metered_items on subscription_item (account_id, subscription_id) where quantity = 0;
        -- Those that have ended, for which usage may come late.
        create index clocks_settling on subscription_clock (due_at) where held = 'ended, and usage may come late';
        -- Told once for each period of an item: how much of its limit was used.
        create table usage_alert (
            account_id      bigint not null,
            item_id         bigint not null,
            period_start    timestamptz not null,
            percent         integer not null check (percent > 0),
            subscription_id bigint not null,
            told_at         timestamptz not null,
            primary key (account_id, item_id, period_start, percent)
        );
        grant select, insert on usage_batch, usage_event, usage_alert to seatgraph_app;
        do $$
        begin
            if exists (select from pg_roles where rolname = 'seatgraph_worker' and rolbypassrls) then
                grant select on meter, usage_batch, usage_event to seatgraph_worker;
            end if;
        end $$;

        -- Makes the months of a span ready. The product's role owns no table, so its owner does this for it.
        create function usage_months(first timestamptz, last timestamptz) returns integer
            language plpgsql security definer set search_path = pg_catalog, public as $$
        declare
            month timestamp := date_trunc('month', first at time zone 'UTC');
            name text;
            made integer := 0;
        begin
            if last - first > interval '800 days' then
                raise exception 'usage has at most 800 days at once';
            end if;
            while month <= last at time zone 'UTC' loop
                name := 'usage_event_' || to_char(month, 'YYYY_MM');
                if to_regclass('public.' || name) is null then
                    perform pg_advisory_xact_lock(hashtext('usage_months'));
                    -- to_regclass may still remember that there was none; a look at the rows doesn't.
                    if not exists (select from pg_class where relname = name) then
                        execute format('create table public.%I (like public.usage_event including defaults'
                            ' including constraints)', name);
                        execute format('alter table public.%I enable row level security', name);
                        execute format('alter table public.usage_event attach partition public.%I'
                            ' for values from (%L) to (%L)', name, month at time zone 'UTC',
                            (month + interval '1 month') at time zone 'UTC');
                        made := made + 1;
                    end if;
                end if;
                month := month + interval '1 month';
            end loop;
            return made;
        end $$;
        revoke all on function usage_months(timestamptz, timestamptz) from public;
        grant execute on function usage_months(timestamptz, timestamptz) to seatgraph_app;
        -- Who is subscribed to what meters count has items for it from now on.
        insert into subscription_item
            (account_id, id, subscription_id, plan_id, price_id, quantity, created_at)
        select i.account_id, nextval('id_block') * 1024, i.subscription_id, i.plan_id, m.id, 0, now()
        from subscription_item i
        join subscription s on s.account_id = i.account_id and s.id = i.subscription_id and s.ended_at is null
        join price b on b.id = i.price_id
        join price m on m.plan_version_id = b.plan_version_id and m.currency = b.currency
                    and m.interval = b.interval and m.meter is not null
        where i.ended_at is null and b.meter is null;
        select usage_months(now() - interval '2 months', now() + interval '3 months');
    """)
    for table in ("usage_batch", "usage_event", "usage_alert"):
        op.execute(_TENANT.format(table=table))
