"""Entering: one call that lets a transaction see as somebody, and tells what decides what they may."""

from __future__ import annotations

from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The text has a person, a session, a key and the names of settings, then a value for each of these. What it tells
    # is compared with what it told when the bearer was recognized, and never read.
    op.execute(r"""
        create function enter(told text) returns text language plpgsql as $$
        declare
            said  text[] := string_to_array(told, E'\x01');
            found text;
        begin
            perform set_config('app.person', said[1], true), set_config('app.key', said[3], true);
            select row(p.email, p.email_verified, p.epoch, p.locale, f.desk, a.id, enforced_workspaces(),
                       (select array_agg(row(m.account_id, m.role) order by m.account_id)
                        from member m where m.person_id = p.id and m.state = 'active'),
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
        revoke all on function enter(text) from public;
        grant execute on function enter(text) to seatgraph_app;
    """)
