"""The second fence: row-level security, tried without any of our own code in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from auth.policy import ROLES, SELF, Actor, ActorKind, Desk, KeyScope, Role, sees
from kernel import database
from tests.graph.crowd import evidence
from tests.graph.furniture import furnished
from tests.scenery import Scene, Somebody, World

# Tables that row-level security doesn't cover, each with its reason.
OPEN = {
    "alembic_version": "tells the revision of the schema; the product's role may not even read it",
    "billing_run": "tells how far the billing runs are; the product's role may not even read it",
    "budget": "tells what anybody may still spend on requests, by any name",
    "clock": "tells how far a simulated clock was moved, which everybody may know",
    "coupon": "belongs to the catalog, which is public and which the product's role can't write",
    "dunning_schedule": "belongs to the catalog, which is public and which the product's role can't write",
    "entitlement": "belongs to the catalog, which is public and which the product's role can't write",
    "meter": "belongs to the catalog, which is public and which the product's role can't write",
    "number_series": "tells the last number of an invoice of each year, which no account owns",
    "run_chunk": "tells how far the billing runs are; the product's role may not even read it",
    "tax_rate": "tells what countries take, which is public and which the product's role can't write",
    "plan": "belongs to the catalog, which is public and which the product's role can't write",
    "promotion_code": "belongs to the catalog; the product's role counts its uses, and shows it to nobody",
    "plan_version": "belongs to the catalog, which is public and which the product's role can't write",
    "rail_turn": "tells when Stripe may next be called, by any account",
    "trusted_document": "holds the texts of clients, which the product's role can't write",
    "price": "belongs to the catalog, which is public and which the product's role can't write",
}

IDENTITY = {
    "break_glass",
    "directory",
    "directory_group",
    "directory_membership",
    "directory_token",
    "directory_user",
    "group_rule",
    "setup_link",
    "sso_certificate",
    "sso_connection",
    "sso_identity",
    "sso_login",
    "workspace_domain",
}
"""How people sign in: for whoever sees that."""

BILLED = {
    "invoice_dunning",
    "item_step",
    "payment_attempt",
    "payment_choice",
    "payment_part",
    "payment_setup",
    "policy_shown",
    "rail_customer",
    "rail_invoice",
    "dispute",
    "dispute_evidence",
    "refund",
    "scheduled_change",
    "subscription",
    "subscription_clock",
    "subscription_cycle",
    "subscription_discount",
    "subscription_item",
    "subscription_pause",
    "usage_alert",
    "usage_batch",
    "usage_event",
}
"""What money follows from: for whoever sees billing."""
BOOKED = {"credit_note", "credit_note_line", "ledger_entry", "ledger_transfer"}
"""What was made of it: for whoever sees invoices."""

# Where a role of a workspace sees rows of it. People see their own membership, seats and person anywhere.
SEEN: Mapping[Role, set[str]] = {
    Role.OWNER: {
        "account",
        "assignment",
        "audit_record",
        "viewing",
        "invitation",
        "join_request",
        "invoice",
        "license_pool",
        "seat_group",
        "line_item",
        "member",
        "payment",
        "payment_method",
        "group_admin",
        "seat_import",
        "seat_import_row",
        "seat_request",
        "service_key",
        "workspace",
        *BILLED,
        *BOOKED,
        *IDENTITY,
    },
    Role.ADMIN: {
        *IDENTITY,
        "account",
        "assignment",
        "audit_record",
        "viewing",
        "invitation",
        "join_request",
        "license_pool",
        "seat_group",
        "member",
        "group_admin",
        "seat_import",
        "seat_import_row",
        "seat_request",
        "service_key",
        "workspace",
    },
    Role.SEAT_ADMIN: {
        "account",
        "assignment",
        "invitation",
        "join_request",
        "license_pool",
        "member",
        "seat_group",
        "group_admin",
        "seat_import",
        "seat_import_row",
        "seat_request",
        "workspace",
    },
    Role.BILLING_ADMIN: {
        "account",
        "invoice",
        "license_pool",
        "seat_group",
        "line_item",
        "payment",
        "payment_method",
        "workspace",
        *BILLED,
        *BOOKED,
    },
    Role.AUDITOR: {
        *IDENTITY,
        *BOOKED,
        "account",
        "assignment",
        "audit_record",
        "viewing",
        "invitation",
        "join_request",
        "invoice",
        "license_pool",
        "seat_group",
        "line_item",
        "member",
        "group_admin",
        "seat_import",
        "seat_import_row",
        "seat_request",
        "workspace",
    },
    Role.MEMBER: {"account", "workspace"},
}


def _as(who: Somebody, roles: Mapping[int, Role], desk: Desk | None = None) -> dict[str, str]:
    grants = {account: ROLES[role] for account, role in roles.items()} | {who.account_number: SELF}
    return sees(Actor(ActorKind.PERSON, who.number, who.email, grants=grants, roles=roles, desk=desk, token="session"))


@asynccontextmanager
async def behind(
    world: World, told: Mapping[str, str], bound: int | None = None, *, role: str = database.APP_ROLE
) -> AsyncIterator[asyncpg.Connection]:
    """A transaction of the product's role, which sees as told and may write one account; undone in the end."""
    async with database.connected(world.url, role=role) as connection:
        transaction = connection.transaction()
        await transaction.start()
        for name, text in {**told, "account": "" if bound is None else str(bound)}.items():
            await connection.execute("select set_config('app.' || $1, $2, true)", name, text)
        try:
            yield connection
        finally:
            await transaction.rollback()


