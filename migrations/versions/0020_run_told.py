"""What a billing run came to, chunk by chunk: amounts by currency, and why periods were skipped."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table run_chunk
            add column amounts jsonb not null default '{}',
            add column reasons jsonb not null default '{}';
        do $$
        begin
            if exists (select from pg_roles where rolname = 'seatgraph_worker' and rolbypassrls) then
                grant update (amounts, reasons) on run_chunk to seatgraph_worker;
            end if;
        end $$;
    """)
