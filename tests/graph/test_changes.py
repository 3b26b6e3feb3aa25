"""Changes: the life of a subscription and of a pool as clients lead it, and what each change bills."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from auth.policy import Desk, KeyScope, Role
from kernel import ids
from tests.graph.asking import DAY, logged, work_off
from tests.graph.crowd import evidence
from tests.scenery import Asker, Offer, Reply, Scene, Somebody, World

PREVIEW = """
    query($subscription: ID!, $item: ID, $price: ID, $quantity: Int) {
      previewChange(subscription: $subscription, item: $item, price: $price, quantity: $quantity) {
        total { minor } lines { kind amount { minor } periodStart periodEnd formula }
      }
    }
"""
PREVIEW_SEATS = """
    query($pool: ID!, $seats: Int!) {
      previewSeats(pool: $pool, seats: $seats) { total { minor } lines { kind quantity amount { minor } } }
    }
"""
AUDIT = """
    query($id: ID!) {
      workspace(id: $id) { auditLog(first: 50) { nodes { action subject before after } } }
    }
"""
CHANGED = """
    __typename
    ... on SubscriptionChanged {
      subscription { id state periodStart periodEnd interval plan { key } scheduledChanges { id quantity } }
      change { id state dueAt quantity }
      invoice { number total { minor } lineItems { kind amount { minor } periodStart periodEnd formula } }
    }
    ... on Problem { message }
"""
SUBSCRIPTION = "__typename ... on Subscription { id state cancelAt endedAt } ... on Problem { message }"
RESIZED = """
    __typename
    ... on SeatsChanged {
      pool { purchased assigned }
      change { id quantity dueAt }
      invoice { total { minor } lineItems { quantity amount { minor } } }
    }
    ... on Problem { message }
"""
SHOWN = {
    "subscribe": SUBSCRIPTION,
    "cancelSubscription": SUBSCRIPTION,
    "reactivateSubscription": SUBSCRIPTION,
    "pauseSubscription": SUBSCRIPTION,
    "changeSeats": RESIZED,
    "withdrawChange": "__typename ... on ScheduledChange { id state } ... on Problem { message }",
    "createLicensePool": "__typename ... on LicensePool { id subscription { id items { id } } }",
    "assignSeat": "__typename ... on Problem { message }",
}
HALF = timedelta(days=15)


@dataclass(slots=True)
class Life:
    """A subscription and whoever pays for it, on the world's clock."""

    world: World
    who: Somebody
    account: int
    id: str = ""
    item: str = ""
    pool: str = ""
    known: dict[str, str] = field(default_factory=dict)
    """Further ids and codes that a test keeps."""

    async def ask(self, document: str, **variables: Any) -> Any:
        """The only field of an answer."""
        (answer,) = (await self.world.ask(document, self.who, **variables)).data.values()
        return answer

    async def sends(self, mutation: str, **input_: Any) -> Reply:
        """The whole reply to a mutation."""
        return await self.world.change(mutation, self.who, shows_=SHOWN.get(mutation, CHANGED), **input_)

    async def does(self, mutation: str, **input_: Any) -> Any:
        """What came of a mutation that is about the subscription unless told otherwise."""
        if not {"pool", "change", "account", "workspace"} & input_.keys():
            input_["subscription"] = self.id
        return (await self.sends(mutation, **input_)).data[mutation]

    async def later(self, by: timedelta) -> None:
        """Let time pass, do what falls due, and sign in again."""
        now = await self.world.advance(by)
        self.who = replace(self.who, bearer=self.world.bearer(self.who.number, self.who.session_number, now))
        await work_off(self.world)

    async def renewed(self) -> None:
        """Go to the very end of the period."""
        end: datetime = await self.world.value("select period_end from subscription where id = $1", self.number)
        await self.later(end - await self.world.now())

    @property
    def number(self) -> int:
        """The subscription, as the database knows it."""
        return ids.decode("sub", self.id)

    async def totals(self) -> list[int]:
        """What each invoice of the subscription asked for, in the order they were made."""
        rows = await self.world.rows(
            "select total_minor from invoice where account_id = $1 and subscription_id = $2 order by id",
            self.account,
            self.number,
        )
        return [row["total_minor"] for row in rows]

    async def credit(self) -> int:
        """What the account has for invoices to come."""
        found = await self.world.value(
            "select coalesce(sum(case when credit = 'customer_credit' then amount_minor else -amount_minor end), 0)"
            " from ledger_transfer where account_id = $1 and 'customer_credit' in (debit, credit)",
            self.account,
        )
        return int(found)


