"""Words of a scene: how single values are written, and what is said when they are not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, PlainValidator

from auth.addresses import address
from auth.operations import named
from kernel.clock import span
from kernel.errors import InvalidInput
from kernel.money import exponent
from kernel.time import zone

Value = TypeVar("Value")

_EXPECTED = "an instant with its offset, such as 2026-01-31T09:00:00Z, a span before now, such as -90d, or now"


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant, or a span before the scene's now."""

    instant: datetime | None = None
    before: timedelta = timedelta(0)

    def at(self, now: datetime) -> datetime:
        """The instant, when it is `now`."""
        return self.instant or now - self.before


def _checked(check: Callable[[str], Value]) -> Callable[[str], Value]:
    """The check, refusing in the way that pydantic hears."""

    def heard(text: str) -> Value:
        try:
            return check(text)
        except InvalidInput as refusal:
            raise ValueError(refusal.message) from None

    return heard


def _moment(written: Any) -> Moment:
    if isinstance(written, Moment):
        return written
    if not isinstance(written, str):
        raise InvalidInput(f"Write {_EXPECTED}.")
    if written == "now":
        return Moment()
    if written.startswith("-"):
        return Moment(before=span(written.removeprefix("-")))
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise InvalidInput(f"{written!r} is not {_EXPECTED}.")
    return Moment(instant)


def _currency(code: str) -> str:
    exponent(code)
    return code


def _zone(name: str) -> str:
    zone(name)
    return name


def _matching(shape: str, what: str) -> Callable[[str], str]:
    form = re.compile(shape)

    def check(text: str) -> str:
        if not form.fullmatch(text):
            # Not quoted: somebody may have written a card's whole number.
            raise InvalidInput(f"must be {what}.")
        return text

    return check


When = Annotated[Moment, PlainValidator(_checked(_moment))]
Email = Annotated[str, AfterValidator(_checked(address))]
Name = Annotated[str, AfterValidator(_checked(named))]
Currency = Annotated[str, AfterValidator(_checked(_currency))]
Zone = Annotated[str, AfterValidator(_checked(_zone))]
Country = Annotated[str, AfterValidator(_checked(_matching("[A-Z]{2}", "an ISO 3166 country code, such as DE")))]
Locale = Annotated[
    str, AfterValidator(_checked(_matching("[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", "a locale, such as en or pt-BR")))
]
Last4 = Annotated[str, AfterValidator(_checked(_matching("[0-9A-Z]{4}", "the last four digits of an instrument")))]
Expiry = Annotated[
    str, AfterValidator(_checked(_matching("[0-9]{4}-(0[1-9]|1[0-2])", "a year and month, such as 2030-04")))
]
Decimal = Annotated[
    str,
    AfterValidator(_checked(_matching(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", 'a decimal number as text, such as "20.00"'))),
]
Count = Annotated[int, Field(strict=True, ge=1)]
Reason = Annotated[str, Field(min_length=1, max_length=1_000)]
