"""The subscriptions of a scene: started, renewed at every boundary since, billed, paused and ended.

What is billed is what `billing.timeline` says of the facts so far, so a seat that was
bought in mid-period is prorated to the second.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from auth.tables import Account
from billing import catalog_rows, subscriptions
from billing import queries as billing
from billing.agreement import Agreement, Item, Step
from billing.catalog import ListPrice
from billing.lines import Issued, Line
from billing.periods import Cycle
from billing.tables import Invoice, Plan, Price, Subscription, SubscriptionItem, SubscriptionState
from billing.timeline import bill
from gateway.scenes import events, form, invoices, queries
from gateway.scenes.invoices import Charge
from gateway.scenes.payer import Payer
from kernel.errors import InvalidInput
from kernel.time import Anchor, Period

RETRIED_AFTER = timedelta(days=1)
"""When a declined invoice is tried again."""


@dataclass(slots=True)
class Running:
    """A subscription of the scene, and what was billed for it so far."""

    payer: Payer
    place: str
    told: form.Subscription
    subscription: Subscription
    item: SubscriptionItem
    plan: Plan
    price: ListPrice
    agreement: Agreement
    closes: Callable[[], Awaitable[None]] | None = None
    """What else ends when the subscription does."""

    issued: list[Issued] = field(default_factory=list)


def announce(payer: Payer) -> None:
    """The subscriptions of an account, and the invoices written by hand, each at its instant."""
    for place, told in enumerate(payer.told.subscriptions):
        where = f"{payer.place}.subscriptions[{place}]"
        payer.stage.then(payer.when(told.started), where, partial(_subscribe, payer, where, told))
    for place, written in enumerate(payer.told.invoices):
        where = f"{payer.place}.invoices[{place}]"
        at = written.issued.at(payer.stage.now)
        payer.stage.then(at, where, partial(invoices.write_by_hand, payer, where, written))


async def _subscribe(payer: Payer, place: str, told: form.Subscription) -> None:
    account = await payer.acts()
    price = await sold(payer, account, told)
    _, version, plan = await billing.offer(payer.stage.work, price.id)
    if version.seats:
        raise InvalidInput(f"{plan.key} is sold by the seat: buy it with a pool.")
    bought = await subscriptions.subscribe(payer.stage.work, account, price.id, 1)
    await begin(payer, place, told, bought)


async def sold(payer: Payer, account: Account, told: form.Subscription) -> Price:
    """The price of the catalog that an agreement is to. Raises InvalidInput where there is none."""
    currency = told.currency or account.currency
    price = await queries.price(payer.stage.work, told.plan, told.interval, currency)
    if price is None:
        raise InvalidInput(f"The catalog sells no {told.plan!r} by the {told.interval.value} in {currency}.")
    return price


async def begin(
    payer: Payer,
    place: str,
    told: form.Subscription,
    bought: tuple[Subscription, SubscriptionItem],
    closes: Callable[[], Awaitable[None]] | None = None,
) -> Running:
    """Follow a new subscription through its periods until the scene's now."""
    subscription, item = bought
    row, _, plan = await billing.offer(payer.stage.work, item.price_id)
    price, anchor = catalog_rows.price_of(row), Anchor.at(subscription.anchor, subscription.time_zone)
    agreement = Agreement(
        cycles=(Cycle(subscription.anchor, anchor, subscription.interval),),
        items=(Item(str(item.id), (Step(payer.stage.work.now, price, item.quantity),)),),
    )
    running = Running(payer, place, told, subscription, item, plan, price, agreement, closes)
    if subscription.state is not SubscriptionState.TRIALING:
        await _bill(running)
    _await_renewal(running)
    now, stage = payer.stage.now, payer.stage
    if told.paused:
        stage.then(told.paused.at(now), f"{place}.paused", partial(_pause, running))
    if told.canceled:
        stage.then(told.canceled.at.at(now), f"{place}.canceled", partial(_cancel, running, told.canceled))
    return running


async def enlarge(running: Running, quantity: int) -> None:
    """Make it more of the same price, and bill the rest of the period. Raises InvalidInput for fewer."""
    if running.subscription.ended_at:
        raise InvalidInput("The subscription has ended by then.")
    if quantity <= running.item.quantity:
        raise InvalidInput(f"There are {running.item.quantity} seats by then, and a scene only adds some.")
    _, version, plan = await billing.offer(running.payer.stage.work, running.item.price_id)
    subscriptions.check_seats(plan.key, version, subscriptions.quantity_of(quantity))
    running.item.quantity = quantity
    step = Step(running.payer.stage.work.now, running.price, quantity)
    running.agreement = running.agreement.stepped(str(running.item.id), step)
    if running.subscription.state is not SubscriptionState.TRIALING:
        await _bill(running)


# Periods


