"""A seat that somebody was given for one they had lost."""

from __future__ import annotations

from alembic import op

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table assignment
            add column in_place_of bigint,
            add foreign key (account_id, in_place_of) references assignment (account_id, id);
        create index restored on assignment (account_id, in_place_of) where in_place_of is not null;
    """)
