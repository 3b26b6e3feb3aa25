"""The database: how it is reached, how it comes up to date, and what it may not let us do.

Every connection of the product is made by `connect`, which asyncpg's own URL
parser serves: `postgres://`, `postgresql://` and `postgresql+asyncpg://`, with
`?host=/folder/of/the/socket`, `?sslmode=verify-full` and the rest of libpq's words.
SQLAlchemy's engine and the raw pool for compiled reads are both built on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson
from sqlalchemy import event, exc, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from kernel import postgres
from kernel.errors import Unavailable, Unreachable

APP_ROLE = "seatgraph_app"
"""The role the product works as: it owns no table, and row-level security binds it."""

READER_ROLE = "seatgraph_reader"
"""The role of whoever only reads for customers: row-level security binds it, and it may write nothing."""

OLDEST = 15
"""The oldest major version of PostgreSQL that has what our SQL says."""

CONNECTIONS = 8
"""Connections of a pool; on more, PostgreSQL and one Python process get no more done."""

STATEMENTS = 1_000
"""How many prepared statements a connection keeps; planning again costs 120 to 200 µs (asyncpg keeps 100)."""

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
"""The folder of Alembic's `env.py`."""

_BUILTIN_LOCALES = 17
"""The first major version of PostgreSQL that brings locales of its own."""

_MIGRATING = 0x5EA7_0001  # the advisory lock of whoever migrates


def dsn(url: str) -> str:
    """The URL as asyncpg reads it, without SQLAlchemy's name of the driver. Raises Unavailable."""
    scheme, _, rest = url.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        raise Unreachable("The database is PostgreSQL: its URL begins with postgresql://.")
    return f"postgresql://{rest}"


async def connect(url: str, *, role: str | None = None, **options: Any) -> asyncpg.Connection:
    """A raw connection, as `role` when one is given. Raises Unavailable in one sentence, without the password.

    Options are asyncpg's; `server_settings` are added to ours.
    """
    ours = {"application_name": "seatgraph", "jit": "off"} | ({"role": role} if role else {})
    options["server_settings"] = ours | (options.get("server_settings") or {})
    try:
        connection = await asyncpg.connect(
            dsn(url),
            **{"timeout": 10, "statement_cache_size": STATEMENTS, "max_cached_statement_lifetime": 0} | options,
        )
    except asyncpg.PostgresError as refusal:
        raise Unreachable(f"PostgreSQL refuses the connection: {refusal}.") from refusal
    except (OSError, TimeoutError) as silence:
        raise Unreachable("PostgreSQL does not answer where DATABASE_URL points.") from silence
    except asyncpg.InterfaceError as mistake:
        raise Unreachable(f"DATABASE_URL can't be used: {mistake}.") from mistake
    except ValueError:
        # Its words may be a part of the password.
        raise Unreachable("DATABASE_URL is not a URL: is everything in it percent-encoded?") from None
    version = connection.get_server_version().major
    if version < OLDEST:
        await connection.close()
        raise Unreachable(f"PostgreSQL {OLDEST} or newer is needed, and this is {version}.")
    return connection


@asynccontextmanager
async def connected(url: str, **options: Any) -> AsyncIterator[asyncpg.Connection]:
    """A raw connection of the owner, closed at the end."""
    connection = await connect(url, **options)
    try:
        yield connection
    finally:
        await connection.close()


def engine(
    url: str, *, role: str | None = APP_ROLE, pool_size: int = CONNECTIONS, overflow: int = 0, **server_settings: str
) -> AsyncEngine:
    """SQLAlchemy's engine over asyncpg, as `role` when one is given. Nothing is connected yet.

    `pool_size` 0 keeps no connection. A connection that the server closed, because
    it restarted, is noticed when it leaves the pool, without a round trip. A transaction
    is begun by whoever wants one, as `kernel.work` does; SQLAlchemy begins none.
    """

    async def fresh(**_: Any) -> asyncpg.Connection:
        return await connect(url, role=role, server_settings=server_settings)

    # The connection that was used last is taken first: it has made the plans of what is asked often.
    sizes = (
        {"pool_size": pool_size, "max_overflow": overflow, "pool_use_lifo": True}
        if pool_size
        else {"poolclass": NullPool}
    )
    made = create_async_engine(
        "postgresql+asyncpg://",
        connect_args={"async_creator_fn": fresh, "prepared_statement_cache_size": STATEMENTS},
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        query_cache_size=2_000,
        isolation_level="AUTOCOMMIT",
        **sizes,
    )
    event.listen(made.sync_engine, "checkout", _still_open)
    return made


