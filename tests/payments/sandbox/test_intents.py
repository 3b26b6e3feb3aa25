"""Charging: a card answers at once, and every answer looks like Stripe's."""

import pytest
import stripe

from tests.payments.sandbox import shapes
from tests.payments.sandbox.bench import DAY, Bench


async def test_a_good_card_pays(bench: Bench) -> None:
    intent = await bench.pay(amount=2000, metadata={"gw_attempt": "1"})

    shapes.check(intent)
    assert (intent["status"], intent["amount_received"], intent["metadata"]) == ("succeeded", 2000, {"gw_attempt": "1"})
    charge = await bench.charge_of(intent)
    shapes.check(charge)
    assert (charge["status"], charge["paid"], charge["captured"]) == ("succeeded", True, True)
    assert await bench.told() == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


async def test_the_fee_comes_later_by_default(bench: Bench) -> None:
    intent = await bench.pay(amount=2000)
    before = await bench.charge_of(intent)

    await bench.advance(5)

    assert before["balance_transaction"] is None
    charge = await bench.v1.charges.retrieve_async(intent["latest_charge"], {"expand": ["balance_transaction"]})
    moved = charge.to_dict()["balance_transaction"]
    shapes.check(moved)
    assert (moved["amount"], moved["fee"], moved["net"], moved["status"]) == (2000, 88, 1912, "pending")
    updated = (await bench.events("charge.updated"))[0]
    assert updated["data"]["previous_attributes"] == {"balance_transaction": None}


async def test_the_fee_is_there_at_once_if_the_capture_is_synchronous(bench: Bench) -> None:
    intent = await bench.pay(capture_method="automatic")

    assert (await bench.charge_of(intent))["balance_transaction"].startswith("txn_")


@pytest.mark.parametrize(
    ("token", "code", "decline_code", "advice"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline", "try_again_later"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", "try_again_later"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card", "do_not_try_again"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card", "do_not_try_again"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", "confirm_card_data"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", "confirm_card_data"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error", "try_again_later"),
        (
            "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
            "card_declined",
            "card_velocity_exceeded",
            "try_again_later",
        ),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline", "try_again_later"),
        ("pm_card_radarBlock", "card_declined", "fraudulent", "do_not_try_again"),
        ("pm_sandbox_declines_do_not_honor", "card_declined", "do_not_honor", "try_again_later"),
    ],
)
async def test_a_bad_card_is_declined_and_the_try_is_recorded(
    bench: Bench, token: str, code: str, decline_code: str, advice: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        await bench.pay(token)

    error = caught.value.error
    assert error
    assert (caught.value.http_status, error.code, error.decline_code, error.advice_code) == (
        402,
        code,
        decline_code,
        advice,
    )
    assert error.payment_intent
    intent = (await bench.v1.payment_intents.retrieve_async(error.payment_intent.id)).to_dict()
    shapes.check(intent)
    assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)
    assert intent["last_payment_error"]["decline_code"] == decline_code
    assert intent["latest_charge"] == error.charge
    charge = await bench.charge_of(intent)
    shapes.check(charge)
    assert (charge["status"], charge["paid"], charge["failure_code"]) == ("failed", False, code)
    assert await bench.told() == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


async def test_an_intent_that_was_declined_is_paid_by_another_card(bench: Bench) -> None:
    with pytest.raises(stripe.CardError) as caught:
        await bench.pay("pm_card_visa_chargeDeclined")
    assert caught.value.error
    assert caught.value.error.payment_intent

    paid = await bench.v1.payment_intents.confirm_async(
        caught.value.error.payment_intent.id, {"payment_method": "pm_card_mastercard", "off_session": True}
    )

    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    charges = await bench.v1.charges.list_async({"payment_intent": paid.id})
    assert [charge.status for charge in charges.data] == ["succeeded", "failed"]


async def test_create_and_confirm_are_two_steps_if_wanted(bench: Bench) -> None:
    owner = await bench.customer()
    method = await bench.method(customer=owner)
    intent = await bench.v1.payment_intents.create_async(
        {"amount": 500, "currency": "eur", "customer": owner, "payment_method": method}
    )

    updated = await bench.v1.payment_intents.update_async(intent.id, {"amount": 700, "metadata": {"step": "2"}})
    confirmed = await bench.v1.payment_intents.confirm_async(intent.id, {"off_session": True})

    assert (intent.status, updated.amount) == ("requires_confirmation", 700)
    assert (confirmed.status, confirmed.amount_received, confirmed.customer) == ("succeeded", 700, owner)


async def test_a_second_confirmation_never_charges_again(bench: Bench) -> None:
    intent = await bench.pay()

    with pytest.raises(stripe.InvalidRequestError) as caught:
        await bench.v1.payment_intents.confirm_async(intent["id"], {"off_session": True})

    assert caught.value.code == "payment_intent_unexpected_state"
    assert caught.value.error
    assert caught.value.error.payment_intent
    assert caught.value.error.payment_intent.status == "succeeded"
    assert len((await bench.v1.charges.list_async({"payment_intent": intent["id"]})).data) == 1


