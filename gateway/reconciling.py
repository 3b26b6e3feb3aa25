"""Reconciliation at the command line: a span of time compared with Stripe, at once, with a line to watch.

It stops after the piece at hand when told to, and the same command goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from billing import reconciliation_queries, reconciling
from billing.reconciliation import action
from billing.tables import Discrepancy
from gateway import rails, stopping
from gateway.installation import Say, clock, configure
from gateway.logs import configure_logging
from gateway.settings import Settings
from gateway.worker import Worker
from kernel import database, ids
from kernel.clock import Clock
from kernel.errors import Unavailable
from kernel.id_blocks import IdBlocks
from kernel.money import Money
from kernel.work import Work
from payments import movement_queries
from payments.rail.errors import RailError
from payments.rail.opening import Rail
from payments.states import ReconciliationStage
from payments.tables import Reconciliation

_SYSTEM = {"staff": "on"}
_SHOWN = 20
"""How many open discrepancies a command lists."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command came to."""

    row: Reconciliation
    stopped: bool = False
    failure: str | None = None
    waiting: int = 0
    """How many discrepancies are open, of whichever comparison."""

    shown: tuple[Discrepancy, ...] = ()
    """Those of them with the most at risk."""

    @property
    def whole(self) -> bool:
        """Whether all of the span was compared."""
        return self.row.stage is ReconciliationStage.DONE


async def reconcile(
    settings: Settings, url: str, since: datetime | None, until: datetime | None, *, shown: bool, tell: Say
) -> Outcome:
    """Compare a span with Stripe; the one that is not done, or from the last one's end up to now, if none is given.

    Raises InvalidInput, or Unavailable where nothing is paid.
    """
    configure(settings)
    configure_logging(production=settings.in_production)
    engine = database.engine(url)
    try:
        async with clock(settings, url) as ticking, rails.rail(settings, url) as rail:
            if rail is None:
                raise Unavailable("Nothing is paid here yet: STRIPE_SECRET_KEY is not set.")
            worker = Worker(url, engine, ticking, IdBlocks(), rail)
            work = Work(engine, await ticking.now(), ids=worker.blocks, sees=_SYSTEM)
            try:
                row = await reconciling.begin(work, nightly=False, since=_aware(since), until=_aware(until))
                tell(f"Comparing {_span(row)} with Stripe; Ctrl-C stops after the piece at hand.")
                with Line(shown=shown) as line:
                    return await _Command(worker, ticking, line).whole(work, rail, row)
            finally:
                await work.close()
    finally:
        await engine.dispose()


@dataclass(frozen=True, slots=True)
class _Command:
    """One run of the command: the worker that it is, and whoever watches."""

    worker: Worker
    ticking: Clock
    line: Line

    async def whole(self, work: Work, rail: Rail, row: Reconciliation) -> Outcome:
        """Do piece after piece until all is done, or we are told to stop."""
        failure = None
        try:
            while not stopping.asked() and await reconciling.step(work, rail, row.id):
                self.line.tell(row := await _look(work, row))
                await self._book()
        except RailError as error:
            failure = f"Stripe did not answer as it should ({error}). The same command goes on from here."
        await self._book()
        row = await _look(work, row)
        waiting, shown = await reconciliation_queries.waiting(work), await reconciliation_queries.last_of(work, _SHOWN)
        await work.rest()
        return Outcome(row, stopping.asked(), failure, waiting, tuple(shown))

    async def _book(self) -> None:
        """Let the books follow what was learned."""
        while await self.worker.relay(await self.ticking.now()):
            pass
        await self.worker.jobs().drain()


async def _look(work: Work, row: Reconciliation) -> Reconciliation:
    found = await movement_queries.reconciliation(work, row.id)
    await work.rest()
    assert found is not None, "nobody deletes one"
    return found


def _aware(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _span(row: Reconciliation) -> str:
    return f"{_instant(row.since)} to {_instant(row.until)}"


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


# What is shown


class Line:
    """A line on standard error that says how far it is; nothing where nobody watches."""

    def __init__(self, *, shown: bool) -> None:
        self._line = Progress(
            SpinnerColumn(),
            TextColumn("Reconciling · {task.fields[told]}"),
            console=Console(stderr=True),
            disable=not shown,
        )
        self._task = self._line.add_task("reconcile", total=None, told="events")

    def __enter__(self) -> Self:
        self._line.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._line.stop()

    def tell(self, row: Reconciliation) -> None:
        """Say how far it is."""
        self._line.update(self._task, told=f"{row.stage.value}: {_counts(row)}")


def sentences(outcome: Outcome) -> list[str]:
    """What came of it, for a person."""
    row = outcome.row
    said = [f"Compared {_counts(row)}."] if outcome.whole else [f"So far: {_counts(row)}."]
    if outcome.failure:
        said.append(outcome.failure)
    elif not outcome.whole:
        said.append(f"Stopped at the {row.stage.value}. What was mended stays so; the same command goes on.")
    if outcome.waiting:
        said.append(f"{outcome.waiting:,} discrepancies wait for a person, those with the most at risk first:")
    said += [sentence for each in outcome.shown for sentence in _told(each)]
    return said


def _told(row: Discrepancy) -> list[str]:
    """A discrepancy, and what mends it."""
    risk = Money(row.risk_minor, row.currency).text
    name = ids.encode("discrepancy", row.id)
    about = f"{row.kind.value} of {row.subject.value} {row.reference}, {risk} at risk"
    return [
        f"  {name}  {about}: {row.here} here, {row.there} at Stripe.",
        f"      {action(row.kind, row.subject)}",
    ]


def document(outcome: Outcome) -> Mapping[str, Any]:
    """The same as JSON."""
    row = outcome.row
    return {
        "id": ids.encode("recon", row.id),
        "since": _instant(row.since),
        "until": _instant(row.until),
        "complete": outcome.whole,
        "stopped": outcome.stopped,
        "failure": outcome.failure,
        "stage": row.stage.value,
        "events": row.events,
        "movements": row.movements,
        "payouts": row.payouts,
        "payments": row.payments,
        "found": row.found,
        "mended": row.mended,
        "open": outcome.waiting,
        "discrepancies": [
            {
                "id": ids.encode("discrepancy", each.id),
                "kind": each.kind.value,
                "subject": each.subject.value,
                "reference": each.reference,
                "risk": {"minor": each.risk_minor, "currency": each.currency},
                "here": each.here,
                "there": each.there,
                "action": action(each.kind, each.subject),
            }
            for each in outcome.shown
        ],
    }


def _counts(row: Reconciliation) -> str:
    return (
        f"{row.movements:,} movements, {row.payouts:,} payouts, {row.payments:,} payments;"
        f" {row.events:,} events had been missed, {row.found:,} discrepancies found, {row.mended:,} mended"
    )
