"""What Finance needs: consent of a second person, and credit notes that tell their currency line by line."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table credit_note_line add column currency text check (currency ~ '^[A-Z]{3}$');
        update credit_note_line l set currency = n.currency
            from credit_note n where n.account_id = l.account_id and n.id = l.credit_note_id;
        alter table credit_note_line alter column currency set not null;

        -- What staff give away above a limit needs a second person, who never is the one that asked.
        create table credit_approval (
            account_id   bigint not null,
            id           bigint not null unique,
            kind         text not null check (kind in ('credit_note', 'credit_grant', 'write_off')),
            invoice_id   bigint check ((kind = 'credit_grant') = (invoice_id is null)),
            destination  text check (destination in ('receivable', 'customer_credit', 'refunds')),
            currency     text not null check (currency ~ '^[A-Z]{3}$'),
            amount_minor bigint not null check (amount_minor > 0),
            reason       text not null check (length(reason) between 1 and 1000),
            requested_by bigint not null,
            requested_at timestamptz not null,
            approved_by  bigint check (approved_by <> requested_by),
            approved_at  timestamptz,
            used_at      timestamptz check (used_at is null or approved_at is not null),
            primary key (account_id, id),
            check ((kind = 'credit_note') = (destination is not null)),
            check ((approved_by is null) = (approved_at is null))
        );
        alter table credit_approval enable row level security;
        create policy seen on credit_approval for select using ((select app_staff()));
        create policy written on credit_approval using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        grant select, insert, update on credit_approval to seatgraph_app;

        -- Whoever sees what is billed sees what was given back, and what became of their credit.
        alter policy seen on audit_record using (
            account_id = any ((select app_accounts('see_audit'))::bigint[])
            or person_id = (select app_number('person'))
               and account_id = any ((select app_accounts('see_seats'))::bigint[])
            or subject in ('subscription', 'change', 'pool', 'invoice', 'credit_note', 'entry', 'payment',
                           'payment_method')
               and (select app_number('person')) is not null
               and account_id = any ((select app_accounts('see_billing'))::bigint[])
            or (select app_staff()));
    """)
