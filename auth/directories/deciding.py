"""Deciding: which rules speak of somebody, by the groups that they are in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from auth.policy import Role


@dataclass(frozen=True, slots=True)
class Rule:
    """What the people of a group get, as far as whoever answers for it may give that."""

    group_id: int
    role: Role | None
    pool_id: int | None
    maker: Role | None


def decide(rules: Sequence[Rule], groups: Collection[int]) -> tuple[Rule | None, Rule | None]:
    """The rule about somebody's role, and the one about their seat: of each, the first that speaks of their groups."""
    mine = [rule for rule in rules if rule.group_id in groups]
    role = next((rule for rule in mine if rule.role is not None), None)
    seat = next((rule for rule in mine if rule.pool_id is not None), None)
    return role, seat
