"""Idempotency keys: how long one is worth something, and after what it is worth nothing."""

from __future__ import annotations

from datetime import timedelta

KEYS_LIVE = timedelta(hours=23)
"""How long the rail is sure to know a key; after that we look instead."""

PATIENT = 2
"""After so many unclear answers to one key it is taken to answer with the rail's own failure for a day."""
