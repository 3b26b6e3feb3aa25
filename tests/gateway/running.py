"""The real command line, each command in a process of its own."""

import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import IO

from kernel import postgres

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60
"""Seconds after which a process is taken to hang."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a process is told: its home, and nothing else of ours."""
    ours = {"HOST", "PORT", "DATABASE_URL"}
    kept = {
        name: text
        for name, text in os.environ.items()
        if name not in ours and not name.startswith(("SEATGRAPH_", "STRIPE_"))
    }
    return kept | {"SEATGRAPH_HOME": str(home)} | more


def run(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A command, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        check=False,
        cwd=ROOT,
        env=environment(home, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@dataclass
class Running:
    """A process that goes on until it is stopped."""

    process: subprocess.Popen[str]
    said: str

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Ask it to end; its status, and what it told since it began."""
        self.process.send_signal(how)
        _, told = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, told


@contextmanager
def running(home: Path, *arguments: str, first: str = "stdout", **more: str) -> Iterator[Running]:
    """A command that goes on, from the first line on that it writes to one of its streams."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", *arguments],
        cwd=ROOT,
        env=environment(home, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Running(process, _first_line(getattr(process, first)))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _first_line(stream: IO[str]) -> str:
    begun, _, _ = select.select([stream], [], [], PATIENCE)
    assert begun, "the process said nothing"
    return stream.readline()


@contextmanager
def new_home() -> Iterator[Path]:
    """A home that nobody has used; its path is short, as the socket in it demands."""
    made = Path(mkdtemp(prefix="sg-"))
    try:
        yield made
    finally:
        postgres.stop(made)
        shutil.rmtree(made)
