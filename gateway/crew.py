"""A crew: several processes that answer at one port, and one that watches over them.

The processes are copies of the one that watches, made once everything was imported, so
they share what it has in memory. They take connections from one socket. Whoever dies is
replaced; told to stop, the watcher tells all, and waits for them.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep

import structlog

from gateway import stopping
from kernel.errors import Fault, Unavailable

_LOOK = 0.1  # seconds between two looks at the crew
_QUICK = 10.0  # seconds within which a death is taken to be one at the start
_TRIES = 3
"""How many deaths at the start, one after the other, end it all."""

log = structlog.get_logger("gateway.crew")


def man(count: int, answer: Callable[[int], None], grace: float) -> None:
    """Have so many processes `answer`, each with its place, until we are told to stop. Raises Unavailable.

    Whoever doesn't end within `grace` seconds is killed.
    """
    crew = {_started(answer, place): place for place in range(count)}
    began, deaths = monotonic(), 0
    try:
        while not stopping.asked():
            sleep(_LOOK)
            for process in [process for process in crew if _ended(process)]:
                place = crew.pop(process)
                deaths = deaths + 1 if monotonic() - began < _QUICK else 1
                if deaths > _TRIES:
                    raise Unavailable("The processes that answer die at their start: the log above says why.")
                log.error("a process that answers has died and is replaced", place=place)
                began = monotonic()
                crew[_started(answer, place)] = place
    finally:
        _end(crew, grace)


def _started(answer: Callable[[int], None], place: int) -> int:
    """The number of a new process."""
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        answer(place)
        status = 0
    except Fault as fault:
        print(fault.message, file=sys.stderr)  # noqa: T201 - nobody above says it
    except BaseException:  # noqa: BLE001 - a copy must never go on as the one it was copied from
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        # What the watcher does at its own end is its own.
        os._exit(status)


def _ended(process: int) -> bool:
    return os.waitpid(process, os.WNOHANG)[0] != 0


def _end(crew: dict[int, int], grace: float) -> None:
    """Tell everybody to stop, and wait until they did."""
    for process in crew:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
    left, late = set(crew), monotonic() + grace
    while left:
        left = {process for process in left if not _ended(process)}
        if left and monotonic() > late:
            for process in left:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            late = float("inf")
        sleep(_LOOK if left else 0)
