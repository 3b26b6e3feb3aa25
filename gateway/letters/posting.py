"""Posting: letters leave by SMTP, or, in development, into a folder where they can be read.

A letter is taken under a lease and committed before the server is called, so that no connection to the database waits
for a mail server. What fails for now is tried again, later each time, for three days; what the server refuses for good
is given up at once, and says why. An answer that was lost can make a letter come twice: both have one Message-ID.
The token of an invitation is made when its letter is posted, and is in no row: each try has another one, and the last
one counts.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from gateway.letters import queries
from gateway.letters.tables import Letter
from gateway.letters.writing import written
from kernel import ids
from kernel.work import Work
from seats import invitations

LEASE = timedelta(minutes=2)
"""How long a letter is one worker's."""

GIVEN_UP = timedelta(days=3)
"""What can't be posted for so long is not worth reading any more."""

_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=4)
_SECONDS = 30
_REFUSED = range(500, 600)
_POINTLESS = "The invitation was answered, taken back, or has run out."

log = structlog.get_logger("gateway.letters")


class RefusedError(Exception):
    """The server will never take this letter."""


class Postbox(Protocol):
    """Where letters go."""

    async def post(self, name: str, message: EmailMessage) -> None:
        """Post a message. Raises RefusedError, or OSError for now."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of files that mail programs open."""

    path: Path

    async def post(self, name: str, message: EmailMessage) -> None:
        """Write the message into a file."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.path / f"{name}.eml").write_bytes(message.as_bytes())


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server: `smtps://user:secret@host`, or `smtp://…`, which begins in the clear and turns to TLS."""

    address: str
    insists_on_tls: bool = True

    async def post(self, name: str, message: EmailMessage) -> None:
        """Hand the message over. Raises RefusedError, or OSError for now."""
        del name
        parts = urlsplit(self.address)
        tls = parts.scheme == "smtps"
        try:
            await aiosmtplib.send(
                message,
                hostname=parts.hostname,
                port=parts.port or (465 if tls else 587),
                username=unquote(parts.username) if parts.username else None,
                password=unquote(parts.password) if parts.password else None,
                use_tls=tls,
                start_tls=None if tls or not self.insists_on_tls else True,
                tls_context=ssl.create_default_context() if tls or self.insists_on_tls else None,
                timeout=_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as failure:
            raise _told(failure.recipients[0]) from None
        except aiosmtplib.SMTPResponseException as failure:
            raise _told(failure) from None
        except aiosmtplib.SMTPException as failure:
            raise OSError(type(failure).__name__) from None


@dataclass(frozen=True, slots=True)
class Post:
    """The post office of one process."""

    box: Postbox
    sender: str
    app: str
    """What links begin with."""


async def post(work: Work, office: Post, account_id: int, number: int) -> None:
    """Post one letter that is due. Opens transactions, so call it outside of one."""
    async with _one(work, account_id):
        letter = await queries.taken(work, account_id, number, LEASE)
        token = await _token(work, letter) if letter else None
    if letter is None:
        return
    failure, done = await _tried(office, letter, token)
    gone = not done and letter.created_at + GIVEN_UP <= work.now
    async with _one(work, account_id):
        await work.execute(
            "update letter set posted_at = $3, failure = $4, next_at = $5 where account_id = $1 and id = $2",
            account_id,
            number,
            work.now if failure is None else None,
            failure,
            None if done or gone else work.now + wait(letter.tries),
        )


def wait(tries: int) -> timedelta:
    """How long after so many tries the next one is."""
    return min(_FIRST_WAIT * (1 << min(tries - 1, 8)), _LONGEST_WAIT)


async def _token(work: Work, letter: Letter) -> str | None:
    """What the link of a letter has beside what it is about; None where it would lead to nothing any more."""
    if letter.kind != "invitation":
        return ""
    return await invitations.mint(work, letter.account_id, ids.decode("invitation", letter.about))


async def _tried(office: Post, letter: Letter, token: str | None) -> tuple[str | None, bool]:
    """Why a letter was not posted, or None; and whether that is for good."""
    if token is None:
        return _POINTLESS, True
    name = ids.encode("letter", letter.id)
    try:
        await office.box.post(name, written(letter, office.sender, office.app, token))
    except RefusedError as failure:
        log.warning("a letter was refused", letter=name, why=str(failure))
        return str(failure), True
    except OSError as failure:
        log.warning("a letter will be tried again", letter=name, why=str(failure))
        return str(failure), False
    return None, True


@asynccontextmanager
async def _one(work: Work, account_id: int) -> AsyncIterator[None]:
    async with work.transaction():
        await work.bind(account_id)
        yield


def _told(failure: aiosmtplib.SMTPResponseException) -> Exception:
    """What a server's answer means: for good, or for now. Its own words may hold an address, so only the code stays."""
    said = f"The mail server answered {failure.code}."
    return RefusedError(said) if failure.code in _REFUSED else OSError(said)
