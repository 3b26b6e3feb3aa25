"""Coupons in a catalog folder: `coupons.toml`, one table a coupon, and below it one for each of its codes.

    [spring]
    name = { en = "Spring", de = "Frühling" }
    percent = "20"
    periods = 3
    plans = ["pro", "max"]

    [spring.codes.SPRING26]
    most = 1_000
    first_time = true
    expires = 2026-06-01T00:00:00Z

    [thanks]
    name = { en = "Thank you" }
    amount = { USD = "5.00", EUR = "5.00" }
    codes.THANKS = {}

A coupon is either a `percent` or an `amount` in each currency, off each of so many
billing `periods`, or for good. `most` says how often a code may be used, by all
accounts together, and `first_time` that only who was never billed may use it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from fractions import Fraction

from billing import price_amounts
from billing.coupon_terms import ListedCode, ListedCoupon
from billing.toml_localized import localized
from billing.toml_page import Page
from kernel.errors import InvalidInput

FILE = "coupons.toml"

_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{2,49}")
_MANY = 2**31 - 1
"""The column's largest number."""


def coupons(sheet: Page, plans: Collection[str] | None) -> tuple[ListedCoupon, ...]:
    """The coupons of a file, in order of their keys. `plans` are those that there are, where that is known."""
    keys = sorted(sheet.keys)
    for key in keys:
        sheet.check_word(key, key)
    pages = [(key, table) for key in keys if (table := sheet.table(key, "a coupon"))]
    found = tuple(_coupon(key, table, plans) for key, table in pages)
    _check_codes(pages, found)
    return found


def _coupon(key: str, table: Page, plans: Collection[str] | None) -> ListedCoupon:
    name = localized(table, "name")
    if ("percent" in table) == ("amount" in table):
        table.note("A coupon is either a `percent` or an `amount`.")
    percent, amounts = _percent(table), _amounts(table)
    periods = _count(table, "periods")
    limited = _plans(table, plans) if "plans" in table else None
    codes = _codes(table)
    table.done()
    return ListedCoupon(key, name, percent, amounts, periods, limited, codes)


def _percent(table: Page) -> Fraction | None:
    written = table.text("percent")
    if written is None:
        return None
    try:
        found = price_amounts.percent(written)
    except InvalidInput as mistake:
        table.note(f"`percent`: {mistake.message}", "percent")
        return Fraction(1)
    if not found:
        table.note("`percent` takes nothing off: leave the coupon out.", "percent")
    return found


def _amounts(table: Page) -> tuple[tuple[str, int], ...] | None:
    if "amount" not in table:
        return None
    told = len(table.sheet.mistakes)
    found = price_amounts.minors(table, "amount")
    if len(table.sheet.mistakes) == told and not all(found.values()):
        table.note("`amount` takes something off in every currency.", "amount")
    return tuple(sorted((currency, int(minor)) for currency, minor in found.items()))


def _plans(table: Page, known: Collection[str] | None) -> tuple[str, ...]:
    found = sorted(set(table.texts("plans")))
    if not found:
        table.note("`plans` names no plan: leave it out for all of them.", "plans")
    for plan in found:
        if known is not None and plan not in known:
            table.note(f'"{plan}" is not a plan of this folder.', "plans")
    return tuple(found)


def _codes(table: Page) -> tuple[ListedCode, ...]:
    below = table.table("codes", "the codes of a coupon")
    if below is None:
        return ()
    keys = sorted(below.keys)
    return tuple(_code(key, page) for key in keys if (page := below.table(key, "a code")))


def _code(code: str, page: Page) -> ListedCode:
    if not _CODE.fullmatch(code):
        page.note(
            f'"{code}" is not a code: use 3 to 50 capital letters, digits, _ and -, not beginning with one of these.'
        )
    found = ListedCode(code, _count(page, "most"), page.flag("first_time"), page.instant("expires"))
    page.done()
    return found


def _count(page: Page, key: str) -> int | None:
    found = page.whole(key, least=1)
    if found is not None and found > _MANY:
        page.note(f"`{key}` is at most {_MANY:,}; leave it out for no limit.", key)
    return found


def _check_codes(pages: Sequence[tuple[str, Page]], found: Sequence[ListedCoupon]) -> None:
    known: dict[str, str] = {}
    for (key, table), coupon in zip(pages, found, strict=True):
        for code in coupon.codes:
            if known.setdefault(code.code, key) != key:
                table.note(f'"{code.code}" is a code of {known[code.code]} already.', "codes", code.code)
