"""Traces: what of ours something at the rail belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from payments.states import MovementOwner

CHARGES = ("ch_", "py_")
REFUNDS = ("re_", "pyr_")
DISPUTES = ("dp_", "du_")
"""What the ids of charges, refunds and disputes begin with."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What a thing at the rail belongs to."""

    owner: MovementOwner
    subject: str | None = None
    """payment, refund or dispute; None where we have no such row."""

    account_id: int | None = None
    subject_id: int | None = None
    payment_id: int | None = None


NOBODYS = Trace(MovementOwner.NOBODY)
THE_RAILS = Trace(MovementOwner.RAIL)
