"""On trial, the cycle that waits for its end may become another one: nothing was billed by it."""

from __future__ import annotations

from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        grant update (anchor, interval, count) on subscription_cycle to seatgraph_app;
    """)
