"""Stripe Billing for an importer: seeded objects that are listed, filtered and expanded."""

from typing import Any

import pytest
import stripe

from tests.payments.sandbox import shapes
from tests.payments.sandbox.bench import Bench

PRICE = {
    "id": "price_1",
    "object": "price",
    "currency": "usd",
    "product": "prod_1",
    "unit_amount": 1000,
    "unit_amount_decimal": "1000",
    "lookup_key": "team",
    "recurring": {
        "interval": "month",
        "interval_count": 1,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    },
    "tiers": [
        {
            "flat_amount": None,
            "flat_amount_decimal": None,
            "unit_amount": 1000,
            "unit_amount_decimal": "1000",
            "up_to": None,
        }
    ],
}
PLAN = {
    "id": "price_1",
    "object": "plan",
    "active": True,
    "amount": 1000,
    "amount_decimal": "1000",
    "billing_scheme": "per_unit",
    "created": 1,
    "currency": "usd",
    "interval": "month",
    "interval_count": 1,
    "livemode": False,
    "metadata": {},
    "meter": None,
    "nickname": None,
    "product": "prod_1",
    "tiers_mode": None,
    "transform_usage": None,
    "trial_period_days": None,
    "usage_type": "licensed",
}
PLAIN_PRICE = {name: value for name, value in PRICE.items() if name != "tiers"} | {
    "active": True,
    "billing_scheme": "per_unit",
    "created": 1,
    "livemode": False,
    "metadata": {},
    "type": "recurring",
}
MONTH = {"current_period_start": 1_596_749_288, "current_period_end": 1_599_427_688}


def subscription(id: str, customer: str, status: str = "active") -> dict[str, Any]:
    item = {"id": f"si_{id}", "price": PLAIN_PRICE, "plan": PLAN, "quantity": 5} | MONTH
    facts = {
        "billing_cycle_anchor": MONTH["current_period_start"],
        "start_date": MONTH["current_period_start"],
        "currency": "usd",
    }
    return {"id": id, "customer": customer, "status": status, "items": [item]} | facts


def invoice(id: str, customer: str, lines: int) -> dict[str, Any]:
    details: dict[str, Any] = {"metadata": {}, "subscription": "sub_1", "subscription_proration_date": None}
    parent = {"type": "subscription_details", "subscription_details": details, "quote_details": None}
    amounts = dict.fromkeys(("amount_due", "amount_paid", "subtotal", "total"), 5000) | {"amount_remaining": 0}
    listed = [{"id": f"il_{number}", "object": "line_item", "amount": 1} for number in range(lines)]
    facts = {"customer": customer, "currency": "usd", "status": "paid", "period_start": 1, "period_end": 2}
    return {"id": id, "parent": parent, "lines": listed} | amounts | facts


@pytest.fixture
async def seeded(bench: Bench) -> str:
    owner = await bench.customer()
    await bench.control(
        "seed",
        {
            "products": [{"id": "prod_1", "name": "Team"}, {"id": "prod_2", "name": "Old", "active": False}],
            "prices": [PRICE],
            "coupons": [{"id": "SPRING", "percent_off": 20, "duration": "once"}],
            "tax_rates": [{"id": "txr_1", "display_name": "VAT", "inclusive": False, "percentage": 19}],
            "subscriptions": [subscription("sub_1", owner), subscription("sub_2", owner, "canceled")],
            "invoices": [invoice("in_1", owner, 12)],
            "invoice_payments": [
                {
                    "id": "inpay_1",
                    "invoice": "in_1",
                    "amount_requested": 5000,
                    "amount_paid": 5000,
                    "currency": "usd",
                    "status": "paid",
                    "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
                }
            ],
            "credit_notes": [
                {
                    "id": "cn_1",
                    "invoice": "in_1",
                    "customer": owner,
                    "number": "CN-1",
                    "currency": "usd",
                    "amount": 100,
                    "subtotal": 100,
                    "total": 100,
                }
            ],
        },
    )
    return owner


async def test_products_prices_coupons_and_rates_are_listed(bench: Bench, seeded: str) -> None:
    for service in (bench.v1.products, bench.v1.prices, bench.v1.coupons, bench.v1.tax_rates, bench.v1.credit_notes):
        listed = (await service.list_async()).to_dict()
        assert listed["data"], seeded
        shapes.check_list(listed)

    active = await bench.v1.products.list_async({"active": True})
    assert [product.id for product in active.data] == ["prod_1"]
    assert [price.id for price in (await bench.v1.prices.list_async({"lookup_keys": ["team"]})).data] == ["price_1"]


