"""How far a long list of people is while one change seats all of it."""

from __future__ import annotations

from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table seat_import
            -- Told outside of the change that is under way, so it may run ahead of what is there after a crash.
            add column phase text check (phase in ('judging', 'seating', 'recording')),
            add column tried bigint not null default 0,
            add check (tried between 0 and lines),
            add check (state = 'running' or phase is null and tried = 0);
    """)
