"""Certificates that an identity provider's metadata names and that don't count: read once a day, and told of."""

from __future__ import annotations

from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table sso_connection
            add column metadata_read_at       timestamptz,
            add column announced_certificates text[] not null default '{}'
                check (cardinality(announced_certificates) <= 2);
        -- Those whose metadata is to be read next.
        create index on sso_connection (metadata_read_at nulls first)
            where metadata_url is not null and deleted_at is null;
    """)
