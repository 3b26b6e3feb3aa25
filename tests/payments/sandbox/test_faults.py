"""Faults on demand, as the real SDK meets them."""

from typing import Any

import pytest
import stripe

from tests.payments.sandbox.bench import Bench

PARAMS: Any = {"amount": 500, "currency": "usd"}


async def made(bench: Bench) -> int:
    await bench.control("faults", verb="DELETE")
    return len((await bench.v1.payment_intents.list_async()).data)


async def fault(bench: Bench, kind: str, **rule: Any) -> None:
    await bench.control("faults", {"operation": "payment_intents.create", "fault": kind} | rule)


async def calls(bench: Bench) -> int:
    (rule,) = await bench.control("faults", verb="GET")
    return int(rule["seen"])


@pytest.mark.parametrize(
    ("kind", "expected", "retried"),
    [
        ("rate_limit", stripe.RateLimitError, 1),
        ("lock_timeout", stripe.RateLimitError, 3),
        ("key_in_use", stripe.APIError, 3),
        ("bad_gateway", stripe.APIError, 3),
        ("error_before", stripe.APIError, 3),
    ],
)
async def test_the_sdk_retries_what_stripe_tells_it_to(bench: Bench, kind: str, expected: Any, retried: int) -> None:
    await fault(bench, kind, times=0)

    with pytest.raises(expected):
        await bench.retrying(2).v1.payment_intents.create_async(PARAMS)

    assert await calls(bench) == retried
    assert await made(bench) == 0


@pytest.mark.parametrize("kind", ["lock_timeout", "key_in_use", "bad_gateway", "drop_before"])
async def test_a_passing_fault_is_survived_by_a_retry(bench: Bench, kind: str) -> None:
    await fault(bench, kind)

    intent = await bench.retrying(1).v1.payment_intents.create_async(PARAMS, {"idempotency_key": "k"})

    assert intent.amount == 500
    assert await made(bench) == 1


@pytest.mark.parametrize("kind", ["drop_after", "truncate"])
async def test_work_whose_answer_was_lost_is_answered_by_its_key(bench: Bench, kind: str) -> None:
    await fault(bench, kind)

    intent = await bench.retrying(1).v1.payment_intents.create_async(PARAMS, {"idempotency_key": "k"})

    assert await calls(bench) == 2
    assert [one.id for one in (await bench.v1.payment_intents.list_async()).data] == [intent.id]


@pytest.mark.parametrize(("kind", "left"), [("drop_before", 0), ("drop_after", 1), ("truncate", 1)])
async def test_a_lost_connection_is_a_connection_error(bench: Bench, kind: str, left: int) -> None:
    await fault(bench, kind)

    with pytest.raises(stripe.APIConnectionError):
        await bench.v1.payment_intents.create_async(PARAMS)

    assert await made(bench) == left


@pytest.mark.parametrize(("kind", "left"), [("hang_before", 0), ("hang_after", 1)])
async def test_a_connection_may_hang_and_then_drop(bench: Bench, kind: str, left: int) -> None:
    await fault(bench, kind, seconds="0.05")

    with pytest.raises(stripe.APIConnectionError):
        await bench.v1.payment_intents.create_async(PARAMS)

    assert await made(bench) == left


@pytest.mark.parametrize(("kind", "left"), [("error_before", 0), ("error_after", 1)])
async def test_a_500_is_what_its_key_answers_from_then_on(bench: Bench, kind: str, left: int) -> None:
    await fault(bench, kind)

    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            await bench.v1.payment_intents.create_async(PARAMS, {"idempotency_key": "k"})
        assert caught.value.http_status == 500

    assert await made(bench) == left


async def test_a_500_that_burns_no_key_is_resolved_by_it(bench: Bench) -> None:
    await fault(bench, "error_after", burns=False)

    with pytest.raises(stripe.APIError):
        await bench.v1.payment_intents.create_async(PARAMS, {"idempotency_key": "k"})
    intent = await bench.v1.payment_intents.create_async(PARAMS, {"idempotency_key": "k"})

    assert [one.id for one in (await bench.v1.payment_intents.list_async()).data] == [intent.id]


async def test_the_nth_call_is_met_and_no_other(bench: Bench) -> None:
    await fault(bench, "rate_limit", nth=2)

    await bench.v1.payment_intents.create_async(PARAMS)
    with pytest.raises(stripe.RateLimitError):
        await bench.v1.payment_intents.create_async(PARAMS)
    await bench.v1.payment_intents.create_async(PARAMS)

    assert await made(bench) == 2


async def test_chance_repeats_itself_from_a_seed(bench: Bench) -> None:
    async def struck() -> list[bool]:
        await bench.control(
            "faults", {"operation": "customers.*", "fault": "rate_limit", "times": 0, "probability": "0.5", "seed": 3}
        )
        statuses = [(await bench.post("/v1/customers")).status_code for _ in range(20)]
        await bench.control("faults", verb="DELETE")
        return [status == 429 for status in statuses]

    first = await struck()

    assert first == await struck()
    assert 4 <= sum(first) <= 16


async def test_latency_delays_and_changes_nothing(bench: Bench) -> None:
    await fault(bench, "latency", seconds="0.01")

    assert (await bench.v1.payment_intents.create_async(PARAMS)).amount == 500


async def test_a_rule_that_can_not_be_read_is_refused(bench: Bench) -> None:
    answer = await bench.raw.post(f"{bench.address}/_sandbox/faults", json={"fault": "earthquake"})

    assert answer.status_code == 400


async def test_limits_are_off_until_they_are_set(bench: Bench) -> None:
    for _ in range(40):
        assert (await bench.post("/v1/customers")).status_code == 200

    await bench.control("settings", {"limits": {"operation": 5}})
    answers = [await bench.post("/v1/customers") for _ in range(20)]

    # The second may turn while the test runs, and no more often than twice.
    limited = [answer for answer in answers if answer.status_code == 429]
    assert 5 <= len(limited) <= 15
    assert limited[0].headers["stripe-rate-limited-reason"] == "endpoint-rate"
    assert limited[0].json()["error"]["code"] == "rate_limit"
