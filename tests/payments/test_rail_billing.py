"""Stripe Billing through the rail: everything that traps a reader, over HTTP and through the real SDK."""

from collections.abc import AsyncIterator
from fractions import Fraction

import pytest

from kernel.money import Money
from payments.rail.billing_values import TheirSubscription
from payments.rail.opening import Rail
from tests.payments.railing import rail_to
from tests.payments.sandbox.bench import Bench

PLAIN = 104


@pytest.fixture
async def rail(bench: Bench) -> AsyncIterator[Rail]:
    async with rail_to(bench.address) as made:
        yield made


async def subscriptions(rail: Rail) -> dict[str, TheirSubscription]:
    return {each.id: each async for each in rail.billing.subscriptions()}


async def test_lists_of_more_than_a_page_are_read_to_their_end(rail: Rail, bench: Bench) -> None:
    await bench.control("seed/scene", {"plain": PLAIN})

    customers = [each.id async for each in rail.billing.customers()]
    found = await subscriptions(rail)

    assert len(set(customers)) == len(customers) > PLAIN
    assert "cus_gone" not in customers
    assert len([each for each in found if each.startswith("sub_plain")]) == PLAIN


async def test_subscriptions_of_every_status_are_read_with_what_stripe_leaves_out(rail: Rail, bench: Bench) -> None:
    await bench.control("seed/scene")

    found = await subscriptions(rail)

    told = {each.status for each in found.values()}
    assert told >= {
        "active",
        "trialing",
        "past_due",
        "unpaid",
        "incomplete",
        "incomplete_expired",
        "canceled",
        "paused",
    }
    (friends,) = found["sub_coupon"].discounts
    assert (friends.coupon.percent, friends.coupon.duration) == (Fraction(25), "repeating")
    assert found["sub_scheduled"].awaits == "a schedule"
    assert {item.period.end for item in found["sub_mixed"].items} == {
        found["sub_pro"].items[0].period.end,
        found["sub_cheaper"].items[0].period.end,
    }
    assert [rate.percent for rate in found["sub_taxed"].rates] == [19]
    assert found["sub_pausing"].pausing


async def test_tiers_and_products_come_with_their_price(rail: Rail, bench: Bench) -> None:
    await bench.control("seed/scene")

    found = {each.id: each async for each in rail.billing.prices()}

    team, cheaper = found["price_team"], await rail.billing.price("price_cheaper")
    assert (team.name, team.mode, [tier.up_to for tier in team.tiers]) == ("Enterprise Pro", "volume", [249, None])
    assert [tier.unit for tier in team.tiers] == [4000, 3600]
    assert (cheaper.name, cheaper.tiers[0].unit) == ("Pro, Pro, 2019", Fraction(1500))
    assert found["price_searches"].metered


async def test_customers_tell_their_balance_their_address_and_their_vat_id(rail: Rail, bench: Bench) -> None:
    await bench.control("seed/scene")

    (team,) = [each async for each in rail.billing.customers() if each.id == "cus_team"]
    (method,) = await rail.billing.methods("cus_team")
    invoices = {each.id: each async for each in rail.billing.open_invoices()}

    assert (team.balances, team.vat_ids, team.country) == ([Money(-15_00, "EUR")], ("DE136695976",), "DE")
    assert team.address == ("Torstraße 1", "10119 Berlin")
    assert (team.method, method.last4) == (method.id, "4242")
    assert invoices["in_team"].remaining == Money(571_20, "EUR")
    assert invoices["in_team"].subscription == "sub_team"


async def test_a_subscription_is_ended_there_only_when_it_is_asked_for(rail: Rail, bench: Bench) -> None:
    await bench.control("seed/scene")
    before = (await subscriptions(rail))["sub_pro"]

    told = await rail.billing.end("sub_pro", "sub_ours", key="once")

    after = (await subscriptions(rail))["sub_pro"]
    assert told == after
    assert (before.ends_with_period, before.cancel_at) == (False, None)
    assert (after.ends_with_period, after.cancel_at) == (True, after.items[0].period.end)
