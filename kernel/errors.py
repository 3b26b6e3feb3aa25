"""Refusals and mistakes: what the product declines, and what a caller did wrong.

A `Problem` is an expected outcome that Support could read to a customer; the
graph shows it as a member of a mutation's result union. A `Fault` is the
caller's mistake; the graph shows it in `errors[].extensions.code`. A failed
`assert` is our own mistake. There is no fourth kind.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar


class Code(StrEnum):
    """The closed set of `extensions.code`."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    INVALID_INPUT = "INVALID_INPUT"
    CONFLICT = "CONFLICT"
    RATE_LIMITED = "RATE_LIMITED"
    TOO_COMPLEX = "TOO_COMPLEX"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 - a problem is an outcome, not an error
    """Why the product declined, in one sentence that tells what to do."""

    says: ClassVar[str] = ""

    # No field, which clients would see: whoever raises it says so of this one refusal.
    overtaken = False
    """Whether others were faster, so that what it was decided on was so a moment ago, and is no more."""

    @property
    def message(self) -> str:
        """The sentence, filled in with this problem's own fields."""
        return self.says.format(**asdict(self))

    def __str__(self) -> str:
        return self.message


class Fault(Exception):  # noqa: N818 - the graph's word
    """The caller's mistake: one sentence, and a code from the closed set."""

    code: ClassVar[Code] = Code.INTERNAL

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class Unauthenticated(Fault):
    """Nobody we know: the token or key is missing, expired, revoked or forged."""

    code = Code.UNAUTHENTICATED


class Forbidden(Fault):
    """Somebody we know who may see this, but may not do this."""

    code = Code.FORBIDDEN


class NotFound(Fault):
    """There is no such thing, or the actor may not see it: both read the same."""

    code = Code.NOT_FOUND

    def __init__(self, message: str = "Nothing with this id exists, or you may not see it.") -> None:
        super().__init__(message)


class InvalidInput(Fault):
    """A value that can't be what it claims to be."""

    code = Code.INVALID_INPUT


class Conflict(Fault):
    """The request contradicts one made before."""

    code = Code.CONFLICT


class RateLimited(Fault):
    """Too much in a short time; the details tell how many seconds to wait."""

    code = Code.RATE_LIMITED


class TooComplex(Fault):
    """The document asks for more than one request may."""

    code = Code.TOO_COMPLEX


class Unavailable(Fault):
    """Something we need is not answering; trying again later may work."""

    code = Code.UNAVAILABLE


class Unreachable(Unavailable):
    """The database can't be reached. Its sentence is for whoever runs us; a client is told less."""
