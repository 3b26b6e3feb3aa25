"""Commands that run the product, and its work."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import stopping
from gateway.commands.telling import BROKEN, Patience, opened, say, tell
from gateway.later import later

if TYPE_CHECKING:
    from gateway import billing, reconciling, serving, settings
else:
    billing = later("gateway.billing")
    reconciling = later("gateway.reconciling")
    serving = later("gateway.serving")
    settings = later("gateway.settings")


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
    serving.serve(told, say, tell, working=worker, patience=patience, workers=workers)


def worker(patience: Patience = 30) -> None:
    """Run the worker by itself: events, expiries, ends and seals; any number of them may run.

    Example: seatgraph worker
    """
    stopping.listen()
    serving.work(settings.load(), say, tell, patience=patience)


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
    told, url = opened()
    outcome = asyncio.run(billing.bill(told, url, until, workers, shown=not as_json, tell=tell))
    say(json.dumps(billing.document(outcome), indent=2) if as_json else "\n".join(billing.sentences(outcome)))
    return 0 if outcome.whole else BROKEN


_DAYS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"]


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
    told, url = opened()
    outcome = asyncio.run(reconciling.reconcile(told, url, since, until, shown=not as_json, tell=tell))
    say(json.dumps(reconciling.document(outcome), indent=2) if as_json else "\n".join(reconciling.sentences(outcome)))
    return 0 if outcome.whole else BROKEN
