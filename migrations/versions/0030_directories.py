"""Directories of workspaces, and the tokens that they show at the door."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table directory (
            account_id  bigint not null references workspace,
            id          bigint not null unique,
            name        text not null check (length(name) between 1 and 200),
            pool_id     bigint,
            created_by  bigint not null references person,
            created_at  timestamptz not null,
            disabled_at timestamptz,
            primary key (account_id, id),
            foreign key (account_id, pool_id) references license_pool (account_id, id)
        );
        create table directory_token (
            account_id   bigint not null,
            id           bigint not null unique,
            directory_id bigint not null,
            hash         bytea not null unique check (length(hash) = 32),
            created_by   bigint not null references person,
            created_at   timestamptz not null,
            last_used_at timestamptz,
            removed_at   timestamptz,
            primary key (account_id, id),
            foreign key (account_id, directory_id) references directory (account_id, id)
        );
        create index on directory_token (account_id, directory_id);

        grant select, insert, update on directory, directory_token to seatgraph_app;

        alter table directory enable row level security;
        create policy seen on directory for select using (
            account_id = any ((select app_accounts('see_identity'))::bigint[]) or (select app_staff()));
        create policy written on directory using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));

        alter table directory_token enable row level security;
        create policy seen on directory_token for select using (
            account_id = any ((select app_accounts('see_identity'))::bigint[]) or (select app_staff()));
        create policy written on directory_token using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        -- Whoever shows a token finds its row by the hash, before it is known whose it is.
        create policy carried on directory_token for select
            using (encode(hash, 'hex') = (select app_text('directory_hash')));
    """)
