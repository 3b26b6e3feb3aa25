"""Compelling evidence: two earlier payments that were not disputed, from the same people, win a Visa fraud dispute.

Visa's rule (CE 3.0, for reason 10.4): two earlier payments by the same card, 120 to
364 days before, that nobody disputed, and two things that all three have in common,
one of which is the address they came from or the device. Values in, values out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import combinations

EARLIEST, LATEST = 364, 120
"""Whole days before the disputed payment."""

_CANDIDATES = 100
"""How many earlier payments are compared, the newest first."""

_COMMON = 2


class Link(StrEnum):
    """What payments can have in common."""

    IP = "customer_purchase_ip"
    DEVICE = "customer_device_fingerprint"
    ACCOUNT = "customer_account_id"
    EMAIL = "customer_email_address"


_MAIN = frozenset({Link.IP, Link.DEVICE})


class Lacking(StrEnum):
    """Why the rule doesn't help."""

    NOT_VISA_FRAUD = "not_visa_fraud"
    """It is no dispute of a Visa card as fraud."""

    PRIORS = "priors"
    """There are no two earlier payments by the same card, 120 to 364 days before, that nobody disputed."""

    LINKS = "links"
    """The payments have too little in common."""

    DESCRIPTION = "description"
    """It is not written down what a payment was for."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """A payment that succeeded, with what it may have in common with others."""

    charge: str
    at: datetime
    card: str
    """The same for the same card."""

    description: str
    ip: str = ""
    device: str = ""
    account: str = ""
    email: str = ""
    disputed: bool = False

    @property
    def links(self) -> dict[Link, str]:
        """What is known of it."""
        told = {Link.IP: self.ip, Link.DEVICE: self.device, Link.ACCOUNT: self.account, Link.EMAIL: self.email}
        return {link: value for link, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Compelling:
    """A disputed payment and the two that speak for it."""

    disputed: Purchase
    priors: tuple[Purchase, Purchase]
    links: frozenset[Link]
    """What all three have in common."""


def qualify(disputed: Purchase, others: Iterable[Purchase], *, visa_fraud: bool) -> Compelling | Lacking:
    """The two payments that have the most in common with the disputed one, the newest of equals; or what is lacking."""
    if not visa_fraud:
        return Lacking.NOT_VISA_FRAUD
    told = {other.charge: other for other in others if suits(disputed, other)}
    newest = sorted(told.values(), key=lambda other: (other.at, other.charge), reverse=True)
    if len(newest) < _COMMON:
        return Lacking.PRIORS
    described = [other for other in newest if other.description][:_CANDIDATES]
    if not disputed.description or len(described) < _COMMON:
        return Lacking.DESCRIPTION
    best: Compelling | None = None
    for pair in combinations(described, _COMMON):
        links = common(disputed, *pair)
        if enough(links) and (best is None or len(links) > len(best.links)):
            best = Compelling(disputed, (pair[0], pair[1]), links)
    return best or Lacking.LINKS


def suits(disputed: Purchase, other: Purchase) -> bool:
    """Whether an earlier payment may speak for a disputed one."""
    days = (disputed.at - other.at).days
    same_card = bool(disputed.card) and other.card == disputed.card
    return same_card and not other.disputed and other.charge != disputed.charge and LATEST <= days <= EARLIEST


def common(first: Purchase, *others: Purchase) -> frozenset[Link]:
    """What all of them have in common."""
    return frozenset(
        link for link, value in first.links.items() if all(other.links.get(link) == value for other in others)
    )


def enough(links: frozenset[Link]) -> bool:
    """Whether Visa takes so much in common: two things, of which one is the address or the device."""
    return len(links) >= _COMMON and bool(links & _MAIN)
