"""Events of an account have places in their order, and whoever listens is told of them at once."""

from __future__ import annotations

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- Taken while the audit chain of the account is locked: within one account, who is later commits later.
        create sequence outbox_position;
        grant usage on sequence outbox_position to seatgraph_app;
        do $$
        begin
            if exists (select from pg_roles where rolname = 'seatgraph_worker' and rolbypassrls) then
                grant usage on sequence outbox_position to seatgraph_worker;
            end if;
        end $$;
        alter table outbox add column position bigint not null default nextval('outbox_position');
        alter sequence outbox_position owned by outbox.position;
        create unique index outbox_places on outbox (account_id, position);

        -- A notification holds 8,000 bytes: the numbers of 300 accounts fit.
        create function tell_outbox() returns trigger language plpgsql as $$
        begin
            perform pg_notify('seatgraph_told', string_agg(account_id::text, ','))
            from (select account_id, (row_number() over () - 1) / 300 as part from told group by account_id) t
            group by part;
            return null;
        end $$;
        create trigger tell after insert on outbox
            referencing new table as told for each statement execute function tell_outbox();
    """)
