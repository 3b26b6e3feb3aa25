"""The command line: help worth reading, one sentence for each mistake, and statuses that a script can trust."""

import json
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
import typer
from graphql import build_schema

from gateway import catalog, clock, contract, drift
from gateway.__main__ import app
from gateway.settings import Settings
from kernel import database
from kernel.errors import Conflict, InvalidInput
from tests.gateway.running import run

PLAN = """
key = "basic"
audience = "person"
position = 1
name = {{ en = "Basic" }}
description = {{ en = "The least." }}

[[versions]]
number = 1

[[versions.prices]]
interval = "month"
model = "flat"
amount = {{ USD = "{amount}" }}
"""

COUPON = """[spring]
name = { en = "Spring" }
percent = "20"
codes.SPRING = {}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home without a database of its own."""
    return tmp_path / "home"


@pytest.fixture
def told(tmp_path: Path) -> Settings:
    """The settings of a test."""
    return Settings.model_validate(
        {"SEATGRAPH_HOME": str(tmp_path), "SEATGRAPH_ENV": "test", "SEATGRAPH_SECRET": "s" * 32}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a catalog of one plan."""
    made = tmp_path / "catalog"
    made.mkdir()
    (made / "basic.toml").write_text(PLAN.format(amount="5.00"))
    return made


# Help


def commands() -> list[tuple[str, Any]]:
    """Every command, by what is typed to run it."""
    group: Any = typer.main.get_command(app)
    found: list[tuple[str, Any]] = []
    for name, command in group.commands.items():
        below = getattr(command, "commands", None)
        found += [(f"{name} {each}", leaf) for each, leaf in below.items()] if below else [(name, command)]
    return found


@pytest.mark.parametrize(("name", "command"), commands(), ids=[name for name, _ in commands()])
def test_every_command_has_a_sentence_and_an_example(name: str, command: Any) -> None:
    assert command.help.partition("\n")[0].endswith(".")
    assert f"Example: seatgraph {name}" in command.help


def test_every_option_has_a_sentence_and_options_with_a_value_an_example() -> None:
    options = [option for _, command in commands() for option in command.params if option.name != "help"]

    assert all(option.help.endswith(".") for option in options)
    takes_value = [option for option in options if not getattr(option, "is_flag", False)]
    assert all("such as" in option.help or ":" in option.help for option in takes_value)


def test_help_imports_nothing_that_only_other_commands_need(home: Path) -> None:
    helped = run(home, "--help", PYTHONPROFILEIMPORTTIME="1")

    assert helped.returncode == 0
    assert "Start the product" in helped.stdout
    assert not [heavy for heavy in ("sqlalchemy", "strawberry", "uvicorn", "asyncpg") if f" {heavy}\n" in helped.stderr]


# Mistakes


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("frobnicate", "No such command 'frobnicate'; --help tells what can be asked."),
        ("serve --prt 1", "No such option: --prt"),
        ("serve --port many", "Invalid value for '--port'"),
        ("token", "Missing option '--person'; --help tells what can be asked."),
        ("token --person ada@example.com --scope all", "Invalid value for '--scope': 'all' is not one of 'seats:read'"),
        ("token --person ada@example.com --scope seats:read", "Invalid value: --scope and --account go with --key"),
    ],
)
def test_a_mistake_in_what_was_typed_is_one_sentence(home: Path, typed: str, sentence: str) -> None:
    refused = run(home, *typed.split())

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(sentence)
    assert refused.stderr.count("\n") == 1
    assert not home.exists()


def test_settings_that_can_not_be_right_are_a_sentence_each(home: Path) -> None:
    refused = run(home, "serve", PORT="99999", SEATGRAPH_ENV="prod")

    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        "PORT must be a port between 1 and 65535.",
        "SEATGRAPH_ENV must be development, test or production.",
    ]


def test_a_traceback_is_shown_to_whoever_asks_for_it(home: Path) -> None:
    refused = run(home, "catalog", "validate", "--folder", "/nowhere", SEATGRAPH_DEBUG="1")

    assert refused.returncode == 1
    assert refused.stderr.startswith("Traceback")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("token --person ada@example.com", "The development issuer is for development and tests"),
        ("clock", "The simulated clock is for development and tests"),
        ("clock advance 3d", "The simulated clock is for development and tests"),
        ("seed", "A scene is for development and tests"),
    ],
)
def test_production_refuses_what_is_for_development(home: Path, typed: str, sentence: str) -> None:
    refused = run(home, *typed.split(), SEATGRAPH_ENV="production", SEATGRAPH_SECRET="s" * 32)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"{sentence}, and SEATGRAPH_ENV says production.\n"


# The database


async def test_a_database_that_was_never_migrated_is_refused_and_then_migrated(home: Path, server: str) -> None:
    await database.create(server, "never_migrated")
    bare = database.within(server, "never_migrated")

    refused = run(home, "verify", DATABASE_URL=bare)
    migrated = run(home, "migrate", DATABASE_URL=bare)
    verified = run(home, "verify", "--json", DATABASE_URL=bare)

    assert refused.returncode == 2
    assert refused.stderr == "The database is not up to date: run `seatgraph migrate`, or start the product.\n"
    assert (migrated.returncode, migrated.stdout) == (0, "The database is up to date.\n")
    assert json.loads(verified.stdout)["ok"]


async def test_a_broken_database_has_a_status_of_its_own(home: Path, fresh_database_url: str) -> None:
    async with database.connected(fresh_database_url) as owner:
        await owner.execute("insert into audit_head (account_id, seq, hash) values (7, 3, sha256(''))")

    verified = run(home, "verify", DATABASE_URL=fresh_database_url)

    assert verified.returncode == 1
    assert "audit_head 7: stands at 3, the chain ends at 0" in verified.stdout


def test_migrations_and_code_agree(told: Settings) -> None:
    assert drift.drift(told) == []


async def test_drift_is_told_a_sentence_for_each_difference(fresh_database_url: str) -> None:
    async with database.connected(fresh_database_url) as owner:
        await owner.execute("""
            alter table person add column nickname text;
            alter table person drop column locale;
            alter table account alter column name drop not null;
            alter table outbox alter column request_id type integer using 1;
            create table stray (id bigint primary key);
            drop table staff;
        """)

    assert sorted(await drift.compare(fresh_database_url)) == [
        "account.name: declared not null, and a migration makes it nullable.",
        "outbox.request_id: declared as Text(), and a migration makes it INTEGER().",
        "person.locale: the column is declared, and no migration makes it.",
        "person.nickname: a migration makes the column, and nobody declares it.",
        "staff: the table is declared, and no migration makes it.",
        "stray: a migration makes the table, and nobody declares it.",
    ]


async def test_the_clock_is_shown_and_moved_forward_only(home: Path, fresh_database_url: str) -> None:
    here = {"DATABASE_URL": fresh_database_url, "SEATGRAPH_ENV": "test"}

    shown = run(home, "clock", **here)
    moved = run(home, "clock", "advance", "3d", **here)
    refused = run(home, "clock", "advance", "--", "-3d", **here)

    assert shown.stdout.endswith("Z, the time of day.\n")
    assert moved.stdout.endswith("Z, 3 days, 0:00:00 ahead of the time of day.\n")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "'-3d' is not a span of time, such as 90s, 15m, 12h, 3d or 2w.\n"


async def test_a_day_is_told_whole_however_long_the_sandbox_takes(
    fresh_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(seconds=5)

    async def dawdle(*_: object) -> None:
        monkeypatch.setattr(clock, "datetime", Later)

    monkeypatch.setattr(clock, "playing", SimpleNamespace(advance=dawdle))

    assert (await clock.advanced(fresh_database_url, "1d")).endswith("Z, 1 day, 0:00:00 ahead of the time of day.")


async def test_nobody_gets_a_token_for_somebody_who_is_not_there(home: Path, fresh_database_url: str) -> None:
    refused = run(home, "token", "--person", "eve@example.com", DATABASE_URL=fresh_database_url)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("Nobody here has the address eve@example.com")


async def test_a_scene_is_added_and_its_ids_are_printed(home: Path, tmp_path: Path, fresh_database_url: str) -> None:
    (tmp_path / "scene.json").write_text('{"people": [{"email": "eve@example.com", "name": "Eve"}]}')

    seeded = run(home, "seed", "--file", str(tmp_path / "scene.json"), DATABASE_URL=fresh_database_url)

    assert seeded.returncode == 0
    assert json.loads(seeded.stdout)["eve@example.com"].startswith("person_")


async def test_a_scale_is_added_and_counted(home: Path, fresh_database_url: str) -> None:
    here = {"DATABASE_URL": fresh_database_url}

    scaled = run(home, "seed", "--scale", "200", **here)
    again = run(home, "seed", "--scale", "200", **here)

    assert (scaled.returncode, " rows in " in scaled.stdout) == (0, True)
    assert (again.returncode, again.stdout) == (2, "")
    assert "scaled before" in again.stderr


# The catalog


def test_the_products_own_catalog_is_valid(home: Path) -> None:
    validated = run(home, "catalog", "validate")

    assert validated.returncode == 0
    assert validated.stdout.startswith("The catalog holds: ")


def test_mistakes_in_the_catalog_are_told_with_file_and_line(folder: Path) -> None:
    (folder / "basic.toml").write_text(PLAN.format(amount="much"))

    with pytest.raises(InvalidInput, match=rf"^{folder}/basic\.toml:14: "):
        catalog.read(folder)


async def test_a_catalog_is_planned_applied_and_then_nothing_is_left_to_do(
    home: Path, folder: Path, fresh_database_url: str
) -> None:
    where = ("--folder", str(folder))

    planned = run(home, "catalog", "plan", *where, DATABASE_URL=fresh_database_url)
    applied = run(home, "catalog", "apply", *where, DATABASE_URL=fresh_database_url)
    again = run(home, "catalog", "plan", *where, DATABASE_URL=fresh_database_url)

    assert (planned.returncode, planned.stdout.partition(" is ")[0]) == (2, "plan added: basic")
    assert (applied.returncode, applied.stdout.partition(" is ")[0]) == (0, "basic")
    assert (again.returncode, again.stdout) == (0, "Nothing would change.\n")


async def test_a_catalog_that_breaks_a_promise_is_planned_as_such_and_not_applied(
    told: Settings, folder: Path, fresh_database_url: str
) -> None:
    await catalog.apply(told, fresh_database_url, catalog.read(folder))
    (folder / "basic.toml").write_text(PLAN.format(amount="6.00"))
    changed = catalog.read(folder)

    planned = await catalog.differences(told, fresh_database_url, changed)
    with pytest.raises(Conflict, match="make a version 2"):
        await catalog.apply(told, fresh_database_url, changed)

    assert [line.partition(":")[0] for line in planned] == ["price immutable (can't be applied)"]
    assert await catalog.differences(told, fresh_database_url, changed) == planned


async def test_coupons_are_planned_and_applied_like_plans(
    home: Path, told: Settings, folder: Path, fresh_database_url: str
) -> None:
    (folder / "coupons.toml").write_text(COUPON)
    where = ("--folder", str(folder))

    validated = run(home, "catalog", "validate", *where)
    planned = await catalog.differences(told, fresh_database_url, catalog.read(folder))
    applied = await catalog.apply(told, fresh_database_url, catalog.read(folder))
    (folder / "coupons.toml").write_text(COUPON.replace('"20"', '"much"'))
    refused = run(home, "catalog", "plan", *where, DATABASE_URL=fresh_database_url)

    assert validated.stdout == "The catalog holds: 1 plans, 1 versions, 1 prices, 1 coupons.\n"
    assert planned[-1] == "coupon added: spring is a new coupon, 20 percent off every plan for good, with SPRING."
    assert applied[-1] == "spring is a new coupon, 20 percent off every plan for good, with SPRING."
    assert refused.returncode != 0
    assert "coupons.toml:3: `percent`: A percentage is from 0 to 100" in refused.stderr


async def test_applying_a_catalog_is_in_the_audit(told: Settings, folder: Path, fresh_database_url: str) -> None:
    await catalog.apply(told, fresh_database_url, catalog.read(folder))

    async with database.connected(fresh_database_url) as owner:
        records = await owner.fetch("select action, reason from audit_record")

    assert [tuple(record) for record in records] == [("plan.added", "catalog apply")]


# The contract


def test_the_schema_is_printed_as_it_is_committed(home: Path) -> None:
    printed = run(home, "schema")

    assert printed.returncode == 0
    assert build_schema(printed.stdout).query_type is not None
    assert printed.stdout == contract.text()


def test_what_breaks_clients_is_told_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = (
        contract.text().replace("type Viewer {", "type Viewer {\n  shoeSize: Int\n").replace('"""Who', '"""He who')
    )
    monkeypatch.setattr(contract, "COMMITTED", tmp_path / "schema.graphql")
    contract.COMMITTED.write_text(committed)

    told = contract.differences()

    assert told[0] == "breaks clients: Field Viewer.shoeSize was removed."
    assert told[-1].startswith("harmless: Description of ")


def test_what_no_comparison_sees_is_told_by_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "COMMITTED", tmp_path / "schema.graphql")
    contract.COMMITTED.write_text("# by hand\n" + contract.text())

    (told,) = contract.differences()

    assert told.startswith("line 1: was '# by hand' and becomes ")


def test_a_contract_that_was_written_is_the_committed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "COMMITTED", tmp_path / "schema.graphql")
    with pytest.raises(InvalidInput, match="--write"):
        contract.differences()

    contract.write()

    assert contract.differences() == []
