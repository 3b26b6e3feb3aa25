"""Dunning that our staff have paused, until when and why."""

from __future__ import annotations

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table invoice_dunning add column paused_at timestamptz, add column pause_reason text,
            drop constraint invoice_dunning_check,
            add constraint waits_while_it_goes_on check (state in ('running', 'paused') or next_at is null),
            add constraint pauses_end check ((state = 'paused') = (paused_at is not null)
                and (state = 'paused') = (pause_reason is not null) and (state <> 'paused' or next_at is not null));
    """)
