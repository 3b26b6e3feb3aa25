"""Programs of others that come from npm."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.peers import installing

_INSTALL = ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--omit-lockfile-registry-resolved")


def installed(folder: Path, script: str, what: str) -> Path:
    """Where a script is that has its packages beside it; skips, and says `what` is not tested, without node or npm."""
    try:
        return beside(folder, [script]) / script
    except (subprocess.SubprocessError, OSError) as failure:
        why = str(failure) if isinstance(failure, NodeMissingError) else f"npm gets nothing ({type(failure).__name__})"
        installing.absent("node", why, what)


class NodeMissingError(OSError):
    """This machine has no node."""


def beside(folder: Path, scripts: Iterable[str]) -> Path:
    """The folder in which scripts have their packages beside them. Raises OSError, and what `subprocess` raises."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise NodeMissingError("node and npm are not on this machine")
    sources = [folder / name for name in ("package.json", "package-lock.json", *scripts)]
    return installing.once(folder.name, sources, _install)


def _install(draft: Path) -> None:
    installing.run(*_INSTALL, within=draft)
