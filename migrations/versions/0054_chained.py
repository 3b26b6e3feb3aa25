"""The running hash of an audit chain, so that one statement adds to it."""

from __future__ import annotations

from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- A record's hash covers the hash before it; the first of a statement follows the head's.
        create function audit_link(link bytea, head bytea, said text) returns bytea
            language sql immutable parallel safe as
            $$ select sha256(coalesce(link, head) || convert_to(said, 'UTF8')) $$;
        create aggregate audit_chained(head bytea, said text) (sfunc = audit_link, stype = bytea);
    """)
