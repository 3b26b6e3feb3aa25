"""The people of a directory are found by their names, however many there are, and it by its token at once."""

from __future__ import annotations

from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- Before a policy has spoken PostgreSQL looks up only what tells nothing of the row: = may, lower() may not.
        alter table directory_user add column lower_name text generated always as (lower(user_name)) stored;
        drop index one_user_a_name;
        create unique index one_user_a_name on directory_user (account_id, directory_id, lower_name)
            where deleted_at is null;

        -- Whose token is shown, and for which directory: all that is to be known at the door, in one round trip.
        create function directory_met(told json, digest bytea)
            returns table (token_id bigint, last_used_at timestamptz, removed_at timestamptz, met directory)
            language plpgsql set plan_cache_mode = force_generic_plan as $$
        declare
            token directory_token;
        begin
            perform set_config('app.' || key, value, true) from json_each_text(told);
            perform set_config('app.directory_hash', encode(digest, 'hex'), true);
            select * into token from directory_token t where t.hash = digest;
            perform set_config('app.see_identity', '{' || token.account_id || '}', true);
            return query select token.id, token.last_used_at, token.removed_at, d from directory d
                where d.account_id = token.account_id and d.id = token.directory_id;
        end $$;
    """)
