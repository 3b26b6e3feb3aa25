"""What commands share: how they open the database, and what they tell."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.later import later

if TYPE_CHECKING:
    from gateway import installation, settings
else:
    installation = later("gateway.installation")
    settings = later("gateway.settings")

FAILED = 2
"""The status of a command that was refused, or that found a difference."""

BROKEN = 1
"""The status of `verify` when something does not hold, and of `bill` and `reconcile` when something is left."""

Patience = Annotated[int, typer.Option("--wait", min=0, help="Seconds to wait for a database, such as 60.")]


def opened() -> tuple[settings.Settings, str]:
    """The settings and the owner's URL of an up-to-date database."""
    told = settings.load()
    url = installation.reached(told, tell, patience=0)
    asyncio.run(installation.insist_on_migrated(url))
    return told, url


def listed(differences: list[str], without: str) -> int:
    """Print differences, or a sentence when there are none; the status says which."""
    say("\n".join(differences) or without)
    return FAILED if differences else 0


def say(text: str) -> None:
    """To whoever reads the outcome."""
    typer.echo(text)


def tell(text: str) -> None:
    """To whoever waits for it."""
    typer.echo(text, err=True)