async def _tables(world: World) -> list[str]:
    found = await world.rows(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
    )
    return sorted(row["relname"] for row in found)


async def _owned(world: World) -> dict[str, str]:
    """Every table that holds rows of accounts, and the column that says whose."""
    found = await world.rows(
        "select table_name from information_schema.columns where table_schema = 'public' and column_name = 'account_id'"
        # A month of a table is reached through the table alone.
        " and not exists (select from pg_class where relname = table_name and relispartition)"
    )
    return {row["table_name"]: "account_id" for row in found} | {"account": "id", "workspace": "id"}


async def test_every_table_is_fenced_or_open_for_a_reason(world: World) -> None:
    fenced = await world.rows(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relrowsecurity"
    )

    assert {row["relname"] for row in fenced} == {*await _tables(world)} - {*OPEN}
    assert not {*OPEN} & {*await _owned(world)}


async def test_every_fenced_table_has_a_policy_for_what_is_granted(world: World) -> None:
    granted = await world.rows(
        "select table_name, privilege_type from information_schema.role_table_grants"
        " where grantee = $1 and table_schema = 'public'",
        database.APP_ROLE,
    )
    policies = await world.rows("select tablename, cmd, roles::text[] as roles from pg_policies")

    for row in granted:
        table, right = row["table_name"], row["privilege_type"]
        commands = {policy["cmd"] for policy in policies if policy["tablename"] == table}
        assert table in OPEN or commands & {right, "ALL"}, (table, right)


async def test_beside_the_fenced_tables_the_product_reaches_its_queue_alone(world: World) -> None:
    granted = await world.rows(
        "select distinct table_schema from information_schema.role_table_grants where grantee = $1", database.APP_ROLE
    )

    # The queue names events by number; what they tell is fenced in the outbox.
    assert {row["table_schema"] for row in granted} == {"public", "jobs"}


