"""Long lists of people, which are looked at first and seated in the background."""

from __future__ import annotations

from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table seat_import (
            account_id      bigint not null references workspace,
            id              bigint not null unique,
            state           text not null check (state in ('ready', 'running', 'done', 'failed', 'stopped')),
            pool_id         bigint,
            whole           boolean not null,
            lines           bigint not null check (lines between 0 and 100000),
            settled         bigint not null check (settled between 0 and lines),
            outcomes        jsonb not null,
            purchases       jsonb not null,
            ignored_columns text[] not null,
            notice          text,
            actor           text not null,
            person_id       bigint references person,
            key_id          bigint references service_key (id),
            token           text not null,
            reason          text,
            judged_at       timestamptz,
            at_once         boolean not null,
            failure         text,
            forgotten       boolean not null,
            created_at      timestamptz not null,
            started_at      timestamptz,
            ended_at        timestamptz,
            primary key (account_id, id),
            foreign key (account_id, pool_id) references license_pool,
            check ((state in ('ready', 'running')) = (ended_at is null)),
            check ((state = 'failed') = (failure is not null)),
            check (state = 'stopped' or (state = 'ready') = (started_at is null)),
            check (state <> 'done' or settled = lines),
            check (not forgotten or ended_at is not null)
        );
        create index on seat_import (account_id, created_at, id);
        create index on seat_import (judged_at, id) where state = 'running';
        create index on seat_import (created_at, id) where not forgotten;
        create table seat_import_row (
            account_id     bigint not null,
            id             bigint not null unique,
            seat_import_id bigint not null,
            line           bigint not null,
            email          text not null check (length(email) <= 1000),
            pool_written   text not null check (length(pool_written) <= 1000),
            role_written   text not null check (length(role_written) <= 1000),
            outcome        text not null,
            says           text not null,
            pool_id        bigint,
            seat_id        bigint,
            request_id     bigint,
            settled        boolean not null,
            primary key (account_id, id),
            foreign key (account_id, seat_import_id) references seat_import,
            -- What is written in a line is taken once.
            unique (seat_import_id, line)
        );
        create index on seat_import_row (seat_import_id, line) where not settled;

        grant select, insert, update on seat_import to seatgraph_app;
        grant select, insert, update, delete on seat_import_row to seatgraph_app;
        alter table seat_import enable row level security;
        alter table seat_import_row enable row level security;
        create policy seen on seat_import for select using (
            account_id = any ((select app_accounts('see_seats'))::bigint[]) or (select app_staff()));
        create policy written on seat_import using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        create policy seen on seat_import_row for select using (
            account_id = any ((select app_accounts('see_seats'))::bigint[]) or (select app_staff()));
        create policy written on seat_import_row using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
    """)
