"""Domains: which a workspace may call its own, and how it proves that it does.

    _seatgraph.acme.example.  TXT  "seatgraph-domain-verification=<token>"

Whoever can write that record owns the domain. It is looked for again every day; a
domain whose record has been gone for a week is not the workspace's any more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from publicsuffixlist import PublicSuffixList

from kernel.errors import InvalidInput, Problem

CHECKED_EVERY = timedelta(days=1)
GRACE = timedelta(days=7)
"""How long the record of a proven domain may be gone before the domain is."""

PREFIX = "_seatgraph"
LONGEST = 253
_SHAPE = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")

_FREE = """
    126.com 163.com aol.com bk.ru comcast.net duck.com email.com fastmail.com foxmail.com free.fr freenet.de gmail.com
    gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.fr
    icloud.com inbox.ru laposte.net libero.it list.ru live.com mac.com mail.com mail.ru me.com msn.com naver.com
    orange.fr outlook.com outlook.de pm.me posteo.de proton.me protonmail.com qq.com rambler.ru rediffmail.com
    rocketmail.com seznam.cz sina.com t-online.de tutanota.com uol.com.br wanadoo.fr web.de wp.pl ya.ru yahoo.co.jp
    yahoo.co.uk yahoo.com yahoo.de yahoo.fr yandex.com yandex.ru ymail.com zoho.com
"""
FREE_MAIL = frozenset(_FREE.split())
"""Where anybody gets an address: nobody's own."""


@dataclass(eq=False)
class DomainUnproven(Problem):
    """The record that proves a domain was not found."""

    says = "There is no TXT record {record} with {value} yet. Add it, wait for it to be known, and try again."
    record: str
    """The name of the record."""

    value: str
    """What it has to say."""


@dataclass(eq=False)
class DomainTaken(Problem):
    """Another workspace has proven the domain."""

    says = "Another workspace has proven {name}. Ask our support if it is yours."
    name: str
    """The domain."""


@dataclass(eq=False)
class DomainNamed(Problem):
    """The workspace has the domain in its list already."""

    says = "{name} is in the list already."
    name: str
    """The domain."""


def domain(text: str) -> str:
    """A domain that somebody may own, in the form that we compare. Raises InvalidInput."""
    found = text.strip().lower().removesuffix(".") if len(text) <= 2 * LONGEST else ""
    if len(found) > LONGEST or not _SHAPE.fullmatch(found):
        raise InvalidInput("That is not a domain, such as acme.example. Write other alphabets as xn--….")
    if found in FREE_MAIL:
        raise InvalidInput(f"Anybody can have an address at {found}, so it is nobody's own.")
    if _suffixes().is_public(found):
        raise InvalidInput(f"Anybody can register a name under {found}, so it is nobody's own.")
    return found


def record(name: str) -> str:
    """The name of the record that proves a domain."""
    return f"{PREFIX}.{name}"


def value(token: str) -> str:
    """What that record has to say."""
    return f"seatgraph-domain-verification={token}"


def proves(texts: Sequence[str], token: str) -> bool:
    """Whether one of these records is the one."""
    return value(token) in {text.strip() for text in texts}


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
