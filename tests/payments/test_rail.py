"""The rail: what Stripe's answers mean in our words, over HTTP and through the real SDK."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from kernel.money import Money
from payments.rail.errors import Declined, Misconfigured, NeedsAction, RailError, Refused, Throttled, Unknown
from payments.rail.intents import body_of
from payments.rail.line import RETRIES
from payments.rail.opening import Rail
from payments.rail.values import Customer, Intent
from tests.payments.railing import rail_to
from tests.payments.sandbox.bench import Bench

OPERATION = "payment_intents.confirm"


@pytest.fixture
async def rail(bench: Bench) -> AsyncIterator[Rail]:
    async with rail_to(bench.address) as made:
        yield made


@pytest.fixture
async def customer(rail: Rail) -> Customer:
    return await rail.customers.create("Ada", "ada@example.test", {"gw_account": "7"}, key="c", urgent=True)


async def intent(rail: Rail, customer: Customer, amount: Money | None = None, key: str = "i") -> Intent:
    body = body_of(amount or Money(20_00, "USD"), customer.id, {"gw_payment": "1"}, "SG-2026-000001")
    return await rail.intents.create(body, key=key, urgent=True)


async def method(bench: Bench, customer: Customer, token: str = "pm_card_visa") -> str:
    return await bench.method(token, customer.id)


async def confirmed(rail: Rail, made: Intent, method: str, key: str = "k", **given: Any) -> Intent:
    return await rail.intents.confirm(made.id, method, key=key, **{"off_session": True, "urgent": True} | given)


async def fault(bench: Bench, kind: str, **rule: Any) -> None:
    await bench.control("faults", {"operation": OPERATION, "fault": kind} | rule)


async def test_an_intent_charges_nobody_until_it_is_confirmed(rail: Rail, customer: Customer, bench: Bench) -> None:
    made = await intent(rail, customer)

    paid = await confirmed(rail, made, await method(bench, customer))

    assert (made.status, made.charge, made.received) == ("requires_payment_method", None, Money(0, "USD"))
    assert (paid.id, paid.status, paid.received) == (made.id, "succeeded", Money(20_00, "USD"))
    assert paid.metadata == {"gw_payment": "1"}
    assert paid.charge
    charge = await rail.intents.charge(paid.charge, urgent=True)
    assert (charge.status, charge.intent, charge.amount) == ("succeeded", made.id, Money(20_00, "USD"))


async def test_an_amount_without_minor_units_arrives_as_it_left(rail: Rail, customer: Customer) -> None:
    made = await intent(rail, customer, Money(500, "ISK"))

    assert made.amount == Money(500, "ISK")


async def test_a_decline_tells_why_and_which_intent(rail: Rail, customer: Customer, bench: Bench) -> None:
    made = await intent(rail, customer)
    broke = await method(bench, customer, "pm_sandbox_declines_insufficient_funds")

    with pytest.raises(Declined) as declined:
        await confirmed(rail, made, broke)

    told = declined.value
    assert (told.decline.code, told.decline.reason) == ("card_declined", "insufficient_funds")
    assert told.intent
    assert (told.intent.id, told.intent.status) == (made.id, "requires_payment_method")
    assert told.decline.charge == told.intent.charge


async def test_a_bank_that_wants_to_see_the_payer_is_told_apart(rail: Rail, customer: Customer, bench: Bench) -> None:
    made = await intent(rail, customer)
    strict = await method(bench, customer, "pm_card_authenticationRequired")

    with pytest.raises(NeedsAction):
        await confirmed(rail, made, strict)
    present = await confirmed(rail, made, strict, key="k2", off_session=False)

    assert (present.status, present.next_action) == ("requires_action", "use_stripe_sdk")
    assert present.client_secret.startswith(made.id)


@pytest.mark.parametrize(
    "kind", ["error_before", "error_after", "bad_gateway", "drop_before", "drop_after", "truncate"]
)
async def test_whatever_is_no_clear_answer_is_unknown(rail: Rail, customer: Customer, bench: Bench, kind: str) -> None:
    made, card = await intent(rail, customer), await method(bench, customer)
    await fault(bench, kind, times=0)

    with pytest.raises(Unknown):
        await confirmed(rail, made, card)

    found = (await rail.intents.look(made.id, urgent=True)).status
    assert found == ("succeeded" if kind in {"error_after", "drop_after", "truncate"} else "requires_payment_method")


async def test_a_key_that_is_at_work_elsewhere_is_unknown(rail: Rail, customer: Customer, bench: Bench) -> None:
    made, card = await intent(rail, customer), await method(bench, customer)
    await fault(bench, "key_in_use", times=0)

    with pytest.raises(Unknown):
        await confirmed(rail, made, card)


@pytest.mark.parametrize("kind", ["rate_limit", "lock_timeout"])
async def test_throttling_passes_or_is_told(rail: Rail, customer: Customer, bench: Bench, kind: str) -> None:
    made, card = await intent(rail, customer), await method(bench, customer)
    await fault(bench, kind, times=0)

    with pytest.raises(Throttled):
        await confirmed(rail, made, card)
    await bench.control("faults", verb="DELETE")
    await fault(bench, kind, times=2)

    assert (await confirmed(rail, made, card)).status == "succeeded"


async def test_a_passing_fault_is_survived_by_the_same_key(rail: Rail, customer: Customer, bench: Bench) -> None:
    made, card = await intent(rail, customer), await method(bench, customer)
    await fault(bench, "drop_after", times=RETRIES)

    assert (await confirmed(rail, made, card)).status == "succeeded"
    assert len((await bench.v1.charges.list_async()).data) == 1


async def test_what_the_state_does_not_allow_is_refused_with_the_state(
    rail: Rail, customer: Customer, bench: Bench
) -> None:
    made, card = await intent(rail, customer), await method(bench, customer)
    await confirmed(rail, made, card)

    with pytest.raises(Refused) as refused:
        await confirmed(rail, made, card, key="another")

    assert refused.value.by_state
    assert refused.value.intent
    assert refused.value.intent.status == "succeeded"


async def test_what_is_not_there_is_refused(rail: Rail) -> None:
    with pytest.raises(Refused) as refused:
        await rail.intents.look("pi_nothing", urgent=True)

    assert refused.value.missing


async def test_the_same_key_with_another_body_is_refused(rail: Rail, customer: Customer) -> None:
    await intent(rail, customer)

    with pytest.raises(Refused, match="idempotency_error"):
        await intent(rail, customer, Money(30_00, "USD"))


async def test_a_key_that_nobody_knows_is_misconfigured(bench: Bench) -> None:
    async with rail_to(bench.address, "sk_live_wrong") as wrong:
        with pytest.raises(Misconfigured, match="Invalid API Key"):
            await wrong.intents.look("pi_nothing", urgent=True)


async def test_an_address_where_nobody_answers_is_unknown() -> None:
    async with rail_to("http://127.0.0.1:9") as nobody:
        with pytest.raises(RailError) as silence:
            await nobody.intents.look("pi_nothing", urgent=True)

    assert isinstance(silence.value, Unknown)


async def test_the_intents_of_a_customer_are_listed_by_our_reference(rail: Rail, customer: Customer) -> None:
    made = [await intent(rail, customer, key=f"i{number}") for number in range(3)]

    listed = [found async for found in rail.intents.of_customer(customer.id, urgent=False)]

    assert {found.id for found in listed} == {one.id for one in made}
    assert [found async for found in rail.intents.of_customer("cus_none", urgent=False)] == []


async def test_a_canceled_intent_can_not_be_confirmed(rail: Rail, customer: Customer, bench: Bench) -> None:
    made, card = await intent(rail, customer), await method(bench, customer)

    gone = await rail.intents.cancel(made.id, key="x", urgent=True)

    assert gone.status == "canceled"
    with pytest.raises(Refused):
        await confirmed(rail, made, card)


async def test_a_card_is_set_up_shown_and_let_go(rail: Rail, customer: Customer, bench: Bench) -> None:
    begun = await rail.methods.set_up(customer.id, {"gw_setup": "5"}, key="s", kinds=["card"])
    await bench.v1.setup_intents.confirm_async(begun.id, {"payment_method": "pm_card_mastercard"})

    done = await rail.methods.setup(begun.id, urgent=True)
    assert done.method
    card = await rail.methods.look(done.method, urgent=True)
    gone = await rail.methods.detach(card.id, key="d", urgent=True)

    assert (begun.status, done.status) == ("requires_payment_method", "succeeded")
    assert begun.client_secret.startswith(begun.id)
    assert (card.kind, card.brand, card.last4, card.customer) == ("card", "mastercard", "4444", customer.id)
    assert card.expires_on
    assert gone.customer is None


async def test_a_fee_is_known_once_it_is_booked(rail: Rail, customer: Customer, bench: Bench) -> None:
    paid = await confirmed(rail, await intent(rail, customer), await method(bench, customer))
    assert paid.charge
    before = await rail.intents.charge(paid.charge, urgent=True)

    await bench.advance(5)

    after = await rail.intents.charge(paid.charge, urgent=True)
    assert (before.transaction, after.transaction is None) == (None, False)
    assert after.transaction
    booked = await rail.balance.transaction(after.transaction)
    assert (booked.amount, booked.fee, booked.net) == (Money(20_00, "USD"), Money(88, "USD"), Money(19_12, "USD"))
    assert booked.source == paid.charge


async def test_a_deleted_customer_says_so(rail: Rail, customer: Customer, bench: Bench) -> None:
    await bench.v1.customers.delete_async(customer.id)

    assert (await rail.customers.look(customer.id, urgent=True)).deleted
