"""Addresses in lower case, so that a person is found by theirs behind row-level security, too."""

from __future__ import annotations

from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- Before a policy has spoken PostgreSQL looks up only what tells nothing of the row: = may, lower() may not.
        alter table person add column lower_email text generated always as (lower(email)) stored;
        create index on person (lower_email);
        create or replace function move_address(number bigint, address text) returns boolean
            language sql volatile security definer set search_path = public, pg_temp as $$
            with moved as (
                update person p set email = address, email_verified = true
                where p.id = number
                  and exists (select from member m where m.person_id = p.id and m.state = 'active'
                              and m.account_id = app_number('account') and m.role <> 'owner')
                  and not exists (select from member m where m.person_id = p.id and m.state = 'active'
                                  and m.account_id <> app_number('account'))
                  and not exists (select from person o where o.lower_email = address and o.email_verified
                                  and o.id <> p.id)
                  and exists (select from workspace_domain d where d.account_id = app_number('account')
                              and d.name = split_part(address, '@', 2) and d.verified_at is not null
                              and d.removed_at is null)
                returning 1)
            select exists (select from moved)
            $$;
        drop index person_lower_idx;
        -- Whose members may be seen is asked of every person that is read.
        create index on member (person_id, account_id);
    """)
