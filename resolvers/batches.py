"""Batches: what many ask for at once is loaded at once, and remembered for as long as a request takes."""

from __future__ import annotations

from asyncio import Future, Task, get_running_loop
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

Load = Callable[[list[Any]], Awaitable[Sequence[Any]]]
"""The values of these keys, in their order."""


@dataclass(slots=True, eq=False)
class _Batch:
    keys: dict[Hashable, None] = field(default_factory=dict)
    waiting: list[tuple[Future[Any], Hashable]] = field(default_factory=list)
    """Whoever waits for the value of a key."""


class Batches:
    """The values of one kind, by their keys.

    Whatever is asked for before the event loop turns is loaded together.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._known: dict[Hashable, Any] = {}
        self._coming: dict[Hashable, _Batch] = {}
        self._next: _Batch | None = None
        self._tasks: set[Task[None]] = set()

    def load(self, key: Hashable) -> Awaitable[Any]:
        """The value of a key, loaded together with others."""
        future: Future[Any] = get_running_loop().create_future()
        if key in self._known:
            future.set_result(self._known[key])
        else:
            self._batch(key).waiting.append((future, key))
        return future

    def ask(self, keys: Sequence[Hashable]) -> None:
        """Have these loaded together with others, for whoever gets them in a moment."""
        for key in keys:
            if key not in self._known:
                self._batch(key)

    async def get(self, keys: Sequence[Hashable]) -> list[Any]:
        """The values of these keys, in their order."""
        self.ask(keys)
        for key in keys:
            # Those of one batch come together: whoever is waited for may have come with one before.
            if key not in self._known:
                await self.load(key)
        return [self._known[key] for key in keys]

    def _batch(self, key: Hashable) -> _Batch:
        """The batch that will have a key."""
        batch = self._coming.get(key)
        if batch is None:
            if self._next is None:
                self._next = _Batch()
                get_running_loop().call_soon(self._start)
            batch = self._coming[key] = self._next
            batch.keys[key] = None
        return batch

    def _start(self) -> None:
        batch, self._next = self._next, None
        assert batch is not None, "a batch was begun"
        task = get_running_loop().create_task(self._fetch(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fetch(self, batch: _Batch) -> None:
        keys = list(batch.keys)
        try:
            self._known.update(zip(keys, await self._load(keys), strict=True))
        except Exception as failure:  # noqa: BLE001 - told to whoever waits
            told = [(future, failure) for future, _ in batch.waiting if not future.done()]
            self._forget(batch)
            for future, why in told:
                future.set_exception(why)
            return
        self._forget(batch)
        for future, key in batch.waiting:
            if not future.done():
                future.set_result(self._known.get(key))

    def _forget(self, batch: _Batch) -> None:
        for key in batch.keys:
            self._coming.pop(key, None)
