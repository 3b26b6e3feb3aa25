"""What the owner of the tables answers, by functions of theirs, is asked by our own role alone."""

from __future__ import annotations

from alembic import op

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- They trust what a transaction says of who asks, which any role of the database could say.
        revoke all on function workspace_name(bigint), held_versions(), card_tries(text, timestamptz),
            sitters(bigint[], bigint[], timestamptz[], timestamptz[]) from public;
        grant execute on function workspace_name(bigint), held_versions(), card_tries(text, timestamptz),
            sitters(bigint[], bigint[], timestamptz[], timestamptz[]) to seatgraph_app;

        -- Where it is not named, the schema of a session's own temporary tables comes before all others.
        alter function usage_months(timestamptz, timestamptz) set search_path = pg_catalog, public, pg_temp;
    """)
