"""Planting: rails with the mistakes that others have paid for, in place of ours, to see whether the suite notices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any
from uuid import uuid4

from payments.rail.errors import RailError
from payments.rail.intents import Intents
from payments.rail.line import Act, Line
from payments.rail.opening import Rail
from payments.rail.values import Body, Intent
from tests.paying import rail_of
from tests.scenery import World


@dataclass(slots=True)
class RandomKeys:
    """A line that makes up an idempotency key for every try."""

    line: Line

    def __getattr__(self, name: str) -> Any:
        return getattr(self.line, name)

    async def call(self, operation: str, act: Act, *, key: str | None = None, urgent: bool = True) -> dict[str, Any]:
        """The answer to one call."""
        return await self.line.call(operation, act, key=str(uuid4()) if key else None, urgent=urgent)


@dataclass(slots=True)
class KeyAfterError:
    """A line that takes another idempotency key after every error."""

    line: Line
    errors: Counter[str] = field(default_factory=Counter)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.line, name)

    async def call(self, operation: str, act: Act, *, key: str | None = None, urgent: bool = True) -> dict[str, Any]:
        """The answer to one call."""
        taken = f"{key}-{self.errors[key]}" if key else None
        try:
            return await self.line.call(operation, act, key=taken, urgent=urgent)
        except RailError:
            self.errors[str(key)] += 1
            raise


class CreateAndConfirm(Intents):
    """Payment intents that are made and confirmed in one call."""

    async def create(self, body: Body, *, key: str, urgent: bool) -> Intent:
        """A payment intent that has charged already."""
        methods = await self.line.v1.payment_methods.list_async({"customer": body["customer"]})
        method = methods.data[0].id
        return await super().create(
            {**body, "confirm": True, "payment_method": method, "off_session": True}, key=key, urgent=urgent
        )

    async def confirm(self, intent: str, method: str, **more: Any) -> Intent:
        """It was."""
        del method
        return await self.look(intent, urgent=more["urgent"])


def with_line(world: World, line: Callable[[Line], Any]) -> Rail:
    """Our rail over another line."""
    rail = rail_of(world)
    planted = line(rail.line)
    nouns: Mapping[str, Any] = {each.name: getattr(rail, each.name) for each in fields(rail)}
    over = {name: replace(noun, line=planted) for name, noun in nouns.items() if hasattr(noun, "line")}
    return replace(rail, **over)


def with_intents(world: World) -> Rail:
    """Our rail, with intents that are made and confirmed at once."""
    rail = rail_of(world)
    return replace(rail, intents=CreateAndConfirm(rail.line))


def plant(world: World, rail: Rail) -> None:
    """Let everybody in this world call this rail."""
    world.app.state.door = replace(world.app.state.door, rail=rail)
