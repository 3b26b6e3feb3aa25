"""Workspaces that let people in through their own SSO connection alone, and how long a session lives there."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table workspace
            add column session_hours        integer not null default 12 check (session_hours between 1 and 720),
            add column session_idle_minutes integer not null default 120
                check (session_idle_minutes between 5 and 43200);

        create index on session (person_id, created_at, id) where ended_at is null;
        alter policy own on session using (person_id = (select app_number('person')))
            with check (person_id = (select app_number('person'))
                        and (account_id is null or account_id = (select app_number('account'))));

        -- Where the transaction's person is a member and only the workspace's own sign-in counts. Whoever came in
        -- another way may not see the workspace, so the answer is computed for them here.
        create function enforced_workspaces() returns bigint[]
            language sql stable security definer set search_path = public, pg_temp as $$
            select coalesce(array_agg(w.id), '{}') from member m join workspace w on w.id = m.account_id
            where m.person_id = app_number('person') and m.state = 'active' and w.sso_enforced
            $$;
        revoke all on function enforced_workspaces() from public;
        grant execute on function enforced_workspaces() to seatgraph_app;
    """)
