"""Dying: a process is killed at a place where it waits. What it had begun elsewhere goes on without it.

A process is all the tasks of one act, with connections of its own. When it has
waited so often, none of its tasks takes another step; the database sees its
connections end, and only then is what is left of it swept up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from kernel import database
from kernel.id_blocks import IdBlocks
from tests.graph.asking import At
from tests.scenery import World

_NAME = "doomed"
_CONNECTIONS = 3
_AGONY = 1
"""Seconds that a canceled task may take to end, before its connections end anyway."""


@dataclass(slots=True)
class Doom:
    """Who dies, and after how many waits of them all."""

    after: int
    waits: int = 0
    victims: set[asyncio.Task[Any]] = field(default_factory=set)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    swept: bool = False

    @property
    def frozen(self) -> bool:
        """Whether nobody of them takes another step."""
        return self.came.is_set() and not self.swept

    def waited(self) -> None:
        """Count one wait."""
        self.waits += 1
        if self.waits == self.after:
            self.came.set()


_doom: ContextVar[Doom | None] = ContextVar("doom", default=None)


async def killed_at(world: World, wait: int, act: Callable[[], Coroutine[Any, Any, Any]]) -> bool:
    """Let a process of its own do something, and kill it where it waits for the `wait`-th time; whether it came so far.

    While it lives, it is what answers at the world's doors, too.
    """
    ours = world.app.state.door
    engine = database.engine(world.url, pool_size=_CONNECTIONS, application_name=_NAME)
    async with engine.connect():
        """It has found the database before it begins."""
    theirs = replace(ours, engine=engine, blocks=IdBlocks(), clock=At(await world.now()))
    world.app.state.door = theirs
    doom = Doom(wait)
    try:
        await _lives(doom, act)
    finally:
        world.app.state.door = ours
        await world.rows(
            "select pg_terminate_backend(pid, 1000) from pg_stat_activity where application_name = $1"
            " and datname = current_database()",
            _NAME,
        )
        await _sweep(doom)
        await engine.dispose()
    return doom.came.is_set()


async def _lives(doom: Doom, act: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Let the process work until it is done or dies."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(_counting)
    token = _doom.set(doom)
    try:
        begun = asyncio.create_task(act())
    finally:
        _doom.reset(token)
    came = asyncio.create_task(doom.came.wait())
    await asyncio.wait({begun, came}, return_when=asyncio.FIRST_COMPLETED)
    loop.set_task_factory(None)
    if not came.done():
        came.cancel()
        begun.result()


async def _sweep(doom: Doom) -> None:
    """End the tasks of a process whose connections have ended."""
    doom.swept = True
    for victim in doom.victims:
        victim.cancel()
    if doom.victims:
        ended, _ = await asyncio.wait(doom.victims, timeout=_AGONY)
        for victim in ended:
            if not victim.cancelled():
                victim.exception()


def _counting(loop: asyncio.AbstractEventLoop, act: Any, **more: Any) -> asyncio.Task[Any]:
    """A task whose waits count for the process that began it."""
    doom = _doom.get()
    if doom is None:
        return asyncio.Task(act, loop=loop, **more)
    victim = asyncio.Task(_run(_Counted(act, doom)), loop=loop, **more)
    doom.victims.add(victim)
    return victim


async def _run(counted: _Counted) -> Any:
    return await counted


@dataclass(frozen=True, slots=True)
class _Counted:
    act: Coroutine[Any, Any, Any]
    doom: Doom

    def __await__(self) -> Generator[Any, Any, Any]:
        step, given = self.act.send, None
        while True:
            try:
                waits_for = step(given)
            except StopIteration as end:
                return end.value
            self.doom.waited()
            try:
                if not self.doom.frozen:
                    step, given = self.act.send, (yield waits_for)
                while self.doom.frozen:
                    yield from asyncio.get_running_loop().create_future().__await__()
            except BaseException as error:  # noqa: BLE001 - whatever is thrown at us is meant for it
                step, given = self.act.throw, error  # type: ignore[assignment] # an error, for throw
