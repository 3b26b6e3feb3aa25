"""npm: where the peers come from, once for each lock file."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.peers import npm

HERE = Path(__file__).parent / "peers"


def installed() -> Path | None:
    """The folder with the peers and all they need; None, and said aloud, where they can't be had."""
    scripts = sorted(path.name for path in HERE.glob("*.mjs"))
    try:
        return npm.beside(HERE, scripts)
    except (subprocess.SubprocessError, OSError) as failure:
        print(f"The peers from npm can't be had ({type(failure).__name__}), and are NOT measured: {failure}")
        return None
