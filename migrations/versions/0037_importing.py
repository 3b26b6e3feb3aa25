"""What came over from Stripe Billing, each once."""

from __future__ import annotations

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table imported_object (
            account_id  bigint not null references account,
            rail_id     text not null unique,
            kind        text not null check (kind in ('customer', 'credit', 'subscription')),
            ours        bigint not null,
            imported_at timestamptz not null,
            primary key (account_id, rail_id)
        );
        alter table imported_object enable row level security;
        create policy seen on imported_object for select using ((select app_staff()));
        -- Whoever imports is the owner of the tables; the product itself only reads.
        grant select on imported_object to seatgraph_app;
    """)
