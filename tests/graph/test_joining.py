"""Joining a workspace: what is shown before, and what becomes of what somebody pays for themselves."""

from __future__ import annotations

from typing import Any

from auth.policy import Role
from tests.graph.asking import said, stranger
from tests.graph.crowd import evidence
from tests.scenery import Scene, Somebody

PREVIEW = """
    query ($invitation: ID!) {
      joinPreview(invitation: $invitation) {
        invitation { id workspaceName }
        seats { plan { id } }
        own { subscription { id } outcome paidUntil canceledNow { total { minor } } }
      }
    }
"""
BALANCE = 'query ($account: ID!) { creditBalance(account: $account, currency: "USD") { minor } }'
CANCELED = "__typename ... on Subscription { id state } ... on Problem { message }"


async def preview(scene: Scene, who: Somebody, invitation: str) -> Any:
    return await scene.world.ask(PREVIEW, who, invitation=invitation)


async def subscribed(scene: Scene, who: Somebody) -> str:
    """Somebody's own subscription, billed."""
    price = scene.world.catalog.pro.price
    bought: str = (await said(scene, "subscribe", who, account=who.account, price=price))["id"]
    return bought


async def asked(scene: Scene, who: Somebody, *, seat: bool = True) -> str:
    """An invitation, with a seat that waits unless told otherwise."""
    if seat:
        await scene.seat(await scene.pool(1), who.email)
    return await scene.invitation(who.email)


async def own_rows(scene: Scene, who: Somebody) -> Any:
    """Everything of somebody's own subscriptions."""
    return await scene.world.rows(
        "select s::text from subscription s where account_id = $1 order by id", who.account_number
    )


async def test_whoever_is_invited_sees_the_seats_and_what_they_pay_for(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    own, invitation = await subscribed(workspace, grace), await asked(workspace, grace)

    shown = (await preview(workspace, grace, invitation)).data["joinPreview"]

    assert shown["invitation"]["id"] == invitation
    assert shown["seats"] == [{"plan": {"id": workspace.world.catalog.team.plan}}]
    (beside,) = shown["own"]
    assert beside["subscription"] == {"id": own}
    assert beside["outcome"] == "COVERED"
    assert beside["canceledNow"]["total"]["minor"] < 0


async def test_joining_touches_nothing_that_somebody_pays_for_themselves(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    await subscribed(workspace, grace)
    invitation = await asked(workspace, grace)
    before = await own_rows(workspace, grace)

    joined = await said(workspace, "acceptInvitation", grace, invitation=invitation)

    assert joined["__typename"] == "Member"
    assert await own_rows(workspace, grace) == before


async def test_what_was_shown_is_what_canceling_gives_back(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    own, invitation = await subscribed(workspace, grace), await asked(workspace, grace)
    told = (await preview(workspace, grace, invitation)).data["joinPreview"]["own"][0]["canceledNow"]["total"]["minor"]
    await said(workspace, "acceptInvitation", grace, invitation=invitation)

    await workspace.world.change(
        "cancelSubscription", grace, shows_=CANCELED, subscription=own, at="NOW", credit=True, reason="A seat at work."
    )

    balance = await workspace.world.ask(BALANCE, grace, account=grace.account)
    given = balance.data["creditBalance"]["minor"]
    assert given == -told > 0


async def test_without_a_seat_nothing_is_covered(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    await subscribed(workspace, grace)
    invitation = await asked(workspace, grace, seat=False)

    shown = (await preview(workspace, grace, invitation)).data["joinPreview"]

    assert shown["seats"] == []
    assert [one["outcome"] for one in shown["own"]] == ["CONTINUES"]


async def test_a_seat_that_gives_as_much_covers_ones_own(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    await subscribed(workspace, grace)
    await workspace.seat(await workspace.pool(1, offer=workspace.world.catalog.pro), grace.email)
    invitation = await workspace.invitation(grace.email)

    shown = (await preview(workspace, grace, invitation)).data["joinPreview"]

    assert [one["outcome"] for one in shown["own"]] == ["COVERED"]


async def test_only_whoever_is_invited_is_shown_anything(workspace: Scene) -> None:
    grace, eve = await stranger(workspace.world), await stranger(workspace.world, "eve.{}@example.test")
    invitation = await asked(workspace, grace)

    codes = [
        (await preview(workspace, who, invitation)).code
        for who in (eve, workspace.members[Role.ADMIN], workspace.members[Role.MEMBER])
    ]

    assert codes == ["NOT_FOUND"] * 3


async def test_looking_changes_nothing(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    await subscribed(workspace, grace)
    invitation = await asked(workspace, grace)
    before = await evidence(workspace), await own_rows(workspace, grace)

    await preview(workspace, grace, invitation)

    assert (await evidence(workspace), await own_rows(workspace, grace)) == before


async def test_who_pays_for_nothing_is_shown_the_seats_alone(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    invitation = await asked(workspace, grace)

    shown = (await preview(workspace, grace, invitation)).data["joinPreview"]

    assert (len(shown["seats"]), shown["own"]) == (1, [])
