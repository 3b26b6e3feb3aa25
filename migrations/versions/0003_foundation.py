"""Ids in blocks, the audit chains, the outbox, idempotency keys, and the words that row-level security speaks."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- One step hands a process 1,024 ids.
        create sequence id_block start 1 cache 1;
        grant usage on sequence id_block to seatgraph_app;

        -- What the transaction's actor is. A local setting that was never made reads as '', hence nullif.
        create function app_accounts(scope text) returns bigint[] language sql stable parallel safe as
            $$ select coalesce(nullif(current_setting('app.' || scope, true), ''), '{}')::bigint[] $$;
        create function app_number(name text) returns bigint language sql stable parallel safe as
            $$ select nullif(current_setting('app.' || name, true), '')::bigint $$;
        create function app_text(name text) returns text language sql stable parallel safe as
            $$ select nullif(current_setting('app.' || name, true), '') $$;
        create function app_staff() returns boolean language sql stable parallel safe as
            $$ select coalesce(current_setting('app.staff', true), '') = 'on' $$;

        create table audit_head (
            account_id bigint primary key,
            seq        bigint not null check (seq >= 0),
            hash       bytea not null check (length(hash) = 32)
        );
        create table audit_record (
            account_id      bigint not null,
            seq             bigint not null check (seq > 0),
            id              bigint not null unique,
            at              timestamptz not null,
            action          text not null,
            subject         text not null,
            subject_id      bigint not null,
            before          jsonb check (jsonb_typeof(before) = 'object'),
            after           jsonb check (jsonb_typeof(after) = 'object'),
            actor           text not null,
            person_id       bigint,
            impersonator_id bigint,
            token           text not null,
            ip              text not null,
            request_id      text not null,
            reason          text,
            hash            bytea not null check (length(hash) = 32),
            primary key (account_id, seq)
        );
        create index on audit_record (account_id, at, id);
        create table audit_seal (
            id    bigint primary key,
            at    timestamptz not null,
            heads jsonb not null,
            hash  bytea not null check (length(hash) = 32)
        );
        grant select, insert on audit_record, audit_seal to seatgraph_app;
        grant select, insert, update on audit_head to seatgraph_app;

        create function audit_head_moves_forward() returns trigger language plpgsql as $$
        begin
            if new.account_id <> old.account_id or new.seq < old.seq
               or (new.seq = old.seq and new.hash <> old.hash) then
                raise exception 'an audit chain only grows';
            end if;
            return new;
        end $$;
        create trigger moves_forward before update on audit_head
            for each row execute function audit_head_moves_forward();

        alter table audit_head enable row level security;
        create policy own on audit_head using (account_id = (select app_number('account')));
        create policy sealed on audit_head for select using ((select app_staff()));
        alter table audit_seal enable row level security;
        create policy sealed on audit_seal using ((select app_staff()));
        alter table audit_record enable row level security;
        create policy seen on audit_record for select using (
            account_id = any ((select app_accounts('see_audit'))::bigint[])
            or person_id = (select app_number('person'))
               and account_id = any ((select app_accounts('see_seats'))::bigint[])
            or subject in ('subscription', 'pool', 'invoice', 'payment', 'payment_method')
               and (select app_number('person')) is not null
               and account_id = any ((select app_accounts('see_billing'))::bigint[])
            or (select app_staff()));
        create policy written on audit_record for insert with check (account_id = (select app_number('account')));

        create table outbox (
            id           bigint primary key,
            account_id   bigint not null,
            at           timestamptz not null,
            name         text not null,
            payload      jsonb not null,
            request_id   text not null,
            delivered_at timestamptz
        );
        create index waiting on outbox (id) where delivered_at is null;
        grant select, insert, update, delete on outbox to seatgraph_app;
        alter table outbox enable row level security;
        create policy written on outbox for insert with check (account_id = (select app_number('account')));
        create policy relayed on outbox using ((select app_staff()));

        create table idempotency_key (
            actor      text not null,
            key        text not null check (length(key) between 1 and 200),
            mutation   text not null,
            digest     bytea not null,
            answer     text,
            created_at timestamptz not null,
            primary key (actor, key)
        );
        create index on idempotency_key (created_at);
        grant select, insert, update, delete on idempotency_key to seatgraph_app;
        alter table idempotency_key enable row level security;
        create policy own on idempotency_key using (actor = (select app_text('actor')) or (select app_staff()))
            with check (actor = (select app_text('actor')));
    """)
