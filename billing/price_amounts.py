"""Amounts as a catalog file writes them: `{ USD = "20.00", JPY = "3000" }`.

They are texts in major units with exactly the digits that the currency has,
because TOML reads a number with a point as a float. A mistake is noted on the
page, and an amount of nothing stands in for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from billing.toml_page import Page, kind_of
from kernel.errors import InvalidInput
from kernel.money import exponent

_CODE = re.compile(r"[A-Z]{3}")
_PERCENT = re.compile(r"(0|[1-9][0-9]{0,2})(\.[0-9]{1,6})?")


def minors(page: Page, key: str) -> dict[str, Fraction]:
    """The amounts below a key in minor units, by currency."""
    return _by_currency(page, key, _minor)


def percents(page: Page, key: str) -> dict[str, Fraction]:
    """The percentages below a key, from 0 to 100, by currency."""
    return _by_currency(page, key, lambda written, _digits: percent(written))


def percent(written: str) -> Fraction:
    """A percentage from 0 to 100. Raises InvalidInput."""
    if not _PERCENT.fullmatch(written) or Fraction(written) > 100:  # noqa: PLR2004 - the whole is 100 percent
        raise InvalidInput(f'A percentage is from 0 to 100, as "2.9"; "{written}" isn\'t.')
    return Fraction(written)


def _by_currency(page: Page, key: str, one: Callable[[str, int], Fraction]) -> dict[str, Fraction]:
    table = page.table(key, f"the `{key}` of a price", required=True)
    if table is None:
        return {}
    written = table.rest()
    if not written:
        page.note(f"`{key}` names no currency.", key)
    found = {}
    for code, value in written.items():
        try:
            digits = _digits(code)
            found[code] = Fraction(0)
            found[code] = one(_text(value), digits)
        except InvalidInput as mistake:
            table.note(f"`{key}.{code}`: {mistake.message}", code)
    return found


def _digits(code: str) -> int:
    if not _CODE.fullmatch(code):
        raise InvalidInput(f'"{code}" is not an ISO 4217 currency code, such as "USD".')
    return exponent(code)


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        raise InvalidInput(f'Write "{value}" as text, in quotes: a number with a point would be a float.')
    if not isinstance(value, str):
        raise InvalidInput(f"This is a decimal number as text, in quotes, not {kind_of(value)}.")
    if value.startswith("-"):
        raise InvalidInput(f'"{value}" is negative, and nothing costs less than nothing.')
    return value


def _minor(written: str, digits: int) -> Fraction:
    shape = rf"(0|[1-9][0-9]{{0,11}})\.[0-9]{{{digits}}}" if digits else r"0|[1-9][0-9]{0,11}"
    if not re.fullmatch(shape, written):
        decimals, example = (digits, f"20.{0:0{digits}}") if digits else ("no", "3000")
        raise InvalidInput(f'This currency is written with {decimals} decimals, as "{example}"; "{written}" isn\'t.')
    return Fraction(int(written.replace(".", "")))
