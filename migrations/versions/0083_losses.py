"""A seat that was lost says so in a word that nobody writes, and is kept for so long as a directory may say."""

from __future__ import annotations

from alembic import op

revision = "0083"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table assignment
            add column loss text check (loss in ('subscription ended', 'reclaimed', 'fewer seats')),
            add check (loss is null or (state = 'released' and release_reason = loss)),
            -- The second fence behind directory.keeps_days.
            add check (kept_until > kept_since and kept_until - kept_since <= interval '90 days');

        -- What somebody wrote until now looks like one of ours: pools close at the instant at which their seats go,
        -- and what was taken back had been announced.
        update assignment a set loss = release_reason
        from license_pool p
        where p.account_id = a.account_id and p.id = a.pool_id and a.state = 'released' and case release_reason
            when 'subscription ended' then p.closed_at = a.released_at
            when 'reclaimed' then a.reclaim_reminded_at is not null and a.reclaim_at <= a.released_at
            when 'fewer seats' then true
            else false end;
    """)
