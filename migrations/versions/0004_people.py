"""People, their sign-ins, accounts, workspaces, members and service keys."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table person (
            id             bigint primary key,
            email          text not null check (length(email) <= 254),
            email_verified boolean not null,
            name           text not null check (length(name) <= 200),
            locale         text not null,
            time_zone      text not null,
            epoch          integer not null,
            created_at     timestamptz not null
        );
        create index on person (lower(email));
        create table identity (
            issuer     text not null,
            subject    text not null,
            person_id  bigint not null references person,
            created_at timestamptz not null,
            primary key (issuer, subject)
        );
        create table session (
            id         bigint primary key,
            person_id  bigint not null references person,
            issuer     text not null,
            created_at timestamptz not null,
            expires_at timestamptz not null,
            ended_at   timestamptz
        );
        create index on session (person_id);
        create table staff (
            person_id bigint primary key references person,
            desk      text not null check (desk in ('support', 'finance', 'admin'))
        );
        create table account (
            id         bigint primary key,
            kind       text not null check (kind in ('person', 'workspace')),
            person_id  bigint unique references person,
            name       text not null check (length(name) <= 200),
            email      text not null,
            currency   text not null check (currency ~ '^[A-Z]{3}$'),
            country    text not null check (country ~ '^[A-Z]{2}$'),
            locale     text not null,
            time_zone  text not null,
            created_at timestamptz not null,
            check ((kind = 'person') = (person_id is not null))
        );
        -- A workspace shares its number with the account that pays for it.
        create table workspace (
            id           bigint primary key references account,
            name         text not null check (length(name) between 1 and 200),
            sso_enforced boolean not null,
            created_at   timestamptz not null
        );
        create table member (
            account_id bigint not null references workspace,
            id         bigint not null unique,
            person_id  bigint not null references person,
            role       text not null check (role in ('owner', 'admin', 'seat_admin', 'billing_admin', 'auditor',
                                                       'member')),
            state      text not null check (state in ('active', 'removed')),
            joined_at  timestamptz not null,
            removed_at timestamptz,
            primary key (account_id, id),
            check ((state = 'removed') = (removed_at is not null))
        );
        create unique index one_membership on member (account_id, person_id) where state = 'active';
        create index on member (person_id) where state = 'active';
        create table service_key (
            account_id     bigint not null references account,
            id             bigint not null unique,
            name           text not null check (length(name) between 1 and 200),
            scopes         text[] not null check (cardinality(scopes) > 0),
            created_by     bigint not null references person,
            created_at     timestamptz not null,
            expires_at     timestamptz not null,
            revoked_at     timestamptz,
            last_used_at   timestamptz,
            rotated_at     timestamptz,
            hash           bytea not null,
            previous_hash  bytea,
            previous_until timestamptz,
            primary key (account_id, id)
        );

        grant select, insert, update on person, session, account, workspace, member, service_key to seatgraph_app;
        grant select, insert on identity to seatgraph_app;
        grant select on staff to seatgraph_app;

        alter table person enable row level security;
        create policy seen on person for select using (
            id = (select app_number('person'))
            or (select app_staff())
            or exists (select from member m where m.person_id = person.id
                       and (m.account_id = any ((select app_accounts('see_seats'))::bigint[])
                            or m.account_id = (select app_number('account')))));
        create policy made on person for insert with check (true);
        create policy changed on person for update using (id = (select app_number('person')));

        alter table identity enable row level security;
        create policy own on identity using (
            person_id = (select app_number('person'))
            or issuer = (select app_text('issuer')) and subject = (select app_text('subject')));

        alter table session enable row level security;
        create policy own on session using (person_id = (select app_number('person')));

        alter table staff enable row level security;
        create policy own on staff for select using (person_id = (select app_number('person')));

        alter table account enable row level security;
        create policy seen on account for select using (
            id = any ((select app_accounts('see_account'))::bigint[])
            or person_id = (select app_number('person'))
            or (select app_staff()));
        create policy written on account using (id = (select app_number('account')))
            with check (id = (select app_number('account')));

        alter table workspace enable row level security;
        create policy seen on workspace for select using (
            id = any ((select app_accounts('see_account'))::bigint[])
            or (select app_staff()));
        create policy written on workspace using (id = (select app_number('account')))
            with check (id = (select app_number('account')));

        alter table member enable row level security;
        create policy seen on member for select using (
            account_id = any ((select app_accounts('see_seats'))::bigint[])
            or person_id = (select app_number('person'))
            or (select app_staff()));
        create policy written on member using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));

        alter table service_key enable row level security;
        create policy seen on service_key for select using (
            account_id = any ((select app_accounts('see_keys'))::bigint[])
            or created_by = (select app_number('person'))
               and account_id = any ((select app_accounts('see_account'))::bigint[])
            or (select app_staff()));
        create policy own on service_key using (id = (select app_number('key')))
            with check (id = (select app_number('key')));
        create policy written on service_key using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
    """)
