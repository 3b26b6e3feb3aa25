"""Customers, their tax ids, balances, sessions and saved methods."""

from typing import Any

import pytest
import stripe

from tests.payments.sandbox import shapes
from tests.payments.sandbox.bench import Bench

ADDRESS = {"line1": "Unter den Linden 1", "city": "Berlin", "country": "DE", "postal_code": "10117"}


async def test_a_customer_is_kept_as_given(bench: Bench) -> None:
    params: Any = {
        "email": "ada@acme.test",
        "name": "Ada",
        "address": ADDRESS,
        "preferred_locales": ["de"],
        "metadata": {"gw_account": "acct"},
        "tax_exempt": "reverse",
    }

    made = await bench.v1.customers.create_async(params)

    body = (await bench.v1.customers.retrieve_async(made.id)).to_dict()
    shapes.check(body)
    assert (body["email"], body["tax_exempt"], body["metadata"]) == ("ada@acme.test", "reverse", {"gw_account": "acct"})
    assert body["address"] == ADDRESS | {"line2": None, "state": None}
    assert "subscriptions" not in body


async def test_an_update_merges_metadata_and_unsets_by_empty_strings(bench: Bench) -> None:
    owner = await bench.customer(name="Ada", metadata={"a": "1", "b": "2"})

    updated = await bench.v1.customers.update_async(owner, {"name": "", "metadata": {"a": "", "c": "3"}})
    cleared = await bench.v1.customers.update_async(owner, {"metadata": ""})

    assert updated.name is None
    assert updated.to_dict()["metadata"] == {"b": "2", "c": "3"}
    assert cleared.to_dict()["metadata"] == {}
    first, _ = await bench.events("customer.updated")
    assert first["data"]["previous_attributes"] == {"name": "Ada", "metadata": {"a": "1", "c": None}}


async def test_a_deleted_customer_is_only_a_memory(bench: Bench) -> None:
    owner = await bench.customer()
    method = await bench.method(customer=owner)

    deleted = await bench.v1.customers.delete_async(owner)

    body = (await bench.v1.customers.retrieve_async(owner)).to_dict()
    assert body == {"id": owner, "object": "customer", "deleted": True} == deleted.to_dict()
    assert (await bench.v1.customers.list_async()).data == []
    assert (await bench.v1.payment_methods.retrieve_async(method)).customer is None
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        await bench.v1.customers.update_async(owner, {"name": "Eve"})


async def test_a_card_is_attached_listed_and_detached_for_good(bench: Bench) -> None:
    owner = await bench.customer()
    method = await bench.method(customer=owner)

    listed = (await bench.v1.payment_methods.list_async({"customer": owner, "type": "card"})).to_dict()
    own = (await bench.v1.customers.payment_methods.list_async(owner)).to_dict()
    await bench.v1.payment_methods.detach_async(method)

    shapes.check_list(listed)
    assert [one["id"] for one in listed["data"]] == [method] == [one["id"] for one in own["data"]]
    detached = (await bench.events("payment_method.detached"))[0]
    assert detached["data"]["object"]["customer"] is None
    assert detached["data"]["previous_attributes"] == {"customer": owner}
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await bench.method(method, owner)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await bench.pay(method)


async def test_a_card_that_always_declines_can_not_be_saved(bench: Bench) -> None:
    owner = await bench.customer()

    with pytest.raises(stripe.CardError):
        await bench.method("pm_card_visa_chargeDeclinedInsufficientFunds", owner)

    assert (await bench.v1.payment_methods.list_async({"customer": owner})).data == []


async def test_a_saved_card_may_go_bad_later(bench: Bench) -> None:
    owner = await bench.customer()
    method = await bench.method(customer=owner)

    await bench.control(f"payment_methods/{method}", {"behaves_as": "pm_card_visa_chargeDeclinedInsufficientFunds"})

    with pytest.raises(stripe.CardError):
        await bench.pay(method, customer=owner)
    await bench.control(f"payment_methods/{method}", {"behaves_as": "pm_card_visa"})
    assert (await bench.pay(method, customer=owner))["status"] == "succeeded"


async def test_attaching_twice_is_refused(bench: Bench) -> None:
    owner = await bench.customer()
    method = await bench.method(customer=owner)

    with pytest.raises(stripe.InvalidRequestError) as caught:
        await bench.method(method, owner)

    assert caught.value.code == "payment_method_already_attached"


async def test_a_default_method_must_be_attached(bench: Bench) -> None:
    owner = await bench.customer()
    method = await bench.method(customer=owner)

    updated = await bench.v1.customers.update_async(owner, {"invoice_settings": {"default_payment_method": method}})

    assert updated.invoice_settings
    assert updated.invoice_settings.default_payment_method == method
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await bench.v1.customers.update_async(
            await bench.customer(), {"invoice_settings": {"default_payment_method": method}}
        )
    assert caught.value.code == "resource_missing"


