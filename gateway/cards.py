"""Card numbers: refused at the door wherever somebody types one, and never logged (LAW 28).

A number of a card has 13 to 19 digits, begins as a network's do, and ends in the
check digit that they all have. Digits may be grouped as people write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kernel.errors import InvalidInput

SAYS = (
    "Something in this request looks like a card number, and those may not come here. Nothing was kept of it. "
    "Cards are entered in the fields that Stripe's script puts on your page: see setUpPaymentMethod."
)

_SHORTEST = 13
# A telephone number begins with a plus, and has 15 digits at the most.
_DIGITS = re.compile(r"(?<![\w.])(?!(?<=\+)(?:\d[ .\u00a0-]?){1,15}(?!\d))\d(?:[ .\u00a0-]?\d){12,18}(?![\w]|[.-]\d)")
_LEAST = b"0" * _SHORTEST
_SEPARATORS = b" .-"
_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_NETWORKS = re.compile(
    r"""
      4(?:\d{12}|\d{15}|\d{18})                                           # Visa
    | (?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}  # Mastercard
    | 3[47]\d{13}                                                         # American Express
    | (?:6011|64[4-9]\d|65\d{2})\d{12,15}                                 # Discover
    | 3(?:0[0-5]|[689]\d)\d{11,16}                                        # Diners
    | 35(?:2[89]|[3-8]\d)\d{12,15}                                        # JCB
    | 62\d{14,17}                                                         # UnionPay
    | (?:5018|5020|5038|5893|6304|6759|676[1-3])\d{9,15}                  # Maestro
    """,
    re.VERBOSE,
)


def refuse(*given: Any) -> None:
    """Refuse values of which any text, however deep, holds what looks like a card number. Raises InvalidInput."""
    if found(*given):
        raise InvalidInput(SAYS)


def found(*given: Any) -> bool:
    """Whether any text of these values, however deep, holds what looks like a card number."""
    return any(holds_card(text) for value in given for text in _texts(value))


def free_of(body: bytes | bytearray) -> bool:
    """Whether a body of JSON can hold none, seen at a glance: nowhere in it are 13 digits with only separators between.

    It says no where it isn't sure; then somebody has to look at the texts themselves.
    """
    return body.isascii() and b"\\u" not in body and _LEAST not in body.translate(_AS_ZEROS, _SEPARATORS)


def without(text: str) -> str:
    """A text that nobody has asked for, such as the name of a browser; nothing, if it holds what looks like one."""
    return "" if holds_card(text) else text


def holds_card(text: str) -> bool:
    """Whether a text holds what looks like a card number."""
    if text.isascii() and _LEAST not in text.encode().translate(_AS_ZEROS, _SEPARATORS):
        return False
    return any(_is_card(digits[0]) for digits in _DIGITS.finditer(text))


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names of fields included."""
    if isinstance(value, str):
        if len(value) >= _SHORTEST:
            yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(name)
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _is_card(text: str) -> bool:
    digits = "".join(str(int(letter)) for letter in text if letter.isdecimal())
    return _NETWORKS.fullmatch(digits) is not None and _luhn(digits)


def _luhn(digits: str) -> bool:
    doubled = [sum(divmod(int(digit) * 2, 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0
