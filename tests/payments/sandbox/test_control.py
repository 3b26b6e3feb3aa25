"""Running the sandbox: its clock, its memory, and what happens by itself."""

import asyncio

import httpx2
import stripe

from kernel import database
from payments.sandbox.app import sandbox
from tests.payments.conftest import running
from tests.payments.sandbox.bench import DAY, Bench


async def test_the_clock_runs_ahead_of_the_machine_and_never_back(bench: Bench) -> None:
    before = (await bench.control("clock", verb="GET"))["now"]

    advanced = await bench.advance(30 * DAY)

    back = await bench.raw.post(f"{bench.address}/_sandbox/clock", json={"advance": -1})
    assert 0 <= advanced["now"] - before - 30 * DAY < 60
    assert back.status_code == 400


async def test_everything_happens_at_its_own_instant(bench: Bench) -> None:
    intent = await bench.pay("pm_card_createDispute")

    await bench.advance(40 * DAY)

    instants = {event["type"]: event["created"] - intent["created"] for event in await bench.events()}
    # Events older than thirty days are forgotten, so only the end of the story is left.
    assert 14 * DAY <= instants["charge.dispute.closed"] <= 14 * DAY + 10


async def test_an_object_that_is_held_too_long_is_a_lock_timeout(bench: Bench, sandbox_url: str) -> None:
    owner = await bench.customer()

    async with database.connected(sandbox_url) as connection, connection.transaction():
        await connection.execute("select from sandbox.object where id = $1 for update", owner)
        read = await bench.v1.customers.retrieve_async(owner)
        answer = await bench.post(f"/v1/customers/{owner}", "name=Ada")

    assert read.id == owner
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "lock_timeout")
    assert answer.headers["stripe-should-retry"] == "true"
    assert (await bench.v1.customers.retrieve_async(owner)).name is None


async def test_delays_can_be_changed(bench: Bench) -> None:
    await bench.control("delays", {"fee": 100})
    intent = await bench.pay()

    await bench.advance(50)
    assert (await bench.charge_of(intent))["balance_transaction"] is None
    await bench.advance(50)
    assert (await bench.charge_of(intent))["balance_transaction"]


async def test_a_restart_forgets_nothing(
    sandbox_url: str, bench: Bench, clients: tuple[httpx2.AsyncClient, stripe.HTTPXClient]
) -> None:
    before = await bench.advance(10 * DAY)
    await bench.control("deliveries", {"mode": "hold"})
    first = await bench.post("/v1/customers", "name=Ada", Idempotency_Key="k")

    async with running(sandbox(sandbox_url, seed=7, background=False)) as address:
        again = Bench(address, *clients)
        second = await again.post("/v1/customers", "name=Ada", Idempotency_Key="k")
        other = await again.customer()
        clock = await again.control("clock", verb="GET")
        deliveries = await again.control("deliveries", verb="GET")

    assert second.content == first.content
    assert second.headers["idempotent-replayed"] == "true"
    assert other != first.json()["id"]
    assert clock["now"] >= before["now"]
    assert deliveries["mode"] == "hold"


async def test_by_itself_the_sandbox_books_fees_and_delivers(
    sandbox_url: str, bench: Bench, clients: tuple[httpx2.AsyncClient, stripe.HTTPXClient]
) -> None:
    await bench.control("delays", {"fee": 0})

    async with running(sandbox(sandbox_url, seed=7)) as address:
        live = Bench(address, *clients)
        intent = await live.pay()
        async with asyncio.timeout(10):
            while (await live.charge_of(intent))["balance_transaction"] is None:  # noqa: ASYNC110 - asked over HTTP
                await asyncio.sleep(0.02)

    assert "charge.updated" in await bench.told()


async def test_ids_repeat_from_a_seed_and_never_after_a_restart(bench: Bench) -> None:
    first = await bench.customer()
    await bench.control("reset")

    assert await bench.customer() == first


async def test_a_control_endpoint_refuses_what_it_does_not_know(bench: Bench) -> None:
    for path in ("delays", "settings", "seed"):
        answer = await bench.raw.post(f"{bench.address}/_sandbox/{path}", json={"nonsense": [1]})
        assert answer.status_code == 400, path
    assert (await bench.raw.post(f"{bench.address}/_sandbox/clock", content=b"[]")).status_code == 400


async def test_every_operation_reads_back_what_it_wrote(bench: Bench) -> None:
    intent = await bench.pay(description="Seats", statement_descriptor_suffix="TEAM", receipt_email="ada@acme.test")

    updated = await bench.v1.charges.update_async(
        intent["latest_charge"], {"metadata": {"line": "1"}, "fraud_details": {"user_report": "safe"}}
    )

    assert updated.description == "Seats"
    assert updated.fraud_details
    assert updated.fraud_details.user_report == "safe"
    assert (await bench.told())[-1] == "charge.updated"


async def test_a_method_is_saved_under_an_id_that_is_known_and_behaves_by_its_last_digits(bench: Bench) -> None:
    owner = await bench.customer()
    told = {"id": "pm_known", "customer": owner, "type": "card", "brand": "visa", "last4": "0341", "exp_year": 2040}

    saved = await bench.control("payment_methods", told)
    again = await bench.control("payment_methods", told)
    debit = await bench.control("payment_methods", told | {"id": "pm_debit", "type": "sepa_debit", "last4": "0300"})

    assert saved == again
    assert (saved["customer"], saved["card"]["last4"], saved["card"]["exp_year"]) == (owner, "0341", 2040)
    assert debit["sepa_debit"]["last4"] == "0300"
    given = f"amount=1000&currency=usd&customer={owner}&payment_method=pm_known&confirm=true&off_session=true"
    declined = await bench.post("/v1/payment_intents", given)
    debited = await bench.post("/v1/payment_intents", given.replace("pm_known", "pm_debit").replace("usd", "eur"))
    assert declined.json()["error"]["decline_code"] == "generic_decline"
    assert debited.json()["status"] == "processing"


async def test_a_method_of_nobody_is_not_saved(bench: Bench) -> None:
    told = {"id": "pm_known", "customer": "cus_nobody", "type": "card"}

    refused = await bench.raw.post(f"{bench.address}/_sandbox/payment_methods", json=told)

    assert refused.status_code == 400
    assert (await bench.raw.get(f"{bench.address}/_sandbox/objects/pm_known")).status_code == 404