async def test_tiers_come_only_when_they_are_expanded(bench: Bench, seeded: str) -> None:
    plain = (await bench.v1.prices.list_async()).to_dict()["data"][0]
    full = (await bench.v1.prices.list_async({"expand": ["data.tiers", "data.product"]})).to_dict()["data"][0]

    assert ("tiers" in plain, full["tiers"][0]["unit_amount"], full["product"]["name"]) == (False, 1000, "Team")
    shapes.check(full)
    assert seeded


async def test_canceled_subscriptions_are_left_out_unless_asked_for(bench: Bench, seeded: str) -> None:
    current = (await bench.v1.subscriptions.list_async({"customer": seeded})).to_dict()
    everything = await bench.v1.subscriptions.list_async({"status": "all"})
    ended = await bench.v1.subscriptions.list_async({"status": "ended"})
    priced = await bench.v1.subscriptions.list_async({"price": "price_1"})

    shapes.check_list(current)
    assert [one["id"] for one in current["data"]] == ["sub_1"] == [one.id for one in priced.data]
    assert {one.id for one in everything.data} == {"sub_1", "sub_2"}
    assert [one.id for one in ended.data] == ["sub_2"]


async def test_the_period_is_on_the_item(bench: Bench, seeded: str) -> None:
    listed = (await bench.v1.subscription_items.list_async({"subscription": "sub_1"})).to_dict()

    shapes.check_list(listed)
    assert listed["data"][0]["current_period_end"] == MONTH["current_period_end"]
    assert seeded


async def test_an_invoice_embeds_ten_lines_and_lists_them_all(bench: Bench, seeded: str) -> None:
    found = (
        await bench.v1.invoices.list_async({"subscription": "sub_1", "customer": seeded, "expand": ["data.payments"]})
    ).to_dict()
    rest = await bench.v1.invoices.line_items.list_async("in_1", {"limit": 100, "starting_after": "il_9"})

    (one,) = found["data"]
    assert (len(one["lines"]["data"]), one["lines"]["has_more"]) == (10, True)
    assert [line.id for line in rest.data] == ["il_10", "il_11"]
    assert [payment["id"] for payment in one["payments"]["data"]] == ["inpay_1"]
    paid = await bench.v1.invoice_payments.list_async({"payment": {"type": "payment_intent", "payment_intent": "pi_1"}})
    shapes.check_list(paid.to_dict())


async def test_seeding_again_replaces(bench: Bench, seeded: str) -> None:
    await bench.control("seed", {"products": [{"id": "prod_1", "name": "Renamed"}]})

    assert (await bench.v1.products.retrieve_async("prod_1")).name == "Renamed"
    assert len((await bench.v1.products.list_async()).data) == 2
    assert seeded


async def test_billing_can_not_be_written_through_the_api(bench: Bench) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        await bench.v1.products.create_async({"name": "Team"})


async def test_a_subscription_can_be_told_to_end_and_nothing_else(bench: Bench, seeded: str) -> None:
    ended = await bench.v1.subscriptions.update_async("sub_1", {"cancel_at_period_end": True})
    kept = await bench.v1.subscriptions.update_async("sub_1", {"cancel_at_period_end": False})

    assert (ended.cancel_at_period_end, ended.cancel_at) == (True, MONTH["current_period_end"])
    assert (kept.cancel_at_period_end, kept.cancel_at) == (False, None)
    with pytest.raises(stripe.InvalidRequestError, match="doesn't play the parameter `days_until_due`"):
        await bench.v1.subscriptions.update_async("sub_1", {"days_until_due": 3})
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        await bench.v1.subscriptions.update_async("sub_2", {"cancel_at_period_end": True})
    assert await bench.told("customer.subscription.updated") == ["customer.subscription.updated"] * 2
    assert seeded


async def test_a_scene_is_a_whole_account_in_stripes_shapes(bench: Bench) -> None:
    counted = await bench.control("seed/scene", {"plain": 2})

    listed = await bench.v1.subscriptions.list_async({"status": "all", "limit": 100})
    customers = await bench.v1.customers.list_async({"expand": ["data.discount.source.coupon"]})
    gone = await bench.v1.customers.retrieve_async("cus_gone")

    shapes.check_list(listed.to_dict())
    shapes.check_list(customers.to_dict())
    assert (len(listed.data), gone.to_dict()["deleted"]) == (counted["subscriptions"], True)
