"""Commands that bring over what comes from elsewhere: accounts of Stripe Billing, and lists of people."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import stopping
from gateway.commands.telling import BROKEN, opened, say, tell
from gateway.later import later

if TYPE_CHECKING:
    from gateway import import_report, importing, seat_lists
else:
    import_report = later("gateway.import_report")
    importing = later("gateway.importing")
    seat_lists = later("gateway.seat_lists")

stripe = typer.Typer(help="Come over from Stripe Billing.\n\nExample: seatgraph stripe import --dry-run")
seats = typer.Typer(help="Seat a whole list of people.\n\nExample: seatgraph seats import people.csv")


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
    told, url = opened()
    wish = importing.Wish(mapping, dry=dry_run, end_there=end_there)
    outcome = asyncio.run(importing.run(told, url, wish, shown=not as_json, tell=tell))
    shown = import_report.document(outcome) if as_json else import_report.sentences(outcome)
    say(json.dumps(shown, indent=2, ensure_ascii=False) if as_json else "\n".join(shown))
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
    told, url = opened()
    wish = seat_lists.Wish(file, workspace, pool, dry=dry_run, whole=whole, results=results)
    came = asyncio.run(seat_lists.run(told, url, wish, tell))
    say("\n".join(seat_lists.sentences(came, dry=dry_run)))
    return 0 if seat_lists.is_whole(came) else BROKEN
