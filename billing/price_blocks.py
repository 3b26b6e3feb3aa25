"""Price blocks: one block of a catalog file becomes one price for each currency.

    [[versions.prices]]                                  [[versions.prices]]
    interval = "month"                                   interval = "month"
    model = "flat"                                       model = "graduated"
    amount = { USD = "20.00", JPY = "3000" }             meter = "output_tokens"
                                                         per = 1_000_000
                                                         tiers = [
                                                           { up_to = 50_000_000, unit = { USD = "15.00" } },
                                                           { unit = { USD = "12.00" } },
                                                         ]

    flat        amount
    per_unit    amount, per, included
    package     amount, size, included
    percentage  percent
    graduated   tiers of up_to, unit, flat; per
    volume      the same

`per` says how many units an amount pays for, exactly; `size` how many are in a
package, of which a begun one is a whole one. Each may have a `minimum` and a
`maximum` of a period, and, where the subscription says the quantity and no
meter counts it, its `proration` and `timing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from billing import price_amounts
from billing.catalog import ListPrice, price_key
from billing.pricing import NOTHING, Model, PriceRule, Tier, Timing
from billing.proration import Proration
from billing.toml_page import Page
from kernel.time import Interval

_PER = {10**power for power in range(13)}
_NEVER_METERED = {Model.FLAT}
_ALWAYS_METERED = {Model.PERCENTAGE}

Amounts = Mapping[str, Fraction]
"""Minor units by currency."""

Ladders = Mapping[str, tuple[Tier, ...]]
"""Tiers by currency."""


def prices(block: Page) -> list[ListPrice]:
    """The prices of a block, one for each currency; none if it doesn't say of which interval, model or meter."""
    interval = block.choice("interval", Interval, required=True)
    model = block.choice("model", Model, required=True)
    block.what = f"a {model} price" if model else block.what
    meter = _meter(block, model)
    proration, timing = _terms(block, metered=meter is not None)
    rules = _rules(block, model or _likely(block))
    block.done()
    if not interval or not model or (model in _ALWAYS_METERED and not meter):
        return []
    return [
        ListPrice(
            key=price_key(interval, code, meter),
            currency=code,
            rule=rule,
            interval=interval,
            proration=proration,
            timing=timing,
            meter=meter,
        )
        for code, rule in rules.items()
    ]


def _likely(block: Page) -> Model:
    if "tiers" in block:
        return Model.GRADUATED
    return Model.PERCENTAGE if "percent" in block else Model.FLAT


def _meter(block: Page, model: Model | None) -> str | None:
    if "meter" in block and model in _NEVER_METERED:
        block.note(f"A {model} price counts nothing, so it has no `meter`.", "meter")
    return block.word("meter", required=model in _ALWAYS_METERED)


def _terms(block: Page, *, metered: bool) -> tuple[Proration, Timing]:
    if not metered:
        proration, timing = block.choice("proration", Proration), block.choice("timing", Timing)
        return proration or Proration.SECOND, timing or Timing.ADVANCE
    for key in ("proration", "timing"):
        if block.choice(key, Proration if key == "proration" else Timing):
            block.note(f"Usage is billed in arrears and never prorated, so a metered price has no `{key}`.", key)
    return Proration.NONE, Timing.ARREARS


def _rules(block: Page, model: Model) -> dict[str, PriceRule]:
    ladders = _ladders(block, model)
    included = block.whole("included") if model in {Model.PER_UNIT, Model.PACKAGE} else None
    minimum, maximum = _bound(block, "minimum", ladders), _bound(block, "maximum", ladders)
    for code in set(minimum) & set(maximum):
        if minimum[code] > maximum[code]:
            block.note(f"`maximum.{code}` is less than the minimum.", "maximum", code)
    return {
        code: PriceRule(model, tiers, Fraction(included or 0), minimum.get(code), maximum.get(code))
        for code, tiers in ladders.items()
    }


def _bound(block: Page, key: str, ladders: Ladders) -> Amounts:
    if key not in block:
        return {}
    bound = price_amounts.minors(block, key)
    _name_each_currency(block, key, bound, ladders)
    for code in bound:
        if code not in ladders:
            block.note(f"`{key}.{code}` has no price to bound.", key, code)
    return bound


def _name_each_currency(page: Page, key: str, amounts: Amounts, wanted: Iterable[str]) -> None:
    missing = [code for code in wanted if code not in amounts]
    if amounts and missing:
        page.note(f"`{key}` lacks {' and '.join(missing)}, which the price has elsewhere.", key)


def _ladders(block: Page, model: Model) -> Ladders:
    match model:
        case Model.FLAT:
            return {code: (Tier(flat=amount),) for code, amount in price_amounts.minors(block, "amount").items()}
        case Model.PER_UNIT:
            per = _per(block)
            return {code: (Tier(unit=amount / per),) for code, amount in price_amounts.minors(block, "amount").items()}
        case Model.PACKAGE:
            size = Fraction(block.whole("size", least=1, required=True) or 1)
            amounts = price_amounts.minors(block, "amount")
            return {code: (Tier(unit=amount, size=size),) for code, amount in amounts.items()}
        case Model.PERCENTAGE:
            return {code: (Tier(unit=share / 100),) for code, share in price_amounts.percents(block, "percent").items()}
        case Model.GRADUATED | Model.VOLUME:
            return _tiers(block, _per(block))


def _per(block: Page) -> int:
    per = block.whole("per", least=1) or 1
    if per not in _PER:
        block.note(f"`per` is 1, 10, 100 and so on, so that a unit's share is a decimal; {per:,} isn't.", "per")
    return per


# Tiers


@dataclass(frozen=True, slots=True)
class _Step:
    page: Page
    bounded: bool
    up_to: int | None
    unit: Amounts
    flat: Amounts

    def tier(self, code: str, per: int) -> Tier:
        up_to = None if self.up_to is None else Fraction(self.up_to)
        return Tier(up_to, self.unit.get(code, NOTHING) / per, self.flat.get(code, NOTHING))


def _tiers(block: Page, per: int) -> Ladders:
    steps = [_step(tier) for tier in block.tables("tiers", "a tier")]
    _go_upwards(steps)
    codes = list(dict.fromkeys(code for step in steps for code in (*step.unit, *step.flat)))
    for step in steps:
        _name_each_currency(step.page, "unit", step.unit, codes)
        _name_each_currency(step.page, "flat", step.flat, codes)
    return {code: tuple(step.tier(code, per) for step in steps) for code in codes}


def _step(tier: Page) -> _Step:
    step = _Step(
        tier,
        "up_to" in tier,
        tier.whole("up_to", least=1),
        price_amounts.minors(tier, "unit"),
        price_amounts.minors(tier, "flat") if "flat" in tier else {},
    )
    tier.done()
    return step


def _go_upwards(steps: list[_Step]) -> None:
    end = 0
    for place, step in enumerate(steps, 1):
        if place == len(steps) and step.bounded:
            step.page.note("The last tier has no `up_to`: it holds for every quantity above the others.", "up_to")
        elif place < len(steps) and not step.bounded:
            step.page.note("Every tier but the last says how far it goes, with `up_to`.")
        elif step.up_to is not None and step.up_to <= end:
            step.page.note(f"`up_to` is more than {end:,}, where the tier before ends.", "up_to")
        end = step.up_to or end
