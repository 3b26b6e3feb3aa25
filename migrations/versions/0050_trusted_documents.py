"""Documents that clients registered, and notices of what everybody sees alike."""

from __future__ import annotations

from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table trusted_document (
            client        text not null check (client ~ '^[A-Za-z0-9._-]{1,64}$'),
            id            text not null check (id ~ '^(sha256:[0-9a-f]{64}|x-[A-Za-z0-9._-]{1,30}:[!-~]{1,200})$'),
            source        text not null check (length(source) <= 131072),
            registered_at timestamptz not null default clock_timestamp(),
            revoked_at    timestamptz,
            primary key (client, id)
        );
        create index on trusted_document (id);
        -- What may be asked is said by whoever runs the product, never by who asks.
        grant select on trusted_document to seatgraph_app;

        create function tell_of_change() returns trigger language plpgsql as $$
        begin
            perform pg_notify(tg_argv[0], '');
            return null;
        end $$;

        create trigger told after insert or update or delete or truncate on trusted_document
            for each statement execute function tell_of_change('seatgraph_documents');
        create trigger told after insert or update or delete or truncate on plan
            for each statement execute function tell_of_change('seatgraph_catalog');
        create trigger told after insert or update or delete or truncate on plan_version
            for each statement execute function tell_of_change('seatgraph_catalog');
        create trigger told after insert or update or delete or truncate on price
            for each statement execute function tell_of_change('seatgraph_catalog');
        create trigger told after insert or update or delete or truncate on entitlement
            for each statement execute function tell_of_change('seatgraph_catalog');
    """)
