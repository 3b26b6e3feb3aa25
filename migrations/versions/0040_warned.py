"""What the rail tells by itself: mandates that end, warnings of fraud, refunds that were made there."""

from __future__ import annotations

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table payment_method add column revoked_at timestamptz,
            add constraint revoked_ones_are_not_charged check (revoked_at is null or not is_default);

        -- One that was made at the rail itself has no credit note until Finance has written it.
        alter table refund alter column credit_note_id drop not null;
        create index refunds_to_credit on refund (created_at, id) where credit_note_id is null;

        create table fraud_warning (
            account_id bigint not null,
            id         bigint not null unique,
            payment_id bigint not null,
            rail_id    text not null unique,
            charge     text not null,
            kind       text not null,
            actionable boolean not null,
            warned_at  timestamptz not null,
            primary key (account_id, id),
            foreign key (account_id, payment_id) references payment
        );
        create index on fraud_warning (account_id, payment_id, id);
        create index on fraud_warning (warned_at, id);
        alter table fraud_warning enable row level security;
        -- Whoever paid may be who has stolen the card.
        create policy seen on fraud_warning for select using ((select app_staff()));
        create policy written on fraud_warning using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        grant select, insert, update on fraud_warning to seatgraph_app;
    """)
