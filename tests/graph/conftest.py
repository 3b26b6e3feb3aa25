"""What the tests of the graph share: logs, read as the tests of the gateway read them, and an identity provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from tests.auth.providing import Provider, provider
from tests.gateway.conftest import lines
from tests.scenery import World

__all__ = ["lines"]


@pytest.fixture
async def idp(world: World) -> AsyncIterator[Provider]:
    """A provider of OpenID Connect that lives by the world's clock."""
    ahead = await world.now() - datetime.now(UTC)
    async with provider() as made:
        made.now = lambda: datetime.now(UTC) + ahead
        yield made
