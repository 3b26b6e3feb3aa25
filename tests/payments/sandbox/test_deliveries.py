"""Events reach webhook endpoints: signed, at least once, in any order, or not at all."""

import json
from collections.abc import Awaitable, Callable

import pytest
import stripe

from tests.payments.sandbox import shapes
from tests.payments.sandbox.bench import DAY, Bench, Listener

Listen = Callable[..., Awaitable[Listener]]
HOUR = 3600


async def drain(bench: Bench) -> int:
    return int((await bench.control("deliveries/drain"))["posted"])


async def test_an_event_arrives_signed(bench: Bench, listen: Listen) -> None:
    listener = await listen()

    intent = await bench.pay()
    await drain(bench)

    events = listener.events(bench.client)
    assert {event.type for event in events} == {
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    }
    body = next(event for event in events if event.type == "payment_intent.succeeded").to_dict()
    shapes.check(body)
    shapes.check(body["data"]["object"])
    assert (body["api_version"], body["data"]["object"]["id"]) == (stripe.api_version, intent["id"])
    assert body["request"]["id"].startswith("req_")


async def test_an_endpoint_hears_only_what_it_asked_for(bench: Bench, listen: Listen) -> None:
    listener = await listen("charge.succeeded")

    await bench.pay()
    await drain(bench)

    assert [event.type for event in listener.events(bench.client)] == ["charge.succeeded"]


async def test_a_failed_delivery_is_tried_again_with_a_fresh_signature(bench: Bench, listen: Listen) -> None:
    listener = await listen("customer.created")
    listener.answers = [500]
    await bench.customer()
    await drain(bench)
    (waiting,) = (await bench.control("deliveries", verb="GET"))["deliveries"]

    await bench.advance(HOUR)
    await drain(bench)

    (delivered,) = (await bench.control("deliveries", verb="GET"))["deliveries"]
    assert (waiting["state"], waiting["status"], delivered["state"], delivered["attempts"]) == (
        "pending",
        500,
        "delivered",
        2,
    )
    first, second = listener.events(bench.client)
    assert first.id == second.id


async def test_deliveries_are_given_up_after_three_tries(bench: Bench, listen: Listen) -> None:
    listener = await listen("customer.created")
    listener.answers = [500, 302, 404]
    await bench.customer()

    for _ in range(5):
        await drain(bench)
        await bench.advance(DAY)

    (delivery,) = (await bench.control("deliveries", verb="GET"))["deliveries"]
    assert (delivery["state"], len(listener.received)) == ("failed", 3)
    assert len((await bench.v1.events.list_async({"delivery_success": False})).data) == 1
    await bench.control(f"events/{delivery['event']}/resend")
    await drain(bench)
    assert len(listener.received) == 4
    assert (await bench.v1.events.list_async({"delivery_success": False})).data == []


async def test_mode_off_loses_events_and_the_list_still_knows(bench: Bench, listen: Listen) -> None:
    listener = await listen()
    await bench.control("deliveries", {"mode": "off"})

    await bench.customer()
    await drain(bench)

    assert listener.received == []
    missed = await bench.v1.events.list_async({"delivery_success": False, "types": ["customer.created"]})
    assert [event.type for event in missed.data] == ["customer.created"]


async def test_mode_hold_keeps_events_until_they_are_released(bench: Bench, listen: Listen) -> None:
    listener = await listen()
    await bench.control("deliveries", {"mode": "hold"})
    await bench.customer()
    await drain(bench)
    held = len(listener.received)

    await bench.control("deliveries/release")
    await drain(bench)

    assert (held, len(listener.received)) == (0, 1)


async def test_mode_duplicate_posts_twice(bench: Bench, listen: Listen) -> None:
    listener = await listen()
    await bench.control("deliveries", {"mode": "duplicate"})

    await bench.customer()
    await drain(bench)

    first, second = listener.events(bench.client)
    assert first.id == second.id


