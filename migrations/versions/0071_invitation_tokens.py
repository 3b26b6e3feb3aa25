"""Invitations are accepted with what stands in the letter, too, and are sent anew only so often."""

from __future__ import annotations

from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- A token is made when the letter leaves. What stood here before was of none that anybody knows.
        alter table invitation alter column token_hash drop not null;
        update invitation set token_hash = null;
        alter table invitation
            add check (length(token_hash) = 32),
            add unique (token_hash),
            add in_place_of bigint,
            add foreign key (account_id, in_place_of) references invitation;
        create index sent_anew on invitation (account_id, created_at) where in_place_of is not null;
        create index sent_to on invitation (account_id, email, created_at);

        -- Whoever has the letter may know which invitation it is, before we know who they are.
        create function invited_with(hash bytea) returns table (account_id bigint, id bigint)
            language sql stable security definer set search_path = public, pg_temp as $$
            select i.account_id, i.id from invitation i where i.token_hash = $1
            $$;
        revoke all on function invited_with(bytea) from public;
        grant execute on function invited_with(bytea) to seatgraph_app;
    """)
