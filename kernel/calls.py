"""Calls: functions of ours in PostgreSQL, called in its own words, values included.

A statement with parameters takes a round trip of its own. Calls that are words go together in
one, and with them whatever begins and ends their transaction.
"""

from __future__ import annotations

from datetime import datetime

MOVED = "SG001"
"""The SQLSTATE of whoever finds that what was decided on isn't so any more."""

Value = int | str | datetime | None


def call(function: str, *values: Value) -> str:
    """A statement that calls a function with these values, in order."""
    return f"select {function}({', '.join(map(literal, values))})"


def literal(value: Value) -> str:
    """A value that says nothing but itself, whatever the server makes of backslashes elsewhere."""
    if value is None:
        return "null"
    if isinstance(value, datetime):
        return f"'{value.isoformat()}'"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "''")
        return f"E'{escaped}'"
    return f"{value:d}"
