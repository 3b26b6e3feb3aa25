"""What happens to subscriptions and the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True)
class SubscriptionStarted(Event):
    """An account subscribed to a plan."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionCancelScheduled(Event):
    """A subscription will end with its period."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionCanceled(Event):
    """A subscription ended."""

    subject: ClassVar[str] = "subscription"
    subscription: int
