"""The database: reached, migrated, fenced."""

import asyncio

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from kernel import database
from kernel.errors import Unavailable


async def test_the_product_works_as_a_role_that_is_fenced(engine: AsyncEngine) -> None:
    await database.assert_fenced(engine)

    async with engine.connect() as connection:
        assert await connection.scalar(text("select current_user")) == "seatgraph_app"


async def test_the_owner_is_refused_as_the_product(database_url: str) -> None:
    owner = database.engine(database_url, role=None, pool_size=0)

    with pytest.raises(Unavailable, match="refuses to work as postgres"):
        await database.assert_fenced(owner)


async def test_resetting_the_role_does_not_leave_the_fence(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("reset role"))

        assert await connection.scalar(text("select current_user")) == "seatgraph_app"


async def test_a_connection_that_the_server_closed_is_replaced(database_url: str) -> None:
    app = database.engine(database_url, pool_size=1)
    async with app.connect() as connection:
        lost = await connection.scalar(text("select pg_backend_pid()"))
    async with database.connected(database_url) as owner:
        await owner.execute("select pg_terminate_backend($1, 5000)", lost)
        await owner.execute("select 1")

    async with app.connect() as connection:
        assert await connection.scalar(text("select pg_backend_pid()")) != lost

    await app.dispose()


async def test_a_connection_in_a_transaction_of_somebody_gone_is_replaced(database_url: str) -> None:
    engine = database.engine(database_url, pool_size=1)
    async with engine.connect() as connection:
        # As if BEGIN had arrived, and nobody had waited for its answer.
        left = (await connection.get_raw_connection()).driver_connection
        assert left
        await left.execute("begin")

    async with engine.connect() as connection:
        lent = (await connection.get_raw_connection()).driver_connection
        assert lent
        assert await connection.scalar(text("select 1")) == 1

    assert lent is not left
    await engine.dispose()


async def test_a_url_may_name_the_driver(database_url: str) -> None:
    named = database_url.replace("postgresql://", "postgresql+asyncpg://")

    async with database.connected(named) as connection:
        assert await connection.fetchval("select 1") == 1


async def test_json_is_decoded_by_the_engine_and_text_in_the_pool(engine: AsyncEngine, database_url: str) -> None:
    question = "select json_build_object('a', 1)"
    raw = await database.pool(database_url, size=1)

    async with engine.connect() as connection:
        assert await connection.scalar(text(question)) == {"a": 1}
    assert await raw.fetchval(question) == '{"a" : 1}'

    await raw.close()


async def test_the_pool_is_fenced_and_keeps_its_connections(database_url: str) -> None:
    raw = await database.pool(database_url, size=1)

    assert await raw.fetchval("select current_user") == "seatgraph_app"
    assert await raw.fetchval("select pg_backend_pid()") == await raw.fetchval("select pg_backend_pid()")

    await raw.close()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://me:topsecret@127.0.0.1:1/seatgraph", "does not answer"),
        ("postgresql://me:top/secret@127.0.0.1/seatgraph", "is everything in it percent-encoded"),
        ("postgresql://me:topsecret@127.0.0.1/seatgraph?sslmode=sometimes", "sslmode"),
        ("mysql://me:topsecret@127.0.0.1/seatgraph", "begins with postgresql://"),
    ],
)
async def test_a_database_out_of_reach_is_one_sentence_without_the_password(url: str, sentence: str) -> None:
    with pytest.raises(Unavailable, match=sentence) as refusal:
        await database.connect(url)

    assert "secret" not in refusal.value.message


async def test_a_database_that_does_not_exist_is_named(server: str) -> None:
    with pytest.raises(Unavailable, match='database "nowhere" does not exist'):
        await database.connect(database.within(server, "nowhere"))


async def test_an_old_postgresql_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "OLDEST", 99)

    with pytest.raises(Unavailable, match="PostgreSQL 99 or newer is needed"):
        await database.connect(database_url)


def test_migrations_are_one_line_and_their_files_are_named_by_it() -> None:
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())

    assert scripts[0].revision == database.head()
    assert all(script.path.rpartition("/")[2].startswith(f"{script.revision}_") for script in scripts)


async def test_a_migrated_database_has_nothing_pending(database_url: str) -> None:
    assert await database.current(database_url) == database.head()
    assert not await database.pending(database_url)


async def test_two_starts_at_once_migrate_once(server: str) -> None:
    await database.create(server, "bare")
    bare = database.within(server, "bare")

    before = await database.pending(bare)
    await asyncio.gather(database.migrate(bare), database.migrate(bare))

    assert before
    assert not await database.pending(bare)
