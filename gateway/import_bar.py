"""The progress of an import on standard error; nothing where nobody watches."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class Bar:
    """First what is read, then a customer at a time."""

    def __init__(self, *, shown: bool) -> None:
        self._bar = Progress(
            TextColumn("Importing"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not shown,
        )
        self._task = self._bar.add_task("import", total=None, told="reading")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def reading(self, what: str, count: int) -> None:
        """So many of something were read."""
        self._bar.update(self._task, told=f"read {count:,} {what}")

    def customer(self, place: int, count: int) -> None:
        """One customer of so many is next."""
        self._bar.update(self._task, total=count, completed=place - 1, told=f"customer {place:,} of {count:,}")
