"""Single sign-on of workspaces: connections, logins on their way, who is who there, what came of each, and domains."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table sso_connection (
            account_id    bigint not null references workspace,
            id            bigint not null unique,
            kind          text not null check (kind in ('oidc', 'saml')),
            name          text not null check (length(name) between 1 and 200),
            issuer        text not null check (length(issuer) between 1 and 2000),
            client_id     text not null check (length(client_id) between 1 and 500),
            sealed_secret bytea,
            enabled       boolean not null,
            created_by    bigint not null references person,
            created_at    timestamptz not null,
            tested_at     timestamptz,
            tested_by     bigint references person,
            deleted_at    timestamptz,
            primary key (account_id, id),
            check ((tested_at is null) = (tested_by is null)),
            check (not (enabled and deleted_at is not null))
        );
        -- One login on its way through a browser. Whoever comes back with its state takes it out.
        create table sso_flow (
            account_id    bigint not null,
            state_hash    bytea primary key check (length(state_hash) = 32),
            connection_id bigint not null,
            login_id      bigint,
            browser_hash  bytea not null check (length(browser_hash) = 32),
            sealed        bytea not null,
            next          text not null,
            person_id     bigint references person,
            created_at    timestamptz not null,
            expires_at    timestamptz not null,
            foreign key (account_id, connection_id) references sso_connection (account_id, id)
        );
        create index on sso_flow (expires_at);
        create table sso_identity (
            account_id    bigint not null,
            id            bigint not null unique,
            connection_id bigint not null,
            subject       text not null check (length(subject) between 1 and 255),
            person_id     bigint not null references person,
            created_at    timestamptz not null,
            unlinked_at   timestamptz,
            primary key (account_id, id),
            foreign key (account_id, connection_id) references sso_connection (account_id, id)
        );
        create unique index one_person_a_subject on sso_identity (account_id, connection_id, subject)
            where unlinked_at is null;
        create unique index one_subject_a_person on sso_identity (account_id, connection_id, person_id)
            where unlinked_at is null;
        create table sso_login (
            account_id    bigint not null,
            id            bigint not null unique,
            connection_id bigint not null,
            purpose       text not null check (purpose in ('sign_in', 'test')),
            state         text not null check (state in ('waiting', 'done', 'refused')),
            steps         text[] not null,
            reason        text,
            subject       text,
            email         text,
            person_id     bigint references person,
            ticket_hash   bytea,
            request_id    text not null,
            created_at    timestamptz not null,
            ended_at      timestamptz,
            primary key (account_id, id),
            check ((state = 'refused') = (reason is not null)),
            foreign key (account_id, connection_id) references sso_connection (account_id, id)
        );
        create index on sso_login (account_id, connection_id, created_at, id);
        create table workspace_domain (
            account_id    bigint not null references workspace,
            id            bigint not null unique,
            name          text not null check (name = lower(name) and length(name) between 3 and 253),
            behavior      text not null check (behavior in ('none', 'suggest', 'join', 'join_and_seat')),
            pool_id       bigint,
            token         text not null,
            created_by    bigint not null references person,
            created_at    timestamptz not null,
            verified_at   timestamptz,
            checked_at    timestamptz,
            failing_since timestamptz,
            removed_at    timestamptz,
            primary key (account_id, id),
            foreign key (account_id, pool_id) references license_pool (account_id, id)
        );
        -- A proven domain belongs to one tenant; anybody may try to prove one.
        create unique index one_tenant_a_domain on workspace_domain (name)
            where verified_at is not null and removed_at is null;
        create unique index once_a_tenant on workspace_domain (account_id, name) where removed_at is null;

        alter table session
            add column hash          bytea unique check (length(hash) = 32),
            add column account_id    bigint references workspace,
            add column connection_id bigint,
            add column idle_seconds  integer check (idle_seconds > 0),
            add column last_used_at  timestamptz,
            add column signed_in_at  timestamptz,
            add column provider_session text,
            add column agent         text not null default '',
            add column ip            text not null default '',
            add column ended_why     text,
            add foreign key (account_id, connection_id) references sso_connection (account_id, id);
        create index on session (account_id, person_id) where account_id is not null and ended_at is null;

        grant select, insert, update on sso_connection, sso_identity, sso_login, workspace_domain to seatgraph_app;
        grant select, insert, delete on sso_flow to seatgraph_app;

        alter table sso_connection enable row level security;
        create policy seen on sso_connection for select using (
            account_id = any ((select app_accounts('see_identity'))::bigint[]) or (select app_staff()));
        create policy asked on sso_connection for select using (id = (select app_number('sso')));
        create policy written on sso_connection using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));

        alter table sso_flow enable row level security;
        create policy carried on sso_flow using (encode(state_hash, 'hex') = (select app_text('state')));
        create policy written on sso_flow using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));

        alter table sso_identity enable row level security;
        create policy seen on sso_identity for select using (
            account_id = any ((select app_accounts('see_identity'))::bigint[]) or (select app_staff()));
        create policy written on sso_identity using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));

        alter table sso_login enable row level security;
        create policy seen on sso_login for select using (
            account_id = any ((select app_accounts('see_identity'))::bigint[]) or (select app_staff()));
        create policy written on sso_login using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));

        alter table workspace_domain enable row level security;
        create policy seen on workspace_domain for select using (
            account_id = any ((select app_accounts('see_identity'))::bigint[]) or (select app_staff()));
        create policy written on workspace_domain using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));

        -- A session that a workspace's own connection made is the workspace's to end.
        create policy bound on session using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        create policy carried on session using (encode(hash, 'hex') = (select app_text('session_hash')))
            with check (encode(hash, 'hex') = (select app_text('session_hash')));
    """)
