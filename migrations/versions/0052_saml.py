"""SSO connections that speak SAML: where they send browsers, who signs for them, and which answers have counted."""

from __future__ import annotations

from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table sso_connection
            add column sign_in_url       text check (length(sign_in_url) between 1 and 2000),
            add column metadata_url      text check (length(metadata_url) between 1 and 2000),
            add column idp_initiated     boolean not null default false,
            add column subject_attribute text check (length(subject_attribute) between 1 and 500),
            add column email_attribute   text check (length(email_attribute) between 1 and 500),
            add column name_attribute    text check (length(name_attribute) between 1 and 500),
            add check ((kind = 'saml') = (sign_in_url is not null));
        -- Whom an answer vouched for, while its browser is on the way from the provider's page to ours.
        alter table sso_flow add column vouched jsonb;

        create table sso_certificate (
            account_id    bigint not null,
            id            bigint not null unique,
            connection_id bigint not null,
            slot          bigint not null check (slot in (1, 2)),
            der           bytea not null check (length(der) between 1 and 20000),
            fingerprint   text not null check (length(fingerprint) = 64),
            subject       text not null,
            begins_at     timestamptz not null,
            expires_at    timestamptz not null,
            warned        bigint not null check (warned between 0 and 3),
            created_by    bigint not null references person,
            created_at    timestamptz not null,
            removed_at    timestamptz,
            primary key (account_id, id),
            foreign key (account_id, connection_id) references sso_connection (account_id, id)
        );
        -- The second fence behind auth.sso.federating: two certificates at a time, and none twice.
        create unique index two_certificates_a_connection on sso_certificate (account_id, connection_id, slot)
            where removed_at is null;
        create unique index once_a_connection on sso_certificate (account_id, connection_id, fingerprint)
            where removed_at is null;
        create index on sso_certificate (expires_at) where removed_at is null;

        -- Assertions that have counted, until they would not hold any more.
        create table sso_assertion (
            account_id    bigint not null,
            connection_id bigint not null,
            hash          bytea not null check (length(hash) = 32),
            holds_until   timestamptz not null,
            primary key (account_id, connection_id, hash),
            foreign key (account_id, connection_id) references sso_connection (account_id, id)
        );
        create index on sso_assertion (holds_until);

        grant select, insert, update on sso_certificate to seatgraph_app;
        grant select, insert, delete on sso_assertion to seatgraph_app;

        alter table sso_certificate enable row level security;
        create policy seen on sso_certificate for select using (
            account_id = any ((select app_accounts('see_identity'))::bigint[]) or (select app_staff()));
        create policy written on sso_certificate using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));

        alter table sso_assertion enable row level security;
        create policy tidied on sso_assertion using ((select app_staff()));
        create policy written on sso_assertion using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
    """)
