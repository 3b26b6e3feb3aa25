"""License pools, who sits in them, and invitations."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table license_pool (
            account_id           bigint not null references workspace,
            id                   bigint not null unique,
            name                 text not null check (length(name) between 1 and 200),
            plan_id              bigint not null references plan,
            subscription_id      bigint not null,
            subscription_item_id bigint not null,
            purchased            integer not null check (purchased >= 0),
            assigned             integer not null check (assigned between 0 and purchased),
            created_at           timestamptz not null,
            closed_at            timestamptz,
            primary key (account_id, id),
            unique (account_id, subscription_item_id),
            foreign key (account_id, subscription_item_id) references subscription_item
        );
        create table assignment (
            account_id     bigint not null,
            id             bigint not null unique,
            pool_id        bigint not null,
            plan_id        bigint not null references plan,
            email          text not null check (length(email) <= 254),
            person_id      bigint references person,
            person_key     text not null,
            state          text not null check (state in ('invited', 'active', 'suspended', 'waitlisted', 'released')),
            source         text not null,
            since          timestamptz not null,
            suspended_at   timestamptz,
            released_at    timestamptz,
            release_reason text check (length(release_reason) <= 1000),
            primary key (account_id, id),
            foreign key (account_id, pool_id) references license_pool,
            check ((state = 'released') = (released_at is not null)),
            check (state <> 'active' or person_id is not null)
        );
        -- The second fence behind seats.seating: one person, one seat of a pool.
        create unique index one_seat_a_person on assignment (account_id, pool_id, person_key)
            where state in ('invited', 'active', 'suspended');
        create index on assignment (account_id, since, id);
        create index on assignment (account_id, email, id);
        create index on assignment (account_id, pool_id, since, id);
        create index on assignment (person_id) where state <> 'released';
        create table invitation (
            account_id    bigint not null references workspace,
            id            bigint not null unique,
            email         text not null check (length(email) <= 254),
            role          text not null,
            state         text not null check (state in ('pending', 'accepted', 'revoked', 'expired')),
            invited_by    bigint,
            created_at    timestamptz not null,
            expires_at    timestamptz not null,
            answered_at   timestamptz,
            token_hash    bytea not null,
            primary key (account_id, id),
            check ((state = 'pending') = (answered_at is null))
        );
        create unique index one_open_invitation on invitation (account_id, email) where state = 'pending';
        create index on invitation (email) where state = 'pending';
        create index on invitation (expires_at) where state = 'pending';

        grant select, insert, update on license_pool, assignment, invitation to seatgraph_app;

        alter table license_pool enable row level security;
        create policy seen on license_pool for select using (
            account_id = any ((select app_accounts('see_counts'))::bigint[]) or (select app_staff()));
        create policy written on license_pool using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        alter table assignment enable row level security;
        create policy seen on assignment for select using (
            account_id = any ((select app_accounts('see_seats'))::bigint[])
            or person_id = (select app_number('person'))
            or (select app_staff()));
        create policy written on assignment using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        alter table invitation enable row level security;
        create policy seen on invitation for select using (
            account_id = any ((select app_accounts('see_seats'))::bigint[])
            or email = (select app_text('email'))
            or (select app_staff()));
        create policy written on invitation using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
    """)
