"""Where what we say and what the rail says differ, until it is mended or somebody has dealt with it."""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table discrepancy (
            id                bigint primary key,
            reconciliation_id bigint not null references reconciliation,
            kind              text not null check (kind in ('missing_here', 'missing_there', 'amount', 'fee',
                                                            'currency', 'state', 'orphan', 'double')),
            subject           text not null check (subject in ('payment', 'refund', 'dispute', 'account',
                                                               'movement', 'payout')),
            reference         text not null,
            account_id        bigint,
            payment_id        bigint,
            currency          text not null check (currency ~ '^[A-Z]{3}$'),
            risk_minor        bigint not null check (risk_minor >= 0),
            here              text not null,
            there             text not null,
            state             text not null check (state in ('open', 'mended', 'resolved')),
            found_at          timestamptz not null,
            seen_at           timestamptz not null,
            ended_at          timestamptz,
            resolved_by       bigint,
            resolution        text check (length(resolution) between 1 and 1000),
            check ((state = 'open') = (ended_at is null)),
            check ((state = 'resolved') = (resolution is not null))
        );
        create unique index one_discrepancy_at_a_time on discrepancy (kind, subject, reference) where state = 'open';
        create index on discrepancy (found_at, id);
        create index on discrepancy (risk_minor, id);
        create index on discrepancy (account_id, payment_id) where account_id is not null;
        create index discrepancies_resolved on discrepancy (kind, subject, reference) where state = 'resolved';
        grant select, insert, update on discrepancy to seatgraph_app;
        alter table discrepancy enable row level security;
        create policy reconciled on discrepancy using ((select app_staff())) with check ((select app_staff()));
    """)
