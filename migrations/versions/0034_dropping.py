"""An add-on can be dropped, now or at the end of the period."""

from __future__ import annotations

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table scheduled_change drop constraint scheduled_change_kind_check;
        alter table scheduled_change add constraint scheduled_change_kind_check
            check (kind in ('change', 'drop', 'pause', 'resume', 'billing_day'));
        alter table scheduled_change add check (kind <> 'drop' or item_id is not null);
    """)