class _Untouched(asyncpg.Connection):
    """A connection that goes back to its pool as it is."""

    def get_reset_query(self) -> str:
        # RESET costs a round trip, and we set nothing that outlives its transaction.
        return ""


async def pool(url: str, *, role: str | None = APP_ROLE, size: int = 8) -> asyncpg.Pool:
    """A pool of raw connections for compiled reads, where JSON arrives as text.

    Only `set local` and `set_config(…, true)` are allowed on them: going back to
    the pool resets nothing.
    """
    return await asyncpg.create_pool(
        min_size=min(1, size),
        max_size=size,
        connect=partial(_for_pool, url, role),
        connection_class=_Untouched,
        max_inactive_connection_lifetime=0,
    )


async def _for_pool(url: str, role: str | None, *_: Any, **options: Any) -> asyncpg.Connection:
    return await connect(url, role=role, **options)


def embedded(home: Path, **settings: str) -> str:
    """Start or join the embedded PostgreSQL under `home`, and give the owner's URL of the product's database.

    Creates the database when it is missing. `settings` are PostgreSQL's, for a server
    that is started here. Blocks, and so belongs before the event loop or in a thread.
    Raises Unavailable.
    """
    for left in reversed(range(postgres.ATTEMPTS)):
        server = postgres.started(home, settings)
        try:
            asyncio.run(create(server, "seatgraph"))
            return within(server, "seatgraph")
        except Unavailable:
            # It was killed a moment ago, and was not dead yet when we joined it.
            if not left:
                raise
            sleep(0.3)
    raise AssertionError("the last attempt returns or raises")


async def create(server: str, name: str, template: str = "template0") -> None:
    """Create the database `name` unless it exists, ordering text by code point whatever the machine's locale."""
    async with connected(server) as connection:
        newer = connection.get_server_version().major >= _BUILTIN_LOCALES
        by_code_point = " locale_provider builtin builtin_locale 'C.UTF-8'" if newer else " locale 'C.UTF-8'"
        # Neither needed nor allowed when another database is copied.
        locale = by_code_point if template == "template0" else ""
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                await connection.execute(f'create database "{name}" template "{template}" encoding utf8{locale}')


def within(server: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlsplit(server)._replace(path=f"/{name}").geturl()


async def current(url: str) -> str | None:
    """The revision the database is at, or None before the first migration. Raises Unavailable."""
    async with connected(url) as connection:
        if not await connection.fetchval("select to_regclass('alembic_version')"):
            return None
        revision: str | None = await connection.fetchval("select version_num from alembic_version")
        return revision


def head() -> str:
    """The newest revision: migrations are one line, and their files are named by it (`0007_seats.py` is 0007)."""
    return max(file.name for file in (MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]


async def pending(url: str) -> bool:
    """Whether the database has yet to be migrated; cheap, so that every start may ask."""
    return await current(url) != head()


async def migrate(url: str) -> None:
    """Bring the database to the newest revision, all or nothing, one process at a time. Raises Unavailable."""
    # Importing Alembic takes longer than a start that has nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    owner = engine(url, role=None, pool_size=0).execution_options(isolation_level="READ COMMITTED")
    config = Config(attributes={})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    async with owner.begin() as connection:
        await connection.exec_driver_sql(f"select pg_advisory_xact_lock({_MIGRATING})")
        config.attributes["connection"] = connection.sync_connection
        await connection.run_sync(lambda _: command.upgrade(config, "head"))
    await owner.dispose()


async def assert_fenced(app: AsyncEngine) -> None:
    """Refuse to work as a role that row-level security doesn't bind. Raises Unavailable."""
    async with app.connect() as connection:
        unbound = await connection.scalar(
            text("select rolname from pg_roles where rolname = current_user and (rolsuper or rolbypassrls)")
        )
    if unbound:
        raise Unreachable(f"The product refuses to work as {unbound}: row-level security doesn't bind that role.")


def _still_open(connection: Any, _record: object, _proxy: object) -> None:
    if connection.driver_connection.is_closed():
        raise exc.DisconnectionError("The server closed this connection while it was idle.")
    if connection.driver_connection.is_in_transaction():
        # Whoever had it before was canceled while BEGIN was on its way, so nobody knew what to end.
        raise exc.DisconnectionError("This connection is in a transaction of somebody who is gone.")
