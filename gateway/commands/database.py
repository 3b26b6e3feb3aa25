"""Commands that look after the database."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.telling import BROKEN, Patience, listed, opened, say, tell
from gateway.later import later

if TYPE_CHECKING:
    from gateway import drift, installation, settings, verification
    from gateway import jobs as queued
else:
    drift = later("gateway.drift")
    installation = later("gateway.installation")
    queued = later("gateway.jobs")
    settings = later("gateway.settings")
    verification = later("gateway.verification")


def migrate(
    check: Annotated[bool, typer.Option("--check", help="Compare migrations and code instead.")] = False,
    patience: Patience = 30,
) -> int:
    """Bring the database up to date, all or nothing; with --check only compare.

    Example: seatgraph migrate
    """
    if check:
        return listed(drift.drift(settings.load()), "Migrations and code agree.")
    url = installation.reached(settings.load(), tell, patience)
    asyncio.run(installation.migrated(url, tell))
    say("The database is up to date.")
    return 0


def verify(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, such as for a monitor.")] = False,
) -> int:
    """Recompute every invariant and name each row that breaks one; status 1 if any does.

    Example: seatgraph verify --json
    """
    _, url = opened()
    if as_json:
        report = asyncio.run(verification.report(url))
        say(json.dumps(report, indent=2))
        return 0 if report["ok"] else BROKEN
    return 0 if asyncio.run(verification.told(url, say)) else BROKEN


def jobs(
    retry: Annotated[bool, typer.Option("--retry", help="Try them again.")] = False,
) -> int:
    """List the jobs that failed too often and wait for a human; status 2 if there are any.

    Example: seatgraph jobs --retry
    """
    _, url = opened()
    if not retry:
        return listed(asyncio.run(queued.held(url)), "No job is held.")
    say(f"Trying {asyncio.run(queued.retry(url))} jobs again.")
    return 0
