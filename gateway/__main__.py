"""The command line: every command, in the order in which `--help` lists them."""

from __future__ import annotations

import gc
import os
import re
import sys

import typer
from typer.exceptions import TyperException

from gateway.commands import catalog, coming, contract, database, development, documents, running
from gateway.commands.telling import FAILED
from kernel.errors import Fault

_SETTINGS = "Settings come from the environment; docs/settings.md lists them."
app = typer.Typer(
    name="seatgraph",
    help=f"Seatgraph: billing and seats behind one GraphQL endpoint.\n\n{_SETTINGS}\n\nExample: seatgraph serve",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    *(running.serve, running.worker, running.bill, running.reconcile),
    *(database.migrate, database.verify, database.jobs),
    *(contract.schema, contract.reference),
    *(development.seed, development.token),
):
    app.command()(command)
app.add_typer(catalog.app, name="catalog", no_args_is_help=True)
app.add_typer(documents.app, name="documents", no_args_is_help=True)
app.add_typer(development.clock, name="clock", invoke_without_command=True)
app.add_typer(development.sandbox, name="sandbox", no_args_is_help=True)
app.add_typer(coming.seats, name="seats", no_args_is_help=True)
app.add_typer(coming.stripe, name="stripe", no_args_is_help=True)


def main() -> None:
    """Run one command. Whatever fails is told in a sentence, with a traceback only where SEATGRAPH_DEBUG is set."""
    # Most of what a start makes lives to the end, and looking for garbage in it takes a tenth of the start.
    gc.set_threshold(50_000)
    try:
        sys.exit(app(prog_name="seatgraph", standalone_mode=False))
    except Exception as failure:
        if os.environ.get("SEATGRAPH_DEBUG"):
            raise
        typer.echo(_sentence(failure), err=True, nl=bool(_sentence(failure)))
        sys.exit(FAILED)


def _sentence(failure: Exception) -> str:
    match failure:
        case Fault():
            return failure.message
        case TyperException():
            # Nothing where help was shown instead, because nothing was asked.
            mistake = re.sub(r"\s+", " ", failure.format_message().replace("Value error, ", "")).rstrip(". ")
            return mistake and f"{mistake}; --help tells what can be asked."
        case _:
            first = next(iter(str(failure).splitlines()), "")
            return f"That failed ({type(failure).__name__}: {first}); SEATGRAPH_DEBUG=1 shows where."


if __name__ == "__main__":
    main()
