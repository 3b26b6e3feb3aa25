"""Our staff look as a customer does, for half an hour, and the customer knows."""

from __future__ import annotations

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table viewing (
            account_id bigint not null references account,
            id         bigint not null unique,
            person_id  bigint not null references person,
            staff_id   bigint not null references person,
            reason     text not null check (length(reason) between 1 and 1000),
            hash       bytea not null unique check (length(hash) = 32),
            created_at timestamptz not null,
            expires_at timestamptz not null check (expires_at <= created_at + interval '30 minutes'),
            ended_at   timestamptz,
            primary key (account_id, id)
        );
        grant select, insert, update on viewing to seatgraph_app;

        alter table viewing enable row level security;
        create policy seen on viewing for select using (
            account_id = any ((select app_accounts('see_audit'))::bigint[]) or (select app_staff()));
        create policy carried on viewing for select using (encode(hash, 'hex') = (select app_text('viewing_hash')));
        create policy written on viewing using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
    """)
