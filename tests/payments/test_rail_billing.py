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
    invoices = {each.id: each async for each in rail.invoices.open()}

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


async def test_an_invoice_is_read_as_it_is_printed_there(rail: Rail, bench: Bench) -> None:
    await bench.control("seed/scene")

    told = await rail.invoices.whole("in_team")

    (line,) = told.lines
    (tax,) = line.taxes
    assert (told.number, told.status, told.total, told.remaining) == (
        *("TEAM-0001", "open"),
        *(Money(571_20, "EUR"), Money(571_20, "EUR")),
    )
    assert (line.description, line.quantity, line.amount) == ("Team, by the month", 12, Money(480_00, "EUR"))
    assert (line.unit, told.rates["txr_de"].percent) == (Fraction(4000), Fraction(19))
    assert (tax.amount, tax.inclusive) == (Money(91_20, "EUR"), False)
    assert (told.buyer.address, told.buyer.country) == (("Torstraße 1", "10119 Berlin"), "DE")
    assert (told.by_invoice, told.collects, told.payments) == (True, True, ())


async def test_an_invoice_of_more_lines_than_stripe_embeds_is_read_whole(rail: Rail, bench: Bench) -> None:
    await bench.control("seed/scene")
    first = (await bench.v1.invoices.retrieve_async("in_states")).to_dict()["lines"]["data"][0]
    lines = [{**first, "id": f"il_{place}", "amount": place, "pricing": None} for place in range(12)]
    facts = {"customer": "cus_states", "currency": "usd", "status": "open", "total": 66, "amount_remaining": 66}
    await bench.control("seed", {"invoices": [{"id": "in_long", "lines": lines, **facts}]})

    told = await rail.invoices.whole("in_long")

    assert [line.amount.minor for line in told.lines] == list(range(12))


async def test_an_invoice_is_held_off_and_closed_there_once(rail: Rail, bench: Bench) -> None:
    await bench.control("seed/scene")

    held = await rail.invoices.hold_off("in_team", "here", key="hold")
    paid = await rail.invoices.paid_elsewhere("in_team", key="pay")
    again = await rail.invoices.paid_elsewhere("in_team", key="pay")
    given_up = await rail.invoices.give_up("in_states", key="give up")
    void = await rail.invoices.void("in_states", key="void")

    assert (held.status, held.collects, held.marks["gw_installation"]) == ("open", False, "here")
    assert (paid.status, paid.remaining.minor, again) == ("paid", 0, paid)
    assert (given_up.status, void.status) == ("uncollectible", "void")
    assert [each.id async for each in rail.invoices.open()] == []


async def test_the_payment_that_is_under_way_of_an_invoice_is_told(rail: Rail, bench: Bench) -> None:
    await bench.control("seed/scene")
    intent = await bench.v1.payment_intents.create_async({"amount": 2000, "currency": "usd", "customer": "cus_states"})
    kept = {"payment": {"type": "payment_intent", "payment_intent": intent.id}, "amount_requested": 2000}
    facts = {"id": "inpay_1", "invoice": "in_states", "currency": "usd", "status": "open"}
    await bench.control("seed", {"invoice_payments": [facts | kept]})

    told = await rail.invoices.look("in_states")

    (payment,) = told.payments
    assert (payment.status, payment.intent, payment.intent_status) == ("open", intent.id, "requires_payment_method")
