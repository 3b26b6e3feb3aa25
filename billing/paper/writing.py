"""Writing: amounts, dates, shares and words as the reader of a document writes them.

Babel knows how a locale writes; which words stand on a document is told by a file for
each language. A locale that is not known falls back to its language, and a language
without a file to English.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import NumberPattern, get_decimal_symbol

from kernel.money import Money, exponent
from kernel.time import Period

FOLDER = Path(__file__).parent / "words"
LANGUAGES = frozenset(file.stem for file in FOLDER.glob("*.toml"))
LONGEST = 500
"""Characters of one text; the rest is cut off."""

_ENGLISH = "en"
_DAY = timedelta(days=1)
_HUNDRED = 100
_SHARE_DIGITS = 3
_BESIDE = re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
_UNBROKEN = re.compile(r"[!-~\u00a1-\u024f]{37,}")
_LONGEST_WORD = 90
_NO_WORD = re.compile(r"[^aeiouyäöüàáâãåèéêëìíîïòóôõùúûœæ]{10}|(.)\1{4}", re.IGNORECASE)
"""What no word of our languages has, so that no rule would part it: ten consonants in a row, or a letter five times."""

_PIECE = re.compile(r".{16}")
_NUMBER = re.compile(r"\d+\.\d+")
_WORD = re.compile(r"at least|at most|charged|billed|days")


@dataclass(frozen=True, slots=True)
class Hand:
    """How one document is written: in which locale, with which words, and in whose time zone."""

    locale: Locale
    words: Mapping[str, Any]
    zone: tzinfo

    def says(self, key: str, **values: str) -> str:
        """A sentence or word of the language, filled in."""
        told = str(self.words[key])
        for name, value in values.items():
            told = told.replace(f"{{{name}}}", value)
        return told

    def money(self, amount: Money) -> str:
        """An amount with its currency: "€1,234.50", "1.234,50 €"."""
        digits = exponent(amount.currency)
        return self._priced(Decimal(amount.minor).scaleb(-digits), amount.currency, digits, digits)

    def unit(self, major: Decimal, currency: str) -> str:
        """What one costs, in major units; that may be less than a minor one."""
        digits = exponent(currency)
        return self._priced(major, currency, digits, max(digits, -int(major.as_tuple().exponent)))

    def number(self, value: Decimal | int) -> str:
        """A quantity."""
        exact = Decimal(value)
        pattern = _with_digits(self.locale.decimal_formats[None], 0, max(0, -int(exact.as_tuple().exponent)))
        return str(pattern.apply(exact, self.locale))

    def percent(self, share: Fraction) -> str:
        """A tax rate, given in percent: "19%", "7,7 %"."""
        pattern = _with_digits(self.locale.percent_formats[None], 0, _SHARE_DIGITS)
        exact = share / _HUNDRED
        return str(pattern.apply(Decimal(exact.numerator) / Decimal(exact.denominator), self.locale))

    def day(self, moment: datetime) -> str:
        """The date at an instant, where the account lives."""
        return format_date(moment.astimezone(self.zone).date(), "long", locale=self.locale)

    def short_day(self, moment: datetime) -> str:
        """The same, short: "3 Mar 2026"."""
        return str(format_skeleton("yMMMd", moment.astimezone(self.zone).date(), locale=self.locale))

    def span(self, span: Period) -> str:
        """The dates of a span, where the account lives: "15 Dec 2026 to 14 Jan 2027".

        A day on which one span ends and another begins is told with the other, so that no day is told twice.
        """
        first, end = (moment.astimezone(self.zone).date() for moment in (span.start, span.end))
        last = max(first, end - _DAY)
        if first == last:
            return str(format_skeleton("yMMMd", first, locale=self.locale))
        return str(format_interval(first, last, "yMMMd", locale=self.locale)).replace("\u2009", " ")

    def people(self, count: int) -> str:
        """So many people."""
        forms: Mapping[str, str] = self.words["people"]
        form = forms.get(self.locale.plural_form(count)) or forms["other"]
        return form.replace("{count}", self.number(count))

    def formula(self, formula: str) -> str:
        """How an amount was computed, in the reader's words and with their decimal sign."""
        symbol = get_decimal_symbol(self.locale)
        told = _NUMBER.sub(lambda found: found[0].replace(".", symbol), formula)
        return _WORD.sub(lambda found: str(self.words["formula"][found[0]]), told)

    def country(self, code: str) -> str:
        """The name of a country, or its code where the locale has no name for it."""
        return str(self.locale.territories.get(code.upper(), code))

    def _priced(self, major: Decimal, currency: str, least: int, most: int) -> str:
        pattern = _with_digits(self.locale.currency_formats["standard"], least, most)
        told = str(pattern.apply(major, self.locale, currency=currency, currency_digits=False))
        # A code in the place of a sign stands apart from the digits.
        return _BESIDE.sub("\u00a0", told)


def hand(locale: str, zone: tzinfo) -> Hand:
    """How to write for an account of this locale, such as "de-AT"."""
    found = _known(locale)
    return Hand(found, _words(found.language), zone)


def plain(text: str) -> str:
    """A text of somebody else's as one line: without control characters, not endless, and able to break."""
    told = "".join(" " if unicodedata.category(each)[0] == "C" else each for each in text[: LONGEST + 1])
    told = " ".join(told.split())
    told = told if len(text) <= LONGEST else f"{told[:LONGEST]}…"
    return _UNBROKEN.sub(_breakable, told)


def _breakable(run: re.Match[str]) -> str:
    """Places to break in what has none; a word finds its own by its language's rules."""
    told = run[0]
    word = told.isalpha() and len(told) <= _LONGEST_WORD and not _NO_WORD.search(told)
    return told if word else _PIECE.sub("\\g<0>\u200b", told)


@lru_cache(maxsize=256)
def _known(text: str) -> Locale:
    for tried in (text, text.replace("_", "-").partition("-")[0]):
        try:
            found = Locale.parse(tried.replace("_", "-"), sep="-")
        except (ValueError, TypeError, UnknownLocaleError):
            continue
        if found.language in LANGUAGES:
            return found
    return Locale(_ENGLISH)


@lru_cache(maxsize=32)
def _words(language: str) -> Mapping[str, Any]:
    return tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def _with_digits(pattern: NumberPattern, least: int, most: int) -> NumberPattern:
    """The locale's pattern with so many digits behind the decimal sign; the currency's own are not Babel's to know."""
    other = copy(pattern)
    other.frac_prec = (least, most)
    return other