async def test_the_products_role_owns_nothing_and_escapes_nothing(world: World) -> None:
    (role,) = await world.rows("select * from pg_roles where rolname = $1", database.APP_ROLE)
    others = await world.value("select count(*) from pg_auth_members where member = $1", role["oid"])
    owned = await world.value("select count(*) from pg_class where relowner = $1", role["oid"])
    trusted = await world.rows("select proname from pg_proc where prosecdef and pronamespace = 'public'::regnamespace")
    granted = await world.rows(
        "select table_name, privilege_type from information_schema.role_table_grants"
        " where grantee = $1 and table_schema = 'public'",
        database.APP_ROLE,
    )

    flags = ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolreplication", "rolinherit")
    assert [role[flag] for flag in flags] == [False] * 6
    assert (others, owned) == (0, 0)
    # They tell people what they themselves may use, who invites them, and which workspaces of their domain they may
    # ask to join, from rows that they may not see, whoever has a letter which invitation it is about, and admins
    # whether whoever asked still may; one makes the next months of usage, one tells when a card was tried, and not for
    # whom; one tells what decides what a person may, from rows that are their own; two do to members what the
    # directory of their workspace says; and five ask once whose account a seat is of, and not for each of its rows.
    assert {row["proname"] for row in trusted} == {
        "card_tries",
        "enforced_workspaces",
        "held_versions",
        "invited_with",
        "join_request_stands",
        "move_address",
        "seat_as_it_is",
        "seat_freed",
        "seat_handed_on",
        "seat_outlook",
        "seat_taken",
        "sitters",
        "standing_told",
        "suggested_to",
        "suggested_workspaces",
        "usage_months",
        "void_tokens",
        "workspace_name",
    }
    assert {row["privilege_type"] for row in granted} == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert {row["table_name"] for row in granted if row["privilege_type"] == "DELETE"} == {
        "budget",
        "bulk_export_part",
        "directory_membership",
        "outbox",
        "app_grant",
        "idempotency_key",
        "letter",
        "rail_event",
        "seat_import_row",
        "sso_assertion",
        "sso_flow",
    }


READABLE = {
    "account",
    "assignment",
    "audit_record",
    "break_glass",
    "bulk_export",
    "coupon",
    "credit_approval",
    "credit_note",
    "credit_note_line",
    "directory",
    "directory_group",
    "directory_membership",
    "directory_token",
    "directory_user",
    "discrepancy",
    "dispute",
    "dispute_evidence",
    "entitlement",
    "fraud_warning",
    "group_admin",
    "group_rule",
    "invitation",
    "invoice",
    "invoice_dunning",
    "join_request",
    "ledger_entry",
    "ledger_transfer",
    "license_pool",
    "line_item",
    "member",
    "payment",
    "payment_choice",
    "payment_method",
    "payment_part",
    "payment_setup",
    "person",
    "plan",
    "plan_version",
    "policy_shown",
    "price",
    "reconciliation",
    "refund",
    "scheduled_change",
    "seat_group",
    "seat_import",
    "seat_import_row",
    "seat_request",
    "service_key",
    "session",
    "setup_link",
    "sso_certificate",
    "sso_connection",
    "sso_identity",
    "sso_login",
    "subscription",
    "subscription_clock",
    "subscription_discount",
    "subscription_item",
    "viewing",
    "workspace",
    "workspace_domain",
}
"""The tables that whoever reads for customers may read: those that compiled reads and their own policies name."""

HIDDEN = {
    ("break_glass", "sealed_secret"),
    ("directory_token", "hash"),
    ("invitation", "token_hash"),
    ("payment", "secret"),
    ("payment_setup", "secret"),
    ("seat_import", "token"),
    ("service_key", "hash"),
    ("service_key", "previous_hash"),
    ("session", "hash"),
    ("setup_link", "hash"),
    ("setup_link", "bearer_hash"),
    ("sso_login", "ticket_hash"),
    ("viewing", "hash"),
}
"""The columns of those tables that they may not read, because they prove something."""

CALLABLE = {"app_accounts", "app_number", "app_text", "held_versions", "standing_told", "workspace_name"}
"""The functions that they may call."""

EVERYBODYS: set[str] = set()
"""The tables with a policy for every role there is, each with its reason."""

ODD = [
    "as restrictive for select to seatgraph_app using (true)",
    "for select to seatgraph_app using (not (select app_staff()))",
    "for select to seatgraph_app using ((select app_staff()) is not true)",
    "for select to seatgraph_app using ((select app_staff()) = false)",
    "for select to seatgraph_app using (account_id <> all ((select app_accounts('groups'))::bigint[]))",
    "for select to seatgraph_app using ((select app_number('account')) is null)",
    "for select to seatgraph_app using (coalesce((select app_number('account')), account_id) = account_id)",
    "for select to seatgraph_app using (cardinality((select app_accounts('groups'))) = 0)",
]
"""Policies that readers would not be held to, or that would show them more for what they are never told."""

TRUSTED = """
    select p.proname as name,
        array(select g.grantee::regrole::text from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
            where g.grantee <> p.proowner and g.privilege_type = 'EXECUTE') as callers,
        (select setting from unnest(p.proconfig) setting where setting like 'search_path=%') as path
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where p.prosecdef and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
"""
"""The functions that run as the owner of the tables, who may call them, and where they look for what they name."""


