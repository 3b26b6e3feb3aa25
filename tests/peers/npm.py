"""Programs of others that come from npm."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.peers import installing

_INSTALL = ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--omit-lockfile-registry-resolved")


def installed(folder: Path, script: str, what: str) -> Path:
    """Where a script is that has its packages beside it; skips, and says `what` is not tested, without node or npm."""
    if not (shutil.which("node") and shutil.which("npm")):
        installing.absent("node", "node and npm are not on this machine", what)
    sources = [folder / name for name in ("package.json", "package-lock.json", script)]
    try:
        return installing.once(folder.name, sources, _install) / script
    except (subprocess.SubprocessError, OSError) as failure:
        installing.absent("node", f"npm gets nothing ({type(failure).__name__})", what)


def _install(draft: Path) -> None:
    installing.run(*_INSTALL, within=draft)
