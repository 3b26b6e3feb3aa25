"""Whoever sees what is billed sees how billing was set."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter policy seen on audit_record using (
            account_id = any ((select app_accounts('see_audit'))::bigint[])
            or person_id = (select app_number('person'))
               and account_id = any ((select app_accounts('see_seats'))::bigint[])
            or subject in ('account', 'subscription', 'change', 'pool', 'invoice', 'credit_note', 'entry', 'payment',
                           'payment_method')
               and (select app_number('person')) is not null
               and account_id = any ((select app_accounts('see_billing'))::bigint[])
            or (select app_staff()));
    """)
