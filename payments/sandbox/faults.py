"""Faults on demand: which request meets which mishap, by rules that the control endpoint sets."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction
from random import Random

import asyncpg

from payments.sandbox.objects import Body
from payments.sandbox.refusals import Refused, broken, invalid, key_in_use, locked, rate_limited

KINDS = [
    "rate_limit",
    "lock_timeout",
    "key_in_use",
    "error_before",
    "error_after",
    "bad_gateway",
    "latency",
    "truncate",
    "hang_before",
    "hang_after",
    "drop_before",
    "drop_after",
]

_FINE = 1_000_000


@dataclass(frozen=True, slots=True)
class Fault:
    """One mishap.

    `rate_limit`, `lock_timeout` and `key_in_use` are refusals that burn no key.
    `error_*` answers 500 without the work, or after it was committed; the key
    then answers 500 again, unless `burns` is false. `bad_gateway` is an HTML page
    with status 502. `latency` waits `seconds`. `hang_*` waits and then closes the
    connection, `drop_*` closes it at once, `truncate` in the middle of the answer.
    """

    kind: str
    seconds: Fraction
    burns: bool

    def refusal(self) -> Refused | None:
        """The refusal that a request meets before any work, if this fault is one."""
        match self.kind:
            case "rate_limit":
                return rate_limited()
            case "lock_timeout":
                return locked()
            case "key_in_use":
                return key_in_use("of this request")
            case "error_before":
                refused = broken()
                refused.burns = self.burns
                return refused
        return None


def checked(given: Body) -> Body:
    """A rule with every field. Raises Refused for one that can't be read.

    `operation` is a pattern such as `payment_intents.*`; the rule begins with
    the `nth` call that matches, holds for `times` calls (0: for ever), and then for
    each with `probability`, drawn from `seed`.
    """
    rule = {
        "operation": "*",
        "fault": None,
        "nth": 1,
        "times": 1,
        "probability": "1",
        "seed": 0,
        "seconds": "30",
        "burns": True,
    } | given
    if rule["fault"] not in KINDS or len(rule) > len(KINDS):
        raise invalid(f"A rule needs a `fault`, one of: {', '.join(KINDS)}.", "fault")
    try:
        valid = 0 <= Fraction(str(rule["probability"])) <= 1 and Fraction(str(rule["seconds"])) >= 0
    except (ValueError, ZeroDivisionError):
        valid = False
    if not valid:
        raise invalid("`probability` and `seconds` are numbers.", "probability")
    return rule


async def draw(pool: asyncpg.Pool, operation: str) -> Fault | None:
    """The fault that a call of an operation meets; every rule counts the call."""
    met = None
    for row in await pool.fetch("select id, rule from sandbox.fault order by id"):
        rule = row["rule"]
        if not fnmatchcase(operation, rule["operation"]):
            continue
        # Counted in its own transaction: a fault that prevents the work is counted too.
        seen = await pool.fetchval("update sandbox.fault set seen = seen + 1 where id = $1 returning seen", row["id"])
        if met is None and seen is not None and _strikes(rule, seen):
            await pool.execute("update sandbox.fault set caused = caused + 1 where id = $1", row["id"])
            met = Fault(rule["fault"], Fraction(str(rule["seconds"])), rule["burns"])
    return met


def _strikes(rule: Body, seen: int) -> bool:
    if seen < rule["nth"] or (rule["times"] and seen >= rule["nth"] + rule["times"]):
        return False
    drawn = Random(f"{rule['seed']}:{seen}").randrange(_FINE)  # noqa: S311 - repeatable on purpose
    return drawn < Fraction(str(rule["probability"])) * _FINE
