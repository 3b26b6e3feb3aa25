"""Figures that other billing systems publish or assert, and the rule of ours that each is judged by.

A rule belongs to a topic, not to a case: a new case of a known topic needs no
new code. Where a peer's rule is not ours, the rule here says so and asserts our
own figure.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One case: what is given, what the peer expects, and the figures to the second, where they differ."""

    id: str
    topic: str
    given: dict[str, Any]
    expect: dict[str, Any]
    exact: dict[str, Any]


Rule = Callable[[Case], None]

RULES: dict[str, Rule] = {}


def rule(*topics: str) -> Callable[[Rule], Rule]:
    """Judge the cases of these topics by this function."""

    def judged(function: Rule) -> Rule:
        for topic in topics:
            assert topic not in RULES, f"two rules judge {topic}"
            RULES[topic] = function
        return function

    return judged


def _case(written: dict[str, Any]) -> Case:
    return Case(written["id"], written["topic"], written["given"], written["expect"], written.get("to_the_second", {}))


_written = json.loads((_FOLDER / "peer_cases.json").read_text())["cases"]

CASES: dict[str, Case] = {written["id"]: _case(written) for written in _written}

STRIPE: dict[str, Any] = json.loads((_FOLDER / "stripe_figures.json").read_text())

pytest.register_assert_rewrite(
    *(f"{__name__}.{name}" for name in ("changes", "given_back", "invoices", "periods", "rating", "seats"))
)
