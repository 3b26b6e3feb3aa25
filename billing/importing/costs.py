"""Costs: a price of theirs as a rule of ours, and whether the two cost the same whatever the quantity."""

from __future__ import annotations

from fractions import Fraction

from billing.pricing import Model, PriceRule, Tier
from payments.rail.billing_values import TheirPrice

_LADDERS = {"graduated": Model.GRADUATED, "volume": Model.VOLUME}


def rule_of(price: TheirPrice) -> PriceRule | None:
    """The rule by which they price a quantity; None for one that ours can't say."""
    if not price.tiers or (price.package and not price.rounds_up):
        return None
    if model := _LADDERS.get(price.mode):
        if price.package or price.tiers[-1].up_to is not None:
            return None
        return PriceRule(model, tuple(Tier(_bound(tier.up_to), tier.unit, tier.flat) for tier in price.tiers))
    (only,) = price.tiers
    if price.package:
        return PriceRule(Model.PACKAGE, (Tier(unit=only.unit, size=Fraction(price.package)),))
    return PriceRule(Model.PER_UNIT, (Tier(unit=only.unit),))


def same(ours: PriceRule, theirs: PriceRule) -> bool:
    """Whether both cost the same: one without a quantity for one unit, others at every bend of either ladder."""
    if ours.model is Model.FLAT:
        return ours.cost(1) == theirs.cost(1)
    return all(ours.cost(quantity) == theirs.cost(quantity) for quantity in sorted(_bends(ours) | _bends(theirs)))


def _bends(rule: PriceRule) -> set[Fraction]:
    """Quantities between which a rule is a straight line, and two beyond the last."""
    edges = {tier.up_to for tier in rule.tiers if tier.up_to is not None} | {rule.included}
    edges |= {edge for tier in rule.tiers if tier.size for edge in (tier.size, 2 * tier.size)}
    last = max(edges)
    around = {edge + step for edge in edges for step in (0, 1, 2)} | {last + 10, last + 1000}
    return {quantity for quantity in around if quantity > 0} | {Fraction(1)}


def _bound(up_to: int | None) -> Fraction | None:
    return None if up_to is None else Fraction(up_to)
