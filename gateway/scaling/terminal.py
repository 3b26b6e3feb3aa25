"""Scaling at a terminal, with a bar that tells how long it will take."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from gateway.scaling.copying import Scaled, scale


async def scale_with_a_bar(url: str, count: int, now: datetime) -> Scaled:
    """Fill a database with so many accounts, showing on the standard error how far it has come. Raises as `scale`."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(f"{count:,} accounts", total=None)
        return await scale(url, count, now, lambda done, of: bar.update(task, completed=done, total=of))
