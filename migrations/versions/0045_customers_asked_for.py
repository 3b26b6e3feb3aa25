"""What the rail was asked for when a customer was to be made, until it is known to be there."""

from __future__ import annotations

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table rail_customer
            add column request      jsonb,
            add column requested_at timestamptz,
            add column looks        integer not null default 0 check (looks >= 0),
            add check (requested_at is null or request is not null);
    """)
