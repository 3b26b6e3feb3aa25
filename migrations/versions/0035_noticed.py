"""Tries that payers make on a page, with a payment method that nobody keeps."""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table payment_attempt alter column payment_method_id drop not null;")
