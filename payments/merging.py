"""Merging: what the rail tells of a payment, in any order and any number of times, comes to one state.

Webhooks come late, twice and backward, and our own calls are answered in between.
What is seen of a payment only grows: an end stays the end, a charge's outcome stays,
and of all other news the newest counts. Merging the same news again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from payments.rail.values import Charge, Decline, Intent
from payments.states import PaymentState

_CHARGES = ("pending", "failed", "succeeded")
_RANK = {
    "requires_confirmation": 1,
    "requires_action": 2,
    "requires_capture": 3,
    "processing": 3,
    "requires_payment_method": 4,
}
"""Of news from one second, the one that is nearer to the end of a try counts; an untouched intent has none."""

_ENDS = ("canceled", "succeeded")


@dataclass(frozen=True, slots=True)
class News:
    """The newest that was told of an intent's status. The order of its fields is that of the news."""

    at: int = 0
    """Seconds since 1970, by the rail's clock."""

    heard: int = 0
    """Counts answers to our own calls, which tell no time: each is newer than what was known when it came."""

    rank: int = 0
    status: str = ""
    charge: str | None = None
    """The latest charge then."""

    decline: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def order(self) -> tuple[int, int, int, str, str]:
        """By which of two news the newer is found, whichever came first."""
        decline = sorted((self.decline or {}).items(), key=str)
        return self.at, self.heard, self.rank, self.status, f"{self.charge} {decline}"


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known of a payment from the rail."""

    end: str | None = None
    received: int = 0
    """What arrived, in minor units of ours."""

    charges: Mapping[str, str] = field(default_factory=dict)
    """Each charge's id to its status."""

    failures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Why a charge failed, as the charge itself says it: an intent says more."""

    paid_by: str | None = None
    """The charge that succeeded."""

    refunded: int = 0
    disputed: bool = False
    transaction: str | None = None
    news: News = field(default_factory=News)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Seen:
        """Read what `document` made."""
        return cls(**{**document, "news": News(**document["news"])}) if document else cls()

    @property
    def document(self) -> dict[str, Any]:
        """As JSON, to be kept in a column."""
        return asdict(self)

    @property
    def state(self) -> PaymentState:
        """Where the payment is, by all that is known."""
        if self.end:
            return PaymentState(self.end)
        if "pending" in self.charges.values():
            return PaymentState.PROCESSING
        match self.news.status:
            case "requires_action":
                return PaymentState.REQUIRES_ACTION
            case "processing" | "requires_capture":
                failed = set(self.charges.values()) == {"failed"}
                return PaymentState.FAILED if failed else PaymentState.PROCESSING
        return PaymentState.FAILED if self.charges or self.news.decline else PaymentState.CREATED

    @property
    def decline(self) -> Decline | None:
        """Why the last try was declined."""
        if self.news.decline:
            return Decline(**self.news.decline)
        only = next(iter(self.charges)) if len(self.charges) == 1 else None
        failed = self.failures.get(self.news.charge or only or "")
        return Decline(**failed) if failed else None


def with_intent(seen: Seen, intent: Intent, at: datetime | None = None) -> Seen:
    """What is known after an intent was seen: in an event of this instant, or in the answer to a call of ours."""
    charges = dict(seen.charges)
    if intent.charge:
        _raise(charges, intent.charge, _charge_of(intent))
    end = intent.status if intent.status in _ENDS else None
    return replace(
        seen,
        end=max(filter(None, (seen.end, end)), default=None),
        received=max(seen.received, intent.received.minor),
        charges=charges,
        paid_by=intent.charge if intent.status == "succeeded" else seen.paid_by,
        news=max(seen.news, _news(seen, intent, at), key=lambda news: news.order),
    )


def with_charge(seen: Seen, charge: Charge) -> Seen:
    """What is known after a charge was seen."""
    charges = dict(seen.charges)
    _raise(charges, charge.id, charge.status)
    failures = dict(seen.failures)
    if charge.status == "failed":
        failures[charge.id] = asdict(Decline(charge.failure or "card_declined", charge.reason, charge=charge.id))
    return replace(
        seen,
        charges=charges,
        failures=failures,
        paid_by=charge.id if charges[charge.id] == "succeeded" else seen.paid_by,
        refunded=max(seen.refunded, charge.refunded.minor),
        disputed=seen.disputed or charge.disputed,
        transaction=seen.transaction or charge.transaction,
    )


def untouched(seen: Seen, charge_before: str | None) -> bool:
    """Whether nothing has happened since the intent's latest charge was this one: no try, and no end."""
    if seen.end or "pending" in seen.charges.values():
        return False
    waits = seen.news.status in {"requires_payment_method", "requires_confirmation"}
    return waits and seen.news.charge == charge_before


def _raise(charges: dict[str, str], charge: str, status: str) -> None:
    """A charge's status moves forward only."""
    known = charges.get(charge, _CHARGES[0])
    charges[charge] = max(known, status, key=_CHARGES.index)


def _charge_of(intent: Intent) -> str:
    """What an intent tells of its latest charge."""
    if intent.status == "succeeded":
        return "succeeded"
    return "pending" if intent.status in {"processing", "requires_capture"} else "failed"


def _news(seen: Seen, intent: Intent, at: datetime | None) -> News:
    decline = asdict(intent.error) if intent.error else None
    rank = _RANK.get(intent.status, 0)
    if intent.status == "requires_payment_method" and not decline:
        rank = 0
    if at is not None:
        return News(int(at.timestamp()), 0, rank, intent.status, intent.charge, decline)
    begun = int(intent.created.timestamp()) if intent.created else 0
    return News(max(seen.news.at, begun), seen.news.heard + 1, rank, intent.status, intent.charge, decline)
