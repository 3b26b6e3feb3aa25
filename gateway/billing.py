"""The billing run at the command line: everything that is due, at once, with a bar to watch.

Whatever ends is ended, periods are billed, and where a scheduled change is due with
one, the seats it pays for move with it. It stops after the chunks at hand when told
to, and the same command goes on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from billing.run import chunks, crew
from billing.run.crew import Held, Summary
from gateway import stopping
from gateway.installation import Say, clock, configure
from gateway.logs import configure_logging
from gateway.settings import Settings
from gateway.worker import Worker
from kernel import database, ids
from kernel.errors import InvalidInput
from kernel.id_blocks import IdBlocks
from kernel.money import Money
from seats import buying

_ROUNDS = 1_000  # scheduled changes of one subscription that a single command makes, one period after another


@dataclass
class Outcome:
    """What a command came to."""

    until: datetime
    progress: chunks.Progress = chunks.NOTHING
    changed: int = 0
    """Periods that began with a scheduled change."""

    held: tuple[Held, ...] = ()
    failures: list[str] = field(default_factory=list)
    """What could not be done, each in a sentence."""

    stopped: bool = False
    seconds: float = 0

    @property
    def whole(self) -> bool:
        """Whether everything that was due is billed, or waits for a person."""
        return not self.stopped and not self.failures

    def add(self, told: Summary) -> None:
        """Count what a run came to."""
        self.progress += told.progress
        self.held = told.held


async def bill(
    settings: Settings, url: str, until: datetime | None, workers: int, *, shown: bool, tell: Say
) -> Outcome:
    """Bill what is due until an instant, or until now. Raises InvalidInput, or Unavailable."""
    configure(settings)
    configure_logging(production=settings.in_production)
    began = time.monotonic()
    engine = database.engine(url)
    try:
        async with clock(settings, url) as ticking:
            now = await ticking.now()
            outcome = Outcome(_until(until, now))
            tell(
                f"Billing what is due up to {outcome.until:%Y-%m-%dT%H:%M:%SZ}; Ctrl-C stops after the chunks at hand."
            )
            worker = Worker(url, engine, ticking, IdBlocks())
            with Bar(shown=shown) as bar:
                await _all(worker, outcome, now, workers, bar)
    finally:
        await engine.dispose()
    outcome.stopped, outcome.seconds = stopping.asked(), time.monotonic() - began
    return outcome


async def _all(worker: Worker, outcome: Outcome, now: datetime, workers: int, bar: Bar) -> None:
    for _ in range(_ROUNDS):
        await _drained(worker.end, now)
        told = await crew.bill(
            worker.url,
            until=outcome.until,
            now=now,
            workers=workers,
            progress=bar.over(outcome.progress),
            stopped=stopping.asked,
        )
        outcome.add(told)
        if not told.leftovers or stopping.asked():
            break
        if not await _changed(worker, outcome, told, now):
            break
    if not stopping.asked():
        await _drained(worker.end, now)
        await _drained(worker.finalize, now)


async def _changed(worker: Worker, outcome: Outcome, told: Summary, now: datetime) -> int:
    """Begin the periods that wait for a scheduled change; how many began."""
    begun = 0
    for account_id, subscription_id, _ in told.leftovers:
        if stopping.asked():
            break
        if await worker.do(now, buying.begin_next, account_id, subscription_id):
            begun += 1
        else:
            name = ids.encode("sub", subscription_id)
            outcome.failures.append(f"{name}: its scheduled change can't be made; the log says why.")
    outcome.changed += begun
    return begun


async def _drained(step: Any, now: datetime) -> None:
    while not stopping.asked() and await step(now):
        pass


def _until(until: datetime | None, now: datetime) -> datetime:
    if until is None:
        return now
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    if until > now:
        raise InvalidInput(f"It is {now:%Y-%m-%dT%H:%M:%SZ}: what is due later is billed when it is due.")
    return until


# What is shown


class Bar:
    """A progress bar on standard error; nothing where nobody watches."""

    def __init__(self, *, shown: bool) -> None:
        self._bar = Progress(
            TextColumn("Billing"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not shown,
        )
        self._task = self._bar.add_task("bill", total=None, told="planning")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def over(self, before: chunks.Progress) -> crew.Watch:
        """What a run that comes after others tells."""

        def told(now: chunks.Progress) -> None:
            whole = before + now
            billed = f"{whole.tally.invoices:,} invoices{_amounts(whole.tally.amounts, ' · ')}"
            said = f"{whole.chunks_done:,}/{whole.chunks:,} chunks · {billed}"
            self._bar.update(self._task, total=whole.chunks, completed=whole.chunks_done, told=said)

        return told


def sentences(outcome: Outcome) -> list[str]:
    """What came of it, for a person."""
    tally = outcome.progress.tally
    said = [f"Billed {tally.invoices:,} periods in {outcome.seconds:.1f} s{_amounts(tally.amounts, ': ')}."]
    if outcome.changed:
        said.append(f"Began {outcome.changed:,} periods with a scheduled change.")
    if tally.skipped:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in tally.reasons.items())
        said.append(f"Skipped {tally.skipped:,}: {reasons}.")
    if outcome.held:
        said.append("These wait for a person:")
        said += [f"  {ids.encode('sub', held.subscription_id)}  {held.reason}" for held in outcome.held]
    said += outcome.failures
    if outcome.stopped:
        left = outcome.progress.planned - outcome.progress.done
        said.append(f"Stopped, with {left:,} subscriptions left. What is billed is billed; the same command goes on.")
    return said


def document(outcome: Outcome) -> Mapping[str, Any]:
    """The same as JSON."""
    tally = outcome.progress.tally
    return {
        "until": outcome.until.isoformat(),
        "complete": outcome.whole,
        "stopped": outcome.stopped,
        "seconds": round(outcome.seconds, 3),
        "invoices": tally.invoices,
        "amounts": [{"currency": currency, "minor": minor} for currency, minor in tally.amounts.items()],
        "changed": outcome.changed,
        "skipped": dict(tally.reasons),
        "held": [
            {"subscription": ids.encode("sub", held.subscription_id), "reason": held.reason} for held in outcome.held
        ],
        "failures": outcome.failures,
        "left": outcome.progress.planned - outcome.progress.done,
    }


def _amounts(amounts: Mapping[str, int], before: str) -> str:
    told = ", ".join(Money(minor, currency).text for currency, minor in amounts.items())
    return f"{before}{told}" if told else ""
