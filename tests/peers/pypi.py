"""Programs of others that come from PyPI, in an environment of their own: what they need clashes with what we need."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.peers import installing

_LOCK = "requirements.lock"


def installed(folder: Path, what: str) -> Path:
    """The Python that has what a folder's lock file names; skips, and says `what` is not tested, if it can't be had."""
    name = f"{folder.name}-{sys.version_info.major}.{sys.version_info.minor}"
    try:
        return installing.once(name, [folder / _LOCK], _install) / "made" / "bin" / "python"
    except (subprocess.SubprocessError, OSError) as failure:
        installing.absent("python", f"PyPI gives nothing ({type(failure).__name__})", what)


def _install(draft: Path) -> None:
    """Make the environment; nothing in it says where it was made, for it is moved afterwards."""
    fast, made = shutil.which("uv"), str(draft / "made" / "bin" / "python")
    if fast:
        installing.run(fast, "venv", "--quiet", "--python", sys.executable, "made", within=draft)
        installing.run(fast, "pip", "install", "--python", made, "--require-hashes", "-r", _LOCK, within=draft)
    else:
        installing.run(sys.executable, "-m", "venv", "made", within=draft)
        installing.run(made, "-m", "pip", "install", "--require-hashes", "-r", _LOCK, within=draft)
