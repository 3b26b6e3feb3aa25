"""The subscriptions of a scene: started, renewed at every boundary since, billed, paused and ended.

All of it is lived through: each act calls what a customer or the worker would call at
that instant, and that bills. What is left for a scene to say is how its invoices went.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from auth.tables import Account
from billing import changes, subscriptions
from billing import events as billed
from billing import queries as billing
from billing.catalog_tables import Price
from billing.states import SubscriptionState
from billing.tables import Invoice, Subscription
from gateway.scenes import form, invoices, queries
from gateway.scenes.payer import Payer
from kernel.errors import InvalidInput
from seats import buying

RETRIED_AFTER = timedelta(days=1)
"""When a declined invoice is tried again."""


@dataclass(slots=True)
class Running:
    """A subscription of the scene, and which of its invoices are taken care of."""

    payer: Payer
    place: str
    told: form.Subscription
    subscription: Subscription
    closes: Callable[[], Awaitable[None]] | None = None
    """What else ends when the subscription does."""

    seen: set[int] = field(default_factory=set)


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
    subscription, _ = await subscriptions.subscribe(payer.stage.work, account, price.id, 1)
    await begin(payer, place, told, subscription)


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
    subscription: Subscription,
    closes: Callable[[], Awaitable[None]] | None = None,
) -> Running:
    """Follow a new subscription through its periods until the scene's now."""
    running = Running(payer, place, told, subscription, closes)
    await await_payment(running)
    _await_renewal(running)
    now, stage = payer.stage.now, payer.stage
    if told.paused:
        stage.then(told.paused.at(now), f"{place}.paused", partial(_pause, running))
    if told.canceled:
        stage.then(told.canceled.at.at(now), f"{place}.canceled", partial(_cancel, running, told.canceled))
    return running


# Periods


def _await_renewal(running: Running) -> None:
    end, stage = running.subscription.period_end, running.payer.stage
    if end <= stage.now:
        stage.then(end, running.place, partial(_renew, running))


async def _renew(running: Running) -> None:
    subscription, work = running.subscription, running.payer.stage.work
    if subscription.ended_at:
        return
    if subscription.cancel_at and subscription.cancel_at <= work.now:
        await subscriptions.end_due(work, subscription.account_id, subscription.id)
        await _close(running)
        return
    await buying.renew(work, await running.payer.account(), subscription.id)
    await await_payment(running)
    _await_renewal(running)


async def _pause(running: Running) -> None:
    account = await running.payer.acts()
    if running.subscription.ended_at:
        raise InvalidInput("The subscription has ended by then.")
    await changes.pause(running.payer.stage.work, account, running.subscription.id, None)


async def _cancel(running: Running, told: form.Canceled) -> None:
    account = await running.payer.acts()
    subscription, work = running.subscription, running.payer.stage.work
    await buying.cancel(work, account, subscription.id, told.takes_effect, told.reason)
    if subscription.ended_at:
        await _close(running)


async def _close(running: Running) -> None:
    if running.closes:
        await running.closes()


# Money


async def await_payment(running: Running) -> None:
    """Collect what was billed since, when it is due."""
    stage, subscription = running.payer.stage, running.subscription
    terms = timedelta(days=running.told.billed.terms_days)
    for invoice in await queries.open_invoices(stage.work, subscription.account_id, subscription.id):
        if invoice.id in running.seen:
            continue
        running.seen.add(invoice.id)
        invoices.agree(invoice, running.told.billed.terms_days)
        collected = stage.work.now + terms
        if collected <= stage.now:
            stage.then(collected, running.place, partial(_collect, running, invoice))


async def _collect(running: Running, invoice: Invoice) -> None:
    told, stage = running.told.billed, running.payer.stage
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
        told = billed.SubscriptionOverdue(subscription.account_id, subscription.id)
        running.payer.stage.work.emit(told, subscription)


async def _collect_again(running: Running, invoice: Invoice) -> None:
    subscription = running.subscription
    await invoices.pay(running.payer, invoice)
    if subscription.state is SubscriptionState.PAST_DUE:
        subscription.state = SubscriptionState.ACTIVE
        told = billed.SubscriptionRestored(subscription.account_id, subscription.id)
        running.payer.stage.work.emit(told, subscription)