SEATING = {
    "seat_outlook": "select * from seat_outlook('{{}}', {account}, {pool}, null, 'owner@acme.example', now())",
    "seat_as_it_is": "select * from seat_as_it_is('{{}}', {account}, {seat})",
    "seat_taken": "select seat_taken({account}, 77, {pool}, {plan}, 'x@acme.example', {person}, 'manual', now())",
    "seat_freed": "select seat_freed({account}, {seat}, {pool}, 'active', now(), 'released')",
    "seat_handed_on": "select seat_handed_on({account}, 77, {pool}, {plan}, 'x@acme.example', {person}, 'transfer',"
    " now(), {seat}, 'active', 'transferred')",
}
"""What many race for asks once whose account it is about; each is told here of an account and its seat."""


@pytest.mark.parametrize("call", SEATING)
async def test_a_call_about_seats_is_refused_for_an_account_that_the_transaction_may_not_write(
    workspace: Scene, call: str
) -> None:
    world, other = workspace.world, await workspace.world.workspace()
    await workspace.seat(await workspace.pool(seats=3), workspace.members[Role.MEMBER])
    (about,) = await world.rows(
        "select account_id as account, pool_id as pool, id as seat, plan_id as plan, $2::bigint as person"
        " from assignment where account_id = $1",
        workspace.number,
        workspace.owner.number,
    )
    before = await evidence(workspace)

    # Of another account, of none, and as somebody who sees everything and may write nothing.
    owner = _as(workspace.owner, {workspace.number: Role.OWNER})
    for told, bound in ((owner, other.number), (owner, None), ({"staff": "on"}, None)):
        async with behind(world, told, bound) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="may not write rows of account"):
                await connection.execute(SEATING[call].format_map(about))
    async with behind(world, owner, workspace.number) as connection:
        allowed = await connection.execute(SEATING[call].format_map(about))

    assert allowed == "SELECT 1"
    assert await evidence(workspace) == before


async def test_what_runs_as_the_owner_of_the_tables_is_called_by_our_role_alone(world: World) -> None:
    trusted = await world.rows(TRUSTED)

    assert trusted
    changing = {"move_address", "usage_months", "void_tokens", *SEATING}
    ours = {
        each["name"]: {database.APP_ROLE} | (set() if each["name"] in changing else {database.READER_ROLE})
        for each in trusted
    }
    assert {each["name"]: each["callers"] for each in trusted if not {*each["callers"]} <= ours[each["name"]]} == {}


async def test_what_runs_as_the_owner_of_the_tables_finds_no_table_that_a_caller_made(world: World) -> None:
    trusted = await world.rows(TRUSTED)
    makers = await world.value(
        "select count(*) from pg_namespace n, aclexplode(n.nspacl) g"
        " where n.nspname = 'public' and g.privilege_type = 'CREATE' and g.grantee in (0, $1::regrole::oid)",
        database.APP_ROLE,
    )

    ends = ("=public, pg_temp", "=pg_catalog, public, pg_temp")
    assert {each["name"]: each["path"] for each in trusted if not (each["path"] or "").endswith(ends)} == {}
    assert makers == 0


async def test_what_decides_is_told_of_the_sessions_and_keys_of_that_person_alone(workspace: Scene) -> None:
    world, stranger = workspace.world, await workspace.world.person("stranger")
    await workspace.came_through(await workspace.sso(), workspace.owner)
    await workspace.key(KeyScope.SEATS_READ)
    session = await world.value("select id from session where account_id = $1", workspace.number)
    key = await world.value("select id from service_key where account_id = $1", workspace.number)
    told = "select standing_told($1, $2, $3)"

    async with behind(world, {}) as connection:
        bare = await connection.fetchval(told, stranger.number, None, None)
        theirs = await connection.fetchval(told, stranger.number, session, key)
        ours = await connection.fetchval(told, workspace.owner.number, session, key)
        nobody = await connection.fetchval(told, -1, session, key)

    assert bare is not None
    assert theirs == bare
    assert ours != await world.value(told, workspace.owner.number, None, None)
    assert nobody is None


