"""Buying: license pools and subscriptions, and what is not sold."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from auth.policy import Role
from billing.catalog import Audience
from kernel import ids
from tests.graph.asking import logged, said, told
from tests.graph.crowd import evidence
from tests.scenery import Scene
from tests.stock import Offer, Stock


async def test_a_pool_is_bought_with_its_subscription(workspace: Scene) -> None:
    price = workspace.world.catalog.team.price

    answer = await said(
        workspace, "createLicensePool", workspace=workspace.id, price=price, seats=25, name=" Sales  EU "
    )

    assert answer.pop("id").startswith("pool_")
    assert answer == {
        "__typename": "LicensePool",
        "name": "Sales EU",
        "purchased": 25,
        "assigned": 0,
        "available": 25,
    }
    (row,) = await workspace.world.rows(
        "select s.state, i.quantity, p.key from subscription s join subscription_item i on i.subscription_id = s.id"
        " join plan p on p.id = s.plan_id where s.account_id = $1",
        workspace.number,
    )
    assert tuple(row) == ("active", 25, "t_team")
    assert await logged(workspace) == ["subscription.started", "invoice.drafted", "invoice.finalized", "pool.created"]


async def test_tiers_and_pools_are_mixed_in_one_workspace(workspace: Scene) -> None:
    catalog = workspace.world.catalog

    for offer in (catalog.team, catalog.enterprise, catalog.team):
        await said(workspace, "createLicensePool", workspace=workspace.id, price=offer.price, seats=1)

    assert await workspace.world.value("select count(*) from license_pool where account_id = $1", workspace.number) == 3


@pytest.mark.parametrize("seats", [0, -1, 100_001, 2**31 - 1, -(2**31)])
async def test_a_quantity_has_bounds(workspace: Scene, seats: int) -> None:
    before = await evidence(workspace)

    reply = await told(
        workspace, "createLicensePool", workspace=workspace.id, price=workspace.world.catalog.team.price, seats=seats
    )

    assert reply.code == "INVALID_INPUT"
    assert await evidence(workspace) == before


@pytest.mark.parametrize("seats", [1, 100_000])
async def test_the_bounds_of_a_quantity_can_be_bought(workspace: Scene, seats: int) -> None:
    answer = await said(
        workspace, "createLicensePool", workspace=workspace.id, price=workspace.world.catalog.team.price, seats=seats
    )

    assert answer["available"] == seats


@pytest.mark.parametrize(("seats", "sold"), [(4, False), (5, True), (50, True), (51, False)])
async def test_a_plan_is_sold_within_its_own_bounds(workspace: Scene, seats: int, sold: bool) -> None:
    offer, bounds = await another(workspace), '{"minimum": 5, "maximum": 50}'
    await workspace.world.run("update plan_version set seats = $2 where id = $1", offer.version_number, bounds)
    before = await evidence(workspace)

    answer = await said(workspace, "createLicensePool", workspace=workspace.id, price=offer.price, seats=seats)

    if sold:
        assert answer["available"] == seats
    else:
        says = f"{offer.key} is sold with 5 to 50 seats. Choose a number between them."
        assert answer == {"__typename": "SeatsNotOffered", "message": says}
        assert await evidence(workspace) == before


@pytest.mark.parametrize("name", ["", "   ", "a" * 201, "a\x00b", "a\u202eb"])
async def test_a_name_is_printable_and_short(workspace: Scene, name: str) -> None:
    before = await evidence(workspace)
    price = workspace.world.catalog.team.price

    reply = await told(workspace, "createLicensePool", workspace=workspace.id, price=price, seats=1, name=name)

    assert reply.code == "INVALID_INPUT"
    assert await evidence(workspace) == before


async def test_a_workspace_does_not_buy_seats_of_what_is_sold_to_persons_or_without_seats(workspace: Scene) -> None:
    catalog, before = workspace.world.catalog, await evidence(workspace)

    answers = [
        await said(workspace, "createLicensePool", workspace=workspace.id, price=offer.price, seats=1)
        for offer in (catalog.pro, catalog.metered)
    ]

    assert answers == [
        {"__typename": "PlanNotOffered", "message": "t_pro is sold to a person only. Choose another plan."},
        {"__typename": "PlanNotOffered", "message": "t_metered is not sold per seat. Choose another plan."},
    ]
    assert await evidence(workspace) == before


async def test_what_is_no_longer_sold_is_not_bought(workspace: Scene) -> None:
    archived, outdated = await another(workspace), await another(workspace)
    await workspace.world.run("update plan set archived_at = created_at where id = $1", archived.plan_number)
    await workspace.world.run(
        "insert into plan_version (id, plan_id, number, trial_days, created_at) values ($1, $2, 2, 0, now())",
        workspace.world.number(),
        outdated.plan_number,
    )
    before = await evidence(workspace)

    answers = [
        await said(workspace, "createLicensePool", workspace=workspace.id, price=offer.price, seats=1)
        for offer in (archived, outdated)
    ]

    assert [answer["message"] for answer in answers] == [
        f"{archived.key} is no longer sold. Choose another plan.",
        f"{outdated.key} is sold as version 2 now. Choose another plan.",
    ]
    assert await evidence(workspace) == before


async def test_a_price_that_is_none_is_not_found(workspace: Scene) -> None:
    before = await evidence(workspace)
    nothing = ids.encode("price", workspace.world.number())

    replies = [
        await told(workspace, "createLicensePool", workspace=workspace.id, price=price, seats=1)
        for price in (nothing, workspace.world.catalog.team.plan, "price_x")
    ]

    assert [reply.code for reply in replies] == ["NOT_FOUND", "INVALID_INPUT", "INVALID_INPUT"]
    assert await evidence(workspace) == before


async def test_a_person_subscribes_to_a_plan_once(workspace: Scene) -> None:
    ada, price = await workspace.world.person("ada"), workspace.world.catalog.pro.price

    first = await said(workspace, "subscribe", ada, account=ada.account, price=price)
    second = await said(workspace, "subscribe", ada, account=ada.account, price=price)

    assert first["state"] == "ACTIVE"
    assert second == {
        "__typename": "AlreadySubscribed",
        "message": "This account is subscribed to t_pro already. Change that subscription instead.",
    }


async def test_a_person_who_subscribes_twice_at_once_is_subscribed_once(workspace: Scene) -> None:
    ada, price = await workspace.world.person("ada"), workspace.world.catalog.pro.price

    answers = await asyncio.gather(
        *(said(workspace, "subscribe", ada, account=ada.account, price=price) for _ in range(6))
    )

    assert Counter(answer["__typename"] for answer in answers) == {"Subscription": 1, "AlreadySubscribed": 5}


async def test_whoever_was_canceled_subscribes_again(workspace: Scene) -> None:
    ada, price = await workspace.world.person("ada"), workspace.world.catalog.pro.price
    first = await said(workspace, "subscribe", ada, account=ada.account, price=price)
    await said(workspace, "cancelSubscription", ada, subscription=first["id"], at="NOW")

    second = await said(workspace, "subscribe", ada, account=ada.account, price=price)

    assert second["state"] == "ACTIVE"
    assert second["id"] != first["id"]


async def test_seats_are_not_subscribed_to_by_one(workspace: Scene) -> None:
    before = await evidence(workspace)

    answer = await said(workspace, "subscribe", account=workspace.account, price=workspace.world.catalog.team.price)

    assert answer["message"] == "t_team is sold per seat: use createLicensePool. Choose another plan."
    assert await evidence(workspace) == before


async def test_only_a_workspace_buys_seats(workspace: Scene) -> None:
    owner = workspace.members[Role.OWNER]

    reply = await told(
        workspace, "createLicensePool", workspace=owner.account, price=workspace.world.catalog.team.price, seats=1
    )

    assert reply.code == "INVALID_INPUT"


async def another(scene: Scene) -> Offer:
    """One more plan for workspaces, at 40.00 USD a seat and month."""
    world = scene.world
    async with world.connection() as connection:
        stock = Stock(connection, world.blocks, await world.now())
        return await stock.offer(f"t_{world.number()}", Audience.WORKSPACE, 4000, per_seat=True)
