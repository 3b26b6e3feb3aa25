"""Those who work for us see who else does, so that the system can write to a desk."""

from __future__ import annotations

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create policy colleagues on staff for select using ((select app_staff()));")