async def test_whoever_reads_for_customers_may_write_nothing_and_escapes_nothing(world: World) -> None:
    (role,) = await world.rows("select * from pg_roles where rolname = $1", database.READER_ROLE)
    others = await world.value("select count(*) from pg_auth_members where member = $1", role["oid"])
    owned = await world.value("select count(*) from pg_class where relowner = $1", role["oid"])
    granted = await world.rows(
        "select distinct table_schema, privilege_type from information_schema.role_table_grants where grantee = $1",
        database.READER_ROLE,
    )

    flags = ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolreplication", "rolinherit")
    assert [role[flag] for flag in flags] == [False] * 6
    assert (others, owned) == (0, 0)
    assert [tuple(row) for row in granted] == [("public", "SELECT")]


async def test_whoever_reads_for_customers_may_read_what_compiled_reads_ask_for_and_nothing_else(world: World) -> None:
    tables = await world.rows(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')"
        " and has_any_column_privilege('seatgraph_reader', oid, 'select')"
    )
    hidden = await world.rows(
        "select relname, attname from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v') and attnum > 0"
        " and not attisdropped and has_any_column_privilege('seatgraph_reader', c.oid, 'select')"
        " and not has_column_privilege('seatgraph_reader', c.oid, attnum, 'select')"
    )
    called = await world.rows(
        "select proname from pg_proc p, aclexplode(p.proacl) g where p.pronamespace = 'public'::regnamespace"
        " and g.grantee = 'seatgraph_reader'::regrole"
    )

    # Whatever more compiled reads come to ask for, the migration that makes it grants, and this says.
    assert {row["relname"] for row in tables} == READABLE
    assert {tuple(row) for row in hidden} == HIDDEN
    assert {row["proname"] for row in called} == CALLABLE


async def test_no_policy_is_for_every_role_there_is(world: World) -> None:
    found = await world.rows("select tablename from pg_policies where 'public' = any (roles)")

    assert {row["tablename"] for row in found} == EVERYBODYS


@pytest.mark.parametrize("odd", ODD)
async def test_a_policy_that_readers_could_not_be_held_to_is_refused(odd: str, world: World) -> None:
    asked = "select policyname, qual from pg_policies where tablename = 'license_pool' order by policyname"
    before = await world.rows(asked)
    async with database.connected(world.url) as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"create policy odd on license_pool {odd}")
        with pytest.raises(asyncpg.RaiseError, match="policy odd of license_pool"):
            await connection.execute("call fence_readers()")
        await transaction.rollback()

    assert await world.rows(asked) == before


async def test_the_policies_of_whoever_reads_are_in_step_with_the_products(world: World) -> None:
    asked = (
        "select tablename, policyname, cmd, roles::text, qual from pg_policies"
        " where 'seatgraph_reader' = any (roles) or 'public' = any (roles) order by tablename, policyname"
    )
    async with database.connected(world.url) as connection:
        transaction = connection.transaction()
        await transaction.start()
        before = await connection.fetch(asked)
        await connection.execute("call fence_readers()")
        after = await connection.fetch(asked)
        await transaction.rollback()

    # A migration that makes a policy for the product's role ends with `call fence_readers()`.
    assert before == after


async def test_whoever_reads_is_shown_what_the_product_is_shown_for_a_customer(workspace: Scene) -> None:
    world = workspace.world
    await furnished(workspace)
    readers = [_as(who, {workspace.number: role}) for role, who in workspace.members.items()]
    stranger = await world.person()
    async with behind(world, {}, role=database.READER_ROLE) as connection:
        counts = [f"select '{table}' as name, count(*) from {table}" for table in await _readable(connection)]
    for told in [*readers, _as(stranger, {}), sees(Actor())]:
        shown = []
        for role in (database.APP_ROLE, database.READER_ROLE):
            async with behind(world, told, role=role) as connection:
                shown.append(await connection.fetch(" union all ".join(counts)))
        assert shown[0] == shown[1]


async def test_whoever_reads_takes_nobody_for_staff_or_for_an_admin_of_a_group(workspace: Scene) -> None:
    world = workspace.world
    await furnished(workspace)
    groups = await world.value("select array_agg(id)::text from seat_group where account_id = $1", workspace.number)
    told = sees(Actor()) | {"staff": "on", "groups": groups}
    async with behind(world, told, workspace.number, role=database.READER_ROLE) as connection:
        tables = [table for table in await _readable(connection) if table not in OPEN]
        seen = [table for table in tables if await connection.fetchval(f"select count(*) from {table}")]

    assert seen == []


