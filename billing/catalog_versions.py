"""Versions in a catalog file: what each edition of a plan costs, and what it lets its holder do.

    [[versions]]
    number = 1
    trial_days = 14
    seats = { minimum = 5, maximum = 10_000, decrease = "at_renewal" }
    entitlements = { searches_a_day = 600, file_upload = true, support = "email", threads = "unlimited" }

A version with `seats` is sold by the seat, and only to workspaces. Every
version is sold in the same currencies by every interval and meter. A
subscription is to a price of the plan's own, so metered prices never stand
alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from billing import entitlements, price_blocks
from billing.catalog import Audience, ListPrice, Seats, Version
from billing.entitlements import Entitlement
from billing.pricing import Decrease, Model
from billing.toml_page import LARGEST, Page, kind_of

UNLIMITED = "unlimited"
"""How a limit without end is written."""

_COUNTING = {Model.PER_UNIT, Model.GRADUATED, Model.VOLUME, Model.PACKAGE}

_Block = tuple[Page, list[ListPrice]]


def version(edition: Page, number: int, audience: Audience | None) -> Version:
    """One version, which stands at place `number` in a plan for this audience."""
    said = edition.whole("number", least=1, required=True)
    if said not in {None, number}:
        edition.note(f"Versions are numbered 1, 2, 3 without gaps: this one is {number}, not {said}.", "number")
    trial_days = edition.whole("trial_days") or 0
    table = edition.table("seats", "the seats of a version")
    blocks = [(block, price_blocks.prices(block)) for block in edition.tables("prices", "a price")]
    granted = _entitlements(edition)
    edition.done()
    _check_once(blocks)
    _check_currencies(blocks)
    _check_meters(blocks)
    prices = [price for _, found in blocks for price in found]
    if table is None:
        _check_without_seats(blocks)
        return Version(number, _sorted(prices), granted, trial_days)
    _check_with_seats(table, audience, blocks)
    seats, decrease = _seats(table)
    prices = [price if price.meter else replace(price, decrease=decrease) for price in prices]
    return Version(number, _sorted(prices), granted, trial_days, seats)


def _sorted(prices: Sequence[ListPrice]) -> tuple[ListPrice, ...]:
    return tuple(sorted(prices, key=lambda price: price.key))


def _seats(table: Page) -> tuple[Seats, Decrease]:
    seats = Seats(table.whole("minimum", least=1) or 1, table.whole("maximum", least=1))
    if seats.maximum is not None and seats.maximum < seats.minimum:
        table.note(f"`maximum` is not less than the minimum, {seats.minimum:,}.", "maximum")
    decrease = table.choice("decrease", Decrease) or Decrease.AT_RENEWAL
    table.done()
    return seats, decrease


def _entitlements(edition: Page) -> tuple[Entitlement, ...]:
    table = edition.table("entitlements", "the entitlements of a version")
    return tuple(_entitlement(table, *pair) for pair in sorted(table.rest().items())) if table else ()


def _entitlement(table: Page, feature: str, value: object) -> Entitlement:
    table.check_word(feature, feature)
    if isinstance(value, bool):
        return entitlements.flag(feature, on=value)
    if isinstance(value, int) and 0 <= value <= LARGEST:
        return entitlements.limit(feature, value)
    if isinstance(value, str) and value.strip():
        return entitlements.limit(feature, None) if value == UNLIMITED else entitlements.text(feature, value)
    found = str(value) if isinstance(value, int) else "empty" if isinstance(value, str) else kind_of(value)
    table.note(f'`{feature}` is true, false, a limit from 0 on, "{UNLIMITED}" or a text; this is {found}.', feature)
    return entitlements.flag(feature, on=False)


# What must be true of all prices together


def _check_once(blocks: Sequence[_Block]) -> None:
    known: set[str] = set()
    for block, prices in blocks:
        for price in prices:
            if price.key in known:
                block.note(f'This version has a price "{price.key}" already.')
            known.add(price.key)


def _check_currencies(blocks: Sequence[_Block]) -> None:
    wanted = list(dict.fromkeys(price.currency for _, prices in blocks for price in prices))
    offered: dict[tuple[str, str | None], set[str]] = defaultdict(set)
    first: dict[tuple[str, str | None], Page] = {}
    for block, prices in blocks:
        for price in prices:
            offered[price.interval, price.meter].add(price.currency)
            first.setdefault((price.interval, price.meter), block)
    for terms, block in first.items():
        missing = [code for code in wanted if code not in offered[terms]]
        if missing:
            block.note(f"This price lacks {' and '.join(missing)}, in which the version is sold elsewhere.")


def _check_meters(blocks: Sequence[_Block]) -> None:
    own = {price.interval for _, prices in blocks for price in prices if price.meter is None}
    for block, prices in blocks:
        if prices and prices[0].interval not in own:
            block.note(
                "A metered price stands beside a price of the plan's own by the same interval, even one of nothing."
            )


def _check_with_seats(seats: Page, audience: Audience | None, blocks: Sequence[_Block]) -> None:
    if audience in {Audience.PERSON, Audience.ANYONE}:
        seats.note(f'Seats are for workspaces: the audience is "{Audience.WORKSPACE}", not "{audience}".')
    own = [(block, price) for block, prices in blocks for price in prices[:1] if price.meter is None]
    for block, price in own:
        if price.rule.model not in _COUNTING:
            block.note(f"This version is sold by the seat, and a {price.rule.model} price counts none.", "model")


def _check_without_seats(blocks: Sequence[_Block]) -> None:
    for block, prices in blocks:
        own = [price.rule.model for price in prices if price.meter is None]
        if own and own[0] in _COUNTING:
            block.note(f"A {own[0]} price needs a `meter` that counts, or the version its `seats`.", "model")
