"""Refunds: whole, in part, late, and failing."""

import asyncio

import pytest
import stripe

from tests.payments.sandbox import shapes
from tests.payments.sandbox.bench import FIVE_DAYS, Bench


async def test_a_payment_is_refunded_at_once(bench: Bench) -> None:
    intent = await bench.pay(amount=2000)

    refund = (
        await bench.v1.refunds.create_async(
            {"payment_intent": intent["id"], "reason": "requested_by_customer", "metadata": {"gw_refund": "1"}}
        )
    ).to_dict()

    shapes.check(refund)
    assert (refund["status"], refund["amount"], refund["metadata"]) == ("succeeded", 2000, {"gw_refund": "1"})
    charge = await bench.charge_of(intent)
    assert (charge["refunded"], charge["amount_refunded"]) == (True, 2000)
    moved = await bench.v1.balance_transactions.retrieve_async(refund["balance_transaction"])
    assert (moved.amount, moved.fee, moved.type) == (-2000, 0, "refund")
    assert (await bench.told())[-2:] == ["refund.created", "charge.refunded"]


async def test_parts_never_exceed_the_whole(bench: Bench) -> None:
    intent = await bench.pay(amount=1000)
    await bench.v1.refunds.create_async({"payment_intent": intent["id"], "amount": 600})

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        await bench.v1.refunds.create_async({"payment_intent": intent["id"], "amount": 500})
    await bench.v1.refunds.create_async({"charge": intent["latest_charge"]})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await bench.v1.refunds.create_async({"charge": intent["latest_charge"]})

    assert caught.value.code == "charge_already_refunded"
    refunds = await bench.v1.refunds.list_async({"charge": intent["latest_charge"]})
    assert sorted(refund.amount for refund in refunds.data) == [400, 600]


async def test_a_pending_refund_succeeds_later(bench: Bench) -> None:
    intent = await bench.pay("pm_card_pendingRefund")
    refund = await bench.v1.refunds.create_async({"payment_intent": intent["id"]})

    await bench.advance(FIVE_DAYS)

    assert (refund.status, (await bench.v1.refunds.retrieve_async(refund.id)).status) == ("pending", "succeeded")
    assert {"refund.updated", "charge.refund.updated"} <= set(await bench.told())


async def test_a_doomed_refund_fails_later_and_the_money_returns(bench: Bench) -> None:
    intent = await bench.pay("pm_card_refundFail", amount=2000)
    refund = await bench.v1.refunds.create_async({"payment_intent": intent["id"]})

    await bench.advance(FIVE_DAYS)

    failed = (await bench.v1.refunds.retrieve_async(refund.id)).to_dict()
    shapes.check(failed)
    assert (refund.status, failed["status"]) == ("succeeded", "failed")
    moved = await bench.v1.balance_transactions.retrieve_async(failed["failure_balance_transaction"])
    assert (moved.amount, moved.type) == (2000, "refund_failure")
    charge = await bench.charge_of(intent)
    assert (charge["refunded"], charge["amount_refunded"]) == (False, 0)
    assert "refund.failed" in await bench.told()


async def test_a_refund_that_waits_for_the_customer_can_be_canceled(bench: Bench) -> None:
    intent = await bench.pay("pm_card_pendingRefund")
    refund = await bench.v1.refunds.create_async(
        {"payment_intent": intent["id"], "instructions_email": "ada@acme.test"}
    )

    canceled = await bench.v1.refunds.cancel_async(refund.id)

    shapes.check(canceled.to_dict())
    assert (refund.status, canceled.status) == ("requires_action", "canceled")
    assert (await bench.charge_of(intent))["amount_refunded"] == 0


async def test_only_a_waiting_refund_can_be_canceled(bench: Bench) -> None:
    intent = await bench.pay()
    refund = await bench.v1.refunds.create_async({"payment_intent": intent["id"]})

    with pytest.raises(stripe.InvalidRequestError, match="succeeded"):
        await bench.v1.refunds.cancel_async(refund.id)


async def test_a_disputed_charge_can_not_be_refunded(bench: Bench) -> None:
    intent = await bench.pay("pm_card_createDispute")
    await bench.advance(5)

    with pytest.raises(stripe.InvalidRequestError) as caught:
        await bench.v1.refunds.create_async({"payment_intent": intent["id"]})

    assert caught.value.code == "charge_disputed"
    assert (await bench.v1.refunds.list_async()).data == []


async def test_what_was_never_paid_can_not_be_refunded(bench: Bench) -> None:
    intent = await bench.v1.payment_intents.create_async({"amount": 500, "currency": "usd"})

    with pytest.raises(stripe.InvalidRequestError):
        await bench.v1.refunds.create_async({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError, match="One of the following params"):
        await bench.v1.refunds.create_async({})


async def test_racing_refunds_never_give_back_more_than_was_paid(bench: Bench) -> None:
    intent = await bench.pay(amount=1000)
    form = f"payment_intent={intent['id']}&amount=400"

    answers = await asyncio.gather(*(bench.post("/v1/refunds", form) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [200, 200, 400, 400, 400, 400]
    assert (await bench.charge_of(intent))["amount_refunded"] == 800