async def _readable(connection: asyncpg.Connection) -> list[str]:
    found = await connection.fetch(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        " and has_any_column_privilege(oid, 'select') and not relispartition order by relname"
    )
    return [row["relname"] for row in found]


async def test_nobody_sees_a_row_of_a_tenant_who_was_told_of_none(workspace: Scene) -> None:
    world = workspace.world
    await furnished(workspace)
    await world.change("renameWorkspace", workspace.owner, workspace=workspace.id, name="New", idempotencyKey="once")
    elsewhere = await world.workspace(roles=[Role.OWNER])
    owned = await _owned(world)

    for told in ({}, _as(elsewhere.owner, {elsewhere.number: Role.OWNER}), _as(await world.person("nobody"), {})):
        async with behind(world, told, elsewhere.number) as connection:
            for table, column in owned.items():
                sql = f"select count(*) from {table} where {column} = $1"
                assert (await world.value(sql, workspace.number), table) > (0, table)
                assert (await connection.fetchval(sql, workspace.number), table) == (0, table)


async def test_nobody_sees_how_others_sign_in_or_what_they_asked(workspace: Scene) -> None:
    world = workspace.world
    await world.change("renameWorkspace", workspace.owner, workspace=workspace.id, name="New", idempotencyKey="once")
    staff = await world.person("staff", desk=Desk.ADMIN)
    stranger = await world.person("stranger")
    other = workspace.owner.number
    questions = {
        "select count(*) from person where id = $1": other,
        "select count(*) from identity where person_id = $1": other,
        "select count(*) from session where person_id = $1": other,
        "select count(*) from account where person_id = $1": other,
        "select count(*) from staff where person_id = $1": staff.number,
        "select count(*) from idempotency_key where actor = 'person:' || $1::bigint": other,
    }

    async with behind(world, _as(stranger, {})) as connection:
        for sql, number in questions.items():
            assert (await world.value(sql, number), sql) == (1, sql)
            assert (await connection.fetchval(sql, number), sql) == (0, sql)


async def test_a_workspace_is_named_to_its_members_and_to_whoever_it_invites(workspace: Scene) -> None:
    world = workspace.world
    guest, stranger = await world.person("guest"), await world.person("stranger")
    await workspace.invitation(guest.email)
    member = _as(workspace.members[Role.MEMBER], {workspace.number: Role.MEMBER})

    named = {}
    for who, told in {"member": member, "guest": _as(guest, {}), "stranger": _as(stranger, {}), "nobody": {}}.items():
        async with behind(world, told) as connection:
            named[who] = await connection.fetchval("select workspace_name($1)", workspace.number)

    assert named == {"member": "Acme", "guest": "Acme", "stranger": None, "nobody": None}


@pytest.mark.parametrize("role", Role)
async def test_a_role_sees_the_tables_of_its_workspace_that_the_matrix_says(role: Role, workspace: Scene) -> None:
    world, who = workspace.world, workspace.members[role]
    await furnished(workspace)

    found = set()
    async with behind(world, _as(who, {workspace.number: role})) as connection:
        for table, column in (await _owned(world)).items():
            mine = f" and person_id is distinct from {who.number}" if table in {"assignment", "member"} else ""
            if await connection.fetchval(f"select count(*) from {table} where {column} = $1{mine}", workspace.number):
                found.add(table)
        people = await connection.fetch("select id from person")

    assert found == SEEN[role]
    assert (len(people) > 1) == ("member" in SEEN[role])


