"""Disputes: what a payer's bank asks for back, from its first question to its last word.

What is told of a dispute comes late, twice and backward. So we keep when each
status was last seen, which only grows, and find from all of them where the
dispute is. Statuses move forward: an inquiry may become a dispute, a dispute is
decided, and a decision may be appealed. Only the appeal leads back to a decision,
and there the time tells which one counts. Values in, values out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from kernel.errors import Problem
from kernel.money import Money, total

EARLIER = timedelta(hours=48)
"""How long before the bank's deadline ours is."""


class DisputeState(StrEnum):
    """Where a dispute is: a question of the bank, a dispute, its review, a decision, an appeal."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    """The bank asks what the payment was; no money has moved yet."""

    WARNING_UNDER_REVIEW = "warning_under_review"
    """The bank's question was answered."""

    WARNING_CLOSED = "warning_closed"
    """The question came to nothing."""

    NEEDS_RESPONSE = "needs_response"
    """The bank took the money; evidence may bring it back."""

    UNDER_REVIEW = "under_review"
    """Evidence was submitted; the bank decides."""

    PREVENTED = "prevented"
    """It was settled before it became a dispute."""

    WON = "won"
    """The bank decided for us."""

    LOST = "lost"
    """The bank decided for the payer, or nobody answered."""

    APPEAL_NEEDS_RESPONSE = "appeal_needs_response"
    """The decision may be appealed, or was."""

    APPEAL_UNDER_REVIEW = "appeal_under_review"
    """The appeal was submitted; the network decides."""


class DisputeStep(StrEnum):
    """What may be done about a dispute."""

    STAGE = "stage"
    """Send evidence to the rail, without submitting it."""

    SUBMIT = "submit"
    """Submit the evidence to the bank, once and for good."""

    ACCEPT = "accept"
    """Give in: the dispute is lost."""

    REFUND = "refund"
    """Give the payer all of it back, which ends an inquiry."""


@dataclass(eq=False)
class DisputeNotAnswerable(Problem):
    """The dispute can't be answered, or not this way."""

    says = "This dispute {why}."
    why: str
    """Why it can't be answered, and what to do."""


S = DisputeState
INQUIRIES = frozenset({S.WARNING_NEEDS_RESPONSE, S.WARNING_UNDER_REVIEW})
"""The bank asks, and no money has moved."""

DECIDED = frozenset({S.WARNING_CLOSED, S.PREVENTED, S.WON, S.LOST})
"""Nothing is in flight."""

ANSWERABLE = frozenset({S.WARNING_NEEDS_RESPONSE, S.NEEDS_RESPONSE, S.APPEAL_NEEDS_RESPONSE})
"""The bank waits for us."""

FORMAL = frozenset(S) - INQUIRIES - {S.WARNING_CLOSED, S.PREVENTED}
"""Money was, or is about to be, taken back."""

_DECISIONS = (S.WON, S.LOST)
_APPEALS = (S.APPEAL_NEEDS_RESPONSE, S.APPEAL_UNDER_REVIEW)
_AFTER: Mapping[DisputeState, tuple[DisputeState, ...]] = {
    S.WARNING_NEEDS_RESPONSE: (S.WARNING_UNDER_REVIEW, S.WARNING_CLOSED, S.NEEDS_RESPONSE, S.PREVENTED),
    S.WARNING_UNDER_REVIEW: (S.WARNING_CLOSED, S.NEEDS_RESPONSE, S.PREVENTED),
    S.WARNING_CLOSED: (S.NEEDS_RESPONSE,),
    S.NEEDS_RESPONSE: (S.UNDER_REVIEW, S.PREVENTED, *_DECISIONS),
    S.UNDER_REVIEW: _DECISIONS,
    S.WON: _APPEALS,
    S.LOST: _APPEALS,
    S.APPEAL_NEEDS_RESPONSE: (S.APPEAL_UNDER_REVIEW,),
}
"""What may come next, but for the decision of an appeal, which is another decision."""

_RANK = {state: rank for rank, state in enumerate((*tuple(S)[:5], S.PREVENTED, S.WON, S.LOST, *_APPEALS))}
"""A line in which whatever follows stands later."""


def precedes(before: DisputeState, after: DisputeState) -> bool:
    """Whether one status comes before the other, or is the same, on some way a dispute goes without an appeal's end."""
    return before is after or any(precedes(step, after) for step in _AFTER.get(before, ()))


Sightings = Mapping[DisputeState, int]
"""When each status was last seen, in seconds since 1970."""


def seen(known: Sightings, state: DisputeState, at: datetime) -> dict[DisputeState, int]:
    """What is known after a status was seen in news of this instant."""
    return together(known, {state: int(at.timestamp())})


def together(one: Sightings, other: Sightings) -> dict[DisputeState, int]:
    """All that two have seen."""
    return {state: max(one.get(state, 0), other.get(state, 0)) for state in S if state in one or state in other}


def standing(known: Sightings) -> DisputeState:
    """Where a dispute is by all that was seen of it, which is something."""
    appealed = max((known[state] for state in _APPEALS if state in known), default=None)
    decisions = {state: at for state, at in known.items() if state in _DECISIONS}
    if appealed is not None:
        decisions = {state: at for state, at in decisions.items() if at > appealed}
    if decisions:
        return max(decisions, key=lambda state: (decisions[state], _RANK[state]))
    return max(known, key=_RANK.__getitem__)


