"""Following costs points as asking does: at its beginning, and for each change that is told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from auth.policy import Role
from gateway.cost import Cost
from gateway.documents import Document
from tests.gateway.live.speaking import (
    SEATS,
    Listener,
    Served,
    Speaker,
    begun,
    following,
    listening,
    speaking,
)
from tests.gateway.test_budgets import broke
from tests.scenery import Scene, World

DEAR = """
    subscription($workspace: ID!, $first: Int) {
        seatChanged(workspace: $workspace) {
            event seat { pool { seats(first: $first) { nodes { id } } } }
        }
    }
"""


def cost(world: World, document: str) -> Cost:
    """What following costs."""
    found = world.app.state.remembered.sources.documents.read(document)
    assert isinstance(found, Document), found
    return found.operations[0].cost


async def assigned(scene: Scene, pool: str, email: str) -> None:
    """An admin gives a seat, on a budget of their own."""
    reply = await scene.world.change("assignSeat", scene.members[Role.ADMIN], pool=pool, email=email)
    assert reply.data


async def rich_again(scene: Scene) -> None:
    """The owner has all their points back."""
    name, budgets = f"person:{scene.owner.number}", scene.world.app.state.budgets
    await scene.world.run("update budget set thousandths = $2 where name = $1", name, budgets.purse.most * 1_000)
    await budgets.settle([name])


def test_what_is_selected_of_a_change_costs_what_its_declarations_say(world: World) -> None:
    simple, dear = cost(world, SEATS), cost(world, DEAR)

    assert (simple.begun, simple.asked_each({})) == (10, 1)
    assert (dear.begun, dear.asked_each({"first": 5}), dear.asked_each({"first": 50})) == (10, 8, 53)
    assert dear.used_each({"seatChanged": {"seat": {"pool": None}}}) == 2
    assert dear.used_each(None) == 1


async def test_each_change_tells_what_it_cost(door: Served, workspace: Scene) -> None:
    pool = await workspace.pool(3)

    async with following(door, workspace.owner, SEATS, workspace=workspace.id) as speaker:
        await begun(workspace)
        await assigned(workspace, pool, "ada@example.test")
        message = await speaker.hear()

    told = message["payload"]["extensions"]["cost"]
    assert (told["requestedQueryCost"], told["actualQueryCost"]) == (1, 1)
    assert told["throttleStatus"]["restoreRate"] == 1_000


async def test_whoever_has_spent_everything_begins_nothing(door: Served, workspace: Scene) -> None:
    await broke(workspace.world, f"person:{workspace.owner.number}")

    async with speaking(door) as speaker:
        await speaker.greet(workspace.owner)
        await speaker.subscribe("1", SEATS, workspace=workspace.id)
        code, says = await speaker.refusal()
    async with listening(door, workspace.owner, SEATS, workspace=workspace.id) as listener:
        await listener.response.aread()
    await begun(workspace, 0)

    assert code == "RATE_LIMITED"
    assert says.startswith("This request costs 10 points")
    assert listener.response.status_code == 429
    assert int(listener.response.headers["retry-after"]) > 0


async def over(client: Speaker | Listener) -> list[str]:
    """The codes and sentences that end a subscription."""
    if isinstance(client, Speaker):
        return list(await client.refusal())
    name, content = await client.event()
    (error,) = content["errors"]
    assert (name, await client.event()) == ("next", ("complete", None))
    return [error["extensions"]["code"], error["message"]]


@pytest.mark.parametrize("follow", [following, listening])
async def test_a_stream_ends_when_the_budget_does_and_nothing_is_missed(
    door: Served, workspace: Scene, follow: Callable[..., AbstractAsyncContextManager[Speaker | Listener]]
) -> None:
    pool, name = await workspace.pool(3), f"person:{workspace.owner.number}"

    async with follow(door, workspace.owner, SEATS, workspace=workspace.id) as client:
        await begun(workspace)
        await assigned(workspace, pool, "ada@example.test")
        known = await client.change()
        await broke(workspace.world, name)
        await assigned(workspace, pool, "grace@example.test")
        code, says = await over(client)
        await begun(workspace, 0)
    await rich_again(workspace)
    async with follow(door, workspace.owner, SEATS, workspace=workspace.id, after=known["cursor"]) as client:
        missed = await client.change()

    assert code == "RATE_LIMITED"
    assert says.startswith("To tell you of this change costs 1 of your points, and 0 are left. Subscribe again after")
    assert missed["event"] == "seat.assigned"
    assert missed["seat"]["id"] != known["seat"]["id"]
