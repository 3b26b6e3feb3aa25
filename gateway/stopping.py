"""Stopping: what SIGTERM and SIGINT mean to a process that goes on until it is told.

They are noted, and asked for where it is safe to end. A handler that raises would
interrupt whatever runs just then, an import for one, and is sometimes not heard of again.
"""

from __future__ import annotations

import signal

STOPS = (signal.SIGTERM, signal.SIGINT)
"""How a process is told to stop: by a supervisor, and by a person."""


class _Noted:
    """Whether one of them came."""

    asked = False


def listen() -> None:
    """From now on, note that we are to stop."""
    for each in STOPS:
        signal.signal(each, _note)


def asked() -> bool:
    """Whether we are to stop."""
    return _Noted.asked


def check() -> None:
    """End here, as if the last line had been reached, if we are to stop."""
    if _Noted.asked:
        raise SystemExit(0)


def _note(*_: object) -> None:
    _Noted.asked = True
