"""A second factor counts until the one that takes its place is confirmed."""

from __future__ import annotations

from alembic import op

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        drop index one_second_factor;
        create unique index one_second_factor on break_glass (account_id, person_id)
            where removed_at is null and confirmed_at is not null;
        create unique index one_to_be_confirmed on break_glass (account_id, person_id)
            where removed_at is null and confirmed_at is null;
    """)
