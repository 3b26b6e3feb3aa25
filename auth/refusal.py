"""The one sentence that every bad credential is answered with.

Expired, forged, unknown, malformed: whoever presents a credential learns only
that it does not count, so that nobody can feel their way to one that does. The
true reason travels as `__cause__`, which is for the log. It is never put into
the details of the fault, because those may be shown.
"""

from __future__ import annotations

from kernel.errors import Unauthenticated

SENTENCE = "The access token or key is missing, expired, revoked or not one we trust. Sign in again."


def refused() -> Unauthenticated:
    """What to raise for any bad credential, from the reason that only the log may tell."""
    return Unauthenticated(SENTENCE)
