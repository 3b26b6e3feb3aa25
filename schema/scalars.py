"""Scalars and small values: 64-bit integers, instants, and money."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime

import strawberry
from graphql import GraphQLError, IntValueNode, StringValueNode, ValueNode
from strawberry.schema.config import StrawberryConfig

from resolvers.amounts import Long

__all__ = ["CONFIG", "Long", "Money"]

_MOST = 2**63
_DIGITS = re.compile(r"-?[0-9]{1,19}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _long(value: object) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -_MOST <= value < _MOST:
        raise GraphQLError("A Long is a whole number of at most 64 bits.")
    return value


def _long_literal(node: ValueNode, _variables: object = None) -> int:
    if not isinstance(node, IntValueNode | StringValueNode):
        raise GraphQLError("A Long is a whole number of at most 64 bits.")
    return _long(node.value)


def _shown(value: datetime) -> str:
    # Microseconds are only written where there are some.
    return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _instant(value: object) -> datetime:
    # Python reads more than ISO 8601 means, such as any letter in the place of T.
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        with suppress(ValueError, OverflowError):
            return datetime.fromisoformat(value).astimezone(UTC)
    raise GraphQLError('An Instant is written as "2026-01-31T00:00:00Z".')


def _day(value: object) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise GraphQLError('A Date is written as "2026-01-31".')


CONFIG = StrawberryConfig(
    scalar_map={
        Long: strawberry.scalar(
            name="Long",
            description="A whole number of up to 64 bits, such as an amount in minor units.",
            serialize=int,
            parse_value=_long,
            parse_literal=_long_literal,
        ),
        date: strawberry.scalar(
            name="Date",
            description="A day of the calendar: `2026-01-31`.",
            serialize=date.isoformat,
            parse_value=_day,
        ),
        datetime: strawberry.scalar(
            name="Instant",
            description="A moment in UTC, as ISO 8601 writes it: `2026-01-31T00:00:00Z`.",
            serialize=_shown,
            parse_value=_instant,
        ),
    }
)


@strawberry.type(description="An amount of one currency, in whole minor units.")
class Money:
    """What a client sees of `kernel.money.Money`."""

    minor: Long = strawberry.field(description="The amount in minor units: cents of a dollar, whole yen.")
    currency: str = strawberry.field(description="The ISO 4217 code.")
    text: str = strawberry.field(description="The amount in major units, for people: `20.00 USD`.")