async def subscribed(world: World, offer: Offer) -> Life:
    """Somebody new who subscribes to this."""
    who = await world.person("ada")
    life = Life(world, who, who.account_number)
    life.id = (await life.does("subscribe", account=who.account, price=offer.price))["id"]
    item = await world.value("select id from subscription_item where subscription_id = $1", life.number)
    life.item = ids.encode("item", item)
    return life


async def pooled(scene: Scene, seats: int) -> Life:
    """A workspace that bought so many seats at 40.00 a month."""
    life = Life(scene.world, scene.owner, scene.number)
    bought = await life.does("createLicensePool", workspace=scene.id, price=scene.world.catalog.team.price, seats=seats)
    life.pool, life.id = bought["id"], bought["subscription"]["id"]
    life.item = bought["subscription"]["items"][0]["id"]
    return life


def lines(invoice: Any) -> list[tuple[str, int]]:
    """Kind and amount of each line."""
    return [(line["kind"], line["amount"]["minor"]) for line in invoice.get("lineItems") or invoice["lines"]]


async def test_what_is_bought_is_billed_at_once(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)

    assert await life.totals() == [2000]


async def test_a_preview_is_the_later_charge_to_the_minor_unit(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    await life.later(timedelta(days=11, seconds=7))
    wish = {"subscription": life.id, "item": life.item, "price": world.catalog.max.price}

    seen = await life.ask(PREVIEW, **wish)
    changed = await life.does("changeSubscription", **wish)

    assert changed["invoice"]["total"] == seen["total"]
    assert lines(changed["invoice"]) == lines(seen)
    assert [line["periodEnd"] for line in changed["invoice"]["lineItems"]] == [
        line["periodEnd"] for line in seen["lines"]
    ]
    assert seen["total"]["minor"] > 0


async def test_the_audit_log_tells_what_the_terms_were_and_are_without_our_numbers(workspace: Scene) -> None:
    life = await pooled(workspace, 2)
    await life.does("changeSeats", pool=life.pool, seats=3)
    await life.does("changeSeats", pool=life.pool, seats=1)

    log = await workspace.world.ask(AUDIT, workspace.members[Role.BILLING_ADMIN], id=workspace.id)

    told = {record["action"]: record for record in log.data["workspace"]["auditLog"]["nodes"]}
    price = workspace.world.catalog.team.price
    changed, waits = told["subscription.changed"], told["change.scheduled"]
    assert changed["before"] == {"items": {life.item: {"price": price, "quantity": 2}}}
    assert changed["after"] == {"items": {life.item: {"price": price, "quantity": 3}}}
    assert (waits["after"]["quantity"], waits["after"]["subscription_id"]) == (1, life.id)
    assert (waits["subject"].partition("_")[0], waits["after"]["item_id"]) == ("change", life.item)
    values = [pair for record in told.values() for pair in (record["after"] or {}).items() if "_minor" not in pair[0]]
    assert not [value for _, value in values if isinstance(value, int) and value >= workspace.number]
    assert "known" not in told["invoice.drafted"]["after"]


async def test_a_preview_changes_nothing(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    before = await _standing(life)

    await life.ask(PREVIEW, subscription=life.id, item=life.item, price=world.catalog.max.price)
    await life.ask(PREVIEW, subscription=life.id, price=world.catalog.max.price)

    assert await _standing(life) == before


async def test_an_upgrade_now_gives_back_the_rest_and_bills_the_dearer_rest(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)

    changed = await life.does("changeSubscription", item=life.item, price=world.catalog.max.price)

    assert lines(changed["invoice"]) == [("CREDIT", -2000), ("CHARGE", 5000)]
    assert changed["subscription"]["plan"]["key"] == "t_max"


async def test_a_longer_interval_begins_a_period_of_its_own(world: World) -> None:
    life = await subscribed(world, world.catalog.max)
    await life.later(HALF)
    now = await world.now()

    changed = await life.does("changeSubscription", item=life.item, price=world.catalog.max_yearly.price)

    subscription = changed["subscription"]
    assert subscription["interval"] == "YEAR"
    assert now <= datetime.fromisoformat(subscription["periodStart"]) <= await world.now()
    assert dict(lines(changed["invoice"]))["CHARGE"] == 50000


async def test_a_downgrade_waits_for_the_end_of_the_period(world: World) -> None:
    life = await subscribed(world, world.catalog.max)
    await life.later(HALF)

    changed = await life.does(
        "changeSubscription", item=life.item, price=world.catalog.pro.price, at="PERIOD_END", reason="Too dear."
    )
    kept = await _plan(life)
    await life.renewed()

    assert changed["invoice"] is None
    assert (changed["change"]["state"], changed["change"]["dueAt"]) == ("PENDING", changed["subscription"]["periodEnd"])
    assert (kept, await _plan(life)) == ("t_max", "t_pro")
    assert await life.totals() == [5000, 2000]


async def test_a_withdrawn_change_never_takes_effect(world: World) -> None:
    life = await subscribed(world, world.catalog.max)
    waiting = await _downgrade(life)

    withdrawn = await life.does("withdrawChange", change=waiting)
    again = await life.does("withdrawChange", change=waiting)
    await life.renewed()

    assert withdrawn["state"] == "WITHDRAWN"
    assert again["__typename"] == "SubscriptionOver"
    assert await life.totals() == [5000, 5000]


async def test_an_unrelated_change_keeps_what_waits(world: World) -> None:
    life = await subscribed(world, world.catalog.max)
    waiting = await _downgrade(life)

    added = await life.does("changeSubscription", price=world.catalog.pro.price)
    await life.renewed()

    assert [change["id"] for change in added["subscription"]["scheduledChanges"]] == [waiting]
    assert lines(added["invoice"]) == [("CHARGE", 2000)]
    assert await life.totals() == [5000, 2000, 4000]


async def test_a_newer_wish_for_an_item_replaces_the_one_that_waits(world: World) -> None:
    life = await subscribed(world, world.catalog.max)
    first = await _downgrade(life)

    second = await _downgrade(life)

    rows = await world.rows(
        "select id, state from scheduled_change where subscription_id = $1 order by id", life.number
    )
    assert [(ids.encode("change", row["id"]), row["state"]) for row in rows] == [
        (first, "withdrawn"),
        (second, "pending"),
    ]


async def test_a_pause_gives_back_what_is_ahead_and_nothing_is_charged_until_it_is_resumed(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)

    paused = await life.does("pauseSubscription", reason="A long journey.")
    credit = await life.credit()
    await life.renewed()
    asked = await life.totals()
    resumed = await life.does("resumeSubscription")

    assert (paused["state"], credit) == ("PAUSED", 2000)
    assert asked == [2000, -2000]
    assert resumed["subscription"]["state"] == "ACTIVE"
    assert lines(resumed["invoice"]) == [("CHARGE", 2000)]
    assert await life.credit() == 0


async def test_another_billing_day_ends_the_period_and_begins_a_share_of_a_whole_one(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    await life.later(2 * DAY)
    now = await world.now()
    day = 1 + (now + 10 * DAY).day % 28

    changed = await life.does("changeBillingDay", day=day)

    assert datetime.fromisoformat(changed["subscription"]["periodEnd"]).day == day
    assert now <= datetime.fromisoformat(changed["subscription"]["periodStart"]) <= await world.now()
    net = sum(amount for _, amount in lines(changed["invoice"]))
    assert abs(net) < 2000


async def test_a_cancellation_is_taken_back_before_it_takes_effect(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    await life.does("cancelSubscription")

    back = await life.does("reactivateSubscription")
    again = await life.does("reactivateSubscription")
    await life.renewed()

    assert (back["state"], back["cancelAt"]) == ("ACTIVE", None)
    assert again["__typename"] == "SubscriptionOver"
    assert await life.totals() == [2000, 2000]


async def test_an_end_that_has_come_is_not_taken_back_though_nobody_has_told_of_it_yet(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    await life.does("cancelSubscription")
    end: datetime = await world.value("select period_end from subscription where id = $1", life.number)
    now = await world.advance(end - await world.now())
    life.who = replace(life.who, bearer=world.bearer(life.who.number, life.who.session_number, now))
    before = await _standing(life)

    reply = await life.sends("reactivateSubscription", subscription=life.id)
    foreseen = await world.ask(
        "query($id: ID!) { previewReactivate(subscription: $id) { due { minor } } }", life.who, id=life.id
    )

    assert (_typename(reply), foreseen.code) == ("SubscriptionOver", "INVALID_INPUT")
    assert await _standing(life) == before
    await work_off(world)
    assert await world.value("select ended_at from subscription where id = $1", life.number) == end
    assert await life.totals() == [2000]


async def test_a_subscription_that_ends_with_its_period_is_not_billed_again(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    await life.does("cancelSubscription")

    await life.later(70 * DAY)

    assert await life.totals() == [2000]
    assert await world.value("select held from subscription_clock where subscription_id = $1", life.number) == "ended"


@pytest.mark.parametrize(("credit", "left"), [(True, 2000), (False, 0)])
async def test_an_end_now_gives_back_the_unused_time_if_that_is_asked(world: World, credit: bool, left: int) -> None:
    life = await subscribed(world, world.catalog.pro)

    ended = await life.does("cancelSubscription", at="NOW", credit=credit)
    await life.later(40 * DAY)

    assert ended["state"] == "CANCELED"
    assert await life.credit() == left


async def test_what_waits_is_withdrawn_when_the_subscription_ends(world: World) -> None:
    life = await subscribed(world, world.catalog.max)
    await _downgrade(life)

    await life.does("cancelSubscription", at="NOW")

    assert (
        await world.value("select state from scheduled_change where subscription_id = $1", life.number) == "withdrawn"
    )


# Renewals


async def test_a_renewal_bills_the_period_that_begins(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    start: datetime = await world.value("select period_end from subscription where id = $1", life.number)

    await life.renewed()
    await work_off(world)

    (row,) = await world.rows("select period_start, state from subscription where id = $1", life.number)
    # Nobody has paid, so the customer owes by now; the next period is billed all the same.
    assert (row["period_start"], row["state"]) == (start, "past_due")
    assert await life.totals() == [2000, 2000]


async def test_missed_periods_are_made_up_for_one_by_one(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)

    await life.later(100 * DAY)
    await work_off(world)

    spans = await world.rows(
        "select period_start, period_end from invoice where subscription_id = $1 order by id", life.number
    )
    due = await world.value("select due_at from subscription_clock where subscription_id = $1", life.number)
    assert await life.totals() == [2000] * len(spans)
    assert len(spans) == 4
    assert [row["period_end"] for row in spans] == [*(row["period_start"] for row in spans[1:]), due]


async def test_periods_missed_before_an_agreed_end_are_billed_before_it_ends(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    await life.does("cancelSubscription")
    # Somebody cancels for the end of the third period, and no worker runs until after it.
    third = "select since + interval '3 months' from subscription_cycle where subscription_id = $1"
    end = await world.value(third, life.number)
    await world.run("update subscription set cancel_at = $2 where id = $1", life.number, end)

    await life.later(150 * DAY)

    (row,) = await world.rows("select state, ended_at from subscription where id = $1", life.number)
    assert (row["state"], row["ended_at"]) == ("canceled", end)
    assert await life.totals() == [2000] * 3


@pytest.mark.parametrize(("at", "state"), [("NOW", "CANCELED"), ("PERIOD_END", "ACTIVE")])
async def test_a_period_that_is_overdue_is_billed_whenever_the_subscription_is_canceled(
    world: World, at: str, state: str
) -> None:
    life = await subscribed(world, world.catalog.pro)
    first_end = await world.value("select period_end from subscription where id = $1", life.number)

    now = await world.advance(40 * DAY)
    life.who = replace(life.who, bearer=world.bearer(life.who.number, life.who.session_number, now))
    answer = await life.does("cancelSubscription", at=at)

    (last,) = await world.rows(
        "select period_start, period_end, state from invoice where subscription_id = $1 order by id desc limit 1",
        life.number,
    )
    end = await world.value("select cancel_at from subscription where id = $1", life.number)
    assert answer["state"] == state
    assert await life.totals() == [2000, 2000]
    assert (last["period_start"], last["state"]) == (first_end, "open")
    assert first_end < now <= end <= last["period_end"]


async def test_a_draft_becomes_final_when_its_grace_is_over(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    await world.run("update account set grace_hours = 5 where id = $1", life.account)
    last = "select state, number is null as draft from invoice where subscription_id = $1 order by id desc limit 1"

    await life.renewed()
    (waiting,) = await world.rows(last, life.number)
    await life.later(timedelta(hours=5))
    (final,) = await world.rows(last, life.number)

    assert tuple(waiting) == ("draft", True)
    assert tuple(final) == ("open", False)


async def test_a_held_subscription_is_not_billed(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    await world.run("update subscription_clock set held = 'too dear' where subscription_id = $1", life.number)

    await life.renewed()

    assert await life.totals() == [2000]


async def test_workers_that_race_bill_a_period_once(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    end: datetime = await world.value("select period_end from subscription where id = $1", life.number)
    await world.advance(end - await world.now())

    await asyncio.gather(*(work_off(world) for _ in range(4)))

    assert await life.totals() == [2000, 2000]


async def test_changes_that_race_bill_the_last_of_them_as_if_they_had_queued(workspace: Scene) -> None:
    life = await pooled(workspace, 10)

    sent = [life.sends("changeSeats", pool=life.pool, seats=seats) for seats in (15, 12, 20, 11)]
    replies = await asyncio.gather(*sent)

    (row,) = await life.world.rows(
        "select purchased, (select quantity from subscription_item i where i.id = p.subscription_item_id) as quantity"
        " from license_pool p where account_id = $1",
        life.account,
    )
    assert [reply.codes for reply in replies] == [[]] * 4
    assert (row["purchased"], row["quantity"]) == (20, 20)
    assert sum(await life.totals()) == 20 * 4000


async def test_two_who_change_one_subscription_at_once_are_made_one_after_the_other(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)

    replies = await asyncio.gather(
        life.sends("changeSubscription", subscription=life.id, item=life.item, price=world.catalog.max.price),
        life.sends("pauseSubscription", subscription=life.id),
    )

    (row,) = await world.rows(
        "select s.state, (select max(at) from item_step t where t.subscription_id = s.id) as changed,"
        " (select starts_at from subscription_pause p where p.subscription_id = s.id) as paused"
        " from subscription s where s.id = $1",
        life.number,
    )
    assert [reply.codes for reply in replies] == [[], []]
    assert (await _plan(life), row["state"]) == ("t_max", "paused")
    assert row["changed"] != row["paused"]
    # Whichever came first, all that was paid is the customer's credit, less what the time between them cost.
    assert abs(sum(await life.totals())) <= 1


async def test_a_change_comes_after_the_renewal_that_is_overdue_and_what_waited_for_it(world: World) -> None:
    life = await subscribed(world, world.catalog.max)
    await _downgrade(life)
    end: datetime = await world.value("select period_end from subscription where id = $1", life.number)
    now = await world.advance(end - await world.now())
    life.who = replace(life.who, bearer=world.bearer(life.who.number, life.who.session_number, now))

    await life.does("changeSubscription", price=world.catalog.max.price)

    assert await _plan(life) == "t_pro"
    assert (await life.totals())[:2] == [5000, 2000]


@pytest.mark.parametrize("at", ["NOW", "PERIOD_END"])
async def test_a_repeated_change_is_made_once(at: str, world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    wish = {"item": life.item, "price": world.catalog.max.price, "at": at, "idempotencyKey": f"once {life.id}"}

    first = await life.does("changeSubscription", **wish)
    second = await life.does("changeSubscription", **wish)
    other = await life.sends("changeSubscription", subscription=life.id, **{**wish, "quantity": 3})

    assert first == second
    assert len(await life.totals()) == (2 if at == "NOW" else 1)
    assert other.code == "CONFLICT"


# Seats


async def test_five_more_seats_are_there_at_once_and_bill_five(workspace: Scene) -> None:
    life = await pooled(workspace, 10)
    seen = await life.ask(PREVIEW_SEATS, pool=life.pool, seats=15)

    grown = await life.does("changeSeats", pool=life.pool, seats=15)

    assert grown["pool"]["purchased"] == 15
    assert grown["invoice"]["total"] == seen["total"] == {"minor": 5 * 4000}
    assert await life.totals() == [40000, 20000]


async def test_ten_seats_then_five_then_fifteen_bill_five_more(workspace: Scene) -> None:
    life = await pooled(workspace, 10)

    fewer = await life.does("changeSeats", pool=life.pool, seats=5)
    more = await life.does("changeSeats", pool=life.pool, seats=15)
    await life.renewed()

    assert (fewer["pool"]["purchased"], fewer["invoice"], fewer["change"]["quantity"]) == (10, None, 5)
    assert more["invoice"]["total"] == {"minor": 5 * 4000}
    assert await life.totals() == [40000, 20000, 60000]


async def test_as_many_seats_again_take_back_the_decrease_that_waits(workspace: Scene) -> None:
    life = await pooled(workspace, 10)
    await life.does("changeSeats", pool=life.pool, seats=5)

    await life.does("changeSeats", pool=life.pool, seats=10)
    await life.renewed()

    assert await life.totals() == [40000, 40000]


async def test_fewer_seats_at_renewal_are_never_fewer_than_are_taken(workspace: Scene) -> None:
    life = await pooled(workspace, 5)
    for _ in range(3):
        await workspace.seat(life.pool, await workspace.join())
    await life.does("changeSeats", pool=life.pool, seats=1)

    await life.renewed()

    (row,) = await life.world.rows("select purchased, assigned from license_pool where account_id = $1", life.account)
    assert (row["purchased"], row["assigned"]) == (3, 3)
    assert await life.totals() == [20000, 12000]


async def test_a_resized_pool_is_told_in_the_audit_log(workspace: Scene) -> None:
    life = await pooled(workspace, 2)

    await life.does("changeSeats", pool=life.pool, seats=3)

    assert "pool.resized" in await logged(workspace)


# Refusals


async def _nothing_new(life: Life) -> Reply:
    return await life.sends("changeSubscription", subscription=life.id, item=life.item, quantity=1)


async def _other_currency(life: Life) -> Reply:
    price = life.world.catalog.max_euro.price
    return await life.sends("changeSubscription", subscription=life.id, item=life.item, price=price)


async def _for_workspaces(life: Life) -> Reply:
    price = life.world.catalog.team.price
    return await life.sends("changeSubscription", subscription=life.id, item=life.item, price=price)


async def _out_of_step(life: Life) -> Reply:
    return await life.sends("changeSubscription", subscription=life.id, price=life.world.catalog.max_yearly.price)


async def _none(life: Life) -> Reply:
    return await life.sends("changeSubscription", subscription=life.id, item=life.item, quantity=0)


async def _fewer_than_none(life: Life) -> Reply:
    return await life.sends("changeSubscription", subscription=life.id, item=life.item, quantity=-3)


async def _too_many(life: Life) -> Reply:
    return await life.sends("changeSubscription", subscription=life.id, item=life.item, quantity=100_001)


async def _no_item(life: Life) -> Reply:
    item = ids.encode("item", life.world.number())
    return await life.sends("changeSubscription", subscription=life.id, item=item, quantity=2)


async def _no_price(life: Life) -> Reply:
    price = ids.encode("price", life.world.number())
    return await life.sends("changeSubscription", subscription=life.id, item=life.item, price=price)


async def _no_such_day(life: Life) -> Reply:
    return await life.sends("changeBillingDay", subscription=life.id, day=32)


async def _not_paused(life: Life) -> Reply:
    return await life.sends("resumeSubscription", subscription=life.id)


async def _long_reason(life: Life) -> Reply:
    return await life.sends("pauseSubscription", subscription=life.id, reason="x" * 1_001)


async def _nothing_left_to_credit(life: Life) -> Reply:
    return await life.sends("cancelSubscription", subscription=life.id, at="PERIOD_END", credit=True)


@pytest.mark.parametrize(
    ("attempt", "word"),
    [
        (_nothing_new, "NothingChanges"),
        (_other_currency, "PriceNotForSubscription"),
        (_for_workspaces, "PlanNotOffered"),
        (_out_of_step, "PriceNotForSubscription"),
        (_none, "INVALID_INPUT"),
        (_fewer_than_none, "INVALID_INPUT"),
        (_too_many, "INVALID_INPUT"),
        (_no_item, "INVALID_INPUT"),
        (_no_price, "INVALID_INPUT"),
        (_no_such_day, "INVALID_INPUT"),
        (_not_paused, "SubscriptionOver"),
        (_long_reason, "INVALID_INPUT"),
        (_nothing_left_to_credit, "INVALID_INPUT"),
    ],
)
async def test_what_is_refused_changes_nothing(
    attempt: Callable[[Life], Awaitable[Reply]], word: str, world: World
) -> None:
    life = await subscribed(world, world.catalog.pro)
    before = await _standing(life)

    reply = await attempt(life)

    assert (reply.code or _typename(reply)) == word
    assert await _standing(life) == before


async def test_a_change_before_the_last_one_changes_nothing(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    await world.run(
        "update item_step set at = at + interval '1 hour' where subscription_id = $1 and account_id = $2",
        *(life.number, life.account),
    )
    before = await _standing(life)

    reply = await life.sends("changeSubscription", subscription=life.id, item=life.item, quantity=2)

    assert reply.code == "CONFLICT"
    assert await _standing(life) == before


@pytest.mark.parametrize(
    ("mutation", "more"),
    [
        ("changeSubscription", {"quantity": 2}),
        ("pauseSubscription", {}),
        ("resumeSubscription", {}),
        ("reactivateSubscription", {}),
        ("changeBillingDay", {"day": 3}),
    ],
)
async def test_a_canceled_subscription_is_over(mutation: str, more: dict[str, Any], world: World) -> None:
    life = await subscribed(world, world.catalog.pro)
    await life.does("cancelSubscription", at="NOW")
    before = await _standing(life)

    reply = await life.sends(mutation, subscription=life.id, **more)

    assert _typename(reply) == "SubscriptionOver"
    assert await _standing(life) == before


@pytest.mark.parametrize("seats", [-(2**31), -1, 0, 100_001])
async def test_a_pool_has_bounds(seats: int, workspace: Scene) -> None:
    life = await pooled(workspace, 2)
    before = await evidence(workspace)

    asked = await workspace.world.ask(PREVIEW_SEATS, life.who, pool=life.pool, seats=seats)
    reply = await life.sends("changeSeats", pool=life.pool, seats=seats)

    assert (asked.code, reply.code) == ("INVALID_INPUT", "INVALID_INPUT")
    assert "A quantity is 1 to 100,000" in asked.json["errors"][0]["message"]
    assert await evidence(workspace) == before


async def test_as_many_seats_as_there_are_change_nothing(workspace: Scene) -> None:
    life = await pooled(workspace, 2)
    before = await evidence(workspace)

    reply = await life.sends("changeSeats", pool=life.pool, seats=2)

    assert _typename(reply) == "NothingChanges"
    assert await evidence(workspace) == before


async def test_the_item_of_a_pool_is_changed_with_the_pool_alone(workspace: Scene) -> None:
    life = await pooled(workspace, 2)
    before = await evidence(workspace)

    counted = await life.sends("changeSubscription", subscription=life.id, item=life.item, quantity=5)
    other = workspace.world.catalog.enterprise.price
    moved = await life.sends("changeSubscription", subscription=life.id, item=life.item, price=other)

    assert (counted.code, _typename(moved)) == ("INVALID_INPUT", "PriceNotForSubscription")
    assert await evidence(workspace) == before


# Previews are asked like changes, and shown to whoever sees what is billed


async def test_a_preview_of_what_would_be_declined_says_why(world: World) -> None:
    life = await subscribed(world, world.catalog.pro)

    reply = await world.ask(PREVIEW, life.who, subscription=life.id, item=life.item, quantity=1)

    assert reply.code == "INVALID_INPUT"
    assert "nothing was changed" in reply.json["errors"][0]["message"]


async def test_a_preview_is_for_those_who_see_what_is_billed(workspace: Scene) -> None:
    life, world = await pooled(workspace, 2), workspace.world
    elsewhere = await world.workspace(name="Elsewhere")

    async def comes(asker: Asker, reason: str | None = None) -> set[str | None]:
        return {
            (await world.ask(PREVIEW_SEATS, asker, reason_=reason, pool=life.pool, seats=3)).code,
            (await world.ask(PREVIEW, asker, reason_=reason, subscription=life.id, price=_team(world))).code,
        }

    members = {role: await comes(who) for role, who in workspace.members.items()}
    assert {role for role, codes in members.items() if codes == {None}} == {Role.OWNER, Role.BILLING_ADMIN}
    assert await comes(await workspace.key(KeyScope.BILLING_READ)) == {None}
    assert await comes(await world.person("clerk", desk=Desk.FINANCE), "Asked by phone.") == {None}
    assert [await comes(asker) for asker in (elsewhere.owner, await elsewhere.key(*KeyScope))] == [{"NOT_FOUND"}] * 2
    assert await comes(None) <= {"UNAUTHENTICATED", "NOT_FOUND"}


def _team(world: World) -> str:
    return world.catalog.enterprise.price


async def _downgrade(life: Life) -> str:
    changed = await life.does("changeSubscription", item=life.item, price=life.world.catalog.pro.price, at="PERIOD_END")
    waiting: str = changed["change"]["id"]
    return waiting


async def _plan(life: Life) -> str:
    key: str = await life.world.value(
        "select p.key from subscription s join plan p on p.id = s.plan_id where s.id = $1", life.number
    )
    return key


async def _standing(life: Life) -> str:
    """A digest of all that belongs to the account."""
    return await evidence(Scene(life.world, life.account, {}))


def _typename(reply: Reply) -> str:
    (answer,) = reply.data.values()
    return str(answer["__typename"])
