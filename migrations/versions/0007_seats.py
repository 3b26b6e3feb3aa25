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

        -- Whoever may see an invitation may know who invites them, before they belong to it.
        create function workspace_name(number bigint) returns text
            language sql stable security definer set search_path = public, pg_temp as $$
            select w.name from workspace w where w.id = number
              and (w.id = any (app_accounts('see_account')) or app_staff()
                   or exists (select from invitation i where i.account_id = w.id and i.email = app_text('email')))
            $$;

        -- What the transaction's person may use: their own subscriptions, and their seats. A plain member may
        -- not look at the pool or at the subscription behind their seat, so the answer is computed for them here.
        create function held_versions() returns table (plan_id bigint, plan_version_id bigint)
            language sql stable security definer set search_path = public, pg_temp as $$
            select s.plan_id, s.plan_version_id
            from account a join subscription s on s.account_id = a.id
            where a.person_id = app_number('person') and s.state in ('trialing', 'active', 'past_due')
            union
            select s.plan_id, s.plan_version_id
            from assignment t
            join member m on m.account_id = t.account_id and m.person_id = t.person_id and m.state = 'active'
            join license_pool p on p.account_id = t.account_id and p.id = t.pool_id
            join subscription s on s.account_id = p.account_id and s.id = p.subscription_id
            where t.person_id = app_number('person') and t.state = 'active'
              and s.state in ('trialing', 'active', 'past_due')
            $$;
    """)
