"""Entering tells of seat groups, too: whoever is dismissed as a group's admin is so at once, in every process."""

from __future__ import annotations

from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(r"""
        create or replace function enter(told text) returns text language plpgsql as $$
        declare
            said  text[] := string_to_array(told, E'\x01');
            found text;
        begin
            perform set_config('app.person', said[1], true), set_config('app.key', said[3], true);
            select row(p.email, p.email_verified, p.epoch, p.locale, f.desk, a.id, enforced_workspaces(),
                       (select array_agg(row(m.account_id, m.role) order by m.account_id)
                        from member m where m.person_id = p.id and m.state = 'active'),
                       (select array_agg(row(g.account_id, g.seat_group_id, g.member_id) order by g.id)
                        from group_admin g where g.person_id = p.id and g.dismissed_at is null),
                       s.person_id, s.ended_at, s.expires_at, s.idle_seconds, s.account_id, s.connection_id,
                       s.signed_in_at,
                       k.account_id, k.created_by, k.scopes, k.hash, k.previous_hash, k.previous_until, k.revoked_at,
                       k.expires_at)::text into found
            from person p left join staff f on f.person_id = p.id left join account a on a.person_id = p.id
            left join session s on s.id = nullif(said[2], '')::bigint
            left join service_key k on k.id = nullif(said[3], '')::bigint
            where p.id = said[1]::bigint;
            perform set_config('app.' || name, value, true)
            from unnest(string_to_array(said[4], ','), said[5:]) as t(name, value);
            return coalesce(found, '');
        end $$;
    """)
