"""Writes docs/transcript.md by doing what it tells: a fresh clone, `make run`, and four people at the door.

Run it from a checkout: python docs/transcript.py
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 300

OWNER, SEAT_ADMIN, AUDITOR = (f"{name}@northwind.example" for name in ("ines.marques", "jonas.keller", "hana.novak"))

POOLS = (
    "{ viewer { memberships { nodes { role workspace { id name licensePools { id name purchased assigned } } } } } }"
)
PLAN = (
    "{ viewer { person { name } plans { name } entitlements { feature amount }"
    " account { subscriptions { nodes { state plan { name } } } invoices(last: 1) { nodes { number state } } } } }"
)
ASSIGN = (
    "mutation($pool: ID!, $email: String!) { assignSeat(input: {pool: $pool, email: $email})"
    " { __typename ... on Seat { email state pool { assigned } } ... on Problem { message } } }"
)
LOOK = "query($id: ID!) { node(id: $id) { id } workspace(id: $id) { name seats { totalCount } } }"
AUDIT = "query($id: ID!) { workspace(id: $id) { auditLog(last: 2) { nodes { seq action actor person { name } } } } }"


def main() -> None:
    """Write the page."""
    told = [
        "# A transcript\n",
        "Made by `python docs/transcript.py`, which did all of this on a fresh clone: nothing here was typed by hand.",
    ]
    with tempfile.TemporaryDirectory(prefix="sg-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # the embedded server may run as somebody else
        clone = Path(folder) / "seatgraph"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        commands = "git clone … fresh\ncd fresh\nmake run"
        told.append(f"\n## A newcomer clones the project and types one command\n\n{_block('sh', commands)}")
        with _running(clone, Path(folder) / "home") as (address, said):
            told.append(_block("text", said.replace(str(clone) + "/", "").replace(folder, "…")))
            _visit(clone, address, told)
    (ROOT / "docs" / "transcript.md").write_text("\n".join(told) + "\n")


def _visit(clone: Path, address: str, told: list[str]) -> None:
    ask = _Asking(clone, address, told)
    told.append("\n## A person reads their plan\n")
    ask("ada@example.com", PLAN)

    told.append("\n## An admin fills a pool to the last seat, and is refused the next\n")
    workspace = ask(SEAT_ADMIN, POOLS)["viewer"]["memberships"]["nodes"][0]["workspace"]
    pool = next(pool for pool in workspace["licensePools"] if pool["assigned"] < pool["purchased"])
    free = pool["purchased"] - pool["assigned"]
    for number in range(free + 1):
        ask(SEAT_ADMIN, ASSIGN, pool=pool["id"], email=f"newcomer.{number + 1}@northwind.example")

    told.append("\n## A stranger finds nothing\n")
    ask("grace@example.com", LOOK, id=workspace["id"])

    told.append("\n## The auditor reads what happened\n")
    ask(AUDITOR, AUDIT, id=workspace["id"])

    told.append("\n## And the books still add up\n")
    verified = json.loads(_command(clone, "verify", "--json"))
    told.append(_block("sh", ".venv/bin/seatgraph verify --json | jq '{ok, checks: (.checks | length)}'"))
    told.append(_block("json", json.dumps({"ok": verified["ok"], "checks": len(verified["checks"])}, indent=2)))


class _Asking:
    """Asks the graph as somebody, and writes the question and the answer down."""

    def __init__(self, clone: Path, address: str, told: list[str]) -> None:
        self.clone, self.address, self.told = clone, address, told

    def __call__(self, person: str, query: str, **variables: str) -> dict:
        token = _command(self.clone, "token", "--person", person).strip()
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        request = urllib.request.Request(f"{self.address}/graphql", body, headers)  # noqa: S310 - loopback
        with urllib.request.urlopen(request) as response:  # noqa: S310 - the same
            answer = json.load(response)
        shown = f" with `{json.dumps(variables)}`" if variables else ""
        said = json.dumps(answer, indent=2)
        self.told += [f"{person} asks{shown}:\n", _block("text", query), _block("json", said)]
        return answer["data"]


@contextmanager
def _running(clone: Path, home: Path) -> Iterator[tuple[str, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ.update(SEATGRAPH_HOME=str(home), PORT=str(port))
    log = home.parent / "log"
    with log.open("w") as out:
        server = subprocess.Popen(["make", "run"], cwd=clone, stdout=out, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        _await(f"{address}/readyz")
        yield address, _plain(log.read_text())
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def _await(address: str) -> None:
    for _ in range(PATIENCE * 5):
        try:
            urllib.request.urlopen(address)  # noqa: S310 - loopback
        except OSError:
            time.sleep(0.2)
        else:
            return
    sys.exit("The server did not come up.")


def _plain(log: str) -> str:
    lines = [line for line in log.splitlines() if not re.match(r'\{"', line)]
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines)).strip()


def _command(clone: Path, *words: str) -> str:
    done = subprocess.run([clone / ".venv/bin/seatgraph", *words], capture_output=True, text=True, check=True)
    return done.stdout


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```\n"


if __name__ == "__main__":
    assert shutil.which("git"), "git clones the project"
    main()
