"""Links with which somebody who is no member sets up one thing."""

from __future__ import annotations

from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table setup_link (
            account_id  bigint not null references workspace,
            id          bigint not null unique,
            purpose     text not null check (purpose in ('sso', 'directory', 'domain')),
            hash        bytea not null unique check (length(hash) = 32),
            bearer_hash bytea unique check (length(bearer_hash) = 32),
            created_by  bigint not null references person,
            created_at  timestamptz not null,
            expires_at  timestamptz not null check (expires_at <= created_at + interval '72 hours'),
            opened_at   timestamptz,
            revoked_at  timestamptz,
            made_id     bigint,
            primary key (account_id, id),
            check ((opened_at is null) = (bearer_hash is null))
        );
        grant select, insert, update on setup_link to seatgraph_app;

        alter table setup_link enable row level security;
        create policy seen on setup_link for select using (
            account_id = any ((select app_accounts('see_identity'))::bigint[]) or (select app_staff()));
        create policy carried on setup_link for select using (
            encode(hash, 'hex') = (select app_text('setup_hash'))
            or encode(bearer_hash, 'hex') = (select app_text('setup_hash')));
        create policy written on setup_link using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
    """)
