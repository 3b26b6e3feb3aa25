"""What of a payment an invoice took, and entries found by what they are about."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table payment_part
            add column applied_minor bigint not null default 0 check (applied_minor between 0 and amount_minor);
        create index entries_about_payments on ledger_entry (account_id, subject_id, kind) where subject = 'payment';
    """)
