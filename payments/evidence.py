"""Evidence: what our records say of a disputed payment, in the fields that a bank reads.

The rail takes texts of 150,000 characters together and files of 4.5 MB together,
one of each kind, with few pages, and no links: nobody at a bank follows one. What
is too long loses the rows that are farthest from the payment, and says so. Values
in, values out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kernel.errors import Problem

LONGEST = 150_000
"""Characters of all texts together."""

LARGEST = 4_500_000
"""Bytes of all files together."""

PAGES = 49
PAGES_OF = {"mastercard": 19}
"""How many pages of files together a network reads, where it is not 49."""

# The most of each kind of text; all that `written` gives stay below what may be sent.
_LOG = 50_000
_HISTORY = 35_000
_STORY = 45_000
_POLICY = 10_000
_SHORT = 1_000
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_PAGE = re.compile(rb"/Type\s*/Page\b")
_CONTROL = re.compile(r"[^\S\n]+|[\x00-\x09\x0b-\x1f\x7f]")
_STARTS = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


class EvidenceFile(StrEnum):
    """What a file shows. Of each, a bank gets one."""

    RECEIPT = "receipt"
    """The invoice or receipt of the payment."""

    SERVICE_DOCUMENTATION = "service_documentation"
    """That the service was delivered."""

    CUSTOMER_COMMUNICATION = "customer_communication"
    """What was written with the customer."""

    CUSTOMER_SIGNATURE = "customer_signature"
    """A contract that the customer has signed."""

    CANCELLATION_POLICY = "cancellation_policy"
    """The terms of canceling as they were shown."""

    REFUND_POLICY = "refund_policy"
    """The terms of refunds as they were shown."""

    DUPLICATE_CHARGE_DOCUMENTATION = "duplicate_charge_documentation"
    """That two payments were for two things."""

    UNCATEGORIZED_FILE = "uncategorized_file"
    """Anything else."""


TEXTS = frozenset(
    {
        "access_activity_log",
        "billing_address",
        "cancellation_policy_disclosure",
        "cancellation_rebuttal",
        "customer_email_address",
        "customer_name",
        "customer_purchase_ip",
        "duplicate_charge_explanation",
        "duplicate_charge_id",
        "product_description",
        "refund_policy_disclosure",
        "refund_refusal_explanation",
        "service_date",
        "shipping_address",
        "shipping_carrier",
        "shipping_date",
        "shipping_tracking_number",
        "uncategorized_text",
    }
)
"""The fields of texts that a bank reads, by the rail's names."""


@dataclass(eq=False)
class EvidenceUnusable(Problem):
    """The evidence is not what a bank takes."""

    says = "This evidence can't be sent: {why}."
    why: str
    """What is wrong with it, and what would do."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened to the account, by whom, from where."""

    at: datetime
    what: str
    by: str = ""
    ip: str = ""
    device: str = ""

    @property
    def text(self) -> str:
        """One row of a log."""
        where = " ".join(filter(None, (self.ip, self.device)))
        return " | ".join(filter(None, (f"{self.at:%Y-%m-%d %H:%M:%S} UTC", self.what, self.by, where)))


@dataclass(frozen=True, slots=True)
class PolicyShown:
    """Terms that the customer saw before they paid."""

    title: str
    text: str
    shown_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Twin:
    """Another payment that the payer may take for the same one."""

    charge: str
    at: datetime
    amount: str
    what: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What our records say of one disputed payment."""

    reason: str
    """Why it is disputed, as the bank says."""

    paid_at: datetime
    amount: str
    products: Sequence[str]
    """What was paid for, one sentence each."""

    customer_name: str = ""
    customer_email: str = ""
    billing_address: str = ""
    ip: str = ""
    device: str = ""
    service_days: str = ""
    activity: Sequence[Occurrence] = ()
    """Sign-ins and whatever else people of the account did."""

    history: Sequence[Occurrence] = ()
    """Who held which seat, and what it entitled them to."""

    cancellation: PolicyShown | None = None
    canceled_at: datetime | None = None
    refunds: PolicyShown | None = None
    refunded: Sequence[str] = ()
    twins: Sequence[Twin] = ()
    remarks: str = ""
    """What our own staff add."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file for the bank."""

    kind: EvidenceFile
    name: str
    content: bytes
    pages: int = 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """Texts and files by the rail's names of their fields."""

    texts: Mapping[str, str]
    files: Mapping[EvidenceFile, Attachment] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """Characters of all texts together."""
        return sum(map(len, self.texts.values()))


def written(facts: Facts) -> dict[str, str]:
    """The facts in the rail's fields, within its limits; empty ones are left out."""
    texts = {
        "customer_name": _line(facts.customer_name),
        "customer_email_address": _line(facts.customer_email),
        "billing_address": _line(facts.billing_address),
        "customer_purchase_ip": _line(facts.ip),
        "product_description": plain("\n".join(facts.products), _POLICY),
        "service_date": _line(facts.service_days),
        "access_activity_log": rows(facts.activity, facts.paid_at, _LOG),
        "uncategorized_text": _story(facts),
    }
    texts |= _on_cancellation(facts) | _on_refunds(facts) | _on_twins(facts)
    return {name: text for name, text in texts.items() if text}


def overridden(texts: Mapping[str, str], instead: Mapping[str, str]) -> dict[str, str]:
    """The texts with those of our staff in their place; an empty one takes a field away. Raises EvidenceUnusable."""
    unknown = sorted(instead.keys() - TEXTS)
    if unknown:
        raise EvidenceUnusable(f"there is no field {unknown[0]!r}. A text goes into one of: {', '.join(sorted(TEXTS))}")
    return {name: text for name, text in {**texts, **instead}.items() if clean(text)}


