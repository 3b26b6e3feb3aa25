"""E-mail addresses: what counts as one, and when two are the same."""

from __future__ import annotations

import re

from kernel.errors import InvalidInput

LONGEST = 254
_SHAPE = re.compile(r"[^\s@,;:<>()\[\]\\\"\x00-\x1f\x7f]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,63}")


def address(text: str) -> str:
    """The address in the form we compare and store: trimmed, in lower case. Raises InvalidInput.

    Upper and lower case are one address, as every mailbox provider in use treats them.
    """
    found = text.strip().lower() if len(text) <= 2 * LONGEST else ""
    if len(found) > LONGEST or ".." in found or not _SHAPE.fullmatch(found):
        raise InvalidInput("That is not an e-mail address, such as ada@example.com.")
    return found


def is_address(text: str) -> bool:
    """Whether a text is an address."""
    try:
        address(text)
    except InvalidInput:
        return False
    return True
