"""Price rules as they are written down: read from a plain mapping, and written back.

The mapping is what JSON or TOML gives. Amounts are minor units, as whole numbers
or decimal strings and never as floats: `{"model": "per_unit", "amount": "0.02"}`.

    flat        amount
    per_unit    amount, included
    package     amount, size, included
    percentage  percent, included
    graduated   tiers of up_to, unit, flat, size; the last without up_to
    volume      the same

Each takes a `minimum` and a `maximum` too. A null says the same as a missing key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from billing.pricing import NOTHING, Model, PriceRule, Tier, plain
from kernel.errors import InvalidInput

_KEYS = {
    Model.FLAT: {"amount"},
    Model.PER_UNIT: {"amount", "included"},
    Model.PACKAGE: {"amount", "size", "included"},
    Model.PERCENTAGE: {"percent", "included"},
    Model.GRADUATED: {"tiers"},
    Model.VOLUME: {"tiers"},
}

# Bounded on both sides of the point, so that no text can ask for an astronomical number.
_DECIMAL = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")


def read(written: Mapping[str, Any]) -> PriceRule:
    """The rule a mapping describes. Raises InvalidInput that names the key at fault."""
    model = _model(written)
    _refuse_others(written, _KEYS[model] | {"model", "minimum", "maximum"})
    rule = PriceRule(
        model,
        _tiers(model, written),
        _number(written, "included", default=NOTHING),
        _maybe(written, "minimum"),
        _maybe(written, "maximum"),
    )
    if rule.minimum is not None and rule.maximum is not None and rule.minimum > rule.maximum:
        raise InvalidInput("minimum: must not be above maximum.")
    return rule


def write(rule: PriceRule) -> dict[str, Any]:
    """The mapping that reads back as this rule."""
    bounds = {"included": rule.included or None, "minimum": rule.minimum, "maximum": rule.maximum}
    return {"model": rule.model.value, **_ladder(rule), **_plainly(bounds)}


def _model(written: Mapping[str, Any]) -> Model:
    try:
        return Model(written["model"])
    except (KeyError, ValueError):
        raise InvalidInput(f"model: must be one of {', '.join(Model)}.") from None


def _tiers(model: Model, written: Mapping[str, Any]) -> tuple[Tier, ...]:
    match model:
        case Model.FLAT:
            return (Tier(flat=_number(written, "amount")),)
        case Model.PER_UNIT:
            return (Tier(unit=_number(written, "amount")),)
        case Model.PACKAGE:
            return (Tier(unit=_number(written, "amount"), size=_size(written)),)
        case Model.PERCENTAGE:
            return (Tier(unit=_number(written, "percent") / 100),)
        case Model.GRADUATED | Model.VOLUME:
            return _steps(written.get("tiers"))


def _steps(steps: Any) -> tuple[Tier, ...]:
    """Tiers that follow one another without a gap, the last of them endless."""
    if not isinstance(steps, list | tuple) or not steps:
        raise InvalidInput("tiers: must be a list of at least one tier.")
    tiers = tuple(_step(step, f"tiers[{place}]") for place, step in enumerate(steps))
    floor = NOTHING
    for place, tier in enumerate(tiers[:-1]):
        if tier.up_to is None or tier.up_to <= floor:
            raise InvalidInput(f"tiers[{place}].up_to: must be above {plain(floor)}, where the tier begins.")
        floor = tier.up_to
    if tiers[-1].up_to is not None:
        raise InvalidInput(f"tiers[{len(tiers) - 1}].up_to: the last tier has no end, so leave it out.")
    return tiers


def _step(step: Any, where: str) -> Tier:
    if not isinstance(step, Mapping):
        raise InvalidInput(f"{where}: must be a tier, such as {{'up_to': 10, 'unit': '1000'}}.")
    _refuse_others(step, {"up_to", "unit", "flat", "size"}, f"{where}.")
    return Tier(
        _maybe(step, "up_to", f"{where}."),
        _number(step, "unit", f"{where}.", default=NOTHING),
        _number(step, "flat", f"{where}.", default=NOTHING),
        None if step.get("size") is None else _size(step, f"{where}."),
    )


def _refuse_others(written: Mapping[str, Any], keys: set[str], where: str = "") -> None:
    """Refuse a misspelled key, which would else silently cost nothing."""
    for key in written:
        if key not in keys:
            raise InvalidInput(f"{where}{key}: is none of {', '.join(sorted(keys))}.")


def _number(written: Mapping[str, Any], key: str, where: str = "", default: Fraction | None = None) -> Fraction:
    """An exact number that is not negative."""
    value = written.get(key)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise InvalidInput(f"{where}{key}: must be a whole number or a decimal string, such as 1000 or '0.5'.")
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if not _DECIMAL.fullmatch(text):
        raise InvalidInput(f"{where}{key}: {text[:40]!r} is not a decimal number of at most 18 + 18 digits.")
    return Fraction(text)


def _maybe(written: Mapping[str, Any], key: str, where: str = "") -> Fraction | None:
    return None if written.get(key) is None else _number(written, key, where)


def _size(written: Mapping[str, Any], where: str = "") -> Fraction:
    size = _number(written, "size", where)
    if not size:
        raise InvalidInput(f"{where}size: must be above zero.")
    return size


def _ladder(rule: PriceRule) -> dict[str, Any]:
    first = rule.tiers[0]
    match rule.model:
        case Model.FLAT:
            return _plainly({"amount": first.flat})
        case Model.PER_UNIT | Model.PACKAGE:
            return _plainly({"amount": first.unit, "size": first.size})
        case Model.PERCENTAGE:
            return _plainly({"percent": first.unit * 100})
        case Model.GRADUATED | Model.VOLUME:
            return {"tiers": [_rung(tier) for tier in rule.tiers]}


def _rung(tier: Tier) -> dict[str, str]:
    return _plainly({"up_to": tier.up_to, "unit": tier.unit, "flat": tier.flat or None, "size": tier.size})


def _plainly(numbers: Mapping[str, Fraction | None]) -> dict[str, str]:
    return {key: plain(number) for key, number in numbers.items() if number is not None}
