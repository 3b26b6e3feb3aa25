"""Where each unpaid invoice is in its dunning, whose access was taken, and how often a card was tried."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- One row an invoice, under the invoice's own number. What comes next is written here, and nothing is queued.
        create table invoice_dunning (
            account_id         bigint not null,
            id                 bigint not null unique,
            state              text not null check (state in ('running', 'paused', 'ended', 'settled')),
            course             text not null check (course in ('never', 'ask', 'schedule', 'technical', 'sent')),
            schedule           text not null,
            time_zone          text not null,
            started_at         timestamptz not null,
            ahead              jsonb not null default '[]',
            next_at            timestamptz,
            reminders          integer not null default 0,
            access_taken_at    timestamptz,
            subscriptions      bigint[] not null default '{}',
            declined_method_id bigint,
            decline_code       text,
            decline_reason     text,
            declined_at        timestamptz,
            settled_at         timestamptz,
            primary key (account_id, id),
            foreign key (account_id, id) references invoice,
            check (state = 'running' or next_at is null)
        );
        create index dunning_due on invoice_dunning (next_at, account_id, id) where next_at is not null;
        create index access_taken on invoice_dunning (account_id) where access_taken_at is not null;
        alter table invoice_dunning enable row level security;
        create policy seen on invoice_dunning for select using (
            account_id = any ((select app_accounts('see_billing'))::bigint[]) or (select app_staff()));
        create policy written on invoice_dunning using (account_id = (select app_number('account')))
            with check (account_id = (select app_number('account')));
        grant select, insert, update on invoice_dunning to seatgraph_app;

        -- Networks count the tries at a card, whoever they were for; the instants tell nobody whose they were.
        create function card_tries(card text, since timestamptz) returns setof timestamptz
            language sql stable security definer set search_path = public, pg_temp as $$
            select a.sent_at from payment_attempt a
            where a.fingerprint = card and a.sent_at > since and (a.outcome is null or a.outcome = 'declined')
            $$;

        -- Access is computed: a subscription gives none while an unpaid invoice of it has taken that.
        create function access_taken(account bigint, subscription bigint) returns boolean
            language sql stable as $$
            select exists (select from invoice_dunning d where d.account_id = account
                           and d.access_taken_at is not null and subscription = any (d.subscriptions))
            $$;
        create or replace function held_versions() returns table (plan_id bigint, plan_version_id bigint)
            language sql stable security definer set search_path = public, pg_temp as $$
            select s.plan_id, s.plan_version_id
            from account a join subscription s on s.account_id = a.id
            where a.person_id = app_number('person') and s.state in ('trialing', 'active', 'past_due')
              and not access_taken(s.account_id, s.id)
            union
            select s.plan_id, s.plan_version_id
            from assignment t
            join member m on m.account_id = t.account_id and m.person_id = t.person_id and m.state = 'active'
            join license_pool p on p.account_id = t.account_id and p.id = t.pool_id
            join subscription s on s.account_id = p.account_id and s.id = p.subscription_id
            where t.person_id = app_number('person') and t.state = 'active'
              and s.state in ('trialing', 'active', 'past_due') and not access_taken(s.account_id, s.id)
            $$;
    """)
