"""Programs of others that come from npm, once for each lock file, into a folder of this machine beside the project."""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

import pytest
from platformdirs import user_cache_path

INSTALLED = 180
"""Seconds that an installation may take."""

_QUIETLY = ("--no-audit", "--no-fund", "--ignore-scripts", "--omit-lockfile-registry-resolved")


def installed(folder: Path, script: str, what: str) -> Path:
    """Where a script is that has its packages beside it; skips, and says `what` is not tested, without node or npm."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip(f"node and npm are not on this machine: {what} NOT tested")
    sources = [folder / name for name in ("package.json", "package-lock.json", script)]
    mark = sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    home = user_cache_path("seatgraph-tests") / f"{folder.name}-{mark}"
    if not home.exists():
        _install(sources, home, what)
    return home / script


def _install(sources: list[Path], home: Path, what: str) -> None:
    """Install the packages, whole or not at all."""
    home.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(dir=home.parent))
    for source in sources:
        shutil.copy(source, draft)
    try:
        subprocess.run(["npm", "ci", *_QUIETLY], cwd=draft, check=True, capture_output=True, timeout=INSTALLED)
        draft.rename(home)
    except (subprocess.SubprocessError, OSError) as failure:
        if not home.exists():
            pytest.skip(f"npm gets nothing ({type(failure).__name__}): {what} NOT tested")
    finally:
        shutil.rmtree(draft, ignore_errors=True)
