"""Logins that nobody came back from are forgotten; proven domains are found by when they were checked."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create policy tidied on sso_flow using ((select app_staff()));
        create index on workspace_domain (checked_at) where verified_at is not null and removed_at is null;
    """)
