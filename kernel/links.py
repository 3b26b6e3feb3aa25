"""Links: addresses that show one thing to whoever has them, for a while.

A link is made for somebody who may see the thing. It says which account the thing
belongs to and when it ends, under a signature that also covers what it is for and
which thing it shows. So a link to an invoice opens no other invoice, and nothing else.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest, digest

from kernel import ids
from kernel.errors import Forbidden, NotFound

LIFE = timedelta(minutes=15)
"""How long a link works."""

PARAMETER = "link"
"""What a link's signature is called in its address."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_FORM = re.compile(r"([0-9a-f]{13})-([0-9a-f]{8})-([A-Za-z0-9_-]{43})")


class _Key:
    """The key and the address in force, chosen when the process starts."""

    key: bytes = b"development"
    base: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A file's address, and until when it works."""

    url: str
    expires_at: datetime


def use(key: bytes, base: str) -> None:
    """Choose the key of this installation, and what its links begin with: `https://billing.example`, or nothing."""
    _Key.key, _Key.base = key, base.rstrip("/")


def download(path: str, account_id: int, now: datetime) -> Download:
    """The address of a file of one account, for a while."""
    expires_at = (now + LIFE).replace(microsecond=0)
    account, end = f"{ids.shuffled(account_id):013x}", f"{(expires_at - _BEGINNING) // _SECOND:08x}"
    return Download(f"{_Key.base}{path}?{PARAMETER}={account}-{end}-{_signature(path, account, end)}", expires_at)


def account(path: str, signed: str, now: datetime) -> int:
    """The number of the account whose file a link shows. Raises NotFound, or Forbidden for one that ended."""
    form = _FORM.fullmatch(signed)
    if form is None or not compare_digest(form[3], _signature(path, form[1], form[2])):
        raise NotFound
    if _BEGINNING + int(form[2], 16) * _SECOND <= now:
        raise Forbidden("This link has expired. Ask for a new one where you got it.")
    return ids.unshuffled(int(form[1], 16))


def _signature(path: str, account: str, end: str) -> str:
    told = digest(_Key.key, f"{path}\n{account}\n{end}".encode(), sha256)
    return urlsafe_b64encode(told).rstrip(b"=").decode()