async def test_a_method_can_be_edited_while_it_is_saved(bench: Bench) -> None:
    method = await bench.method()

    updated = await bench.v1.payment_methods.update_async(
        method,
        {"card": {"exp_month": 3, "exp_year": 2040}, "billing_details": {"name": "Ada"}, "allow_redisplay": "always"},
    )

    shapes.check(updated.to_dict())
    assert updated.card
    assert (updated.card.exp_year, updated.billing_details.name, updated.allow_redisplay) == (2040, "Ada", "always")


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"number": "4242424242424242"}, None),
        ({"number": "4242424242424243"}, "incorrect_number"),
        ({"number": "4111111111111111"}, "card_declined"),
    ],
)
async def test_only_test_numbers_make_a_card(bench: Bench, card: dict[str, str], code: str | None) -> None:
    params: Any = {"type": "card", "card": card | {"exp_month": 1, "exp_year": 2040}}

    if code is None:
        shapes.check((await bench.v1.payment_methods.create_async(params)).to_dict())
        return
    with pytest.raises(stripe.CardError) as caught:
        await bench.v1.payment_methods.create_async(params)
    assert caught.value.code == code


async def test_a_tax_id_is_verified_a_little_later(bench: Bench) -> None:
    owner = await bench.customer()
    good = await bench.v1.customers.tax_ids.create_async(owner, {"type": "eu_vat", "value": "DE000000000"})
    bad = await bench.v1.customers.tax_ids.create_async(owner, {"type": "eu_vat", "value": "DE111111111"})

    await bench.advance(10)

    shapes.check(good.to_dict())
    assert good.verification
    assert (good.verification.status, good.country) == ("pending", "DE")
    states = {}
    for tax_id in (good, bad):
        now = await bench.v1.customers.tax_ids.retrieve_async(owner, tax_id.id)
        assert now.verification
        states[tax_id.value] = now.verification.status
    assert states == {"DE000000000": "verified", "DE111111111": "unverified"}
    await bench.v1.customers.tax_ids.delete_async(owner, bad.id)
    assert [one.id for one in (await bench.v1.customers.tax_ids.list_async(owner)).data] == [good.id]


async def test_a_customer_balance_is_the_sum_of_its_changes(bench: Bench) -> None:
    owner = await bench.customer()

    first = await bench.v1.customers.balance_transactions.create_async(owner, {"amount": -500, "currency": "usd"})
    second = await bench.v1.customers.balance_transactions.create_async(owner, {"amount": 200, "currency": "usd"})

    shapes.check(first.to_dict())
    assert (second.ending_balance, (await bench.v1.customers.retrieve_async(owner)).balance) == (-300, -300)
    listed = await bench.v1.customers.balance_transactions.list_async(owner)
    assert [one.id for one in listed.data] == [second.id, first.id]


async def test_a_session_opens_the_payment_element(bench: Bench) -> None:
    owner = await bench.customer()

    session = await bench.v1.customer_sessions.create_async(
        {
            "customer": owner,
            "components": {"payment_element": {"enabled": True, "features": {"payment_method_save": "enabled"}}},
        }
    )

    shapes.check(session.to_dict())
    assert session.client_secret.startswith("cuss_secret_")


async def test_a_setup_saves_a_card(bench: Bench) -> None:
    owner = await bench.customer()
    setup = await bench.v1.setup_intents.create_async({"customer": owner, "usage": "off_session"})

    done = await bench.v1.setup_intents.confirm_async(
        setup.id, {"payment_method": "pm_card_visa", "return_url": "https://a.test"}
    )

    shapes.check(done.to_dict())
    assert (setup.status, done.status) == ("requires_payment_method", "succeeded")
    assert (await bench.v1.payment_methods.retrieve_async(str(done.payment_method))).customer == owner
    assert await bench.told() == [
        "customer.created",
        "setup_intent.created",
        "payment_method.attached",
        "setup_intent.succeeded",
    ]


async def test_a_setup_with_a_bad_card_fails(bench: Bench) -> None:
    setup = await bench.v1.setup_intents.create_async({"customer": await bench.customer()})

    with pytest.raises(stripe.CardError) as caught:
        await bench.v1.setup_intents.confirm_async(
            setup.id, {"payment_method": "pm_card_visa_chargeDeclined", "return_url": "https://a.test"}
        )

    assert caught.value.error
    assert caught.value.error.setup_intent
    assert caught.value.error.setup_intent.id == setup.id
    failed = (await bench.v1.setup_intents.retrieve_async(setup.id)).to_dict()
    shapes.check(failed)
    assert (failed["status"], failed["last_setup_error"]["code"]) == ("requires_payment_method", "card_declined")
    assert (await bench.told())[-1] == "setup_intent.setup_failed"


async def test_a_setup_can_be_canceled_and_listed(bench: Bench) -> None:
    owner = await bench.customer()
    setup = await bench.v1.setup_intents.create_async({"customer": owner})

    canceled = await bench.v1.setup_intents.cancel_async(setup.id, {"cancellation_reason": "abandoned"})

    listed = (await bench.v1.setup_intents.list_async({"customer": owner})).to_dict()
    shapes.check_list(listed)
    assert (canceled.status, len(listed["data"])) == ("canceled", 1)


async def test_the_account_tells_what_it_offers(bench: Bench) -> None:
    listed = (await bench.v1.payment_method_configurations.list_async()).to_dict()

    shapes.check_list(listed)
    assert listed["data"][0]["card"]["available"]
