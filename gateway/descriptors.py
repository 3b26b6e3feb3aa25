"""Descriptors: how many connections one process may hold, by what the machine lets it open."""

from __future__ import annotations

import resource
from contextlib import suppress
from functools import cache

MOST = 10_000
"""Connections of clients that one process holds: a page, a stream or a WebSocket each."""

_OURS = 256
"""What a process opens for itself: connections to the database, files, calls to others."""


@cache
def room() -> int:
    """Connections of clients that this process may hold; the machine is asked to let it open as many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + _OURS if hard == resource.RLIM_INFINITY else min(MOST + _OURS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return MOST if soft == resource.RLIM_INFINITY else max(1, min(MOST, soft - _OURS))
