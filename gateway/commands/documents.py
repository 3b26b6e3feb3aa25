"""Commands for trusted documents."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.telling import opened, say
from gateway.later import later

if TYPE_CHECKING:
    from gateway import trusting
else:
    trusting = later("gateway.trusting")

app = typer.Typer(help="Register what clients ask.\n\nExample: seatgraph documents list")


@app.command("register")
def register_documents(
    manifest: Annotated[Path, typer.Argument(help="The file, such as persisted-query-manifest.json.")],
    client: Annotated[str, typer.Option(help="Whose documents they are, such as web.")],
) -> None:
    """Let a client ask the documents of a manifest of Apollo's, Relay's, or a map of ids to texts.

    Those that it registered before stay. If this version can't answer one of them, nothing is registered.

    Example: seatgraph documents register --client web persisted-query-manifest.json
    """
    _, url = opened()
    say(asyncio.run(trusting.register(url, client, manifest)))


@app.command("revoke")
def revoke_documents(
    client: Annotated[str, typer.Option(help="Whose documents they are, such as web.")],
    document: Annotated[
        str | None, typer.Argument(help="The id of one, such as sha256:…; else all of them.", show_default=False)
    ] = None,
) -> None:
    """Let a client ask a document no more; all processes know at once.

    Example: seatgraph documents revoke --client web
    """
    _, url = opened()
    say(asyncio.run(trusting.revoke(url, client, document)))


@app.command("list")
def list_documents() -> None:
    """List the clients that registered documents, and how many.

    Example: seatgraph documents list
    """
    _, url = opened()
    say(asyncio.run(trusting.listed(url)))
