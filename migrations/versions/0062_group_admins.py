"""Admins of seat groups: members who give the seats of one group, and of no other."""

from __future__ import annotations

from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table group_admin (
            account_id    bigint not null references workspace,
            id            bigint not null unique,
            seat_group_id bigint not null,
            member_id     bigint not null,
            person_id     bigint not null references person,
            appointed_by  bigint references person,
            appointed_at  timestamptz not null,
            dismissed_at  timestamptz,
            primary key (account_id, id),
            foreign key (account_id, seat_group_id) references seat_group,
            foreign key (account_id, member_id) references member
        );
        create unique index one_appointment on group_admin (account_id, seat_group_id, member_id)
            where dismissed_at is null;
        create index on group_admin (person_id) where dismissed_at is null;

        grant select, insert, update on group_admin to seatgraph_app;
        alter table group_admin enable row level security;
        create policy seen on group_admin for select using (
            account_id = any ((select app_accounts('see_seats'))::bigint[])
            or person_id = (select app_number('person'))
            or (select app_staff()));
        create policy written on group_admin using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));

        -- Whoever gives the seats of a group sees the group, its seats, and who has them now.
        create policy given on seat_group for select using (id = any ((select app_accounts('groups'))::bigint[]));
        create policy given on assignment for select using (
            seat_group_id = any ((select app_accounts('groups'))::bigint[]));
        create policy given on person for select using (
            cardinality((select app_accounts('groups'))::bigint[]) > 0
            and exists (select from assignment a where a.person_id = person.id and a.state <> 'released'
                        and a.seat_group_id = any ((select app_accounts('groups'))::bigint[])));
    """)
