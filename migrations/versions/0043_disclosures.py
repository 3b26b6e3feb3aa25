"""Terms that were shown before something was bought, and the files of evidence."""

from __future__ import annotations

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table policy_shown (
            account_id      bigint not null,
            id              bigint not null unique,
            subscription_id bigint not null,
            kind            text not null check (kind in ('terms', 'cancellation', 'refunds')),
            title           text not null check (length(title) between 1 and 200),
            version         text not null check (length(version) between 1 and 50),
            wording         text not null check (length(wording) <= 20000),
            url             text,
            shown_at        timestamptz not null,
            person_id       bigint,
            ip              text not null,
            device          text not null,
            primary key (account_id, id),
            foreign key (account_id, subscription_id) references subscription
        );
        create index on policy_shown (account_id, subscription_id, id);
        create index on policy_shown (account_id, kind, shown_at);
        alter table policy_shown enable row level security;
        create policy seen on policy_shown for select using (
            account_id = any ((select app_accounts('see_billing'))::bigint[]) or (select app_staff()));
        create policy written on policy_shown using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        -- What was shown was shown: nobody changes it.
        grant select, insert on policy_shown to seatgraph_app;

        alter table dispute_evidence add column files jsonb not null default '{}';
    """)
