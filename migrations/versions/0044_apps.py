"""Apps on phones and desktops: codes and refresh tokens."""

from __future__ import annotations

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table sso_flow add column app jsonb;

        create table app_grant (
            account_id bigint not null references workspace,
            hash       bytea primary key check (length(hash) = 32),
            session_id bigint not null references session,
            kind       text not null check (kind in ('code', 'refresh')),
            challenge  text,
            redirect   text,
            parent     bytea,
            created_at timestamptz not null,
            expires_at timestamptz not null,
            used_at    timestamptz
        );
        create index on app_grant (parent) where parent is not null;
        create index on app_grant (expires_at);

        alter table app_grant enable row level security;
        create policy carried on app_grant for select using (encode(hash, 'hex') = (select app_text('app_grant')));
        create policy written on app_grant using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        create policy forgotten on app_grant for delete using ((select app_staff()));
        create policy tidied on app_grant for select using ((select app_staff()));
        grant select, insert, update, delete on app_grant to seatgraph_app;
    """)
