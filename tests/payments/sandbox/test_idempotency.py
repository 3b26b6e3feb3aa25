"""Idempotency keys: one key, one answer, for 24 hours."""

import asyncio

import pytest
import stripe

from tests.payments.sandbox.bench import DAY, Bench

CREATE = "/v1/payment_intents"
PAY = "amount=2000&currency=usd&payment_method=pm_card_visa&confirm=true&off_session=true"


async def test_the_same_request_is_done_once(bench: Bench) -> None:
    first = await bench.post(CREATE, PAY, Idempotency_Key="k1")
    second = await bench.post(CREATE, PAY, Idempotency_Key="k1")

    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-request"] == first.headers["request-id"] != second.headers["request-id"]
    assert second.headers["idempotency-key"] == "k1"
    assert len((await bench.v1.charges.list_async()).data) == 1


async def test_the_order_of_parameters_does_not_matter(bench: Bench) -> None:
    await bench.post(CREATE, "amount=500&currency=usd", Idempotency_Key="k")

    assert (await bench.post(CREATE, "currency=usd&amount=500", Idempotency_Key="k")).status_code == 200


async def test_a_decline_is_replayed(bench: Bench) -> None:
    form = PAY.replace("pm_card_visa", "pm_card_visa_chargeDeclined")

    first = await bench.post(CREATE, form, Idempotency_Key="k")
    second = await bench.post(CREATE, form, Idempotency_Key="k")

    assert (first.status_code, second.status_code) == (402, 402)
    assert first.content == second.content
    assert len((await bench.v1.charges.list_async()).data) == 1


async def test_another_request_with_the_same_key_is_refused(bench: Bench) -> None:
    await bench.v1.payment_intents.create_async({"amount": 500, "currency": "usd"}, {"idempotency_key": "k"})

    with pytest.raises(stripe.IdempotencyError) as caught:
        await bench.v1.payment_intents.create_async({"amount": 501, "currency": "usd"}, {"idempotency_key": "k"})
    elsewhere = await bench.post("/v1/customers", "amount=500&currency=usd", Idempotency_Key="k")

    assert caught.value.http_status == 400
    assert elsewhere.json()["error"]["type"] == "idempotency_error"
    assert len((await bench.v1.payment_intents.list_async()).data) == 1


async def test_a_refused_parameter_does_not_burn_the_key(bench: Bench) -> None:
    wrong = await bench.post(CREATE, "amount=500", Idempotency_Key="k")
    right = await bench.post(CREATE, "amount=500&currency=usd", Idempotency_Key="k")

    assert (wrong.status_code, right.status_code) == (400, 200)


async def test_a_missing_object_does_not_burn_the_key(bench: Bench) -> None:
    wrong = await bench.post(CREATE, "amount=500&currency=usd&customer=cus_none", Idempotency_Key="k")
    right = await bench.post(CREATE, "amount=500&currency=usd", Idempotency_Key="k")

    assert (wrong.status_code, right.status_code) == (400, 200)


async def test_a_refusal_by_state_burns_the_key(bench: Bench) -> None:
    intent = await bench.pay()
    path = f"/v1/payment_intents/{intent['id']}/confirm"

    first = await bench.post(path, "off_session=true", Idempotency_Key="k")
    second = await bench.post(path, "off_session=true", Idempotency_Key="k")

    assert first.json()["error"]["code"] == "payment_intent_unexpected_state"
    assert second.headers["idempotent-replayed"] == "true"


async def test_a_key_is_forgotten_after_a_day_of_the_sandbox(bench: Bench) -> None:
    first = await bench.post(CREATE, PAY, Idempotency_Key="k")
    await bench.advance(DAY - 60)
    replayed = await bench.post(CREATE, PAY, Idempotency_Key="k")

    await bench.advance(120)

    again = await bench.post(CREATE, PAY, Idempotency_Key="k")
    assert replayed.json()["id"] == first.json()["id"] != again.json()["id"]


async def test_racing_requests_with_one_key_charge_once(bench: Bench) -> None:
    answers = await asyncio.gather(*(bench.post(CREATE, PAY, Idempotency_Key="race") for _ in range(12)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 409} <= {
        "idempotency_key_in_use"
    }
    assert len((await bench.v1.charges.list_async()).data) == 1


async def test_racing_confirmations_of_one_intent_charge_once(bench: Bench) -> None:
    intent = await bench.v1.payment_intents.create_async(
        {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa"}
    )
    path = f"/v1/payment_intents/{intent.id}/confirm"

    answers = await asyncio.gather(*(bench.post(path, "off_session=true") for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
    assert len((await bench.v1.charges.list_async({"payment_intent": intent.id})).data) == 1


async def test_a_key_in_use_reaches_the_caller_as_a_conflict(bench: Bench) -> None:
    await bench.control("faults", {"operation": "payment_intents.create", "fault": "key_in_use", "times": 0})

    with pytest.raises(stripe.APIError) as caught:
        await bench.v1.payment_intents.create_async({"amount": 500, "currency": "usd"}, {"idempotency_key": "k"})

    # The SDK has no class of its own for it, and leaves its `code` empty.
    assert caught.value.error
    assert (caught.value.http_status, caught.value.error.code) == (409, "idempotency_key_in_use")


async def test_reading_needs_no_key_and_a_long_key_is_refused(bench: Bench) -> None:
    long = await bench.post("/v1/customers", Idempotency_Key="k" * 256)

    assert long.status_code == 400
