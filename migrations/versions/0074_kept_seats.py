"""Seats are kept for people whom their directory deactivates for a while, where a workspace wants it so."""

from __future__ import annotations

from alembic import op

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table directory add column keeps_days integer check (keeps_days between 1 and 90);
        alter table assignment
            add column kept_since timestamptz,
            add column kept_until timestamptz,
            add check ((kept_since is null) = (kept_until is null)),
            add check (kept_until is null or state in ('suspended', 'released'));
        create index kept_seats on assignment (kept_until) where state = 'suspended' and kept_until is not null;
    """)
