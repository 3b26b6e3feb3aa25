"""Seats that nobody uses are taken back, where a workspace wants it so."""

from __future__ import annotations

from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table workspace add column reclaim_after_days integer check (reclaim_after_days between 14 and 730);
        alter table assignment
            add column reclaim_noticed_at timestamptz,
            add column reclaim_at timestamptz,
            add column reclaim_reminded_at timestamptz,
            add check ((reclaim_noticed_at is null) = (reclaim_at is null)),
            add check (reclaim_reminded_at is null or reclaim_noticed_at is not null);
        create index on workspace (id) where reclaim_after_days is not null;
        create index on assignment (account_id, id) where reclaim_noticed_at is not null and state <> 'released';
    """)
