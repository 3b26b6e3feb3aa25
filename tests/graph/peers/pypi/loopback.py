"""A provider on loopback: it tells its address in one line of JSON, and lives until its input ends.

It runs with the packages of requirements.lock, not with ours.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import time_machine
from werkzeug.serving import make_server

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # http, for it goes no farther than this machine

told: dict[str, Any] = json.loads(sys.argv[1])
"""What it is told: everything here lives as many milliseconds `ahead` as whoever relies on it."""


def serve(application: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """Answer on a port of its own, and give what is told later, line for line."""
    instant = datetime.now(UTC) + timedelta(milliseconds=told["ahead"])
    with time_machine.travel(instant, tick=True):
        server = make_server("127.0.0.1", 0, application, threaded=True)
        Thread(target=server.serve_forever, daemon=True).start()
        say({"address": f"http://127.0.0.1:{server.port}"})
        for line in sys.stdin:
            yield json.loads(line)


def say(what: dict[str, Any]) -> None:
    """Tell whoever started it."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
