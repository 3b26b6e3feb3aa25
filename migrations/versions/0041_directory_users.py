"""The people in directories, and the lines of those who wait for a seat."""

from __future__ import annotations

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table directory_user (
            account_id   bigint not null,
            id           bigint not null unique,
            directory_id bigint not null,
            user_name    text not null check (length(user_name) between 1 and 254),
            external_id  text check (length(external_id) <= 255),
            document     jsonb not null check (jsonb_typeof(document) = 'object'),
            email        text check (length(email) <= 254),
            person_id    bigint references person,
            active       boolean not null,
            seat_wanted  boolean not null,
            version      integer not null check (version > 0),
            created_at   timestamptz not null,
            changed_at   timestamptz not null,
            deleted_at   timestamptz,
            primary key (account_id, id),
            foreign key (account_id, directory_id) references directory (account_id, id),
            check (not (active and deleted_at is not null))
        );
        create unique index one_user_a_name on directory_user (account_id, directory_id, lower(user_name))
            where deleted_at is null;
        create unique index one_entry_a_person on directory_user (account_id, directory_id, person_id)
            where deleted_at is null;
        create index on directory_user (account_id, directory_id, created_at, id) where deleted_at is null;
        create index on directory_user (account_id, directory_id, external_id) where deleted_at is null;
        create index on directory_user (account_id, directory_id, lower(email)) where deleted_at is null;

        grant select, insert, update on directory_user to seatgraph_app;
        alter table directory_user enable row level security;
        create policy seen on directory_user for select using (
            account_id = any ((select app_accounts('see_identity'))::bigint[]) or (select app_staff()));
        create policy written on directory_user using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));

        -- Beside one_seat_a_person: one person, one place in the line of a pool.
        create unique index one_place_in_line on assignment (account_id, pool_id, person_key)
            where state = 'waitlisted';
        create index waiting_line on assignment (account_id, pool_id, since, id) where state = 'waitlisted';

        -- A directory decides about the people of its workspace, whose rows are their own: what it may do to them is
        -- these two things, to members of the workspace that the transaction writes for.
        create function void_tokens(number bigint) returns void
            language sql volatile security definer set search_path = public, pg_temp as $$
            update person p set epoch = epoch + 1 where p.id = number and exists (
                select from member m where m.person_id = p.id and m.account_id = app_number('account')
                and m.state = 'active')
            $$;
        create function move_address(number bigint, address text) returns boolean
            language sql volatile security definer set search_path = public, pg_temp as $$
            with moved as (
                update person p set email = address, email_verified = true
                where p.id = number
                  and exists (select from member m where m.person_id = p.id and m.state = 'active'
                              and m.account_id = app_number('account') and m.role <> 'owner')
                  and not exists (select from member m where m.person_id = p.id and m.state = 'active'
                                  and m.account_id <> app_number('account'))
                  and not exists (select from person o where lower(o.email) = address and o.email_verified
                                  and o.id <> p.id)
                  and exists (select from workspace_domain d where d.account_id = app_number('account')
                              and d.name = split_part(address, '@', 2) and d.verified_at is not null
                              and d.removed_at is null)
                returning 1)
            select exists (select from moved)
            $$;
        revoke all on function void_tokens(bigint), move_address(bigint, text) from public;
        grant execute on function void_tokens(bigint), move_address(bigint, text) to seatgraph_app;
    """)