async def test_mode_shuffle_posts_everything_once_in_some_order(bench: Bench, listen: Listen) -> None:
    listener = await listen()
    await bench.control("deliveries", {"mode": "shuffle"})

    for _ in range(4):
        await bench.pay()
    await drain(bench)

    ids = [event.id for event in listener.events(bench.client)]
    assert len(ids) == len(set(ids)) == 12


async def test_an_endpoint_that_does_not_answer_is_tried_again(bench: Bench, listen: Listen) -> None:
    listener = await listen("customer.created")
    await listener.close()

    await bench.customer()
    await drain(bench)

    (delivery,) = (await bench.control("deliveries", verb="GET"))["deliveries"]
    assert (delivery["state"], delivery["error"]) == ("pending", "ConnectError")


async def test_the_secret_is_told_once(bench: Bench) -> None:
    made = await bench.v1.webhook_endpoints.create_async(
        {"url": "https://a.test/hook", "enabled_events": ["charge.succeeded"], "api_version": "2026-10-28.endive"}
    )

    read = (await bench.v1.webhook_endpoints.retrieve_async(made.id)).to_dict()

    shapes.check(made.to_dict())
    shapes.check(read)
    assert str(made.secret).startswith("whsec_")
    assert "secret" not in read


async def test_endpoints_are_disabled_and_deleted(bench: Bench, listen: Listen) -> None:
    listener = await listen()
    (endpoint,) = (await bench.v1.webhook_endpoints.list_async()).data

    await bench.v1.webhook_endpoints.update_async(endpoint.id, {"disabled": True})
    await bench.customer()
    await drain(bench)
    deleted = await bench.v1.webhook_endpoints.delete_async(endpoint.id)

    assert listener.received == []
    assert deleted.deleted
    with pytest.raises(stripe.InvalidRequestError, match="No such webhook_endpoint"):
        await bench.v1.webhook_endpoints.retrieve_async(endpoint.id)


async def test_an_endpoint_of_another_version_or_without_a_scheme_is_refused(bench: Bench) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="renders events"):
        await bench.v1.webhook_endpoints.create_async(
            {"url": "https://a.test", "enabled_events": ["*"], "api_version": "2024-06-20"}
        )
    with pytest.raises(stripe.InvalidRequestError, match="scheme"):
        await bench.v1.webhook_endpoints.create_async({"url": "a.test", "enabled_events": ["*"]})


async def test_a_request_tells_its_key_to_the_event(bench: Bench) -> None:
    await bench.v1.customers.create_async({}, {"idempotency_key": "k-7"})

    (event,) = await bench.events()

    assert event["request"]["idempotency_key"] == "k-7"


async def test_events_are_filtered_by_type_with_wildcards(bench: Bench) -> None:
    await bench.pay()

    assert await bench.told("charge.*") == ["charge.succeeded"]
    exact = await bench.v1.events.list_async({"type": "payment_intent.created"})
    assert [event.type for event in exact.data] == ["payment_intent.created"]


async def test_events_are_kept_for_thirty_days(bench: Bench) -> None:
    await bench.customer()
    (event,) = await bench.events()
    await bench.advance(29 * DAY)
    assert [one["id"] for one in await bench.events("customer.created")] == [event["id"]]

    await bench.advance(DAY)

    assert await bench.events("customer.created") == []
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        await bench.v1.events.retrieve_async(event["id"])


async def test_an_event_counts_its_pending_deliveries(bench: Bench, listen: Listen) -> None:
    await listen()
    await bench.customer()
    (before,) = await bench.events()

    await drain(bench)

    after = await bench.v1.events.retrieve_async(before["id"])
    assert (before["pending_webhooks"], after.pending_webhooks) == (1, 0)


async def test_a_test_may_emit_any_event(bench: Bench, listen: Listen) -> None:
    listener = await listen()

    await bench.control("events", {"type": "invoice.paid", "object": {"id": "in_1", "object": "invoice"}})
    await drain(bench)

    assert json.loads(listener.received[0][0])["data"]["object"] == {"id": "in_1", "object": "invoice"}
