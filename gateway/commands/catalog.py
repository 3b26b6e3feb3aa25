"""Commands for plans and prices."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.telling import listed, opened, say
from gateway.later import later

if TYPE_CHECKING:
    from gateway import catalog as catalogs
else:
    catalogs = later("gateway.catalog")

app = typer.Typer(help="Check, compare and apply the plans and prices.\n\nExample: seatgraph catalog plan")

Folder = Annotated[Path | None, typer.Option(help="The folder of its files, such as ./catalog; else the product's.")]


@app.command()
def validate(folder: Folder = None) -> None:
    """Read the catalog's files and tell every mistake with its file and line.

    Example: seatgraph catalog validate --folder ./catalog
    """
    say(catalogs.summary(catalogs.read(folder or catalogs.FOLDER)))


@app.command()
def plan(folder: Folder = None) -> int:
    """Tell what applying the catalog would change, and how many subscriptions it touches; status 2 if anything.

    Example: seatgraph catalog plan
    """
    wanted = catalogs.read(folder or catalogs.FOLDER)
    return listed(asyncio.run(catalogs.differences(*opened(), wanted)), "Nothing would change.")


@app.command()
def apply(folder: Folder = None) -> None:
    """Apply the catalog, all or nothing, and tell what was changed.

    Example: seatgraph catalog apply
    """
    wanted = catalogs.read(folder or catalogs.FOLDER)
    listed(asyncio.run(catalogs.apply(*opened(), wanted)), "Nothing had to change.")
