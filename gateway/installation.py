"""An installation: the database its settings point at, brought up to date, with its keys and its clock.

Every command and both long-running processes begin here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic, sleep

import asyncpg

from auth import tokens
from auth.tokens import Signer
from gateway import stopping
from gateway.settings import Misconfigured, Settings, kept
from kernel import database, ids, links, pages, sealing
from kernel.clock import Clock, SimulatedClock, SystemClock
from kernel.errors import Forbidden, Unavailable

PATIENCE = 30
"""Seconds we wait for a database that doesn't answer yet, unless we are told otherwise."""

Say = Callable[[str], object]
"""Tells the person at the terminal a sentence."""

_PAUSE = 1
_NAME = "seatgraph"


def configure(settings: Settings) -> None:
    """Put this installation's keys in force."""
    ids.use_key(settings.key("ids"))
    pages.use_key(settings.key("cursors"))
    sealing.use_key(settings.key("seal"))
    links.use(settings.key("links"), settings.url)


def signer(settings: Settings) -> Signer | None:
    """Who signs our own access tokens; nobody in production without a key. Raises Misconfigured."""
    if settings.signing_key:
        try:
            pem = settings.signing_key.expanduser().read_text()
        except (OSError, UnicodeDecodeError):
            raise Misconfigured(["SEATGRAPH_SIGNING_KEY must be a file of text that we can read."]) from None
    elif settings.in_production:
        return None
    else:
        pem = kept(settings.home, "signing.pem", tokens.generate)
    return Signer(_NAME, _NAME, tokens.private_key(pem))


@asynccontextmanager
async def clock(settings: Settings, url: str) -> AsyncIterator[Clock]:
    """The clock of this installation: the time of day in production, elsewhere one that can be moved."""
    if settings.in_production:
        yield SystemClock()
        return
    connections = await database.pool(url, size=2)
    try:
        yield SimulatedClock(connections)
    finally:
        await connections.close()


def insist_on_development(settings: Settings, what: str) -> None:
    """Refuse production what is not for it. Raises Forbidden."""
    if settings.in_production:
        raise Forbidden(f"{what} is for development and tests, and SEATGRAPH_ENV says production.")


# The database


def reached(settings: Settings, say: Say, patience: int = PATIENCE) -> str:
    """The owner's URL of the database, once it answers; the embedded one is started or joined. Raises Unavailable."""
    if settings.database_url is None:
        return database.embedded(settings.home)
    url = settings.database_url.get_secret_value()
    give_up = monotonic() + patience
    told = False
    while True:
        try:
            asyncio.run(database.current(url))
        except Unavailable as silence:
            if not _passes(silence) or monotonic() >= give_up:
                raise
            if not told:
                say(f"{silence.message} Waiting up to {patience} seconds for it.")
                told = True
            sleep(_PAUSE)
            stopping.check()
        else:
            return url


def _passes(refusal: Unavailable) -> bool:
    """Whether waiting may help: nobody answers, or the server is starting up; a wrong password stays wrong."""
    return isinstance(refusal.__cause__, OSError | asyncpg.CannotConnectNowError | asyncpg.TooManyConnectionsError)


async def migrated(url: str, say: Say) -> None:
    """Bring the database up to date. Raises Unavailable when it is newer than we are."""
    if await _behind(url):
        say("Bringing the database up to date.")
        logging.getLogger("alembic").setLevel(logging.WARNING)
        await database.migrate(url)


async def insist_on_fence(url: str) -> None:
    """Refuse to work as a role that row-level security doesn't bind. Raises Unavailable."""
    app = database.engine(url, pool_size=0)
    try:
        await database.assert_fenced(app)
    finally:
        await app.dispose()


async def insist_on_migrated(url: str) -> None:
    """Refuse a database that is not up to date. Raises Unavailable."""
    if await _behind(url):
        raise Unavailable("The database is not up to date: run `seatgraph migrate`, or start the product.")


async def _behind(url: str) -> bool:
    found, ours = await database.current(url), database.head()
    if found and found > ours:
        raise Unavailable(f"The database is at revision {found}, and this release knows revisions up to {ours}.")
    return found != ours
