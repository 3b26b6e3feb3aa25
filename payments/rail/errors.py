"""What a call of the rail can end in, other than an answer.

`Declined`, `NeedsAction` and `Refused` are clear answers: no money moved. `Throttled`
was not begun. After `Unknown` anything may have happened: look before you ask again.
"""

from __future__ import annotations

from dataclasses import dataclass

from payments.rail.values import Decline, Intent, Setup


class RailError(Exception):
    """A call of the rail did not end in an answer that we can use."""


@dataclass(eq=False)
class Declined(RailError):  # noqa: N818 - a decline is an outcome, not an error
    """The payer's bank, or the rail's own fraud rules, said no."""

    decline: Decline
    intent: Intent | None = None
    """The payment intent after it, as the rail told it; None where it was no payment."""

    setup: Setup | None = None
    """The setup intent after it; None where it was no setup."""

    def __str__(self) -> str:
        return f"declined: {self.decline.code} {self.decline.reason or ''}".rstrip()


@dataclass(eq=False)
class NeedsAction(Declined):
    """The bank wants to see the payer, who was not there: ask them to pay while they are."""


@dataclass(eq=False)
class Unknown(RailError):  # noqa: N818 - the law's word
    """The answer was lost, or was none: what we asked for may have happened, or may still happen."""

    request_id: str | None = None
    replayed: bool = False
    """Whether the answer is one that the key only repeats: what was asked for first has ended, whatever came of it."""

    def __str__(self) -> str:
        return f"no clear answer (request {self.request_id or 'without an id'})"


@dataclass(eq=False)
class Throttled(RailError):  # noqa: N818 - an outcome
    """There were too many calls, or somebody else holds the object: nothing was done, and later it may be."""

    reason: str = ""

    def __str__(self) -> str:
        return f"throttled: {self.reason}"


@dataclass(eq=False)
class Refused(RailError):  # noqa: N818 - an outcome
    """The rail would not do it: what we sent, or the state of what it is about, doesn't allow it."""

    code: str
    message: str
    param: str | None = None
    intent: Intent | None = None
    """The payment intent whose state was in the way, if the rail told it."""

    @property
    def missing(self) -> bool:
        """Whether there is no such thing at the rail."""
        return self.code == "resource_missing"

    @property
    def by_state(self) -> bool:
        """Whether the thing was in another state than we thought: look at it, and believe it."""
        return self.code.endswith("unexpected_state")

    def __str__(self) -> str:
        return f"refused: {self.code}" + (f" ({self.param})" if self.param else "")


@dataclass(eq=False)
class Misconfigured(RailError):  # noqa: N818 - an outcome
    """The rail doesn't know our key, or the key may not do this. Nothing was done."""

    message: str

    def __str__(self) -> str:
        return self.message
