"""What a provider said of a subject before is looked up by the subject."""

from __future__ import annotations

from alembic import op

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index on sso_login (account_id, connection_id, subject) where subject is not null;")
