"""Ids: 64-bit numbers inside, opaque prefixed text outside.

A number is taken from a range that PostgreSQL hands out, so neighbors in time
are neighbors on disk. Outside it is shuffled by a keyed permutation of 52 bits
(three Feistel rounds) and shown as `seat_9f3ac1d2e4b70`: the kind is readable,
how many there are is not. The rounds use only what SQL can say in one
expression too. An id is not a secret; who may see a row is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

from kernel.errors import InvalidInput

_HALF = 26
_MASK = (1 << _HALF) - 1
_SHIFT = 17
_TEXT = re.compile(r"([a-z]{2,12})_([0-9a-f]{13})")

Rounds = tuple[tuple[int, int], ...]


def rounds(key: bytes) -> Rounds:
    """The three (factor, addend) pairs that a key stands for."""
    digest = blake2b(key, digest_size=48, person=b"seatgraph-ids").digest()
    numbers = [int.from_bytes(digest[place : place + 8]) for place in range(0, 48, 8)]
    return tuple((a >> 29 | 1, b >> 29) for a, b in zip(numbers[::2], numbers[1::2], strict=True))


class _Key:
    """The permutation in force: one an installation, chosen when the process starts."""

    rounds: Rounds = rounds(b"development")


def use_key(key: bytes) -> None:
    """Choose the permutation of this installation; every id shown before another choice is void."""
    _Key.rounds = rounds(key)


def shuffled(number: int) -> int:
    """The number a reader sees: a permutation of 0 … 2**52 - 1."""
    left, right = number >> _HALF, number & _MASK
    for factor, addend in _Key.rounds:
        left, right = right, left ^ ((right * factor + addend) >> _SHIFT & _MASK)
    return left << _HALF | right


def unshuffled(number: int) -> int:
    """The number inside, from the one a reader saw."""
    left, right = number >> _HALF, number & _MASK
    for factor, addend in reversed(_Key.rounds):
        left, right = right ^ ((left * factor + addend) >> _SHIFT & _MASK), left
    return left << _HALF | right


def encode(kind: str, number: int) -> str:
    """The public text of a number: a seat's is "seat_" and 13 hexadecimal digits."""
    return f"{kind}_{shuffled(number):013x}"


def expression(kind: str, number: str, held: Sequence[tuple[str, str]]) -> str:
    """The SQL of a number's public text; `number` is SQL, and so is each factor and addend of the rounds `held`."""
    left, right = f"({number} >> {_HALF})", f"({number} & {_MASK})"
    for factor, addend in held:
        left, right = right, f"({left} # (({right} * {factor} + {addend}) >> {_SHIFT} & {_MASK}))"
    return f"'{kind}_' || substr(to_hex({left} << {_HALF} | {right} | {1 << 2 * _HALF}), 2)"


def in_force() -> Rounds:
    """The rounds of the permutation in force, for `expression`."""
    return _Key.rounds


def parse(text: str) -> tuple[str, int]:
    """The kind and the number of a public id. Raises InvalidInput for anything else."""
    match = _TEXT.fullmatch(text) if len(text) <= 32 else None  # noqa: PLR2004 - longer than any id of ours
    if not match:
        raise InvalidInput("That is not an id of ours. Ids look like 'seat_9f3ac1d2e4b70'.")
    return match[1], unshuffled(int(match[2], 16))


def decode(kind: str, text: str) -> int:
    """The number of a public id of one kind. Raises InvalidInput for another kind or no id."""
    found, number = parse(text)
    if found != kind:
        raise InvalidInput(f"This id starts with '{found}_'; one that starts with '{kind}_' is wanted here.")
    return number
