"""What a workspace says becomes of whoever wants a seat of a full pool."""

from __future__ import annotations

from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table workspace
            add column overage text not null default 'block' check (overage in ('block', 'request', 'buy')),
            add column overage_limit integer check (overage_limit between 1 and 100000),
            add check (overage_limit is null or overage = 'buy');
    """)
