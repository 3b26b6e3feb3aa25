"""Tries that payers make by themselves: they count, and what was saved with them is kept."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import stripe

from kernel import ids
from payments.states import PaymentMethodKind
from payments.tables import PaymentMethod
from tests.graph.asking import DAY, work_off
from tests.graph.test_dunning import due, row_of
from tests.graph.test_payments import checked, paid
from tests.paying import authenticate, card, charges, control, customer, invoice_state, owed, rail_of, together
from tests.scenery import Scene

TRIES = (
    "select number, outcome, decline_reason, brand, fingerprint, payment_method_id, charge is not null as charged"
    " from payment_attempt where account_id = $1 order by number"
)


async def confirmed(scene: Scene, payment: str, token: str) -> None:
    """What Stripe's script does when the payer has typed a card into its fields."""
    number = ids.decode("pay", payment)
    intent = await scene.world.value("select rail_id from payment where id = $1", number)
    given: Any = {"payment_method": token, "return_url": "https://shop.example/done"}
    with suppress(stripe.CardError):
        await rail_of(scene.world).line.v1.payment_intents.confirm_async(intent, given)


async def tries(scene: Scene) -> list[tuple[Any, ...]]:
    rows = await scene.world.rows(TRIES, scene.number)
    return [(row["number"], row["outcome"], row["decline_reason"], row["brand"], row["charged"]) for row in rows]


async def test_what_a_payer_tries_on_their_page_is_written_down_once_each_and_the_last_card_is_kept(
    workspace: Scene,
) -> None:
    invoice = await owed(workspace)
    payment = (await paid(workspace, invoice, onPage=True))["id"]

    await confirmed(workspace, payment, "pm_card_visa_chargeDeclinedInsufficientFunds")
    await checked(workspace, payment)
    await work_off(workspace.world, charging=True)
    first = await tries(workspace)
    await confirmed(workspace, payment, "pm_card_mastercard")
    await checked(workspace, payment)
    await work_off(workspace.world, charging=True)
    await checked(workspace, payment)

    assert first == [(1, "declined", "insufficient_funds", "visa", True)]
    assert await tries(workspace) == [*first, (2, "succeeded", None, "mastercard", True)]
    assert await invoice_state(workspace, invoice) == ("paid", 4000)
    kept = await workspace.world.rows(
        "select m.last4, m.is_default from payment p join payment_method m on m.id = p.payment_method_id"
        " where p.account_id = $1",
        workspace.number,
    )
    assert [tuple(row) for row in kept] == [("4444", True)]


async def test_a_try_that_its_payer_finished_at_their_bank_is_one_try(workspace: Scene) -> None:
    method = await card(workspace, "pm_card_authenticationRequired")
    payment = (await paid(workspace, await owed(workspace), paymentMethod=method))["id"]

    await authenticate(workspace, payment)
    await checked(workspace, payment)
    await work_off(workspace.world, charging=True)

    assert await tries(workspace) == [(1, "succeeded", None, "visa", True)]


async def test_a_debit_that_comes_back_is_a_try_that_was_declined(workspace: Scene) -> None:
    await together(workspace.world)
    invoice = await owed(workspace)
    payment = (await paid(workspace, invoice, onPage=True))["id"]
    number = ids.decode("pay", payment)
    intent = await workspace.world.value("select rail_id from payment where id = $1", number)
    given: Any = {
        "payment_method": "pm_usBankAccount_insufficientFunds",
        "mandate_data": {"customer_acceptance": {"type": "offline"}},
        "return_url": "https://shop.example/done",
    }
    await rail_of(workspace.world).line.v1.payment_intents.confirm_async(intent, given)
    await checked(workspace, payment)
    await work_off(workspace.world, charging=True)
    before = await tries(workspace)

    await control(workspace.world, "clock", {"advance": 5 * 86_400})
    await checked(workspace, payment)
    await work_off(workspace.world, charging=True)

    assert [(outcome, charged) for _, outcome, _, _, charged in before] == [("processing", True)]
    assert [(outcome, reason) for _, outcome, reason, _, _ in await tries(workspace)] == [
        ("declined", "insufficient_funds")
    ]


async def test_networks_count_what_payers_try(workspace: Scene) -> None:
    invoice = await owed(workspace)
    payment = (await paid(workspace, invoice, onPage=True))["id"]
    since = await workspace.world.now()

    await confirmed(workspace, payment, "pm_card_visa_chargeDeclinedInsufficientFunds")
    await checked(workspace, payment)
    await work_off(workspace.world, charging=True)

    (row,) = await workspace.world.rows(TRIES, workspace.number)
    counted = await workspace.world.value(
        "select count(*) from card_tries($1, $2::timestamptz - interval '1 hour')", row["fingerprint"], since
    )
    assert counted >= 1


async def test_an_american_debit_that_was_not_covered_is_made_twice_more_and_not_again(workspace: Scene) -> None:
    await together(workspace.world)
    number = workspace.world.number()
    told = {"id": f"pm_known{number}", "customer": await customer(workspace), "type": "us_bank_account"}
    await control(workspace.world, "payment_methods", told | {"last4": "2227"})
    await workspace.world.put(
        PaymentMethod(
            account_id=workspace.number,
            id=number,
            kind=PaymentMethodKind.US_BANK_ACCOUNT,
            brand="STRIPE TEST BANK",
            last4="2227",
            is_default=True,
            rail_id=told["id"],
            created_at=await workspace.world.now(),
        )
    )
    invoice = await due(workspace)

    for _ in range(30):
        await workspace.world.advance(DAY)
        await control(workspace.world, "clock", {"advance": 86_400})
        await work_off(workspace.world, charging=True)
        # The rail tells of a debit's end at once; here the worker looks.
        looks = "update payment set next_at = $2 where account_id = $1 and state = 'processing'"
        await workspace.world.run(looks, workspace.number, await workspace.world.now())
        await work_off(workspace.world, charging=True)

    assert [charge["status"] for charge in await charges(workspace)] == ["failed"] * 3
    assert (await row_of(workspace, invoice))["course"] == "ask"
