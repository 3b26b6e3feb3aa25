"""Entitlements: what a plan lets its holder do, and what several plans let one holder do.

Somebody may hold a plan of their own and a seat at work. Entitlements are not
added up: for each feature the highest one holds. Of two texts, which can't be
compared, that of the higher plan holds; so plans are given lowest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class EntitlementKind(StrEnum):
    """What an entitlement's value is."""

    FLAG = "flag"
    """A feature that is on or off."""

    LIMIT = "limit"
    """A number that can't be exceeded, or no limit."""

    TEXT = "text"
    """Words that the product understands."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One feature, and how far a plan opens it."""

    feature: str
    kind: EntitlementKind
    amount: int | None = None
    """A flag's 1 or 0, or a limit; None is a limit without end, and a text's amount."""

    text: str | None = None

    @property
    def unlimited(self) -> bool:
        """Whether this is a limit without end."""
        return self.kind is EntitlementKind.LIMIT and self.amount is None

    @property
    def says(self) -> str:
        """The value as a price list writes it: "on", "600", "unlimited"."""
        match self.kind:
            case EntitlementKind.FLAG:
                return "on" if self.amount else "off"
            case EntitlementKind.LIMIT:
                return "unlimited" if self.amount is None else str(self.amount)
            case EntitlementKind.TEXT:
                return f'"{self.text}"'

    def __str__(self) -> str:
        return self.says


Entitlements = Mapping[str, Entitlement]


def flag(feature: str, *, on: bool) -> Entitlement:
    """A feature that is on or off."""
    return Entitlement(feature, EntitlementKind.FLAG, int(on))


def limit(feature: str, amount: int | None) -> Entitlement:
    """A number that can't be exceeded; None is no limit."""
    return Entitlement(feature, EntitlementKind.LIMIT, amount)


def text(feature: str, words: str) -> Entitlement:
    """Words that the product understands."""
    return Entitlement(feature, EntitlementKind.TEXT, text=words)


def held(grants: Iterable[Iterable[Entitlement]]) -> dict[str, Entitlement]:
    """What all plans of one holder let them do together, by feature. The lowest plan comes first."""
    highest: dict[str, Entitlement] = {}
    for entitlement in (entitlement for grant in grants for entitlement in grant):
        known = highest.get(entitlement.feature, entitlement)
        highest[entitlement.feature] = higher(known, entitlement)
    return highest


def higher(lower_plan: Entitlement, higher_plan: Entitlement) -> Entitlement:
    """The one of two entitlements to a feature that opens it further; the higher plan's where nothing compares."""
    if lower_plan.kind is not higher_plan.kind or lower_plan.kind is EntitlementKind.TEXT:
        return higher_plan
    return higher_plan if _reach(higher_plan) >= _reach(lower_plan) else lower_plan


def covers(higher_plan: Iterable[Entitlement], lower_plan: Iterable[Entitlement]) -> bool:
    """Whether the holder of the higher plan gains nothing from the lower one."""
    enough = held([higher_plan])
    return held([lower_plan, enough.values()]) == enough


def allows(entitlements: Entitlements, feature: str, used: int = 0) -> bool:
    """Whether a holder who has used `used` of a feature may use it once more."""
    granted = entitlements.get(feature)
    if granted is None:
        return False
    match granted.kind:
        case EntitlementKind.FLAG:
            return granted.amount == 1
        case EntitlementKind.LIMIT:
            return granted.amount is None or used < granted.amount
        case EntitlementKind.TEXT:
            return bool(granted.text)


def _reach(entitlement: Entitlement) -> tuple[bool, int]:
    return entitlement.unlimited, entitlement.amount or 0
