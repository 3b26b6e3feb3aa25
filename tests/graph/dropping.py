"""Add-ons for tests: one more item on a subscription, of a plan that gives back at renewal or at once."""

from __future__ import annotations

from billing.pricing import Decrease
from kernel import ids
from tests.graph.test_changes import Life, subscribed
from tests.scenery import World


async def extra(world: World, decrease: Decrease) -> str:
    """The price of a new plan for 50.00 USD a month."""
    plan, version, price = (world.number() for _ in range(3))
    like = world.catalog.max
    await world.run(
        "insert into plan (id, key, audience, name, description, position, created_at)"
        " select $1, 't_extra_' || $3, audience, name, description, position, created_at from plan where id = $2",
        plan,
        like.plan_number,
        str(plan),
    )
    await world.run(
        "insert into plan_version (id, plan_id, number, trial_days, created_at) values ($1, $2, 1, 0, now())",
        version,
        plan,
    )
    await world.run(
        "insert into price (id, plan_id, plan_version_id, key, currency, interval, model, amount_minor, rule,"
        " created_at) select $1, $2, $3, key, currency, interval, model, amount_minor,"
        " rule || jsonb_build_object('decrease', $5::text), created_at from price where id = $4",
        price,
        plan,
        version,
        like.price_number,
        decrease.value,
    )
    return ids.encode("price", price)


async def with_add_on(world: World, decrease: Decrease = Decrease.AT_RENEWAL) -> Life:
    """Somebody who subscribes to Pro, and to one more plan beside it; `add_on` is the item of that."""
    life = await subscribed(world, world.catalog.pro)
    await added(life, await extra(world, decrease))
    return life


async def added(life: Life, price: str) -> None:
    """One more item of this price, now."""
    await life.does("changeSubscription", price=price)
    newest = "select max(id) from subscription_item where subscription_id = $1"
    life.known["add_on"] = ids.encode("item", await life.world.value(newest, life.number))
