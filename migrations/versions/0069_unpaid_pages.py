"""Invoices that are not paid, in the order of their pages."""

from __future__ import annotations

from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- Nearly all invoices are paid. A page of others would be looked for among all of them.
        create index unpaid_pages on invoice (created_at, id) where state <> 'paid';
        create index unpaid_pages_of_one on invoice (account_id, created_at, id) where state <> 'paid';
    """)
