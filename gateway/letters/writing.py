"""Writing: a letter's row becomes a message, plain and HTML, in the language of whoever reads it.

The words of a language are one file, `words/de.toml`: for each kind of letter a subject, its sentences and what its
button says. What they are filled in with came from people, so it is one line of limited length in plain text, and
escaped in HTML. A message has no picture and calls nobody.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton, format_time

from billing.paper.writing import LANGUAGES, Hand, hand, plain
from gateway.letters.tables import Letter
from kernel import ids
from kernel.money import Money

FOLDER = Path(__file__).parent / "words"
PATHS = {
    "invitation": "/invitations/{token}",
    "break_glass": "/audit",
    "invoice": "/invoices/{about}",
    "receipt": "/invoices/{about}",
    "reminder": "/invoices/{about}",
    "expiring": "/payment-methods",
    "revoked": "/payment-methods",
    "fraud_warned": "/payments/{about}",
    "disputed": "/disputes/{about}",
    "domain_lost": "/domains",
    "certificate_expiring": "/single-sign-on",
    "certificate_announced": "/single-sign-on",
    "access_taken": "/invoices",
    "seat_requested": "/seat-requests/{about}",
    "seat_approved": "/seat-requests/{about}",
    "seat_declined": "/seat-requests/{about}",
    "join_asked": "/join-requests/{about}",
    "join_approved": "/workspaces",
    "join_declined": "/workspaces",
    "pool_grown": "/pools/{about}",
    "decrease_kept": "/pools/{about}",
    "decrease_releases": "/pools/{about}",
    "seat_unused": "/seats/{about}",
    "seat_reclaimed": "/seats/{about}",
    "seat_gone": "/seats/{about}",
    "seats_reclaimed": "/pools",
    "seats_ended": "/subscriptions/{about}",
}
"""Where the button of each kind leads, under the address of the app."""

_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{subject}</title></head>
<body style="margin:0;padding:32px 16px;background:#f4f5f7;font:16px/1.5 -apple-system,'Segoe UI',Roboto,sans-serif;\
color:#1f2430">
<div style="max-width:520px;margin:0 auto;padding:32px;background:#fff;border-radius:8px">
<h1 style="margin:0 0 16px;font-size:20px;line-height:1.3">{subject}</h1>
{paragraphs}
<p style="margin:24px 0"><a href="{link}" style="display:inline-block;padding:10px 20px;border-radius:6px;\
background:#1f3a8a;color:#fff;text-decoration:none">{button}</a></p>
<p style="margin:24px 0 0;font-size:13px;color:#6b7280">{closing}</p>
</div></body></html>
"""


def written(letter: Letter, sender: str, app: str, token: str = "") -> EmailMessage:
    """The message that a letter is; its links begin with `app`, and that of an invitation ends in a token."""
    by = hand(letter.locale, ZoneInfo(letter.time_zone))
    words = _words(by.locale.language)
    told = {name: _told(by, words, name, value) for name, value in letter.told.items()}
    subject = _filled(words[letter.kind]["subject"], told)
    sentences = [_filled(sentence, told) for sentence in words[letter.kind]["text"]]
    link = app + PATHS[letter.kind].format(about=letter.about.partition("/")[0], token=token)
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = sender, letter.address, subject
    message["Date"] = format_datetime(letter.created_at)
    # Whoever gets a letter twice, because an answer was lost, is shown it once; where its link is another one, both.
    name = ids.encode("letter", letter.id) + (f".{letter.tries}" if token else "")
    message["Message-ID"] = f"<{name}@{_domain(sender)}>"
    message["Auto-Submitted"] = "auto-generated"
    button, closing = _filled(words[letter.kind]["button"], told), words["closing"]
    message.set_content("\n\n".join([*sentences, f"{button}:\n{link}", f"-- \n{closing}"]) + "\n")
    page = _page(by.locale.language, subject, sentences, link=link, button=button, closing=closing)
    message.add_alternative(page, subtype="html")
    # Content removes such headers, so it comes first.
    message["Content-Language"] = by.locale.language
    return message


def _page(language: str, subject: str, sentences: list[str], **ends: str) -> str:
    paragraphs = "\n".join(f'<p style="margin:0 0 12px">{escape(sentence)}</p>' for sentence in sentences)
    told = {name: escape(text) for name, text in {"subject": subject, **ends}.items()}
    return _PAGE.format(language=language, paragraphs=paragraphs, **told)


def _told(by: Hand, words: Mapping[str, Any], name: str, value: Any) -> str:
    """A value as the reader writes it."""
    if isinstance(value, dict) and "minor" in value:
        return by.money(Money(value["minor"], value["currency"]))
    if isinstance(value, dict) and "instant" in value:
        return _moment(by, value["instant"])
    if isinstance(value, dict) and "day" in value:
        return by.day(datetime.fromisoformat(value["day"]))
    if isinstance(value, dict) and "month" in value:
        return str(format_skeleton("yMMMM", date.fromisoformat(f"{value['month']}-01"), locale=by.locale))
    if isinstance(value, dict):
        return plain(value["names"].get(by.locale.language) or value["names"]["en"])
    return str(words["roles"][value]) if name == "role" else plain(str(value))


def _moment(by: Hand, text: str) -> str:
    moment = datetime.fromisoformat(text)
    return f"{by.day(moment)}, {format_time(moment, 'short', tzinfo=by.zone, locale=by.locale)}"


def _filled(sentence: str, told: Mapping[str, str]) -> str:
    # One value never becomes a place for the next one.
    return sentence.format_map(told)


def _domain(sender: str) -> str:
    return sender.rpartition("@")[2].rstrip(">") or "localhost"


@lru_cache(maxsize=16)
def _words(language: str) -> Mapping[str, Any]:
    assert language in LANGUAGES, "a hand writes in a language that there are words for"
    return tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
