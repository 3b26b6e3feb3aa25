"""Break-glass: owners with a second factor, for when a workspace's own sign-in is away."""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table break_glass (
            account_id    bigint not null references workspace,
            id            bigint not null unique,
            person_id     bigint not null references person,
            sealed_secret bytea not null,
            created_at    timestamptz not null,
            confirmed_at  timestamptz,
            last_step     bigint,
            failures      integer not null default 0 check (failures >= 0),
            closed_until  timestamptz,
            opened_at     timestamptz,
            removed_at    timestamptz,
            primary key (account_id, id)
        );
        create unique index one_second_factor on break_glass (account_id, person_id) where removed_at is null;

        alter table break_glass enable row level security;
        create policy seen on break_glass for select using (
            account_id = any ((select app_accounts('see_identity'))::bigint[]) or (select app_staff()));
        -- Whom the workspace's own sign-in locks out still finds the door.
        create policy own on break_glass for select using (person_id = (select app_number('person')));
        create policy written on break_glass using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        grant select, insert, update on break_glass to seatgraph_app;
    """)
