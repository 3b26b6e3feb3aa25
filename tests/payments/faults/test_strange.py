"""What the rail tells and we can't use is answered clearly, and nothing is lost by it."""

from __future__ import annotations

import json

import pytest

from kernel import ids
from payments import customers
from tests.paying import card, control, customer, rail_of
from tests.payments.faults.playing import (
    applied,
    begun,
    heard,
    invoices,
    pursued,
    settled,
    told,
    work_of,
)
from tests.payments.faults.truth import unpaid, wrongs
from tests.scenery import Scene


async def outcome(scene: Scene, event: str) -> str:
    return str(await scene.world.value("select outcome from rail_event where id = $1", event))


async def test_a_customer_that_is_not_ours_in_our_marks_changes_nothing(payer: Scene) -> None:
    world = payer.world
    (payment,) = await begun(payer, await invoices(payer, 1))
    await pursued(payer, payment)
    (event, *_) = [one for one in await told(world, ids.encode("pay", payment)) if b"intent.succeeded" in one]
    foreign = json.loads(event)
    foreign |= {"id": "evt_foreign"}
    foreign["data"]["object"] |= {"id": "pi_foreign", "customer": "cus_foreign"}
    foreign["data"]["object"]["metadata"] = {"gw_account": "cus_foreign", "gw_payment": ids.encode("pay", payment)}

    stored = await heard(world, json.dumps(foreign).encode())
    await applied(world, stored)
    await settled(world)

    assert await outcome(payer, stored) == "it is not ours"
    assert await wrongs(world) == []


async def test_a_customer_that_is_deleted_is_made_anew_and_pays_once(payer: Scene) -> None:
    world, gone = payer.world, await customer(payer)
    await begun(payer, await invoices(payer, 1))
    await rail_of(world).line.v1.customers.delete_async(gone)

    await settled(world)
    for event in await told(world, gone):
        if b"customer.deleted" in event:
            await applied(world, await heard(world, event))
    left = await unpaid(payer)
    work = await work_of(world)
    again = await customers.ensure(work, rail_of(world), payer.number, urgent=True)
    await work.close()
    await card(payer)
    answer = await world.change(
        "payInvoices", await renewed(payer), reason_="Because.", invoices=await unpaid_ids(payer)
    )
    await settled(world)

    assert answer.data
    assert again != gone
    assert left == 1
    assert await unpaid(payer) == 0


async def test_a_card_that_is_detached_at_the_rail_is_not_charged(payer: Scene) -> None:
    world = payer.world
    (payment,) = await begun(payer, await invoices(payer, 1))
    known = await world.value("select rail_id from payment_method where account_id = $1", payer.number)
    await rail_of(world).methods.detach(known, key=f"gone-{known}", urgent=True)

    await pursued(payer, payment)
    await settled(world)

    (row,) = await world.rows("select state, decline_code from payment where id = $1", payment)
    assert row["state"] == "failed"
    assert row["decline_code"]
    assert await unpaid(payer) == 1
    assert await wrongs(world) == []


@pytest.mark.parametrize(
    ("currency", "minor", "theirs"), [("ISK", 1_500, 150_000), ("UGX", 20_000, 2_000_000), ("KWD", 5_120, 5_120)]
)
async def test_amounts_that_stripe_writes_its_own_way_are_paid_and_booked(
    payer: Scene, currency: str, minor: int, theirs: int
) -> None:
    world = payer.world
    numbers = await invoices(payer, 1, minor, currency=currency)
    (payment,) = await begun(payer, numbers)

    await pursued(payer, payment)
    await settled(world)

    charge = await world.value("select charge from payment where id = $1", payment)
    assert (await control(world, f"objects/{charge}", verb="GET"))["amount"] == theirs
    assert await wrongs(world) == []
    assert await unpaid(payer) == 0


@pytest.mark.parametrize(
    ("currency", "minor", "charged"), [("USD", 49, []), ("KWD", 5_124, [5_120]), ("USD", 100_000_000, [])]
)
async def test_what_stripe_does_not_charge_is_not_asked_for(
    payer: Scene, currency: str, minor: int, charged: list[int]
) -> None:
    world = payer.world
    (invoice,) = await invoices(payer, 1, minor, currency=currency)

    reply = await world.change(
        "payInvoices",
        await renewed(payer),
        shows_="__typename ... on Problem { message }",
        invoices=[ids.encode("inv", invoice)],
    )
    await settled(world)

    refused = reply.data["payInvoices"]
    assert refused["__typename"] == "AmountNotChargeable"
    assert "can't be charged by card or debit" in refused["message"]
    # What Stripe charges of it is charged by itself.
    payments = await world.rows("select amount_minor from payment where account_id = $1", payer.number)
    assert [row["amount_minor"] for row in payments] == charged
    assert await wrongs(world) == []


async def unpaid_ids(scene: Scene) -> list[str]:
    rows = await scene.world.rows("select id from invoice where account_id = $1 and state = 'open'", scene.number)
    return [ids.encode("inv", row["id"]) for row in rows]


async def renewed(scene: Scene) -> str:
    """The owner, signed in again, for bearers last an hour."""
    owner = scene.owner
    return scene.world.bearer(owner.number, owner.session_number, await scene.world.now())