async def test_the_money_can_be_held_and_taken_later(bench: Bench) -> None:
    held = await bench.pay(amount=1000, capture_method="manual")

    captured = await bench.v1.payment_intents.capture_async(held["id"], {"amount_to_capture": 600})

    assert (held["status"], held["amount_capturable"]) == ("requires_capture", 1000)
    assert (captured.status, captured.amount_received) == ("succeeded", 600)
    charge = await bench.charge_of(held)
    assert (charge["amount_captured"], charge["captured"]) == (600, True)
    assert "payment_intent.amount_capturable_updated" in await bench.told()


async def test_a_hold_ends_after_seven_days(bench: Bench) -> None:
    held = await bench.pay(capture_method="manual")

    await bench.advance(7 * DAY + 1)

    intent = await bench.v1.payment_intents.retrieve_async(held["id"])
    assert (intent.status, intent.cancellation_reason) == ("canceled", "automatic")
    assert {"charge.expired", "payment_intent.canceled"} <= set(await bench.told())


async def test_an_intent_can_be_canceled_until_it_is_paid(bench: Bench) -> None:
    intent = await bench.v1.payment_intents.create_async({"amount": 500, "currency": "usd"})

    canceled = await bench.v1.payment_intents.cancel_async(intent.id, {"cancellation_reason": "abandoned"})

    shapes.check(canceled.to_dict())
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError, match="canceled"):
        await bench.v1.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa", "off_session": True})


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "usd", "amount_too_small"),
        (17_499, "huf", "amount_too_small"),
        (100_000_000, "usd", "amount_too_large"),
        (5124, "kwd", "parameter_invalid_integer"),
        (501, "ugx", "parameter_invalid_integer"),
        (500, "USD", "parameter_invalid_string"),
        (500, "xyz", "parameter_invalid_string"),
    ],
)
async def test_amounts_obey_the_currency(bench: Bench, amount: int, currency: str, code: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await bench.v1.payment_intents.create_async({"amount": amount, "currency": currency})

    assert caught.value.code == code
    assert await bench.events() == []


@pytest.mark.parametrize(
    ("amount", "currency"), [(5120, "kwd"), (500, "ugx"), (500, "isk"), (50, "jpy"), (999_999_999_999, "idr")]
)
async def test_documented_amounts_are_taken(bench: Bench, amount: int, currency: str) -> None:
    assert (await bench.pay(amount=amount, currency=currency))["status"] == "succeeded"


async def test_a_payment_on_session_needs_a_return_url_or_no_redirects(bench: Bench) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        await bench.pay(off_session=False)

    intent = await bench.pay(off_session=False, automatic_payment_methods={"enabled": True, "allow_redirects": "never"})
    assert intent["status"] == "succeeded"


async def test_a_method_of_somebody_else_is_refused(bench: Bench) -> None:
    method = await bench.method()

    with pytest.raises(stripe.InvalidRequestError, match="does not belong"):
        await bench.pay(method, customer=await bench.customer())
    with pytest.raises(stripe.InvalidRequestError, match="belongs to a Customer"):
        await bench.pay(method)


async def test_a_method_type_that_was_not_allowed_is_refused(bench: Bench) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await bench.pay("pm_usBankAccount_success", allowed_payment_method_types=["card"])

    assert caught.value.code == "payment_intent_incompatible_payment_method"


async def test_a_deleted_customer_can_not_be_charged(bench: Bench) -> None:
    owner = await bench.customer()
    await bench.v1.customers.delete_async(owner)

    with pytest.raises(stripe.InvalidRequestError) as caught:
        await bench.pay(customer=owner)

    assert (caught.value.code, caught.value.http_status, caught.value.param) == ("resource_missing", 400, "customer")


async def test_funds_of_the_bypassing_card_are_available_at_once(bench: Bench) -> None:
    await bench.pay("pm_card_bypassPending", amount=2000, capture_method="automatic")

    balance = (await bench.v1.balance.retrieve_async()).to_dict()

    shapes.check(balance)
    assert (balance["available"][0]["amount"], balance["pending"][0]["amount"]) == (1912, 0)


async def test_another_currency_is_settled_at_the_rate_that_was_set(bench: Bench) -> None:
    await bench.control("settings", {"settlement": {"chf": ["usd", "1.12"]}})

    intent = await bench.pay(
        amount=1000, currency="chf", capture_method="automatic", expand=["latest_charge.balance_transaction"]
    )

    moved = intent["latest_charge"]["balance_transaction"]
    shapes.check(moved)
    assert (moved["amount"], moved["fee"], moved["currency"], moved["exchange_rate"]) == (1120, 66, "usd", 1.12)
