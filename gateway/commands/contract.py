"""Commands for the schema and its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.telling import listed, say, tell
from gateway.later import later

if TYPE_CHECKING:
    from gateway import contract
    from gateway import reference as referring
else:
    contract = later("gateway.contract")
    referring = later("gateway.reference")


def schema(
    check: Annotated[bool, typer.Option("--check", help="Tell how it differs from schema/schema.graphql.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write it to schema/schema.graphql.")] = False,
    part: Annotated[bool, typer.Option("--subgraph", help="Print it as a part of a federated graph instead.")] = False,
) -> int:
    """Print the GraphQL schema; --check compares it and its reference with the committed ones, --write commits to it.

    Example: seatgraph schema > schema.graphql
    """
    if check:
        return listed([*contract.differences(), *referring.differences()], "The schema is the committed one.")
    if write:
        for line in contract.write():
            tell(line)
        referring.write()
        say(f"Wrote {contract.COMMITTED}, and its reference.")
    else:
        typer.echo(contract.part() if part else contract.text(), nl=False)
    return 0


def reference(
    check: Annotated[
        bool, typer.Option("--check", help="Tell which pages of docs/reference are not up to date.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the pages of docs/reference.")] = False,
) -> int:
    """Tell whether docs/reference says what the schema does; --write writes it, from the schema alone.

    Example: seatgraph reference --write
    """
    if write and not check:
        referring.write()
        say(f"Wrote {referring.FOLDER}.")
        return 0
    return listed(referring.differences(), "The reference is that of the schema.")
