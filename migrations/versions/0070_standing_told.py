"""What decides what somebody may is told at half the cost: by the owner of the tables, and of that person alone."""

from __future__ import annotations

from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Behind the fence, each table brings the questions of its policies along, which took longer than the rows. So the
    # owner asks, for exactly what the fence shows to the person and to the key themselves: each row is joined by them.
    op.execute(r"""
        create function standing_told(person_id bigint, session_id bigint, key_id bigint) returns text
            language sql stable security definer set search_path = public, pg_temp as $$
            select row(p.email, p.email_verified, p.epoch, p.locale, f.desk, a.id,
                       (select array_agg(row(m.account_id, m.role, w.sso_enforced) order by m.account_id)
                        from member m left join workspace w on w.id = m.account_id
                        where m.person_id = p.id and m.state = 'active'),
                       (select array_agg(row(g.account_id, g.seat_group_id, g.member_id) order by g.id)
                        from group_admin g where g.person_id = p.id and g.dismissed_at is null),
                       s.person_id, s.ended_at, s.expires_at, s.idle_seconds, s.account_id, s.connection_id,
                       s.signed_in_at,
                       k.account_id, k.created_by, k.scopes, k.hash, k.previous_hash, k.previous_until, k.revoked_at,
                       k.expires_at)::text
            from person p left join staff f on f.person_id = p.id left join account a on a.person_id = p.id
            left join session s on s.id = $2 and s.person_id = p.id
            left join service_key k on k.id = $3 and k.created_by = p.id
            where p.id = $1
            $$;
        revoke all on function standing_told(bigint, bigint, bigint) from public;
        grant execute on function standing_told(bigint, bigint, bigint) to seatgraph_app;

        create or replace function enter(told text) returns text language plpgsql as $$
        declare
            said  text[] := string_to_array(told, E'\x01');
            names text[] := string_to_array(said[4], ',');
            found text := standing_told(said[1]::bigint, nullif(said[2], '')::bigint, nullif(said[3], '')::bigint);
            seen  text := set_config('app.person', said[1], true) || set_config('app.key', said[3], true);
        begin
            for place in 1 .. coalesce(array_length(names, 1), 0) loop
                seen := set_config('app.' || names[place], said[4 + place], true);
            end loop;
            return coalesce(found, '');
        end $$;
    """)
