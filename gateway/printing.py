"""Printing: sheets become PDF files in a process beside this one.

The process is `billing.paper.press`: it has no environment, no connection and no
secret. It prints one sheet at a time. When it takes too long, or dies, it is ended and
the next sheet gets another one, so that a sheet which can't be printed harms nobody
but whoever asked for it.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import orjson
import structlog

import billing.paper
from billing.paper.sheet import Sheet
from kernel.errors import TooComplex, Unavailable

SECONDS = 15
"""How long one sheet may take."""

WAITING = 50
"""How many sheets may wait for their turn."""

LARGEST = 8 * 1024 * 1024
"""Bytes of a sheet."""

_FOLDER = Path(billing.paper.__file__).parent
_PROGRAM = _FOLDER / "press.py"
_LENGTH = 4
_SHEETS = 500
"""What one process prints before another takes its place, so that nothing it keeps can grow for ever."""

log = structlog.get_logger("gateway.printing")


class Printer:
    """One press, started when it is needed, and replaced when it fails."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._press: Process | None = None
        self._printed = 0
        self.edition = _edition()

    async def print(self, sheet: Sheet) -> bytes:
        """The sheet as a PDF file. Raises Unavailable, or TooComplex."""
        if self._waiting >= WAITING:
            raise Unavailable("Too many documents are being printed. Try again in a moment.")
        asked = orjson.dumps({"sheet": orjson.Fragment(sheet.json), "made_at": int(sheet.made_at.timestamp())})
        if len(asked) > LARGEST:
            raise TooComplex("This document is too long to be printed.", limit="bytes", most=LARGEST)
        self._waiting += 1
        try:
            async with self._turn:
                return await self._print(asked)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the press."""
        press, self._press = self._press, None
        if press is not None:
            with suppress(ProcessLookupError):
                press.kill()
            await press.wait()

    async def _print(self, asked: bytes) -> bytes:
        try:
            async with asyncio.timeout(self._seconds):
                made = await self._exchange(asked)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as failure:
            await self.close()
            log.exception("not printed")
            raise Unavailable("This document could not be printed. Try again in a moment.") from failure
        except BaseException:
            # Whoever asked has left in the middle of it: the answer would be taken for the next one's.
            await self.close()
            raise
        if not made:
            raise AssertionError("the press refused a sheet of ours")
        self._printed += 1
        if self._printed % _SHEETS == 0:
            await self.close()
        return made

    async def _exchange(self, asked: bytes) -> bytes:
        if self._press is None or self._press.returncode is not None:
            self._press = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", str(_PROGRAM)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env={},
                # What a terminal sends to all of us must not end it while we still answer.
                start_new_session=True,
            )
        assert self._press.stdin is not None
        assert self._press.stdout is not None
        self._press.stdin.write(len(asked).to_bytes(_LENGTH) + asked)
        await self._press.stdin.drain()
        length = int.from_bytes(await self._press.stdout.readexactly(_LENGTH))
        return await self._press.stdout.readexactly(length)


def _edition() -> str:
    """What decides, beside the sheet, how it looks: two printers of one edition print the same bytes."""
    digest = sha256(version("typst").encode())
    for file in _parts():
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _parts() -> Iterator[Path]:
    yield _PROGRAM
    yield from sorted((_FOLDER / "template").glob("*.typ"))
    yield from sorted((_FOLDER / "fonts").glob("*.otf"))
