"""A rail to the sandbox, for tests."""

from contextlib import AbstractAsyncContextManager

from payments.rail.opening import SANDBOX_KEY, Rail, opened

INSTALLATION = "tests"


class NoTurns:
    """Nobody waits."""

    async def take(self, operation: str, *, urgent: bool) -> None:
        """Begin at once."""


def rail_to(address: str, key: str = SANDBOX_KEY) -> AbstractAsyncContextManager[Rail]:
    """The rail of an installation that talks to a sandbox."""
    return opened(key, NoTurns(), INSTALLATION, api=address)