async def test_nobody_writes_into_a_tenant_they_are_not_bound_to(workspace: Scene) -> None:
    world = workspace.world
    await furnished(workspace)
    await world.change("renameWorkspace", workspace.owner, workspace=workspace.id, name="New")
    elsewhere = await world.workspace(roles=[Role.OWNER])
    before = await evidence(workspace)
    told = _as(workspace.owner, {workspace.number: Role.OWNER, elsewhere.number: Role.OWNER})

    for bound in (None, elsewhere.number):
        for table, column in (await _owned(world)).items():
            row = await world.value(
                f"select to_jsonb(t)::text from {table} t where {column} = $1 limit 1", workspace.number
            )
            names = await world.value(
                "select string_agg(quote_ident(column_name), ', ') from information_schema.columns"
                " where table_schema = 'public' and table_name = $1 and is_generated = 'NEVER'",
                table,
            )
            copied = (
                f"insert into {table} ({names})"
                f" select {names} from jsonb_populate_record(null::{table}, $1::text::jsonb)"
            )
            for sql, value in {
                copied: row,
                f"update {table} set {column} = {column} where {column} = $1": workspace.number,
                f"delete from {table} where {column} = $1": workspace.number,
            }.items():
                async with behind(world, told, bound) as connection:
                    assert await _kept_out(connection, sql, value), sql

    assert await evidence(workspace) == before


async def _kept_out(connection: asyncpg.Connection, sql: str, value: Any) -> bool:
    """Whether a statement is refused, or finds no row to change."""
    try:
        return (await connection.execute(sql, value)).endswith(" 0")
    except asyncpg.InsufficientPrivilegeError:
        return True


async def test_a_row_of_ones_own_is_not_handed_to_another_tenant(workspace: Scene) -> None:
    world = workspace.world
    here = await furnished(await world.workspace())
    told = _as(here.scene.owner, {here.scene.number: Role.OWNER, workspace.number: Role.OWNER})
    tables = [
        table
        for table, column in (await _owned(world)).items()
        if column == "account_id" and not table.startswith("audit")
    ]

    for table in tables:
        sql = f"update {table} set account_id = $1 where account_id = {here.scene.number}"
        async with behind(world, told, here.scene.number) as connection:
            assert await _kept_out(connection, sql, workspace.number), table


@pytest.mark.parametrize(
    "sql",
    [
        "update audit_record set reason = 'another'",
        "delete from audit_record",
        "truncate audit_record",
        "update audit_seal set at = now()",
        "delete from audit_seal",
        "delete from audit_head",
        "alter table audit_record disable row level security",
        "update price set amount_minor = 1",
        "delete from price",
        "insert into price select * from price",
        "update plan set key = 'mine'",
        "insert into staff values (1, 'admin')",
        "update staff set desk = 'admin'",
        "update identity set person_id = 1",
        "delete from invoice",
        "update line_item set amount_minor = 0",
        "set local session_replication_role = replica",
        "create table mine (id int)",
        "select * from pg_authid",
        "copy person to '/tmp/people'",
    ],
)
async def test_the_products_role_is_refused_what_no_rule_of_ours_asks_for(sql: str, workspace: Scene) -> None:
    told = _as(workspace.owner, {workspace.number: Role.OWNER}, Desk.ADMIN)
    async with behind(workspace.world, told, workspace.number) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(sql)


async def test_a_head_of_an_audit_chain_moves_only_forward(workspace: Scene) -> None:
    await workspace.record()
    await workspace.record()

    for edit in (
        "seq = seq - 1",
        "hash = sha256('x')",
        "account_id = account_id + 1",
        "seq = seq - 1, hash = sha256('x')",
    ):
        async with behind(workspace.world, _as(workspace.owner, {}), workspace.number) as connection:
            with pytest.raises((asyncpg.RaiseError, asyncpg.InsufficientPrivilegeError)):
                await connection.execute(f"update audit_head set {edit} where account_id = $1", workspace.number)


@pytest.mark.parametrize("sql", ["update price set amount_minor = amount_minor + 1", "delete from price"])
async def test_not_even_the_owner_of_the_database_changes_a_price(sql: str, world: World) -> None:
    with pytest.raises(asyncpg.RaiseError, match="a price is immutable"):
        await world.run(sql)


async def test_a_refused_door_leaves_no_setting_behind(world: World) -> None:
    """What one request was told of its actor is gone when the next one uses its connection."""
    person = await world.person()
    await world.ask("{ viewer { kind } }", person)

    async with database.connected(world.url, role=database.APP_ROLE) as connection:
        assert await connection.fetchval("select count(*) from person") == 0
        assert await connection.fetchval("select count(*) from account") == 0
