"""Seat groups: parts of a license pool that are set apart for somebody."""

from __future__ import annotations

from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table seat_group (
            account_id bigint not null references workspace,
            id         bigint not null unique,
            pool_id    bigint not null,
            name       text not null check (length(name) between 1 and 200),
            allocation integer not null check (allocation >= 0),
            assigned   integer not null default 0 check (assigned between 0 and allocation),
            created_at timestamptz not null,
            removed_at timestamptz,
            primary key (account_id, id),
            unique (account_id, pool_id, id),
            foreign key (account_id, pool_id) references license_pool,
            check (removed_at is null or allocation = 0)
        );
        create unique index one_group_name on seat_group (account_id, pool_id, lower(name)) where removed_at is null;
        create index on seat_group (account_id, created_at, id);
        create index on seat_group (account_id, pool_id, created_at, id);

        -- What groups may take and have not taken, so that one row says how many seats are free for everybody.
        alter table license_pool add column set_apart integer not null default 0 check (set_apart >= 0);
        alter table assignment add column seat_group_id bigint;
        alter table assignment add foreign key (account_id, pool_id, seat_group_id)
            references seat_group (account_id, pool_id, id);
        create index on assignment (account_id, seat_group_id, since, id) where seat_group_id is not null;

        grant select, insert, update on seat_group to seatgraph_app;
        alter table seat_group enable row level security;
        create policy seen on seat_group for select using (
            account_id = any ((select app_accounts('see_counts'))::bigint[])
            or (select app_staff()));
        create policy written on seat_group using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
    """)
