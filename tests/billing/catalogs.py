"""Catalogs for tests: any catalog at all, and a catalog written as files."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from billing import entitlements
from billing.catalog import Audience, Catalog, ListPrice, Plan, Seats, Version, in_order, price_key
from billing.entitlements import Entitlement, EntitlementKind
from billing.localized import Localized
from billing.pricing import Decrease, Model, PriceRule, Tier, Timing, plain
from billing.proration import Proration
from kernel.money import exponent
from kernel.time import Interval

CATALOG = Path(__file__).parents[2] / "catalog"
CURRENCIES = ("EUR", "JPY", "KWD", "USD")

# Any catalog

_minors = st.integers(0, 10**5).map(Fraction)
_bounds = st.lists(st.integers(1, 10**9), unique=True, max_size=3).map(sorted)
_texts = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(str.strip)
_localized = st.dictionaries(st.sampled_from(["de", "fr", "pt-BR", "zh-Hant"]), _texts, max_size=2).flatmap(
    lambda others: _texts.map(lambda en: Localized(tuple(sorted({**others, "en": en}.items()))))
)
_flag = st.builds(entitlements.flag, st.just("model_choice"), on=st.booleans())
_limit = st.builds(entitlements.limit, st.just("searches"), st.none() | st.integers(0, 9))
_text = st.builds(entitlements.text, st.just("support"), _texts.filter(lambda text: text != "unlimited"))
_granted = st.tuples(_flag, _limit, _text).flatmap(
    lambda all_of_them: st.sets(st.sampled_from(all_of_them)).map(
        lambda some: tuple(sorted(some, key=lambda entitlement: entitlement.feature))
    )
)


@st.composite
def _rules(draw: st.DrawFn, model: Model) -> PriceRule:
    unit = _minors.map(lambda minor: minor / draw(st.sampled_from([1, 1_000_000])))
    minimum, maximum = draw(st.none() | _minors), draw(st.none() | _minors)
    if minimum is not None and maximum is not None:
        minimum, maximum = sorted((minimum, maximum))
    included = Fraction(0)
    match model:
        case Model.FLAT:
            tiers: tuple[Tier, ...] = (Tier(flat=draw(_minors)),)
        case Model.PER_UNIT:
            tiers, included = (Tier(unit=draw(unit)),), draw(st.integers(0, 99).map(Fraction))
        case Model.PACKAGE:
            tiers = (Tier(unit=draw(_minors), size=Fraction(draw(st.integers(1, 99)))),)
        case Model.PERCENTAGE:
            tiers = (Tier(unit=Fraction(draw(st.integers(0, 10**6)), 10**6)),)
        case Model.GRADUATED | Model.VOLUME:
            ends = [*(Fraction(end) for end in draw(_bounds)), None]
            tiers = tuple(Tier(end, draw(unit), draw(_minors)) for end in ends)
    return PriceRule(model, tiers, included, minimum, maximum)


@st.composite
def _versions(draw: st.DrawFn, number: int, seats: Seats | None) -> Version:
    decrease = draw(st.sampled_from(Decrease)) if seats else Decrease.AT_RENEWAL
    own = [Model.PER_UNIT, Model.GRADUATED, Model.VOLUME, Model.PACKAGE] if seats else [Model.FLAT]
    intervals = draw(st.lists(st.sampled_from(Interval), unique=True, min_size=1, max_size=2))
    meters = draw(st.lists(st.sampled_from(["searches", "tokens"]), unique=True, max_size=1))
    prices = []
    for currency in draw(st.lists(st.sampled_from(CURRENCIES), unique=True, min_size=1, max_size=2)):
        for interval in intervals:
            prices.append(
                ListPrice(
                    price_key(interval, currency),
                    currency,
                    draw(_rules(draw(st.sampled_from(own)))),
                    interval,
                    proration=draw(st.sampled_from(Proration)),
                    timing=draw(st.sampled_from(Timing)),
                    decrease=decrease,
                )
            )
            prices += [
                ListPrice(
                    price_key(interval, currency, meter),
                    currency,
                    draw(_rules(draw(st.sampled_from([model for model in Model if model is not Model.FLAT])))),
                    interval,
                    proration=Proration.NONE,
                    timing=Timing.ARREARS,
                    meter=meter,
                )
                for meter in meters
            ]
    ordered = tuple(sorted(prices, key=lambda price: price.key))
    return Version(number, ordered, draw(_granted), draw(st.integers(0, 30)), seats)


@st.composite
def plans(draw: st.DrawFn, key: str) -> Plan:
    """Any plan of a key."""
    audience = draw(st.sampled_from(Audience))
    maximum = draw(st.none() | st.integers(5, 500))
    seats = Seats(draw(st.integers(1, 5)), maximum) if audience is Audience.WORKSPACE and draw(st.booleans()) else None
    versions = tuple(draw(_versions(number, seats)) for number in range(1, draw(st.integers(1, 2)) + 1))
    return Plan(key, audience, draw(_localized), draw(_localized), versions, draw(st.integers(0, 99)))


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    """Any catalog, of up to two plans."""
    keys = draw(st.lists(st.sampled_from(["free", "pro", "max"]), unique=True, min_size=1, max_size=2))
    return in_order([draw(plans(key)) for key in keys])


# A catalog as files


def write(catalog: Catalog, folder: Path) -> None:
    """Write a file for each plan."""
    for plan in catalog.plans:
        (folder / f"{plan.key}.toml").write_text(toml(plan), encoding="utf-8")


def toml(plan: Plan) -> str:
    """A plan as a file that says it, one block a price."""
    lines = [f"{key} = {_value(getattr(plan, key))}" for key in ("key", "audience", "position", "name", "description")]
    for version in plan.versions:
        lines += ["", "[[versions]]", f"number = {version.number}", f"trial_days = {version.trial_days}"]
        if version.seats:
            lines.append(f"seats = {_value(_seats(version))}")
        lines.append(f"entitlements = {_value({granted.feature: granted for granted in version.entitlements})}")
        for price in version.prices:
            lines += ["[[versions.prices]]", *(f"{key} = {_value(value)}" for key, value in _price(price))]
    return "\n".join(lines) + "\n"


def _seats(version: Version) -> dict[str, Any]:
    assert version.seats
    bounds = {"minimum": version.seats.minimum, "maximum": version.seats.maximum}
    own = next(price for price in version.prices if not price.meter)
    return {key: value for key, value in bounds.items() if value} | {"decrease": own.decrease}


def _price(price: ListPrice) -> Iterable[tuple[str, Any]]:
    yield "interval", price.interval
    yield "model", price.rule.model
    if price.meter:
        yield "meter", price.meter
    else:
        yield from (("proration", price.proration), ("timing", price.timing))
    yield from _ladder(price)
    if price.rule.included:
        yield "included", int(price.rule.included)
    for key in ("minimum", "maximum"):
        if (bound := getattr(price.rule, key)) is not None:
            yield key, _amount(price, bound)


def _ladder(price: ListPrice) -> Iterable[tuple[str, Any]]:
    first = price.rule.tiers[0]
    match price.rule.model:
        case Model.FLAT:
            yield "amount", _amount(price, first.flat)
        case Model.PER_UNIT:
            yield from (("per", _per(price)), ("amount", _amount(price, first.unit * _per(price))))
        case Model.PACKAGE:
            yield from (("size", int(first.size or 0)), ("amount", _amount(price, first.unit)))
        case Model.PERCENTAGE:
            yield "percent", {price.currency: plain(first.unit * 100)}
        case Model.GRADUATED | Model.VOLUME:
            yield from (("per", _per(price)), ("tiers", [_tier(price, tier) for tier in price.rule.tiers]))


def _per(price: ListPrice) -> int:
    return 1 if all(tier.unit.denominator == 1 for tier in price.rule.tiers) else 1_000_000


def _tier(price: ListPrice, tier: Tier) -> dict[str, Any]:
    end = {} if tier.up_to is None else {"up_to": int(tier.up_to)}
    return {**end, "unit": _amount(price, tier.unit * _per(price)), "flat": _amount(price, tier.flat)}


def _amount(price: ListPrice, minor: Fraction) -> dict[str, str]:
    digits = exponent(price.currency)
    return {price.currency: plain(minor / 10**digits, digits)}


def _value(value: Any) -> str:  # noqa: PLR0911 - one return for each kind of value
    match value:
        case Localized():
            return _value(dict(value.texts))
        case Entitlement(kind=EntitlementKind.FLAG):
            return "true" if value.amount else "false"
        case Entitlement(kind=EntitlementKind.LIMIT):
            return '"unlimited"' if value.unlimited else str(value.amount)
        case Entitlement():
            return _value(value.text)
        case dict():
            return "{ " + ", ".join(f'"{key}" = {_value(inner)}' for key, inner in value.items()) + " }"
        case list():
            return "[\n" + "".join(f"    {_value(inner)},\n" for inner in value) + "]"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case _:
            return str(value)