class DisputeStage(StrEnum):
    """What the bank is asking for: evidence goes to it once at each of these."""

    INQUIRY = "inquiry"
    """A question, before any money moves."""

    DISPUTE = "dispute"
    """The dispute itself."""

    APPEAL = "appeal"
    """The appeal of its decision."""


def stage(state: DisputeState) -> DisputeStage:
    """What the bank is asking for in this state."""
    if state in _APPEALS:
        return DisputeStage.APPEAL
    return DisputeStage.DISPUTE if state in FORMAL or state is S.PREVENTED else DisputeStage.INQUIRY


# Deadlines


def internal(due_at: datetime | None, opened_at: datetime) -> datetime | None:
    """By when we mean to have answered: two days before the bank's deadline, but not before the dispute was opened."""
    return None if due_at is None else max(due_at - EARLIER, opened_at)


# What may be done


@dataclass(frozen=True, slots=True)
class Position:
    """What decides about the next step."""

    state: DisputeState
    due_at: datetime | None
    """The bank's deadline; None when it allows no answer."""

    submitted: bool
    """Whether evidence went to the bank at this stage."""


def steps(position: Position, now: datetime) -> frozenset[DisputeStep]:
    """What may be done at this instant."""
    able = {DisputeStep.REFUND} if position.state in INQUIRIES else set()
    if position.state in ANSWERABLE and not position.submitted:
        able.add(DisputeStep.ACCEPT)
        if position.due_at is not None and now < position.due_at:
            able |= {DisputeStep.STAGE, DisputeStep.SUBMIT}
    return frozenset(able)


def check(position: Position, step: DisputeStep, now: datetime) -> None:
    """Refuse what may not be done. Raises DisputeNotAnswerable."""
    if step in steps(position, now):
        return
    raise DisputeNotAnswerable(_why_not(position, step))


def _why_not(position: Position, step: DisputeStep) -> str:
    if position.state in DECIDED:
        return f"is over: it is {position.state.value}, and nothing is left to do"
    if step is DisputeStep.REFUND:
        return "took the money already, and a refund would give it twice. Answer the dispute, or accept it"
    if position.submitted or position.state not in ANSWERABLE:
        return "was answered, and evidence goes to the bank once. Wait for its decision"
    if position.due_at is None:
        return "allows no answer. The bank decides by itself, or accept it"
    return f"had to be answered by {position.due_at:%Y-%m-%d %H:%M} UTC. Wait for the bank's decision, or accept it"


# Money


@dataclass(frozen=True, slots=True)
class Movement:
    """A balance transaction of a dispute, in the currency it is settled in: below zero what was taken from us."""

    id: str
    amount: Money
    fee: Money
    """Above zero what the rail kept, below zero what it gave back."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a dispute has moved: in the payment's currency, and what the rail kept for it, in its own."""

    withdrawn: Money
    """What was taken from us, counting only once what was taken again after it had come back."""

    reinstated: Money
    """What of that came back."""

    fee: Money | None
    """What the rail kept for its work; None where nothing has moved."""

    @property
    def away(self) -> Money:
        """What is with the bank, or lost to the payer."""
        return self.withdrawn - self.reinstated


def moved(disputed: Money, movements: Iterable[Movement]) -> Moved:
    """What the movements of a dispute come to.

    They may be settled in another currency, at a rate of each day: what came back counts
    as the share of what was taken.
    """
    rows = list({row.id: row for row in movements}.values())
    none = Money(0, disputed.currency)
    if not rows:
        return Moved(none, none, None)
    settled = rows[0].amount.currency
    fee = total((row.fee for row in rows), rows[0].fee.currency)
    # An appeal may take again what had come back; all of it is what was taken at once.
    whole = -min(row.amount.minor for row in rows)
    if whole <= 0:
        return Moved(none, none, fee)
    net = -total((row.amount for row in rows), settled).minor
    share = max(Fraction(0), min(Fraction(1), Fraction(net, whole)))
    return Moved(disputed, disputed - disputed.times(share), fee)


class DisputeOutcome(StrEnum):
    """How a dispute ended for us."""

    WON = "won"
    """All of it came back."""

    PARTLY_WON = "partly_won"
    """Some of it came back."""

    LOST = "lost"
    """None of it came back."""

    AVERTED = "averted"
    """No money was taken: the bank's question came to nothing, or it was settled before."""


def outcome(state: DisputeState, money: Moved) -> DisputeOutcome | None:
    """How a dispute ended, by its money where it was lost; None while it is open."""
    if state not in DECIDED:
        return None
    if state in {S.WARNING_CLOSED, S.PREVENTED}:
        return DisputeOutcome.AVERTED
    if state is S.WON:
        return DisputeOutcome.WON
    return DisputeOutcome.PARTLY_WON if money.reinstated else DisputeOutcome.LOST


def refundable(paid: Money, refunded: Money, disputed: Iterable[tuple[DisputeState, Money]]) -> Money:
    """What of a payment may still be refunded: not what went back before, nor what a dispute took and has not given.

    An inquiry takes nothing, for a full refund settles it.
    """
    taken = total((amount for state, amount in disputed if state in FORMAL and state is not S.WON), paid.currency)
    return max(paid - refunded - taken, Money(0, paid.currency))
