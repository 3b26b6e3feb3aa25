"""Disputes, and what answered them."""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_TENANT = """
        alter table {table} enable row level security;
        create policy seen on {table} for select using (
            account_id = any ((select app_accounts('see_billing'))::bigint[]) or (select app_staff()));
        create policy written on {table} using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        grant select, insert, update on {table} to seatgraph_app;
"""


def upgrade() -> None:
    op.execute("""
        create table dispute (
            account_id        bigint not null,
            id                bigint not null unique,
            payment_id        bigint not null,
            rail_id           text not null unique,
            charge            text not null,
            state             text not null check (state in (
                'warning_needs_response', 'warning_under_review', 'warning_closed', 'needs_response', 'under_review',
                'prevented', 'won', 'lost', 'appeal_needs_response', 'appeal_under_review')),
            seen              jsonb not null,
            reason            text not null,
            network           text not null,
            network_code      text,
            currency          text not null check (currency ~ '^[A-Z]{3}$'),
            amount_minor      bigint not null check (amount_minor > 0),
            opened_at         timestamptz not null,
            due_at            timestamptz,
            answer_by         timestamptz check (answer_by <= due_at or answer_by = opened_at),
            submitted_stage   text check (submitted_stage in ('inquiry', 'dispute', 'appeal')),
            submitted_at      timestamptz,
            submitted_by      bigint,
            staged_at         timestamptz,
            accepted_at       timestamptz,
            accepted_by       bigint,
            closed_at         timestamptz,
            outcome           text check (outcome in ('won', 'partly_won', 'lost', 'averted')),
            movements         jsonb not null default '[]',
            withdrawn_minor   bigint not null default 0,
            reinstated_minor  bigint not null default 0,
            fee_minor         bigint not null default 0,
            fee_currency      text,
            booked_away_minor bigint not null default 0,
            booked_lost_minor bigint not null default 0,
            booked_fee_minor  bigint not null default 0,
            next_at           timestamptz,
            primary key (account_id, id),
            check (reinstated_minor between 0 and withdrawn_minor),
            check ((closed_at is null) = (outcome is null)),
            foreign key (account_id, payment_id) references payment
        );
        create index on dispute (account_id, payment_id, id);
        create index on dispute (opened_at, id);
        create index disputes_to_answer on dispute (answer_by, id) where closed_at is null;
        create index disputes_due on dispute (next_at, account_id, id) where next_at is not null;

        create table dispute_evidence (
            account_id bigint not null,
            id         bigint not null,
            dispute_id bigint not null,
            stage      text not null check (stage in ('inquiry', 'dispute', 'appeal')),
            texts      jsonb not null,
            compelling jsonb,
            lacking    text,
            submit     boolean not null,
            made_by    bigint,
            made_at    timestamptz not null,
            sent_at    timestamptz,
            refused    text,
            next_at    timestamptz,
            primary key (account_id, id),
            foreign key (account_id, dispute_id) references dispute
        );
        -- Evidence goes to the bank once at each of its questions.
        create unique index submitted_once on dispute_evidence (account_id, dispute_id, stage)
            where submit and refused is null;
        create index on dispute_evidence (account_id, dispute_id, id);
        create index evidence_to_send on dispute_evidence (next_at, account_id, id) where next_at is not null;
        -- When people of an account signed in speaks for a payment of theirs.
        create policy defended on session for select using ((select app_staff()));
    """)
    for table in ("dispute", "dispute_evidence"):
        op.execute(_TENANT.format(table=table))
    # What goes back to whoever pays is told to whoever sees billing.
    op.execute("""
        alter policy seen on audit_record using (
            account_id = any ((select app_accounts('see_audit'))::bigint[])
            or person_id = (select app_number('person'))
               and account_id = any ((select app_accounts('see_seats'))::bigint[])
            or subject in ('account', 'subscription', 'change', 'pool', 'invoice', 'credit_note', 'entry', 'payment',
                           'payment_method', 'setup', 'refund', 'dispute')
               and (select app_number('person')) is not null
               and account_id = any ((select app_accounts('see_billing'))::bigint[])
            or (select app_staff()));
    """)
