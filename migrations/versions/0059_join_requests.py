"""Workspaces that are suggested to people of their domains, and who asked to join one."""

from __future__ import annotations

from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table join_request (
            account_id bigint not null references workspace,
            id         bigint not null unique,
            domain_id  bigint not null,
            person_id  bigint not null references person,
            email      text not null check (length(email) <= 254),
            note       text check (length(note) between 1 and 1000),
            state      text not null check (state in ('open', 'approved', 'declined', 'withdrawn', 'expired')),
            created_at timestamptz not null,
            expires_at timestamptz not null,
            settled_at timestamptz,
            settled_by bigint references person,
            reason     text check (length(reason) between 1 and 1000),
            primary key (account_id, id),
            foreign key (account_id, domain_id) references workspace_domain,
            check ((state = 'open') = (settled_at is null))
        );
        -- Somebody asks to join a workspace once at a time.
        create unique index one_open_join_request on join_request (account_id, person_id) where state = 'open';
        create index on join_request (account_id, created_at, id);
        create index on join_request (person_id, created_at, id);
        create index on join_request (expires_at) where state = 'open';

        grant select, insert, update on join_request to seatgraph_app;
        alter table join_request enable row level security;
        create policy seen on join_request for select using (
            account_id = any ((select app_accounts('see_seats'))::bigint[])
            or person_id = (select app_number('person'))
            or (select app_staff()));
        create policy written on join_request using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));

        -- The workspaces that somebody may ask to join: those that have proven the domain of the address that they have
        -- proven, suggest themselves to its people, and don't have them yet.
        create function suggested_to(who bigint)
            returns table (domain_id bigint, account_id bigint, workspace text, domain text, email text)
            language sql stable security definer set search_path = public, pg_temp as $$
            select d.id, d.account_id, w.name, d.name, lower(p.email)
            from person p
            join workspace_domain d on d.name = substring(lower(p.email) from '@([^@]+)$')
            join workspace w on w.id = d.account_id
            where p.id = who and p.email_verified and d.verified_at is not null and d.removed_at is null
            and d.behavior = 'suggest'
            and not exists (select from member m where m.account_id = d.account_id and m.person_id = p.id
                            and m.state = 'active')
            $$;
        revoke all on function suggested_to(bigint) from public;

        -- Asked by the person themselves.
        create function suggested_workspaces()
            returns table (domain_id bigint, account_id bigint, workspace text, domain text, email text)
            language sql stable security definer set search_path = public, pg_temp as $$
            select * from suggested_to(app_number('person'))
            $$;
        revoke all on function suggested_workspaces() from public;
        grant execute on function suggested_workspaces() to seatgraph_app;

        -- Whether a request of the account at hand still stands: the workspace is still suggested to whoever asked, at
        -- the address under which they asked.
        create function join_request_stands(number bigint) returns boolean
            language sql stable security definer set search_path = public, pg_temp as $$
            select exists (
                select from join_request r, suggested_to(r.person_id) s
                where r.account_id = app_number('account') and r.id = number
                and s.account_id = r.account_id and s.domain_id = r.domain_id and s.email = r.email)
            $$;
        revoke all on function join_request_stands(bigint) from public;
        grant execute on function join_request_stands(bigint) to seatgraph_app;
    """)
