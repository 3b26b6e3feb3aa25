"""Whoever reads for customers may read what compiled reads ask for, and nothing else."""

from __future__ import annotations

from alembic import op

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None

FOLDS = r"""
    create function reader_folds() returns table (fenced text, policy text, told text, lean text) language sql stable
        set search_path = pg_catalog, pg_temp as $body$
        select tablename::text, policyname::text, qual, d
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
                'null::text', 'g') d
        where schemaname = 'public' and cmd in ('ALL', 'SELECT') and 'seatgraph_app' = any (roles)
        $body$;
    revoke execute on function reader_folds() from public;
"""

# What is folded in may show less and never more: it stands nowhere where it is denied, or where its lack counts.
# What this can't tell for certain it refuses, too.
POLICIES = r"""
    create or replace function reader_policies() returns table (fenced text, said text) language plpgsql stable
        set search_path = pg_catalog, pg_temp as $body$
    declare each record;
    begin
        for each in select tablename, policyname from pg_policies
                    where schemaname = 'public' and cmd in ('ALL', 'SELECT') and permissive <> 'PERMISSIVE' loop
            raise 'policy % of % is restrictive, and readers would not be held to it', each.policyname, each.tablename;
        end loop;
        for each in select f.fenced, f.policy from public.reader_folds() f where f.lean <> f.told and (
                f.lean ~ '\mNOT\M(?! NULL)|\m(CASE|COALESCE|NULLIF|DISTINCT|UNKNOWN)\M|<> ALL'
                or f.lean ~ '(false|null::bigint|null::text|''{}''::bigint\[\])\)* (=|<|IS NULL|IS FALSE)'
                or f.lean ~ '(=|<>) \(*false'
                or f.lean ~ 'cardinality\(''{}''::bigint\[\]\) (?!> 0)') loop
            raise 'policy % of % denies what readers are never told, and would show them more',
                each.policy, each.fenced;
        end loop;
        return query
            select f.fenced,
                   format('case when %s then true else false end', string_agg(f.lean, ' or ' order by f.policy))
            from public.reader_folds() f group by f.fenced;
    end $body$;

    -- What is granted is said by the migration that needs it.
    create or replace procedure fence_readers() language plpgsql as $$
    declare each record;
    begin
        for each in select fenced, said from reader_policies() loop
            execute format('drop policy if exists read on %I', each.fenced);
            execute format('create policy read on %I for select to seatgraph_reader using (%s)',
                           each.fenced, each.said);
        end loop;
    end $$;
    call fence_readers();
"""

READ = """
    account, assignment, audit_record, bulk_export, coupon, credit_approval, credit_note, credit_note_line,
    directory, directory_group, directory_membership, directory_user, discrepancy, dispute, dispute_evidence,
    entitlement, fraud_warning, group_admin, group_rule, invoice, invoice_dunning, join_request, ledger_entry,
    ledger_transfer, license_pool, line_item, member, payment_choice, payment_method, payment_part, person, plan,
    plan_version, policy_shown, price, reconciliation, refund, scheduled_change, seat_group, seat_import_row,
    seat_request, sso_certificate, sso_connection, sso_identity, subscription, subscription_clock,
    subscription_discount, subscription_item, workspace, workspace_domain
"""
"""The tables that compiled reads and the policies of readers name."""

HIDDEN = {
    "break_glass": ("sealed_secret",),
    "directory_token": ("hash",),
    "invitation": ("token_hash",),
    "payment": ("secret",),
    "payment_setup": ("secret",),
    "seat_import": ("token",),
    "service_key": (
        "hash",
        "previous_hash",
    ),
    "session": ("hash",),
    "setup_link": (
        "hash",
        "bearer_hash",
    ),
    "sso_login": ("ticket_hash",),
    "viewing": ("hash",),
}
"""The tables of which they name all columns but these, which prove something."""

CALLED = ("app_accounts", "app_number", "app_text", "held_versions", "standing_told", "workspace_name")
"""The functions that they call."""

NOTHING = """
    revoke select on all tables in schema public from seatgraph_reader;
    do $$
    declare each record;
    begin
        for each in select oid::regprocedure as name from pg_proc
                    where pronamespace = 'public'::regnamespace and prokind = 'f' loop
            execute format('revoke execute on function %s from seatgraph_reader', each.name);
        end loop;
    end $$;
"""

COLUMNS = """
    do $$
    declare named text;
    begin
        select string_agg(quote_ident(column_name), ', ') into named from information_schema.columns
        where table_schema = 'public' and table_name = '{table}' and column_name <> all (array{hidden});
        execute format('grant select (%s) on {table} to seatgraph_reader', named);
    end $$;
"""

FUNCTIONS = """
    do $$
    declare each record;
    begin
        for each in select oid::regprocedure as name from pg_proc
                    where pronamespace = 'public'::regnamespace and proname = any (array{called}) loop
            execute format('grant execute on function %s to seatgraph_reader', each.name);
        end loop;
    end $$;
"""


def upgrade() -> None:
    op.execute(FOLDS)
    op.execute(POLICIES)
    op.execute(NOTHING)
    op.execute(f"grant select on {READ} to seatgraph_reader")
    for table, hidden in HIDDEN.items():
        op.execute(COLUMNS.format(table=table, hidden=[*hidden]))
    op.execute(FUNCTIONS.format(called=[*CALLED]))
