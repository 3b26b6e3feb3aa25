"""Discounts: codes that are used at the start or later, what they take off, and codes that nobody can guess."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from kernel import ids
from tests.graph.crowd import evidence
from tests.graph.test_changes import Life, pooled, subscribed
from tests.graph.test_previews import _at, _clock_put_back, _renewed
from tests.scenery import Reply, Scene, World

__all__ = ["_clock_put_back"]

DISCOUNT = "__typename ... on Discount { id percent amount { minor } since until } ... on Problem { message }"
SUBSCRIBED = "__typename ... on Subscription { id discounts { id name } } ... on Problem { message }"
INVOICE = """
    query($id: ID!) {
      node(id: $id) {
        ... on Invoice {
          total { minor }
          lineItems { kind amount { minor } discount { minor } discounts { name amount { minor } } }
        }
      }
    }
"""
REFUSED = "This code can't be used here. Check how it is written, or go on without it."


async def _buys(world: World, code: str, offer: str = "pro") -> Life:
    who = await world.person("ada")
    life = Life(world, who, who.account_number)
    price = getattr(world.catalog, offer).price
    reply = await world.change("subscribe", who, shows_=SUBSCRIBED, account=who.account, price=price, code=code)
    life.id = reply.data["subscribe"]["id"]
    item = await world.value("select id from subscription_item where subscription_id = $1", life.number)
    life.item = ids.encode("item", item)
    start: datetime = await world.value("select period_start from subscription where id = $1", life.number)
    return await _at(life, start)


async def _applies(life: Life, code: str) -> Any:
    return (await _sends(life, "applyDiscount", subscription=life.id, code=code)).data["applyDiscount"]


async def _sends(life: Life, mutation: str, **input_: Any) -> Reply:
    return await life.world.change(mutation, life.who, shows_=DISCOUNT, **input_)


async def _half_way(life: Life) -> None:
    (row,) = await life.world.rows("select period_start, period_end from subscription where id = $1", life.number)
    await _at(life, row["period_start"] + (row["period_end"] - row["period_start"]) / 2)


async def _renews(life: Life) -> int:
    """Go to the end of the period; what is asked for then."""
    end = await life.world.value("select period_end from subscription where id = $1", life.number)
    made = await _renewed(life)
    await _at(life, end)
    return int(made["total"]["minor"]) if made else 0


async def _lines(life: Life) -> list[tuple[str, int, int]]:
    """Kind, amount and discount of each line of the latest invoice."""
    number = await life.world.value("select max(id) from invoice where account_id = $1", life.account)
    shown = await life.ask(INVOICE, id=ids.encode("inv", number))
    for line in shown["lineItems"]:
        assert sum(taken["amount"]["minor"] for taken in line["discounts"]) == line["discount"]["minor"]
    return [(line["kind"], line["amount"]["minor"], line["discount"]["minor"]) for line in shown["lineItems"]]


async def _code(world: World, **columns: Any) -> str:
    return await Scene(world, 0, {}).code(**columns)


# What is taken off


async def test_a_code_at_the_start_takes_its_share_off_the_first_invoice(world: World) -> None:
    life = await _buys(world, await _code(world, percent="20"))

    assert await _lines(life) == [("CHARGE", 2000, 400)]
    assert [await _renews(life), await _renews(life)] == [1600, 1600]


async def test_a_discount_for_two_periods_ends_after_two(world: World) -> None:
    life = await _buys(world, await _code(world, percent="50", periods=2))

    assert await life.totals() == [1000]
    assert [await _renews(life), await _renews(life)] == [1000, 2000]


async def test_a_code_is_read_in_any_case_and_with_blanks_around_it(world: World) -> None:
    life = await _buys(world, f"  {(await _code(world)).lower()} ")

    assert await life.totals() == [1800]


async def test_a_fixed_amount_is_taken_once_however_often_the_period_changes(world: World) -> None:
    life = await _buys(world, await _code(world, percent=None, amounts={"USD": 700}))
    await _half_way(life)

    await life.does("changeSubscription", item=life.item, price=world.catalog.max.price)
    changed = await _lines(life)
    there = await _total(life)
    back = await life.does("changeSubscription", item=life.item, price=world.catalog.pro.price)

    # Half of 20.00 less half of 7.00 goes back; half of 50.00 costs 25.00, less the 3.50 that can be spent again.
    assert changed == [("CREDIT", -1000, -350), ("CHARGE", 2500, 350)]
    assert (there, back["invoice"]["total"]["minor"]) == (1500, -1500)


async def test_discounts_are_taken_in_the_order_they_were_granted(world: World) -> None:
    life = await _buys(world, await _code(world, percent=None, amounts={"USD": 500}))
    await _applies(life, await _code(world, percent="10"))

    await _renews(life)

    # 20.00 less 5.00 is 15.00, and a tenth of that is 1.50.
    assert await _lines(life) == [("CHARGE", 2000, 650)]
    assert await _total(life) == 1350


async def test_a_code_that_is_used_later_counts_from_the_next_period(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    await _half_way(life)
    end = await world.value("select period_end from subscription where id = $1", life.number)

    applied = await _applies(life, await _code(world, percent="25", periods=1))

    assert datetime.fromisoformat(applied["since"]) == end
    assert await life.totals() == [2000]
    assert [await _renews(life), await _renews(life)] == [1500, 2000]


async def test_a_code_that_waits_for_the_next_period_begins_with_one_that_comes_sooner(world: World) -> None:
    life = await subscribed(world, world.catalog.max)
    await _half_way(life)
    await _applies(life, await _code(world, percent="10", periods=1))

    await life.does("changeSubscription", item=life.item, price=world.catalog.max_yearly.price)

    assert await _lines(life) == [("CREDIT", -2500, 0), ("CHARGE", 50000, 5000)]


async def test_a_discount_that_is_removed_in_mid_period_leaves_what_it_took_off(world: World) -> None:
    life = await _buys(world, await _code(world, percent="20"))
    discount = ids.encode(
        "discount", await world.value("select id from subscription_discount where account_id = $1", life.account)
    )
    await _half_way(life)

    removed = (await _sends(life, "removeDiscount", discount=discount)).data["removeDiscount"]
    again = (await _sends(life, "removeDiscount", discount=discount)).data["removeDiscount"]
    billed = await life.totals()
    await life.does("changeSubscription", item=life.item, price=world.catalog.max.price)

    # Half of the 16.00 that were paid goes back, and half of 50.00 is billed in full.
    assert (removed["until"] is not None, again["__typename"]) == (True, "DiscountGone")
    assert billed == [1600]
    assert await _lines(life) == [("CREDIT", -1000, -200), ("CHARGE", 2500, 0)]
    assert await _renews(life) == 5000


async def test_seats_that_are_bought_with_a_code_cost_less_and_so_do_later_ones(workspace: Scene) -> None:
    world = workspace.world
    told = {"workspace": workspace.id, "price": world.catalog.team.price, "seats": 10, "code": await _code(world)}
    bought = await world.change("createLicensePool", workspace.owner, shows_="... on LicensePool { id }", **told)
    life = Life(world, workspace.owner, workspace.number, pool=bought.data["createLicensePool"]["id"])
    found = "select id from subscription where account_id = $1"
    life.id = ids.encode("sub", await world.value(found, life.account))
    await _half_way(life)

    await life.does("changeSeats", pool=life.pool, seats=15)

    assert await _lines(life) == [("CHARGE", 10000, 1000)]


async def test_an_amount_of_a_plan_is_not_taken_off_an_add_on_of_another(world: World) -> None:
    life = await _buys(world, await _code(world, percent="50", plans=["t_pro"]))

    await life.does("changeSubscription", price=world.catalog.max.price)

    assert await _lines(life) == [("CHARGE", 5000, 0)]


# Codes that are not accepted


@pytest.mark.parametrize(
    "columns",
    [
        {"most": 1, "redeemed": 1},
        {"expires_at": "now"},
        {"archived_at": "now"},
        {"percent": None, "amounts": {"EUR": 500}},
        {"plans": ["t_max"]},
        {"first_time": True},
    ],
    ids=" ".join,
)
async def test_every_code_that_is_not_accepted_reads_the_same_and_leaves_nothing(
    columns: dict[str, Any], world: World
) -> None:
    life = await subscribed(world, world.catalog.pro)
    now = await world.now()
    code = await _code(world, **{name: now if value == "now" else value for name, value in columns.items()})
    before = await evidence(Scene(world, life.account, {}))

    told = [await _applies(life, tried) for tried in (code, "NOSUCHCODE", "x" * 50, "")]

    assert told == [{"__typename": "CodeNotAccepted", "message": REFUSED}] * 4
    assert await evidence(Scene(world, life.account, {})) == before


async def test_a_code_that_is_not_accepted_begins_no_subscription(world: World) -> None:
    who = await world.person("ada")
    before = await evidence(Scene(world, who.account_number, {}))

    reply = await world.change(
        "subscribe", who, shows_=SUBSCRIBED, account=who.account, price=world.catalog.pro.price, code="NOSUCHCODE"
    )

    assert reply.data["subscribe"]["__typename"] == "CodeNotAccepted"
    assert await evidence(Scene(world, who.account_number, {})) == before


async def test_an_account_uses_a_code_once_even_when_the_discount_is_removed(world: World) -> None:
    code = await _code(world, periods=1)
    life = await _buys(world, code)
    number = await world.value("select id from subscription_discount where account_id = $1", life.account)
    await _sends(life, "removeDiscount", discount=ids.encode("discount", number))

    assert (await _applies(life, code))["__typename"] == "CodeNotAccepted"


async def test_a_code_for_new_customers_is_for_whoever_was_never_billed(world: World) -> None:
    life = await _buys(world, await _code(world, first_time=True))

    assert await life.totals() == [1800]


async def test_of_many_who_race_for_the_last_use_one_gets_it(world: World) -> None:
    code = await _code(world, most=1)
    lives = [await subscribed(world, world.catalog.pro) for _ in range(5)]

    told = await asyncio.gather(*(_applies(life, code) for life in lives))

    assert sorted(answer["__typename"] for answer in told) == ["CodeNotAccepted"] * 4 + ["Discount"]
    assert await world.value("select redeemed from promotion_code where code = $1", code) == 1


async def test_one_account_that_races_itself_uses_a_code_once(workspace: Scene) -> None:
    world, code = workspace.world, await _code(workspace.world)
    lives = [await pooled(workspace, 2), await pooled(workspace, 3)]

    told = await asyncio.gather(*(_applies(life, code) for life in lives))

    assert sorted(answer["__typename"] for answer in told) == ["CodeNotAccepted", "Discount"]
    assert await world.value("select redeemed from promotion_code where code = $1", code) == 1


async def _total(life: Life) -> int:
    return (await life.totals())[-1]
