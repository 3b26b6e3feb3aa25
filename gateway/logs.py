"""Logs: one JSON object a line on standard error, never longer than 1 KB, never with a secret.

In development, on a terminal, lines are colored text and exceptions keep their
whole traceback. Everywhere else an exception becomes four short fields: its kind,
what it says, where it was raised and what caused it. What an exception says is cut
to its first line, and quoted parts are blanked, for they repeat what a caller sent.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from traceback import walk_tb
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import Processor

from gateway.redaction import redact, redacted

LINE = 1_000
"""The most bytes of one JSON line."""

log = structlog.get_logger("gateway.access")

_FRAMES = 6
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


class _Plain:
    """Where lines of JSON go, if that is how we log."""

    out: TextIO | None = None


def told_at_once(event: str, request_id: str, told: Mapping[str, Any]) -> bool:
    """Write the line of an event of texts and figures; False where lines are made another way.

    It is the line that structlog makes, for a tenth of what it takes to make it.
    """
    if _Plain.out is None:
        return False
    shown = {"request_id": redacted(request_id)}
    for name, value in told.items():
        shown[name] = redacted(value) if isinstance(value, str) else value
    shown["event"], shown["level"] = event, "info"
    shown["timestamp"] = datetime.now(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    try:
        line = orjson.dumps(shown)
    except TypeError:  # a text that JSON cannot say
        return False
    if len(line) > LINE:
        return False
    _Plain.out.write(line.decode() + "\n")
    _Plain.out.flush()
    return True


@dataclass(frozen=True, slots=True)
class Line:
    """A line that differs in few figures from others: its ends, as JSON."""

    told: Mapping[str, Any]
    begin: str
    end: str

    @classmethod
    def of(cls, event: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Line:
        """The line of an event, of which is told this before the milliseconds, and this after."""
        known = redacted(dict(after)) | {"event": event, "level": "info"}
        begin, end = orjson.dumps(redacted(dict(before))).decode(), orjson.dumps(known).decode()
        return cls({**before, **after}, begin[1:-1], end[1:-1])

    def tell(self, request_id: str, seconds: float) -> None:
        """Write the line of one request, whose id is a plain word."""
        if _Plain.out is None:
            log.info("request", **self.told, ms=round(seconds * 1000, 1))
            return
        ms, at = f"{seconds * 1000:.1f}", datetime.now(UTC).isoformat(timespec="microseconds")[:-6]
        _Plain.out.write(f'{{"request_id":"{request_id}",{self.begin},"ms":{ms},{self.end},"timestamp":"{at}Z"}}\n')
        _Plain.out.flush()


def configure_logging(*, production: bool, stream: TextIO | None = None) -> None:
    """Send structlog's events and the standard library's records the same way, to `stream` (standard error)."""
    out = stream or sys.stderr
    colored = not production and out.isatty()
    _Plain.out = None if colored else out
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        redact,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: list[Processor] = [_console()] if colored else [summarize, json_line]
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _adopt_standard_library(out, shared, final)


def _adopt_standard_library(out: TextIO, shared: list[Processor], final: list[Processor]) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # They tell whole addresses, with what is asked for in them.
    logging.getLogger("uvicorn.access").disabled = True
    for client in ("httpx", "httpx2", "stripe"):
        logging.getLogger(client).setLevel(logging.WARNING)


def _console() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def summarize(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its kind, its first line, where it was raised and what caused it."""
    error = event.pop("exc_info", None)
    if error is True or isinstance(error, tuple):
        error = sys.exc_info()[1] if error is True else error[1]
    if not isinstance(error, BaseException):
        return event
    event["error"] = _kind(error)
    event["says"] = _QUOTED.sub("'…'", (str(error).splitlines() or [""])[0])[:200]
    event["at"] = _places(error)
    if error.__cause__:
        event["cause"] = _kind(error.__cause__)
    return redact(_logger, _name, event)


def json_line(_logger: object, _name: str, event: MutableMapping[str, Any]) -> str:
    """The event as one line of JSON, cut to `LINE` bytes: the longest texts give way first."""
    line = b""
    for room in (None, 500, 250, 100, 40):
        shown = {name: _cut(value, room) for name, value in list(event.items())[:20]} if room else event
        try:
            line = orjson.dumps(shown, default=str)
        except TypeError:  # a number or a text that JSON cannot say
            continue
        if len(line) <= LINE:
            break
    return line[:LINE].decode("utf-8", "ignore")


def _cut(value: object, room: int) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    text = str(value).encode("utf-8", "replace").decode()
    return text if len(text) <= room else f"{text[:room]}…"


def _kind(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")


def _places(error: BaseException) -> str:
    """The innermost frames, the innermost first: "seats/operations.py:31 assign < …"."""
    places = [
        f"{'/'.join(Path(frame.f_code.co_filename).parts[-2:])}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(error.__traceback__)
    ]
    return " < ".join(reversed(places[-_FRAMES:]))
