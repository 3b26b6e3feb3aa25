"""Commands to try the product with; none of them works in production."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auth.policy import KeyScope
from gateway import stopping
from gateway.commands.telling import Patience, opened, say, tell
from gateway.later import later

if TYPE_CHECKING:
    from gateway import clock as clocks
    from gateway import development, furnishing, installation, serving, settings
else:
    clocks = later("gateway.clock")
    development = later("gateway.development")
    furnishing = later("gateway.furnishing")
    installation = later("gateway.installation")
    serving = later("gateway.serving")
    settings = later("gateway.settings")

_SCOPES = ", ".join(KeyScope)

clock = typer.Typer()
sandbox = typer.Typer(help="Play Stripe, for development and tests.\n\nExample: seatgraph sandbox serve")


def seed(
    file: Annotated[Path | None, typer.Option(help="A scene to add, such as scene.json; else the demo.")] = None,
    scale: Annotated[
        int | None, typer.Option(min=1, help="Add this many accounts instead, such as 10000, to measure with.")
    ] = None,
) -> None:
    """Add people, workspaces and their history to try things with, and print their ids; not in production.

    Whoever is there already stays as they are.

    Example: seatgraph seed --file scene.json
    """
    if file and scale:
        raise typer.BadParameter("--file and --scale are two things to add")
    told = settings.load()
    installation.insist_on_development(told, "A scene")
    url = installation.reached(told, tell)
    if scale:
        say(asyncio.run(furnishing.scale(told, url, scale, tell)))
    else:
        say(json.dumps(asyncio.run(furnishing.seed(told, url, file, tell)), indent=2, ensure_ascii=False))


def token(
    person: Annotated[str, typer.Option(help="Whose, by their address, such as ada@example.com.")],
    key: Annotated[bool, typer.Option("--key", help="Make a service key for 90 days instead.")] = False,
    scope: Annotated[
        list[KeyScope] | None,
        typer.Option(metavar="SCOPE", help=f"What the key may do, repeated for more: {_SCOPES}; else all they may."),
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="For which account, such as account_9f3ac1d2e4b70; else a workspace.")
    ] = None,
) -> None:
    """Print a bearer token for a person, good for an hour, and nothing else; not in production.

    Example: seatgraph token --person ada@example.com
    """
    if not key and (scope or account):
        raise typer.BadParameter("--scope and --account go with --key")
    installation.insist_on_development(settings.load(), "The development issuer")
    told, url = opened()
    if key:
        say(asyncio.run(development.service_key(told, url, person, scope or [], account)))
    else:
        say(asyncio.run(development.access_token(told, url, person)))


@clock.callback()
def show(context: typer.Context) -> None:
    """Show the simulated clock, or move it; not in production.

    Example: seatgraph clock advance 3d
    """
    if context.invoked_subcommand is None:
        say(asyncio.run(clocks.shown(_clock_url())))


@clock.command()
def advance(
    by: Annotated[str, typer.Argument(help="How far: 90s, 15m, 12h, 3d or 2w.", show_default=False)],
) -> None:
    """Move the simulated clock forward for all processes; it never goes back.

    Example: seatgraph clock advance 3d
    """
    say(asyncio.run(clocks.advanced(_clock_url(), by)))


@sandbox.command("serve")
def play(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port, such as 12111, or 0 for any free one.")
    ] = 12111,
    patience: Patience = 30,
) -> None:
    """Serve the Stripe sandbox by itself, with its control endpoints; not in production.

    Point STRIPE_API_BASE at it. Its state is in the database.

    Example: seatgraph sandbox serve --port 12111
    """
    stopping.listen()
    told = settings.load()
    installation.insist_on_development(told, "The Stripe sandbox")
    serving.play(told, port, say, tell, patience=patience)


def _clock_url() -> str:
    installation.insist_on_development(settings.load(), "The simulated clock")
    return opened()[1]
