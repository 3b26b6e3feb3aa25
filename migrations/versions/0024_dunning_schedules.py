"""The schedules that unpaid invoices follow, and which plan follows which."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table dunning_schedule (
            id   integer primary key generated always as identity,
            key  text not null unique,
            rule jsonb not null
        );
        grant select on dunning_schedule to seatgraph_app;
        alter table plan add column dunning text not null default 'standard';
    """)
