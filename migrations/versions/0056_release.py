"""Who uses a workspace, which seats are kept from being released, and what becomes of those that are too many."""

from __future__ import annotations

from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- To the day: whoever uses a workspace writes it at most once in 24 hours.
        alter table member add column last_used_at timestamptz;
        alter table assignment add column protected_at timestamptz;
        alter table workspace
            add column decrease text not null default 'keep_paid' check (decrease in ('keep_paid', 'auto_release'));
        alter table scheduled_change add column announced_at timestamptz;
    """)
