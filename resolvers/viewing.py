"""Looking: whoever asks, things by their ids, and the price list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import strawberry
from strawberry import ID

from auth.policy import Actor
from billing.entitlements import held
from kernel.errors import InvalidInput, Unauthenticated
from kernel.ids import decode, parse
from resolvers import reading
from resolvers.graph import BY_PREFIX, FACES
from resolvers.info import Info
from seats import queries as seats

MOST_NODES = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """Whoever asks."""

    kind: str
    person_id: int | None
    account_id: int | None
    email: str | None


async def viewer(info: Info) -> Any:
    """Whoever asks. Raises Unauthenticated for nobody we know."""
    return seen(info.context.actor)


def seen(actor: Actor) -> Seen:
    """Whoever acts, as they see themselves. Raises Unauthenticated for nobody we know."""
    if actor.person_id is None and actor.key_id is None:
        raise Unauthenticated("Sign in first: send a bearer token.")
    own = next((account for account in actor.grants if account not in actor.roles), None)
    return Seen(actor.kind.value, actor.person_id, own, actor.email)


async def held_plans(info: Info) -> Any:
    """The plans the viewer may use now, lowest first."""
    context = info.context
    numbers = await seats.held_plans(context.work)
    found = await reading.by_number(context.work, context.actor, FACES["Plan"], numbers)
    return [found[number] for number in numbers]


async def held_entitlements(info: Info) -> Any:
    """What the viewer may do now: for each feature the highest of all their plans."""
    granted = held(await seats.held_entitlements(info.context.work))
    return [granted[feature] for feature in sorted(granted)]


async def node(info: Info, id: Annotated[ID, strawberry.argument(description="A public id.")]) -> Any:
    """The thing with this id, or None. Raises InvalidInput for what can't be an id of ours."""
    return (await nodes(info, [id]))[0]


async def nodes(
    info: Info,
    ids: Annotated[list[ID], strawberry.argument(description="Up to 100 public ids.")],
) -> Any:
    """The things with these ids, None for each that is not there or not visible, in the order asked."""
    if len(ids) > MOST_NODES:
        raise InvalidInput(f"Ask for at most {MOST_NODES} things at once; {len(ids)} were asked for.")
    parsed = [_known(text) for text in ids]
    found: dict[tuple[str, int], Any] = {}
    for prefix in {prefix for prefix, _ in parsed}:
        numbers = [number for kind, number in parsed if kind == prefix]
        rows = await reading.by_number(info.context.work, info.context.actor, BY_PREFIX[prefix], numbers)
        found |= {(prefix, number): row for number, row in rows.items()}
    return [found.get(key) for key in parsed]


async def account(info: Info, id: Annotated[ID, strawberry.argument(description="Its id.")]) -> Any:
    """An account by its id, or None."""
    return await info.context.find(FACES["Account"], decode("account", id))


async def workspace(info: Info, id: Annotated[ID, strawberry.argument(description="Its id.")]) -> Any:
    """A workspace by its id, or None."""
    return await info.context.find(FACES["Workspace"], decode("workspace", id))


async def plans(info: Info) -> Any:
    """What is sold now, in the order of the price list."""
    return await reading.offered(info.context.work, info.context.actor)


async def plan(info: Info, key: Annotated[str, strawberry.argument(description="Its stable name.")]) -> Any:
    """A plan by its key, sold or not, or None."""
    return await reading.plan_called(info.context.work, info.context.actor, key)


def _known(text: str) -> tuple[str, int]:
    prefix, number = parse(text)
    if prefix not in BY_PREFIX:
        raise InvalidInput(f"No id of ours starts with '{prefix}_'.")
    return prefix, number
