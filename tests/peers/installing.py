"""A folder of this machine, beside the project, for what is installed once for each lock file."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import NoReturn

import pytest
from platformdirs import user_cache_path

INSTALLED = 300
"""Seconds that an installation may take."""

REQUIRED = "SEATGRAPH_TEST_PEERS"
"""Names what has to be there ("python", or "python,node"): without it a test fails, and is not skipped."""


def once(name: str, sources: Iterable[Path], install: Callable[[Path], None]) -> Path:
    """The folder in which `install` once worked, with a copy of the sources; whole or not at all.

    Raises OSError, and what `subprocess` raises.
    """
    copied = list(sources)
    mark = sha256(b"".join(source.read_bytes() for source in copied)).hexdigest()[:16]
    home = user_cache_path("seatgraph-tests") / f"{name}-{mark}"
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(mkdtemp(dir=home.parent))
        try:
            for source in copied:
                shutil.copy(source, draft)
            install(draft)
            _keep(draft, home)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return home


def _keep(draft: Path, home: Path) -> None:
    try:
        draft.rename(home)
    except OSError:
        if not home.exists():  # else another process was first, and its folder is as good
            raise


def run(*command: str, within: Path) -> None:
    """One step of an installation."""
    subprocess.run(command, cwd=within, check=True, capture_output=True, timeout=INSTALLED)


def absent(origin: str, why: str, what: str) -> NoReturn:
    """Skip, and say that `what` is not tested; fail where it has to be."""
    told = f"{why}: {what} NOT tested"
    if origin in os.environ.get(REQUIRED, "").split(","):
        pytest.fail(told)
    pytest.skip(told)
