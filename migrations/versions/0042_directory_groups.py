"""Groups of directories, who is in them, and the rules that give roles and seats to their people."""

from __future__ import annotations

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table directory_group (
            account_id   bigint not null,
            id           bigint not null unique,
            directory_id bigint not null,
            name         text not null check (length(name) between 1 and 254),
            external_id  text check (length(external_id) <= 255),
            version      integer not null check (version > 0),
            created_at   timestamptz not null,
            changed_at   timestamptz not null,
            deleted_at   timestamptz,
            primary key (account_id, id),
            foreign key (account_id, directory_id) references directory (account_id, id)
        );
        create index on directory_group (account_id, directory_id, created_at, id) where deleted_at is null;
        create index on directory_group (account_id, directory_id, lower(name)) where deleted_at is null;
        create table directory_membership (
            account_id bigint not null,
            group_id   bigint not null,
            user_id    bigint not null,
            display    text check (length(display) <= 1000),
            primary key (account_id, group_id, user_id),
            foreign key (account_id, group_id) references directory_group (account_id, id),
            foreign key (account_id, user_id) references directory_user (account_id, id)
        );
        create index on directory_membership (account_id, user_id);
        create table group_rule (
            account_id bigint not null,
            id         bigint not null unique,
            group_id   bigint not null,
            role       text check (role in ('admin', 'seat_admin', 'billing_admin', 'auditor', 'member')),
            pool_id    bigint,
            priority   integer not null check (priority between 0 and 1000),
            created_by bigint not null references person,
            created_at timestamptz not null,
            removed_at timestamptz,
            primary key (account_id, id),
            foreign key (account_id, group_id) references directory_group (account_id, id),
            foreign key (account_id, pool_id) references license_pool (account_id, id),
            check (role is not null or pool_id is not null)
        );
        create unique index one_rule_a_group on group_rule (account_id, group_id) where removed_at is null;
        alter table directory_user
            add column ruled_role text
                check (ruled_role in ('admin', 'seat_admin', 'billing_admin', 'auditor', 'member'));

        grant select, insert, update on directory_group, group_rule to seatgraph_app;
        grant select, insert, update, delete on directory_membership to seatgraph_app;

        alter table directory_group enable row level security;
        create policy seen on directory_group for select using (
            account_id = any ((select app_accounts('see_identity'))::bigint[]) or (select app_staff()));
        create policy written on directory_group using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        alter table directory_membership enable row level security;
        create policy seen on directory_membership for select using (
            account_id = any ((select app_accounts('see_identity'))::bigint[]) or (select app_staff()));
        create policy written on directory_membership using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        alter table group_rule enable row level security;
        create policy seen on group_rule for select using (
            account_id = any ((select app_accounts('see_identity'))::bigint[]) or (select app_staff()));
        create policy written on group_rule using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
    """)
