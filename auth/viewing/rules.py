"""The rules of looking: our staff see for half an hour what a customer sees, and change nothing.

    sgv_<43 characters of secret>

Of the text we keep the SHA-256, as of a session's.
"""

from __future__ import annotations

from datetime import timedelta

PREFIX = "sgv_"
"""What the text of every such look begins with."""

LOOKS_FOR = timedelta(minutes=30)
"""How long one may look, at most."""
