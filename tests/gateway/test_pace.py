"""How often somebody may ask."""

from __future__ import annotations

import pytest

from gateway.pace import _KNOWN, Pace
from kernel.errors import RateLimited


class Ticking:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_so_many_in_a_row_and_then_one_at_a_time() -> None:
    clock = Ticking()
    pace = Pace(3, 10, clock)
    for _ in range(3):
        pace.take("ada")

    with pytest.raises(RateLimited, match="in 10 seconds") as refusal:
        pace.take("ada")
    clock.now += 10
    pace.take("ada")

    assert refusal.value.details == {"seconds": 10}
    with pytest.raises(RateLimited):
        pace.take("ada")


def test_a_refusal_does_not_count() -> None:
    clock = Ticking()
    pace = Pace(1, 10, clock)
    pace.take("ada")
    for _ in range(50):
        with pytest.raises(RateLimited):
            pace.take("ada")

    clock.now += 10

    pace.take("ada")


def test_each_has_a_pace_of_their_own() -> None:
    pace = Pace(1, 10, Ticking())
    pace.take("ada")

    pace.take("grace")

    with pytest.raises(RateLimited):
        pace.take("ada")


def test_only_so_many_are_remembered() -> None:
    pace = Pace(1, 10, Ticking())
    for number in range(_KNOWN + 10):
        pace.take(str(number))

    assert len(pace._until) == _KNOWN
