"""Invoices of Stripe Billing that are closed at the sandbox, as whoever brings them over closes them."""

from typing import Any

import pytest
import stripe

from tests.payments.sandbox import shapes
from tests.payments.sandbox.bench import Bench


def invoice(id: str, customer: str, **more: Any) -> dict[str, Any]:
    amounts = dict.fromkeys(("amount_due", "amount_remaining", "subtotal", "total"), 5000) | {"amount_paid": 0}
    facts = {"customer": customer, "currency": "usd", "status": "open", "period_start": 1, "period_end": 2}
    return {"id": id, "number": id.upper(), "auto_advance": True, "lines": []} | amounts | facts | more


@pytest.fixture
async def owner(bench: Bench) -> str:
    customer = await bench.customer()
    await bench.control("seed", {"invoices": [invoice("in_1", customer)]})
    return customer


async def kept_payment(bench: Bench, owner: str) -> str:
    """The payment intent that Stripe keeps for an open invoice."""
    intent = await bench.v1.payment_intents.create_async({"amount": 5000, "currency": "usd", "customer": owner})
    payment = {"type": "payment_intent", "payment_intent": intent.id}
    facts = {"id": "inpay_1", "invoice": "in_1", "amount_requested": 5000, "currency": "usd", "status": "open"}
    await bench.control("seed", {"invoice_payments": [facts | {"payment": payment}]})
    return intent.id


async def test_collection_is_turned_off_and_nothing_else_is_changed(bench: Bench, owner: str) -> None:
    off = await bench.v1.invoices.update_async("in_1", {"auto_advance": False, "metadata": {"ours": "inv_1"}})

    shapes.check(off.to_dict())
    assert (off.auto_advance, off.status, off.metadata and off.metadata["ours"]) == (False, "open", "inv_1")
    with pytest.raises(stripe.InvalidRequestError, match="doesn't play the parameter `description`"):
        await bench.v1.invoices.update_async("in_1", {"description": "no"})
    assert owner


async def test_what_was_paid_past_stripe_is_paid_and_its_payment_is_given_up(bench: Bench, owner: str) -> None:
    intent = await kept_payment(bench, owner)

    paid = await bench.v1.invoices.pay_async("in_1", {"paid_out_of_band": True})

    (payment,) = (await bench.v1.invoice_payments.list_async({"invoice": "in_1"})).data
    assert (paid.status, paid.amount_remaining, paid.amount_paid, paid.amount_paid_off_stripe) == (
        "paid",
        0,
        5000,
        5000,
    )
    assert (await bench.v1.payment_intents.retrieve_async(intent)).status == "canceled"
    assert payment.status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="already paid") as refusal:
        await bench.v1.invoices.pay_async("in_1", {"paid_out_of_band": True})
    assert refusal.value.code == "invoice_already_paid"
    assert await bench.told("invoice.paid") == ["invoice.paid"]


async def test_a_charge_of_an_invoice_pays_it_and_a_decline_leaves_it_open(bench: Bench, owner: str) -> None:
    await bench.v1.payment_methods.attach_async("pm_card_chargeCustomerFail", {"customer": owner})
    listed = await bench.v1.customers.payment_methods.list_async(owner)
    with pytest.raises(stripe.CardError):
        await bench.v1.invoices.pay_async("in_1", {"payment_method": listed.data[0].id})
    open_still = (await bench.v1.invoices.retrieve_async("in_1")).status
    card = await bench.v1.payment_methods.attach_async("pm_card_visa", {"customer": owner})

    paid = await bench.v1.invoices.pay_async("in_1", {"payment_method": card.id})

    (payment,) = (await bench.v1.invoice_payments.list_async({"invoice": "in_1", "status": "paid"})).data
    shapes.check(payment.to_dict())
    assert (open_still, paid.status, paid.amount_remaining, payment.amount_paid) == ("open", "paid", 0, 5000)


async def test_a_debit_leaves_its_invoice_open_while_it_is_processed(bench: Bench, owner: str) -> None:
    await bench.control("seed", {"invoices": [invoice("in_1", owner, currency="eur")]})
    method = await bench.v1.payment_methods.attach_async("pm_success_de", {"customer": owner})
    await bench.v1.setup_intents.create_async(
        {
            "customer": owner,
            "payment_method": method.id,
            "confirm": True,
            "allowed_payment_method_types": ["sepa_debit"],
            "mandate_data": {"customer_acceptance": {"type": "offline"}},
        }
    )

    charged = await bench.v1.invoices.pay_async("in_1", {"payment_method": method.id})

    with pytest.raises(stripe.InvalidRequestError, match="being processed"):
        await bench.v1.invoices.pay_async("in_1", {"paid_out_of_band": True})
    assert charged.status == "open"


async def test_the_payment_that_stripe_keeps_for_an_invoice_is_not_canceled_by_itself(bench: Bench, owner: str) -> None:
    intent = await kept_payment(bench, owner)

    with pytest.raises(stripe.InvalidRequestError, match="default payment of an invoice"):
        await bench.v1.payment_intents.cancel_async(intent)
    voided = await bench.v1.invoices.void_invoice_async("in_1")

    assert voided.status == "void"
    assert (await bench.v1.payment_intents.retrieve_async(intent)).cancellation_reason == "void_invoice"


async def test_what_is_given_up_may_still_be_paid_or_voided_and_what_is_void_may_not(bench: Bench, owner: str) -> None:
    await bench.control("seed", {"invoices": [invoice("in_2", owner)]})
    given_up = [await bench.v1.invoices.mark_uncollectible_async(each) for each in ("in_1", "in_2")]

    paid = await bench.v1.invoices.pay_async("in_1", {"paid_out_of_band": True})
    voided = await bench.v1.invoices.void_invoice_async("in_2")

    assert [each.status for each in given_up] == ["uncollectible"] * 2
    assert (paid.status, voided.status) == ("paid", "void")
    with pytest.raises(stripe.InvalidRequestError, match="can't be paid: it is void"):
        await bench.v1.invoices.pay_async("in_2", {"paid_out_of_band": True})
