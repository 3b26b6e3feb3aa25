"""Exports of lists of any length, and the lines they have written."""

from __future__ import annotations

from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table bulk_export (
            id         bigint primary key,
            document   text not null check (length(document) <= 20000),
            person_id  bigint not null references person,
            state      text not null check (state in ('running', 'done', 'failed', 'stopped', 'expired')),
            cursor     text,
            parts      bigint not null,
            lines      bigint not null,
            bytes      bigint not null,
            failure    text,
            created_at timestamptz not null,
            ended_at   timestamptz,
            check ((state = 'running') = (ended_at is null)),
            check ((state = 'failed') = (failure is not null))
        );
        create index on bulk_export (parts, id) where state = 'running';
        create index on bulk_export (ended_at, id) where state = 'done';
        create index on bulk_export (created_at, id);
        create table bulk_export_part (
            export_id bigint not null references bulk_export,
            part      bigint not null,
            lines     text not null,
            primary key (export_id, part)
        );
        grant select, insert, update on bulk_export to seatgraph_app;
        grant select, insert, delete on bulk_export_part to seatgraph_app;
        alter table bulk_export enable row level security;
        alter table bulk_export_part enable row level security;
        create policy exported on bulk_export using ((select app_staff())) with check ((select app_staff()));
        create policy exported on bulk_export_part using ((select app_staff())) with check ((select app_staff()));
    """)