def packed(texts: Mapping[str, str], attachments: Iterable[Attachment] = (), *, network: str = "") -> Evidence:
    """Texts and files as one piece of evidence. Raises EvidenceUnusable for what a bank doesn't take."""
    files: dict[EvidenceFile, Attachment] = {}
    for attachment in attachments:
        if attachment.kind in files:
            raise EvidenceUnusable(f"there are two files for {attachment.kind.value}. Put them into one")
        if media_type(attachment.content) is None:
            raise EvidenceUnusable(f"{attachment.name!r} is no PDF, JPEG or PNG. Send one of these")
        files[attachment.kind] = attachment
    evidence = Evidence({name: clean(text) for name, text in texts.items() if text}, files)
    if evidence.length > LONGEST:
        raise EvidenceUnusable(f"its texts have {evidence.length:,} characters, and {LONGEST:,} may be sent")
    size = sum(len(file.content) for file in files.values())
    if size > LARGEST:
        raise EvidenceUnusable(f"its files have {size:,} bytes together, and {LARGEST:,} may be sent")
    pages, most = sum(file.pages for file in files.values()), PAGES_OF.get(network, PAGES)
    if pages > most:
        raise EvidenceUnusable(f"its files have {pages} pages together, and the bank reads {most}")
    return evidence


def media_type(content: bytes) -> str | None:
    """What kind of file these bytes are, by how they begin; None for what a bank doesn't take."""
    return next((kind for start, kind in _STARTS.items() if content.startswith(start)), None)


def pages(content: bytes) -> int:
    """About how many pages a PDF has; one, where it doesn't say so in plain words."""
    return max(1, len(_PAGE.findall(content)))


def clean(text: str) -> str:
    """The text without links and control characters."""
    return _CONTROL.sub(" ", _LINK.sub("(link left out)", text.replace("\r\n", "\n"))).strip()


def plain(text: str, most: int) -> str:
    """The clean text, cut at its end where it is too long."""
    whole = clean(text)
    return whole if len(whole) <= most else whole[: most - 1].rstrip() + "…"


def rows(occurrences: Iterable[Occurrence], around: datetime, most: int) -> str:
    """A log, the earliest first; where it is too long the rows nearest to an instant stay, and it says what is left."""
    told = sorted(occurrences, key=lambda row: (row.at, row.what))
    near = sorted(told, key=lambda row: abs(row.at - around))
    kept, room = set[int](), most - len(_left_out(len(told)))
    for row in near:
        room -= len(_row(row)) + 1
        if room < 0:
            break
        kept.add(id(row))
    lines = [_row(row) for row in told if id(row) in kept]
    if len(lines) < len(told):
        lines.append(_left_out(len(told) - len(lines)).lstrip("\n"))
    return "\n".join(lines)


def _row(occurrence: Occurrence) -> str:
    return _line(occurrence.text)


def _left_out(count: int) -> str:
    return f"\n({count:,} rows farther from the payment are left out.)"


def _line(text: str) -> str:
    return " ".join(plain(text, _SHORT).split())


def _story(facts: Facts) -> str:
    """What has no field of its own: the payment, who used what was paid for, and what staff add."""
    paid = f"Paid on {facts.paid_at:%Y-%m-%d %H:%M:%S} UTC: {facts.amount}."
    origin = [f"From IP address {facts.ip}."] if facts.ip else []
    device = [f"With device: {facts.device}."] if facts.device else []
    parts = [" ".join([paid, *origin, *map(_line, device)])]
    held = rows(facts.history, facts.paid_at, _HISTORY)
    if held:
        parts.append(f"Who used what was paid for:\n{held}")
    parts += [f"Refunded before: {_line(text)}" for text in facts.refunded]
    if facts.remarks:
        parts.append(plain(facts.remarks, _POLICY))
    return plain("\n\n".join(parts), _STORY)


def _on_cancellation(facts: Facts) -> dict[str, str]:
    texts, when = {}, facts.canceled_at
    if facts.cancellation:
        texts["cancellation_policy_disclosure"] = _shown(facts.cancellation)
    # One that came before the payment speaks for the payer.
    if facts.reason == "subscription_canceled" and (when is None or when > facts.paid_at):
        texts["cancellation_rebuttal"] = (
            f"It was canceled on {when:%Y-%m-%d %H:%M:%S} UTC; the payment was for the time before that."
            if when
            else "Our records show no cancellation."
        )
    return texts


def _on_refunds(facts: Facts) -> dict[str, str]:
    texts = {}
    if facts.refunds:
        texts["refund_policy_disclosure"] = _shown(facts.refunds)
    if facts.reason == "credit_not_processed":
        texts["refund_refusal_explanation"] = (
            plain("; ".join(facts.refunded), _SHORT) if facts.refunded else "No refund was agreed on for this payment."
        )
    return texts


def _on_twins(facts: Facts) -> dict[str, str]:
    if facts.reason != "duplicate" or not facts.twins:
        return {}
    twins = sorted(facts.twins, key=lambda twin: abs(twin.at - facts.paid_at))
    told = "\n".join(f"{twin.at:%Y-%m-%d}: {twin.amount} for {_line(twin.what)}" for twin in twins)
    return {
        "duplicate_charge_id": twins[0].charge,
        "duplicate_charge_explanation": plain(f"Each payment was for something else:\n{told}", _POLICY),
    }


def _shown(policy: PolicyShown) -> str:
    when = f"Shown on {policy.shown_at:%Y-%m-%d %H:%M:%S} UTC. " if policy.shown_at else ""
    return plain(f"{when}{policy.title}\n{policy.text}", _POLICY)
