"""Holds: what billing doesn't believe waits for a person, is seen, and is billed once it is released."""

from __future__ import annotations

from datetime import timedelta

import pytest

from auth.policy import Desk
from billing.states import InvoiceState
from kernel import ids
from tests.graph.asking import work_off
from tests.graph.crowd import evidence
from tests.graph.test_changes import Life, pooled, subscribed
from tests.scenery import Scene, World

ABOVE = "20.00 USD is above the contract's 19.99 USD."
HELD = "query($id: ID!) { node(id: $id) { ... on Subscription { held limit { minor } heldInvoices { held state } } } }"
ALL = "query($of: ID) { heldSubscriptions(first: 50, filter: {account: $of}) { nodes { id held account { id } } } }"
SHOWS = "__typename ... on Subscription { id held } ... on Problem { message }"


async def limited(world: World, minor: int | None) -> Life:
    """Somebody who subscribed for 20.00 a month, by a contract of less."""
    life = await subscribed(world, world.catalog.pro)
    finance = await world.person("finance", desk=Desk.FINANCE)
    limit = None if minor is None else {"minor": minor, "currency": "USD"}
    told = await world.change(
        "limitSubscription", finance, shows_="limit { minor }", reason_="Contract.", subscription=life.id, limit=limit
    )
    # The first invoice is paid, so that nothing follows from its being owed.
    number = await world.value("select id from invoice where account_id = $1", life.account)
    paid = {"invoices": [ids.encode("inv", number)], "source": "BANK_TRANSFER", "reference": "by bank"}
    await world.change("recordPayment", finance, shows_="... on Payment { id }", reason_="Came.", **paid)
    assert told.data["limitSubscription"]["limit"] == ({"minor": minor} if minor else None)
    return life


async def states(life: Life) -> list[tuple[str, str | None]]:
    """State and hold of each invoice of the subscription, the oldest first."""
    rows = await life.world.rows(
        "select state, held from invoice where subscription_id = $1 order by created_at, id", life.number
    )
    return [(row["state"], row["held"]) for row in rows]


async def test_what_is_above_the_contract_waits_and_is_seen_by_staff_and_by_whoever_pays(world: World) -> None:
    life = await limited(world, 19_99)

    await life.renewed()
    await life.later(timedelta(days=40))
    support = await world.person("support", desk=Desk.SUPPORT)
    seen = (await world.ask(ALL, support, of=ids.encode("account", life.account))).data["heldSubscriptions"]["nodes"]
    shown = await life.ask(HELD, id=life.id)

    assert await states(life) == [("paid", None), ("draft", ABOVE)]
    assert [(row["id"], row["held"]) for row in seen] == [(life.id, ABOVE)]
    assert shown == {"held": ABOVE, "limit": {"minor": 19_99}, "heldInvoices": [{"held": ABOVE, "state": "DRAFT"}]}
    told = "select count(*) from audit_record where account_id = $1 and action = 'subscription.held'"
    assert await world.value(told, life.account) == 1


async def test_once_released_it_is_billed_on(world: World) -> None:
    life = await limited(world, 19_99)
    await life.renewed()
    await life.later(timedelta(days=40))
    finance = await world.person("finance", desk=Desk.FINANCE)
    send = {"shows_": SHOWS, "reason_": "Agreed by phone.", "subscription": life.id}

    await world.change("limitSubscription", finance, shows_="id", reason_="Contract.", subscription=life.id)
    released = (await world.change("releaseSubscription", finance, **send)).data["releaseSubscription"]
    again = (await world.change("releaseSubscription", finance, **send)).data["releaseSubscription"]
    await work_off(world)

    assert released == {"__typename": "Subscription", "id": life.id, "held": None}
    assert again["__typename"] == "NothingHeld"
    assert await states(life) == [("paid", None), ("open", None), ("open", None)]
    reason = "select reason from audit_record where account_id = $1 and action = 'subscription.released'"
    assert await world.value(reason, life.account) == "Agreed by phone."


async def test_a_change_above_the_contract_waits_too(workspace: Scene) -> None:
    life = await pooled(workspace, 2)
    await workspace.world.run("update subscription set limit_minor = 10000 where id = $1", life.number)

    await life.does("changeSeats", pool=life.pool, seats=50)

    (_, (state, why)) = await states(life)
    assert state == "draft"
    assert why
    assert why.endswith("is above the contract's 100.00 USD.")


@pytest.mark.parametrize("desk", [None, Desk.SUPPORT])
async def test_only_finance_releases(workspace: Scene, desk: Desk | None) -> None:
    world, life = workspace.world, await pooled(workspace, 2)
    await world.run("update subscription_clock set held = 'Too much.' where subscription_id = $1", life.number)
    who = await world.person("support", desk=desk) if desk else life.who
    before = await evidence(workspace)

    reply = await world.change("releaseSubscription", who, shows_=SHOWS, reason_="Please.", subscription=life.id)

    assert reply.codes == ["FORBIDDEN"]
    assert await evidence(workspace) == before


async def test_a_draft_that_bills_others_too_is_shown_with_each_of_them(workspace: Scene) -> None:
    world = workspace.world
    one, other, third = [await workspace.subscription() for _ in range(3)]
    shared = ids.decode("inv", await workspace.invoice(1000, 2000, state=InvoiceState.DRAFT))
    await world.run("update invoice set held = 'Too much.' where id = $1", shared)
    await world.run(
        "update line_item set subscription_id = case when amount_minor = 1000 then $2::bigint else $3 end"
        " where invoice_id = $1",
        *(shared, one.id, other.id),
    )

    seen = [
        (await world.ask(HELD, workspace.owner, id=ids.encode("sub", subscription.id))).data["node"]["heldInvoices"]
        for subscription in (one, other, third)
    ]

    assert seen == [[{"held": "Too much.", "state": "DRAFT"}]] * 2 + [[]]


async def test_the_figures_count_who_waits_for_a_person(workspace: Scene) -> None:
    held, gone = [await workspace.subscription() for _ in range(2)]
    before = await _figure(workspace.world)

    await workspace.world.run("update subscription_clock set held = 'Much.' where subscription_id = $1", held.id)
    await workspace.world.run("update subscription_clock set held = 'ended' where subscription_id = $1", gone.id)

    assert await _figure(workspace.world) == before + 1


async def _figure(world: World) -> int:
    """What the operator reads of it."""
    page = (await world.client.get("/metrics")).text
    (line,) = [line for line in page.splitlines() if line.startswith("seatgraph_held_subscriptions ")]
    return round(float(line.split()[1]))
