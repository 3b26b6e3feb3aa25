"""Building: the ready-made documents and code of `docs/clients`, typed and compiled by the tools that clients use.

GraphQL Code Generator writes the types of every document, Relay's compiler the artifacts
of its own, Apollo's tool the manifest of trusted documents; then TypeScript checks all
of it, strictly, with the program of these tests, which uses it as an app would.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gateway.contract import COMMITTED
from tests.docs.pages import ROOT

CLIENTS = ROOT / "docs" / "clients"
PROGRAM = Path(__file__).with_name("drive.ts")

QUICK = 240
"""Seconds after which a tool is taken to hang."""


class MistakeError(Exception):
    """A tool found a mistake; what it said."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """A copy of the documents beside the tools."""

    root: Path

    @property
    def clients(self) -> Path:
        """The copy."""
        return self.root / "docs" / "clients"

    @property
    def program(self) -> Path:
        """The compiled program of these tests."""
        return self.root / "out" / PROGRAM.with_suffix(".js").name

    @property
    def manifest(self) -> Path:
        """What Apollo's tool wrote of the documents for the web."""
        return self.clients / "web" / "persisted-query-manifest.json"

    @property
    def persisted(self) -> Path:
        """What Relay's compiler wrote of its own documents."""
        return self.clients / "relay" / "persisted.json"

    def generate(self) -> None:
        """Write the types of every document. Raises MistakeError."""
        self._run("graphql-codegen", "--config", "codegen.ts")

    def compile_relay(self) -> None:
        """Write Relay's artifacts. Raises MistakeError."""
        self.persisted.write_text("{}")
        self._run("relay-compiler", within="relay")

    def register(self) -> None:
        """Write the manifest of trusted documents. Raises MistakeError."""
        self._run("generate-persisted-query-manifest", "--config", "persisted-query-manifest.config.json", within="web")

    def check(self) -> None:
        """Check all types, and write what runs. Raises MistakeError."""
        self._run("tsc", "--project", "tsconfig.json", "--rootDir", ".", "--outDir", str(self.root / "out"))

    def _run(self, tool: str, *words: str, within: str = ".") -> None:
        command = [str(self.root / "node_modules" / ".bin" / tool), *words]
        ran = subprocess.run(
            command, cwd=self.clients / within, capture_output=True, text=True, timeout=QUICK, check=False
        )
        if ran.returncode:
            raise MistakeError(ran.stdout + ran.stderr)


def opened(home: Path, root: Path) -> Workshop:
    """A workshop with the tools that are installed at home."""
    (root / "schema").mkdir(parents=True)
    shutil.copy(COMMITTED, root / "schema")
    shutil.copytree(CLIENTS, root / "docs" / "clients")
    shutil.copy(PROGRAM, root / "docs" / "clients")
    shutil.copy(home / "package.json", root)
    (root / "node_modules").symlink_to(home / "node_modules")
    return Workshop(root)


def built(home: Path, root: Path) -> Workshop:
    """A workshop in which everything was made. Raises MistakeError."""
    shop = opened(home, root)
    shop.generate()
    shop.compile_relay()
    shop.register()
    shop.check()
    return shop
