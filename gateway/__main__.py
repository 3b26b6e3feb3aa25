"""The command line: every command with its options, one line each of what it does.

What a command needs is imported when it is run: `--help` has none of it, and no
command waits for what another one needs.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from auth.policy import KeyScope
from gateway import stopping
from gateway.later import later
from kernel.errors import Fault

if TYPE_CHECKING:
    from gateway import (
        billing,
        contract,
        development,
        drift,
        furnishing,
        import_report,
        importing,
        installation,
        reconciling,
        seat_lists,
        serving,
        settings,
        trusting,
        verification,
    )
    from gateway import catalog as catalogs
    from gateway import clock as clocks
    from gateway import jobs as queued
    from gateway import reference as referring
else:
    billing = later("gateway.billing")
    catalogs = later("gateway.catalog")
    clocks = later("gateway.clock")
    contract = later("gateway.contract")
    development = later("gateway.development")
    drift = later("gateway.drift")
    furnishing = later("gateway.furnishing")
    import_report = later("gateway.import_report")
    importing = later("gateway.importing")
    installation = later("gateway.installation")
    queued = later("gateway.jobs")
    reconciling = later("gateway.reconciling")
    referring = later("gateway.reference")
    seat_lists = later("gateway.seat_lists")
    serving = later("gateway.serving")
    settings = later("gateway.settings")
    trusting = later("gateway.trusting")
    verification = later("gateway.verification")

FAILED = 2
"""The status of a command that was refused, or that found a difference."""

BROKEN = 1
"""The status of `verify` when something does not hold, and of `bill` and `reconcile` when something is left."""

_SETTINGS = "Settings come from the environment; docs/settings.md lists them."
_SCOPES = ", ".join(KeyScope)
app = typer.Typer(
    name="seatgraph",
    help=f"Seatgraph: billing and seats behind one GraphQL endpoint.\n\n{_SETTINGS}\n\nExample: seatgraph serve",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
catalog = typer.Typer(help="Check, compare and apply the plans and prices.\n\nExample: seatgraph catalog plan")
clock = typer.Typer()
documents = typer.Typer(help="Register what clients ask.\n\nExample: seatgraph documents list")
sandbox = typer.Typer(help="Play Stripe, for development and tests.\n\nExample: seatgraph sandbox serve")
seats = typer.Typer(help="Seat a whole list of people.\n\nExample: seatgraph seats import people.csv")
stripe = typer.Typer(help="Come over from Stripe Billing.\n\nExample: seatgraph stripe import --dry-run")
app.add_typer(catalog, name="catalog", no_args_is_help=True)
app.add_typer(documents, name="documents", no_args_is_help=True)
app.add_typer(clock, name="clock", invoke_without_command=True)
app.add_typer(sandbox, name="sandbox", no_args_is_help=True)
app.add_typer(seats, name="seats", no_args_is_help=True)
app.add_typer(stripe, name="stripe", no_args_is_help=True)

Patience = Annotated[int, typer.Option("--wait", min=0, help="Seconds to wait for a database, such as 60.")]
Folder = Annotated[Path | None, typer.Option(help="The folder of its files, such as ./catalog; else the product's.")]


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


# Running


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on, such as 0.0.0.0; else HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port, such as 9000, or 0 for any free one; else PORT.")
    ] = None,
    worker: Annotated[bool, typer.Option(help="Run the worker too; --no-worker leaves it to `worker`.")] = True,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="How many processes answer requests, such as one for each core.")
    ] = 1,
    patience: Patience = 30,
) -> None:
    """Start the product: database, migrations, the GraphQL endpoint and the worker.

    In development an empty database gets the demo catalog and a few people.

    Example: seatgraph serve --port 9000
    """
    stopping.listen()
    asked = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    told = settings.load().model_copy(update=asked)
    if workers > 1 and not (told.in_production or told.stripe_key or told.stripe_api):
        raise typer.BadParameter("--workers is not for the sandbox in here, which tells one process of its events")
    serving.serve(told, _say, _tell, working=worker, patience=patience, workers=workers)


@app.command()
def worker(patience: Patience = 30) -> None:
    """Run the worker by itself: events, expiries, ends and seals; any number of them may run.

    Example: seatgraph worker
    """
    stopping.listen()
    serving.work(settings.load(), _say, _tell, patience=patience)


@app.command()
def bill(
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"],
            help="Bill what is due up to this instant, such as 2026-02-01T00:00:00Z, or day; else up to now.",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="How many processes bill at the same time, such as 4.")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, such as for a monitor.")] = False,
) -> int:
    """Bill everything that is due, at once; Ctrl-C stops after the chunks at hand, and the same command goes on.

    Status 1 if it was stopped or something failed. Whatever waits for a person is listed.

    Example: seatgraph bill --workers 2
    """
    stopping.listen()
    told, url = _open()
    outcome = asyncio.run(billing.bill(told, url, until, workers, shown=not as_json, tell=_tell))
    _say(json.dumps(billing.document(outcome), indent=2) if as_json else "\n".join(billing.sentences(outcome)))
    return 0 if outcome.whole else BROKEN


_DAYS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"]


@app.command()
def reconcile(
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=_DAYS, help="From this instant or day on, such as 2026-02-01; else as below."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", formats=_DAYS, help="Up to this instant or day, such as 2026-03-01; else up to now."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, such as for a monitor.")] = False,
) -> int:
    """Compare payments and books with Stripe, hear what was missed, and mend what can be mended safely.

    Without --from it goes on with what was stopped, or from where the last one ended. Ctrl-C stops after the piece at
    hand, and the same command goes on. Status 1 if it was stopped or Stripe did not answer.

    Example: seatgraph reconcile --from 2026-02-01
    """
    stopping.listen()
    told, url = _open()
    outcome = asyncio.run(reconciling.reconcile(told, url, since, until, shown=not as_json, tell=_tell))
    _say(json.dumps(reconciling.document(outcome), indent=2) if as_json else "\n".join(reconciling.sentences(outcome)))
    return 0 if outcome.whole else BROKEN


# The database


@app.command()
def migrate(
    check: Annotated[bool, typer.Option("--check", help="Compare migrations and code instead.")] = False,
    patience: Patience = 30,
) -> int:
    """Bring the database up to date, all or nothing; with --check only compare.

    Example: seatgraph migrate
    """
    if check:
        return _list(drift.drift(settings.load()), "Migrations and code agree.")
    url = installation.reached(settings.load(), _tell, patience)
    asyncio.run(installation.migrated(url, _tell))
    _say("The database is up to date.")
    return 0


@app.command()
def verify(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, such as for a monitor.")] = False,
) -> int:
    """Recompute every invariant and name each row that breaks one; status 1 if any does.

    Example: seatgraph verify --json
    """
    _, url = _open()
    if as_json:
        report = asyncio.run(verification.report(url))
        _say(json.dumps(report, indent=2))
        return 0 if report["ok"] else BROKEN
    return 0 if asyncio.run(verification.told(url, _say)) else BROKEN


@app.command()
def jobs(
    retry: Annotated[bool, typer.Option("--retry", help="Try them again.")] = False,
) -> int:
    """List the jobs that failed too often and wait for a human; status 2 if there are any.

    Example: seatgraph jobs --retry
    """
    _, url = _open()
    if not retry:
        return _list(asyncio.run(queued.held(url)), "No job is held.")
    _say(f"Trying {asyncio.run(queued.retry(url))} jobs again.")
    return 0


# Trusted documents


@documents.command("register")
def register_documents(
    manifest: Annotated[Path, typer.Argument(help="The file, such as persisted-query-manifest.json.")],
    client: Annotated[str, typer.Option(help="Whose documents they are, such as web.")],
) -> None:
    """Let a client ask the documents of a manifest of Apollo's, Relay's, or a map of ids to texts.

    Those that it registered before stay. If this version can't answer one of them, nothing is registered.

    Example: seatgraph documents register --client web persisted-query-manifest.json
    """
    _, url = _open()
    _say(asyncio.run(trusting.register(url, client, manifest)))


@documents.command("revoke")
def revoke_documents(
    client: Annotated[str, typer.Option(help="Whose documents they are, such as web.")],
    document: Annotated[
        str | None, typer.Argument(help="The id of one, such as sha256:…; else all of them.", show_default=False)
    ] = None,
) -> None:
    """Let a client ask a document no more; all processes know at once.

    Example: seatgraph documents revoke --client web
    """
    _, url = _open()
    _say(asyncio.run(trusting.revoke(url, client, document)))


@documents.command("list")
def list_documents() -> None:
    """List the clients that registered documents, and how many.

    Example: seatgraph documents list
    """
    _, url = _open()
    _say(asyncio.run(trusting.listed(url)))


# The catalog


@catalog.command()
def validate(folder: Folder = None) -> None:
    """Read the catalog's files and tell every mistake with its file and line.

    Example: seatgraph catalog validate --folder ./catalog
    """
    _say(catalogs.summary(catalogs.read(folder or catalogs.FOLDER)))


@catalog.command()
def plan(folder: Folder = None) -> int:
    """Tell what applying the catalog would change, and how many subscriptions it touches; status 2 if anything.

    Example: seatgraph catalog plan
    """
    wanted = catalogs.read(folder or catalogs.FOLDER)
    return _list(asyncio.run(catalogs.differences(*_open(), wanted)), "Nothing would change.")


@catalog.command()
def apply(folder: Folder = None) -> None:
    """Apply the catalog, all or nothing, and tell what was changed.

    Example: seatgraph catalog apply
    """
    wanted = catalogs.read(folder or catalogs.FOLDER)
    _list(asyncio.run(catalogs.apply(*_open(), wanted)), "Nothing had to change.")


# Coming from elsewhere


@stripe.command("import")
def bring(
    mapping: Annotated[
        Path, typer.Option(help="The file that says what stands for what, such as import.toml; a dry run proposes it.")
    ] = Path("import.toml"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be made, and change nothing.")] = False,
    end_there: Annotated[
        bool, typer.Option("--end-there", help="Have each subscription that came over end at Stripe with its period.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, such as for a script.")] = False,
) -> int:
    """Bring an account at Stripe Billing over; what came over before stays as it is, and a stopped import goes on.

    Status 1 if it was stopped or something failed; what can't come over is told, with the reason.

    Example: seatgraph stripe import --dry-run
    """
    if dry_run and end_there:
        raise typer.BadParameter("--dry-run changes nothing, and --end-there does")
    stopping.listen()
    told, url = _open()
    wish = importing.Wish(mapping, dry=dry_run, end_there=end_there)
    outcome = asyncio.run(importing.run(told, url, wish, shown=not as_json, tell=_tell))
    shown = import_report.document(outcome) if as_json else import_report.sentences(outcome)
    _say(json.dumps(shown, indent=2, ensure_ascii=False) if as_json else "\n".join(shown))
    return 0 if outcome.whole else BROKEN


@seats.command("import")
def seat(  # noqa: PLR0917 - typer gives them by name
    file: Annotated[Path, typer.Argument(help="The list, as CSV, such as people.csv: email, and pool and role.")],
    workspace: Annotated[str, typer.Option(help="Whose seats: a workspace's id.")],
    pool: Annotated[
        str | None, typer.Option(help="The pool of lines that name none: its id. Else the only one.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would come of each line.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Seat nobody unless everybody can be seated.")] = False,
    results: Annotated[Path | None, typer.Option(help="Where to write what came of each line: a CSV file.")] = None,
) -> int:
    """Seat everybody on a list of up to 100,000 people; sent again, whoever sits stays seated.

    Status 1 if somebody got no seat; the reason is told for each line.

    Example: seatgraph seats import people.csv --workspace workspace_3f9ac1d2e4b70 --dry-run
    """
    told, url = _open()
    wish = seat_lists.Wish(file, workspace, pool, dry=dry_run, whole=whole, results=results)
    came = asyncio.run(seat_lists.run(told, url, wish, _tell))
    _say("\n".join(seat_lists.sentences(came, dry=dry_run)))
    return 0 if seat_lists.is_whole(came) else BROKEN


# The contract


@app.command()
def schema(
    check: Annotated[bool, typer.Option("--check", help="Tell how it differs from schema/schema.graphql.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write it to schema/schema.graphql.")] = False,
    part: Annotated[bool, typer.Option("--subgraph", help="Print it as a part of a federated graph instead.")] = False,
) -> int:
    """Print the GraphQL schema; --check compares it and its reference with the committed ones, --write commits to it.

    Example: seatgraph schema > schema.graphql
    """
    if check:
        return _list([*contract.differences(), *referring.differences()], "The schema is the committed one.")
    if write:
        for line in contract.write():
            _tell(line)
        referring.write()
        _say(f"Wrote {contract.COMMITTED}, and its reference.")
    else:
        typer.echo(contract.part() if part else contract.text(), nl=False)
    return 0


@app.command()
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
        _say(f"Wrote {referring.FOLDER}.")
        return 0
    return _list(referring.differences(), "The reference is that of the schema.")


# Development


@app.command()
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
    url = installation.reached(told, _tell)
    if scale:
        _say(asyncio.run(furnishing.scale(told, url, scale, _tell)))
    else:
        _say(json.dumps(asyncio.run(furnishing.seed(told, url, file, _tell)), indent=2, ensure_ascii=False))


@app.command()
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
    told, url = _open()
    if key:
        _say(asyncio.run(development.service_key(told, url, person, scope or [], account)))
    else:
        _say(asyncio.run(development.access_token(told, url, person)))


@clock.callback()
def show(context: typer.Context) -> None:
    """Show the simulated clock, or move it; not in production.

    Example: seatgraph clock advance 3d
    """
    if context.invoked_subcommand is None:
        _say(asyncio.run(clocks.shown(_clock_url())))


@clock.command()
def advance(
    by: Annotated[str, typer.Argument(help="How far: 90s, 15m, 12h, 3d or 2w.", show_default=False)],
) -> None:
    """Move the simulated clock forward for all processes; it never goes back.

    Example: seatgraph clock advance 3d
    """
    _say(asyncio.run(clocks.advanced(_clock_url(), by)))


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
    serving.play(told, port, _say, _tell, patience=patience)


def _clock_url() -> str:
    installation.insist_on_development(settings.load(), "The simulated clock")
    return _open()[1]


# What commands share


def _open() -> tuple[settings.Settings, str]:
    """The settings and the owner's URL of an up-to-date database."""
    told = settings.load()
    url = installation.reached(told, _tell, patience=0)
    asyncio.run(installation.insist_on_migrated(url))
    return told, url


def _list(differences: list[str], without: str) -> int:
    """Print differences, or a sentence when there are none; the status says which."""
    _say("\n".join(differences) or without)
    return FAILED if differences else 0


def _say(text: str) -> None:
    """To whoever reads the outcome."""
    typer.echo(text)


def _tell(text: str) -> None:
    """To whoever waits for it."""
    typer.echo(text, err=True)


if __name__ == "__main__":
    main()
