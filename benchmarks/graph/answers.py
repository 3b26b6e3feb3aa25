"""Answers: what two servers say alike, however each writes ids and instants."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from kernel import ids
from kernel.errors import InvalidInput

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d.*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OWN = {"endCursor", "startCursor"}
"""What means something to the server alone that wrote it."""


def alike(answer: Any) -> Any:
    """An answer with ids as numbers, instants in milliseconds, and without cursors."""
    if isinstance(answer, dict):
        return {key: alike(value) for key, value in sorted(answer.items()) if key not in _OWN}
    if isinstance(answer, list):
        return [alike(each) for each in answer]
    return _leaf(answer) if isinstance(answer, str) else answer


def _leaf(text: str) -> str:
    if _INSTANT.fullmatch(text):
        return str((datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1))
    try:
        return str(ids.parse(text)[1])
    except InvalidInput:
        return text
