"""The role the product works as, which owns nothing and which row-level security binds."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        -- Roles belong to the whole server: another database's migration may be making it too.
        do $$
        begin
            if not exists (select from pg_roles where rolname = 'seatgraph_app') then
                create role seatgraph_app nologin noinherit nosuperuser nobypassrls;
            end if;
        exception when duplicate_object or unique_violation then
            null;
        end $$;

        -- A superuser may become anybody, and others who were made members; the rest make themselves members.
        do $$
        begin
            set local role seatgraph_app;
            reset role;
        exception when insufficient_privilege then
            grant seatgraph_app to current_user;
        end $$;

        -- What it may do in there, each table's own migration grants.
        grant usage on schema public to seatgraph_app;
    """)
