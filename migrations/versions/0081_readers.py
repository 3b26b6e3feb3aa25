"""Who asks compiled reads at the quick door: a role that writes nothing, and whose policies are those of customers."""

from __future__ import annotations

from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None

ROLE = """
    do $$
    begin
        if not exists (select from pg_roles where rolname = 'seatgraph_reader') then
            create role seatgraph_reader nologin noinherit nosuperuser nobypassrls;
        end if;
    exception
        when duplicate_object or unique_violation then
            null;
        when insufficient_privilege then
            raise 'Make the role first: create role seatgraph_reader nologin noinherit; grant seatgraph_reader to %;',
                  current_user;
    end $$;
    do $$
    begin
        set local role seatgraph_reader;
        reset role;
    exception when insufficient_privilege then
        grant seatgraph_reader to current_user;
    end $$;
    grant usage on schema public to seatgraph_reader;
    -- Until now each policy was for everybody, which was the product's role.
    do $$
    declare each record;
    begin
        for each in select tablename, policyname from pg_policies
                    where schemaname = 'public' and roles = '{public}' loop
            execute format('alter policy %I on %I to seatgraph_app', each.policyname, each.tablename);
        end loop;
    end $$;
"""

# PostgreSQL sets up every sub-select of every policy of every table that a statement names, needed or not, which took
# it as long as the reading. What readers are never told (they are no staff, look after no seat group, and write for no
# account) is folded in, so that it leaves the plan. The `case` keeps the fence from being taken for a place to look:
# told of one column twice, PostgreSQL would believe in fewer rows than there are.
POLICIES = r"""
    create function reader_policies() returns table (fenced text, said text) language sql stable
        set search_path = pg_catalog, pg_temp as $body$
        select tablename::text,
               format('case when %s then true else false end', string_agg(lean, ' or ' order by policyname))
        from pg_policies
             cross join regexp_replace(
                qual, '\( SELECT (?:\w+\.)?app_staff\(\) AS app_staff\)',
                'false', 'g') a
             cross join regexp_replace(
                a, '\( SELECT (?:\w+\.)?app_accounts\(''groups''::text\) AS app_accounts\)',
                '''{}''::bigint[]', 'g') b
             cross join regexp_replace(
                b, '\( SELECT (?:\w+\.)?app_number\(''(?!(?:person|key)'')\w+''::text\) AS app_number\)',
                'null::bigint', 'g') c
             cross join regexp_replace(
                c, '\( SELECT (?:\w+\.)?app_text\(''(?!email'')\w+''::text\) AS app_text\)',
                'null::text', 'g') lean
        where schemaname = 'public' and cmd in ('ALL', 'SELECT') and 'seatgraph_app' = any (roles)
        group by tablename
        $body$;
    revoke execute on function reader_policies() from public;

    create procedure fence_readers() language plpgsql as $$
    declare each record;
    begin
        for each in select fenced, said from reader_policies() loop
            execute format('drop policy if exists read on %I', each.fenced);
            execute format('create policy read on %I for select to seatgraph_reader using (%s)',
                           each.fenced, each.said);
        end loop;
        for each in select relname from pg_class
                    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')
                    and has_table_privilege('seatgraph_app', oid, 'select') loop
            execute format('grant select on %I to seatgraph_reader', each.relname);
        end loop;
        -- Those that promise to change nothing.
        for each in select oid::regprocedure as name from pg_proc
                    where pronamespace = 'public'::regnamespace and prokind = 'f' and provolatile <> 'v'
                    and has_function_privilege('seatgraph_app', oid, 'execute') loop
            execute format('grant execute on function %s to seatgraph_reader', each.name);
        end loop;
    end $$;
    revoke execute on procedure fence_readers() from public;
    call fence_readers();
"""


def upgrade() -> None:
    op.execute(ROLE)
    op.execute(POLICIES)