def _await_renewal(running: Running) -> None:
    end, stage = running.subscription.period_end, running.payer.stage
    if end <= stage.now:
        stage.then(end, running.place, partial(_renew, running))


async def _renew(running: Running) -> None:
    subscription, work = running.subscription, running.payer.stage.work
    if subscription.ended_at or subscription.state is SubscriptionState.PAUSED:
        return
    if subscription.cancel_at and subscription.cancel_at <= work.now:
        await subscriptions.end(work, subscription)
        await _close(running)
        return
    anchor = Anchor.at(subscription.anchor, subscription.time_zone)
    _, period = anchor.period_at(work.now, subscription.interval)
    subscription.period_start, subscription.period_end = period.start, period.end
    if subscription.state is SubscriptionState.TRIALING:
        subscription.state = SubscriptionState.ACTIVE
    work.emit(events.SubscriptionRenewed(subscription.account_id, subscription.id), subscription)
    await _bill(running)
    _await_renewal(running)


async def _pause(running: Running) -> None:
    await running.payer.acts()
    if running.subscription.ended_at:
        raise InvalidInput("The subscription has ended by then.")
    running.subscription.state = SubscriptionState.PAUSED
    told = events.SubscriptionPaused(running.subscription.account_id, running.subscription.id)
    running.payer.stage.work.emit(told, running.subscription)


async def _cancel(running: Running, told: form.Canceled) -> None:
    await running.payer.acts()
    subscription, work = running.subscription, running.payer.stage.work
    await subscriptions.cancel(work, subscription.account_id, subscription.id, told.takes_effect, told.reason)
    if subscription.ended_at:
        await _close(running)


async def _close(running: Running) -> None:
    if running.closes:
        await running.closes()


# Money


async def _bill(running: Running) -> None:
    """Issue what is due by now, if the scene wants this subscription billed."""
    told, stage = running.told.billed, running.payer.stage
    if told is None:
        return
    lines = bill(running.agreement, running.issued, now=stage.work.now, since=stage.work.now)
    running.issued += [Issued(len(running.issued) + place, line) for place, line in enumerate(lines)]
    if not lines:
        return
    subscription, terms = running.subscription, timedelta(days=told.terms_days)
    period = Period(subscription.period_start, subscription.period_end)
    charges = [await _charge(running, line, period) for line in lines]
    invoice = await invoices.write(running.payer, charges, period, terms, subscription.id)
    collected = stage.work.now + terms
    if collected <= stage.now:
        stage.then(collected, running.place, partial(_collect, running, invoice))


async def _charge(running: Running, line: Line, period: Period) -> Charge:
    account = await running.payer.account()
    units = int(line.quantity) - int(line.above or 0)
    says = _named(running.plan, account.locale)
    if running.price.rule.tiers[0].unit:
        says += f", {units} {'more ' if line.above else ''}{'seat' if units == 1 else 'seats'}"
    if line.span != period:
        says += f", prorated: {line.formula}"
    return Charge(says, line.net, units, line.span, running.plan.id, running.item.price_id)


def _named(plan: Plan, locale: str) -> str:
    name: str = plan.name.get(locale) or plan.name.get(locale.partition("-")[0]) or plan.name["en"]
    return name


async def _collect(running: Running, invoice: Invoice) -> None:
    told, stage = running.told.billed, running.payer.stage
    assert told, "only what is billed is collected"
    assert invoice.issued_at, "only what was issued is collected"
    unpaid = bool(told.unpaid_since and told.unpaid_since.at(stage.now) <= invoice.issued_at)
    if _declined(told, invoice.issued_at, stage.now):
        await invoices.decline(running.payer, invoice)
        _fall_behind(running)
        retried = stage.work.now + RETRIED_AFTER
        if not unpaid and retried <= stage.now:
            stage.then(retried, running.place, partial(_collect_again, running, invoice))
    elif not unpaid:
        await invoices.pay(running.payer, invoice)


def _declined(told: form.Billed, issued: datetime, now: datetime) -> bool:
    begins = told.declined_since and told.declined_since.at(now)
    ends = told.declined_until.at(now) if told.declined_until else now
    return bool(begins and begins <= issued <= ends)


def _fall_behind(running: Running) -> None:
    subscription = running.subscription
    if subscription.state is SubscriptionState.ACTIVE:
        subscription.state = SubscriptionState.PAST_DUE
        told = events.SubscriptionOverdue(subscription.account_id, subscription.id)
        running.payer.stage.work.emit(told, subscription)


async def _collect_again(running: Running, invoice: Invoice) -> None:
    subscription = running.subscription
    await invoices.pay(running.payer, invoice)
    if subscription.state is SubscriptionState.PAST_DUE:
        subscription.state = SubscriptionState.ACTIVE
        told = events.SubscriptionRestored(subscription.account_id, subscription.id)
        running.payer.stage.work.emit(told, subscription)
