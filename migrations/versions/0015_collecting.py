"""What is owed and not asked for yet: seats that an account is billed for later, and whatever was on a void invoice."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table subscription_clock add column unbilled_since timestamptz;
        create index clocks_unbilled on subscription_clock (account_id, subscription_id)
            where unbilled_since is not null;
        -- A billing run leaves these to the path that bills several subscriptions together.
        create index accounts_on_one_invoice on account (id) where one_invoice;
        -- What a run bills is asked for; the role is there where one may be made.
        do $$
        begin
            if exists (select from pg_roles where rolname = 'seatgraph_worker' and rolbypassrls) then
                grant update (unbilled_since) on subscription_clock to seatgraph_worker;
            end if;
        end $$;
    """)
