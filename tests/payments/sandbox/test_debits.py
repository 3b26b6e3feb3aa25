"""Debits: processing for days, then a result, and sometimes a reversal."""

from typing import Any

import pytest
import stripe

from tests.payments.sandbox import shapes
from tests.payments.sandbox.bench import DAY, Bench

ACCEPTED: Any = {"customer_acceptance": {"type": "online", "online": {"ip_address": "127.0.0.1", "user_agent": "test"}}}


async def debit(bench: Bench, token: str, currency: str = "eur", **params: Any) -> Any:
    return await bench.pay(token, currency=currency, mandate_data=ACCEPTED, **params)


async def test_a_sepa_debit_is_paid_after_five_days(bench: Bench) -> None:
    intent = await debit(bench, "pm_success_de")
    await bench.advance(5 * DAY - 60)
    waiting = await bench.v1.payment_intents.retrieve_async(intent["id"])

    await bench.advance(60)

    shapes.check(intent)
    assert (intent["status"], waiting.status) == ("processing", "processing")
    paid = (await bench.v1.payment_intents.retrieve_async(intent["id"])).to_dict()
    charge = await bench.charge_of(paid)
    shapes.check(charge)
    assert (paid["status"], charge["status"]) == ("succeeded", "succeeded")
    assert charge["balance_transaction"]
    assert await bench.told("payment_intent.processing", "charge.pending", "charge.succeeded") == [
        "charge.pending",
        "payment_intent.processing",
        "charge.succeeded",
    ]


@pytest.mark.parametrize(
    ("token", "reason"),
    [("pm_failed_at", "generic_could_not_process"), ("pm_insufficientFunds_fr", "insufficient_funds")],
)
async def test_a_sepa_debit_may_come_back(bench: Bench, token: str, reason: str) -> None:
    intent = await debit(bench, token)

    await bench.advance(5 * DAY)

    failed = (await bench.v1.payment_intents.retrieve_async(intent["id"])).to_dict()
    shapes.check(failed)
    assert failed["status"] == "requires_payment_method"
    assert failed["last_payment_error"]["decline_code"] == reason
    charge = await bench.charge_of(failed)
    assert (charge["status"], charge["failure_code"], charge["balance_transaction"]) == ("failed", reason, None)


async def test_the_slow_iban_takes_two_weeks(bench: Bench) -> None:
    intent = await debit(bench, "pm_successDelayed_be")

    await bench.advance(13 * DAY)
    assert (await bench.v1.payment_intents.retrieve_async(intent["id"])).status == "processing"
    await bench.advance(DAY)
    assert (await bench.v1.payment_intents.retrieve_async(intent["id"])).status == "succeeded"


async def test_a_payer_may_reverse_a_sepa_debit_weeks_later(bench: Bench) -> None:
    intent = await debit(bench, "pm_disputed_at")

    await bench.advance(26 * DAY)

    (dispute,) = (await bench.v1.disputes.list_async({"payment_intent": intent["id"]})).to_dict()["data"]
    shapes.check(dispute)
    assert (dispute["amount"], dispute["reason"]) == (2000, "debit_not_authorized")


async def test_a_debit_needs_a_mandate(bench: Bench) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await bench.pay("pm_success_de", currency="eur")

    assert caught.value.param == "mandate_data"


async def test_a_saved_account_is_debited_under_its_mandate(bench: Bench) -> None:
    owner = await bench.customer()
    setup = await bench.v1.setup_intents.create_async(
        {
            "customer": owner,
            "payment_method": "pm_success_at",
            "confirm": True,
            "mandate_data": ACCEPTED,
            "return_url": "https://a.test",
        }
    )
    mandate = (await bench.v1.mandates.retrieve_async(str(setup.mandate))).to_dict()

    intent = await bench.pay(str(setup.payment_method), currency="eur", customer=owner)

    shapes.check(mandate)
    assert intent["status"] == "processing"
    assert (await bench.charge_of(intent))["payment_method_details"]["sepa_debit"]["mandate"] == setup.mandate


async def test_a_revoked_mandate_can_not_be_used(bench: Bench) -> None:
    owner = await bench.customer()
    setup = await bench.v1.setup_intents.create_async(
        {
            "customer": owner,
            "payment_method": "pm_success_at",
            "confirm": True,
            "mandate_data": ACCEPTED,
            "return_url": "https://a.test",
        }
    )

    await bench.control(f"mandates/{setup.mandate}/revoke", {})

    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        await bench.pay(str(setup.payment_method), currency="eur", customer=owner)
    assert "mandate.updated" in await bench.told()


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("pm_usBankAccount_success", "succeeded"),
        ("pm_usBankAccount_accountClosed", "requires_payment_method"),
        ("pm_usBankAccount_noAccount", "requires_payment_method"),
        ("pm_usBankAccount_insufficientFunds", "requires_payment_method"),
        ("pm_usBankAccount_processing", "processing"),
    ],
)
async def test_an_american_account_answers_after_four_days(bench: Bench, token: str, status: str) -> None:
    intent = await debit(bench, token, "usd")

    await bench.advance(4 * DAY)

    settled = (await bench.v1.payment_intents.retrieve_async(intent["id"])).to_dict()
    shapes.check(settled)
    assert (intent["status"], settled["status"]) == ("processing", status)


async def test_an_unauthorized_debit_ends_its_mandate(bench: Bench) -> None:
    intent = await debit(bench, "pm_usBankAccount_debitNotAuthorized", "usd")
    charge = await bench.charge_of(intent)

    await bench.advance(4 * DAY)

    mandate = await bench.v1.mandates.retrieve_async(charge["payment_method_details"]["us_bank_account"]["mandate"])
    assert mandate.status == "inactive"


async def test_a_processing_american_debit_can_be_canceled_and_a_sepa_debit_can_not(bench: Bench) -> None:
    american = await debit(bench, "pm_usBankAccount_processing", "usd")
    european = await debit(bench, "pm_success_de")

    assert (await bench.v1.payment_intents.cancel_async(american["id"])).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="processing"):
        await bench.v1.payment_intents.cancel_async(european["id"])


async def test_a_method_is_made_from_an_iban_with_its_payer(bench: Bench) -> None:
    account: Any = {"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}}
    payer = {"billing_details": {"name": "Ada", "email": "ada@acme.test"}}

    made = await bench.v1.payment_methods.create_async(account | payer)

    shapes.check(made.to_dict())
    assert made.sepa_debit
    assert made.sepa_debit.last4 == "3000"
    with pytest.raises(stripe.InvalidRequestError, match=r"billing_details\[name\]"):
        await bench.v1.payment_methods.create_async(account)


async def test_a_refund_of_a_debit_takes_days(bench: Bench) -> None:
    intent = await debit(bench, "pm_success_de")
    await bench.advance(5 * DAY)

    refund = await bench.v1.refunds.create_async({"payment_intent": intent["id"]})
    await bench.advance(5 * DAY)

    done = (await bench.v1.refunds.retrieve_async(refund.id)).to_dict()
    shapes.check(done)
    assert (refund.status, done["status"]) == ("pending", "succeeded")
