"""Resending: how often an invitation is sent anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kernel.errors import Problem

WITHIN = timedelta(hours=1)
"""Letters of the last hour count."""

MOST_TO_ONE = 4
"""So many letters go to one address of a workspace within the hour, with the first one."""

MOST_IN_ALL = 200
"""So many invitations of a workspace are sent anew within the hour."""


@dataclass(eq=False)
class ResentTooOften(Problem):
    """Too many letters went out of late, to this address or from this workspace."""

    says = "Too many letters went out within the hour, so this one was not sent. Try again after {again_at:%H:%M} UTC."
    again_at: datetime
    """From when on it can be sent anew."""


def check(to_one: Sequence[datetime], in_all: Sequence[datetime]) -> None:
    """Refuse to send one more: to an address, and anew for a workspace, went letters at these instants of the hour.

    Raises ResentTooOften.
    """
    later = [again for again in (_again(to_one, MOST_TO_ONE), _again(in_all, MOST_IN_ALL)) if again]
    if later:
        raise ResentTooOften(max(later))


def _again(sent: Sequence[datetime], most: int) -> datetime | None:
    """When fewer than the most will have gone out within the hour; None where that is so now."""
    return sorted(sent)[-most] + WITHIN if len(sent) >= most else None
