"""Requests for seats: who asked, and what an admin decided."""

from __future__ import annotations

from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table seat_request (
            account_id    bigint not null references workspace,
            id            bigint not null unique,
            pool_id       bigint not null,
            plan_id       bigint not null references plan,
            email         text not null check (length(email) <= 254),
            person_id     bigint references person,
            person_key    text not null,
            asked_by      bigint references person,
            note          text check (length(note) between 1 and 1000),
            state         text not null
                          check (state in ('open', 'approved', 'declined', 'withdrawn', 'expired')),
            created_at    timestamptz not null,
            expires_at    timestamptz not null,
            settled_at    timestamptz,
            settled_by    bigint references person,
            reason        text check (length(reason) between 1 and 1000),
            assignment_id bigint,
            primary key (account_id, id),
            foreign key (account_id, pool_id) references license_pool,
            foreign key (account_id, assignment_id) references assignment,
            check ((state = 'open') = (settled_at is null)),
            check ((state = 'approved') = (assignment_id is not null))
        );
        -- One person asks once for a seat of a pool.
        create unique index one_open_request on seat_request (account_id, pool_id, person_key) where state = 'open';
        create index on seat_request (account_id, created_at, id);
        create index on seat_request (person_id, created_at, id);
        create index on seat_request (expires_at) where state = 'open';

        grant select, insert, update on seat_request to seatgraph_app;
        alter table seat_request enable row level security;
        create policy seen on seat_request for select using (
            account_id = any ((select app_accounts('see_seats'))::bigint[])
            or person_id = (select app_number('person'))
            or (select app_staff()));
        create policy written on seat_request using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
    """)
