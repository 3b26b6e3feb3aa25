"""Deciding: what of a customer at Stripe Billing comes over, and what stays there, each with its reason."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from auth.addresses import is_address
from billing.catalog import Audience
from billing.importing.copying import Copied, NotCopied, copied
from billing.importing.costs import rule_of
from billing.importing.describing import described
from billing.importing.matching import Customer, Kind, Matching, Offer, Target, said
from billing.pricing import Model, PriceRule
from kernel.money import Money
from kernel.time import Period
from payments.rail.billing_values import (
    TheirCustomer,
    TheirDiscount,
    TheirItem,
    TheirPrice,
    TheirSubscription,
)
from payments.rail.invoice_values import TheirInvoice

PAST_DUE = "past_due"
OVER = {"canceled", "incomplete_expired"}
"""What has ended there, and stays there."""

_UNREADY = {
    "unpaid": "Stripe has given up collecting for it: settle or cancel it there, then import again.",
    "incomplete": "Its first invoice is not paid yet: import again when it is.",
    "paused": "It is paused at Stripe, for its trial ended without a payment method: resume or cancel it there.",
}


class Stays(Exception):  # noqa: N818 - an outcome
    """Why a subscription stays where it is, in one sentence."""


@dataclass(frozen=True, slots=True)
class Matched:
    """An item of theirs, the price of ours that stands for its price, and the rule by which theirs is priced."""

    item: TheirItem
    offer: Offer
    rule: PriceRule


@dataclass(frozen=True, slots=True)
class Granted:
    """A discount of theirs, and the prices of ours it is limited to."""

    discount: TheirDiscount
    price_ids: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A subscription that comes over."""

    theirs: TheirSubscription
    items: Sequence[Matched]
    metered: Sequence[Offer]
    discounts: Sequence[Granted]

    @property
    def period(self) -> Period:
        """The period that it is in there, which is paid there."""
        return self.theirs.items[0].period

    @property
    def ends(self) -> bool:
        """Whether it ends when that period does."""
        return self.theirs.ends_with_period or self.theirs.cancel_at == self.period.end


@dataclass(frozen=True, slots=True)
class Left:
    """A subscription that stays where it is, and why."""

    subscription: str
    why: str


@dataclass(frozen=True, slots=True)
class Owed:
    """An open invoice there, as it is to be copied; where it stays there, why."""

    theirs: TheirInvoice
    copied: Copied | None = None
    why: str = ""


@dataclass(slots=True)
class Decision:
    """What becomes of a customer."""

    customer: TheirCustomer
    says: Customer
    kind: Kind
    currency: str
    time_zone: str
    columns: Mapping[str, Any]
    """What its account is told: country, address, VAT id, language and terms."""

    wanted: list[Wanted] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What else of it stays there, each in a sentence."""

    credit: Sequence[Money] = ()
    invoices: list[Owed] = field(default_factory=list)
    """What is owed there."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a decision is made with."""

    matching: Matching
    offers: Mapping[Target, Offer]
    prices: Mapping[str, TheirPrice]
    now: datetime
    here: Container[str] = frozenset()
    """The subscriptions that came over before."""


def decided(
    shelf: Shelf, customer: TheirCustomer, subscriptions: Sequence[TheirSubscription], invoices: Sequence[TheirInvoice]
) -> Decision:
    """What becomes of a customer and of their subscriptions; those that are over are no longer spoken of."""
    says = shelf.matching.customers.get(customer.id, Customer())
    wanted: list[Wanted] = []
    left: list[Left] = []
    for each in sorted(subscriptions, key=lambda one: (one.started, one.id)):
        if each.status in OVER:
            continue
        try:
            _check_state(customer, each, shelf.now)
            _check_owed(each, invoices)
            wanted.append(_wanted(shelf, customer, each))
        except Stays as why:
            if each.id not in shelf.here:
                left.append(Left(each.id, str(why)))
    kind = says.kind or _kind(wanted)
    fitting = _fitting(kind, wanted, left)
    columns, notes = described(shelf.matching, customer, [each.theirs for each in fitting])
    currency = fitting[0].theirs.currency if fitting else "USD"
    made = Decision(
        customer, says, kind, currency, says.time_zone or shelf.matching.time_zone, columns, fitting, left, notes
    )
    made.invoices = [_owed(shelf, made, each) for each in invoices if each.id not in shelf.here]
    _settle_balances(made)
    return made


def _check_owed(theirs: TheirSubscription, invoices: Sequence[TheirInvoice]) -> None:
    """Leave a subscription that is behind where what it owes has to stay, for Stripe would collect it no more."""
    for each in invoices if theirs.status == PAST_DUE else ():
        if each.subscription == theirs.id:
            try:
                copied(each)
            except NotCopied as why:
                raise Stays(f"Its unpaid invoice {each.number} can't come over: {why}") from None


def _owed(shelf: Shelf, made: Decision, theirs: TheirInvoice) -> Owed:
    """What becomes of an open invoice."""
    if not is_address(made.customer.email) and made.customer.id not in shelf.here:
        return Owed(theirs, why="Its customer has no e-mail address: add one at Stripe, then import again.")
    if theirs.subscription in {each.subscription for each in made.left}:
        return Owed(theirs, why="Its subscription stays, too.")
    try:
        return Owed(theirs, copied(theirs))
    except NotCopied as why:
        return Owed(theirs, why=str(why))


def _settle_balances(made: Decision) -> None:
    """Credit comes over where nothing is left there that uses it; what they owe stays."""
    credit = [-balance for balance in made.customer.balances if balance.minor < 0]
    owed = [balance for balance in made.customer.balances if balance.minor > 0]
    made.credit = () if made.left else credit
    if made.left:
        uses = made.left[0].subscription
        made.notes += [f"Their credit of {each.text} stays at Stripe, where {uses} uses it." for each in credit]
    made.notes += [
        f"They owe {each.text} on their balance at Stripe: bill it there, or once by hand here." for each in owed
    ]


def as_it_is(shelf: Shelf, customer: TheirCustomer, theirs: TheirSubscription) -> Wanted | None:
    """A subscription that came over before, as it is there now, whatever its state; None for one that can't be."""
    try:
        return _wanted(shelf, customer, theirs)
    except Stays:
        return None


def _wanted(shelf: Shelf, customer: TheirCustomer, theirs: TheirSubscription) -> Wanted:
    """A subscription as ours. Raises Stays."""
    matched, metered = [], []
    for item in theirs.items:
        offer, rule = _matched(shelf, theirs, item)
        if offer.price.meter:
            metered.append(offer)
        else:
            matched.append(Matched(item, offer, rule))
    matched = matched or [_base(shelf, theirs, metered)]
    _check_together(matched, metered)
    return Wanted(theirs, matched, _sold_with(shelf, matched), _granted(customer, theirs, matched))


def _check_state(customer: TheirCustomer, theirs: TheirSubscription, now: datetime) -> None:
    if not is_address(customer.email):
        raise Stays("Its customer has no e-mail address: give them one at Stripe, then import again.")
    if theirs.status not in {"active", "trialing", PAST_DUE}:
        raise Stays(_UNREADY.get(theirs.status, f"It is {theirs.status} at Stripe."))
    if theirs.pausing:
        raise Stays("Its collection is paused at Stripe: resume it there, then import again.")
    if theirs.awaits:
        raise Stays(f"It has {theirs.awaits}: let that happen or release it at Stripe, then import again.")
    periods = {item.period for item in theirs.items}
    if len(periods) != 1:
        raise Stays(
            "Its items are billed in different periods: make it two subscriptions at Stripe, or subscribe here."
        )
    (period,) = periods
    if period.end <= now:
        raise Stays("Its period has just ended, and Stripe has not begun the next: import again later.")
    if theirs.cancel_at and theirs.cancel_at != period.end:
        raise Stays(f"It ends on {theirs.cancel_at:%Y-%m-%d}, inside a period: cancel it here once it has come over.")


def _matched(shelf: Shelf, theirs: TheirSubscription, item: TheirItem) -> tuple[Offer, PriceRule]:
    price = shelf.prices[item.price]
    rule = rule_of(price)
    what = f"Its price {price.id} ({said(price, rule)})"
    if price.id not in shelf.matching.prices:
        raise Stays(f"{what} is not in the file: write there what stands for it.")
    target = shelf.matching.prices[price.id]
    if target is None:
        raise Stays(f"{what} is matched with nothing of ours.")
    offer = shelf.offers[target]
    if rule is None:
        raise Stays(f"{what} is priced in a way that ours can't be.")
    if offer.terms != (price.currency, price.interval, price.count, price.metered):
        raise Stays(f"{what} is billed otherwise than {target}: in another currency, interval, or by a meter.")
    quantity = item.quantity or 0
    if offer.price.meter is None and offer.price.rule.model is Model.FLAT and quantity != 1:
        raise Stays(f"{what} is held {quantity} times, and {target} has no quantity.")
    if offer.least is not None and not offer.least <= quantity <= (offer.most or quantity):
        raise Stays(f"It has {quantity} seats, and {target.plan} is sold with {_bounds(offer)}.")
    if offer.price.meter is None and quantity < 1:
        raise Stays(f"{what} is held {quantity} times: remove that item at Stripe, or give it a quantity.")
    assert theirs.currency == price.currency, "a subscription is in one currency"
    return offer, rule


def _bounds(offer: Offer) -> str:
    return f"{offer.least} to {offer.most}" if offer.most else f"{offer.least} or more"


def _base(shelf: Shelf, theirs: TheirSubscription, metered: Sequence[Offer]) -> Matched:
    """What a subscription of nothing but meters is to: the free base price of their plan."""
    terms = (*metered[0].terms[:3], False) if metered else None
    for offer in shelf.offers.values():
        if metered and offer.version_id == metered[0].version_id and offer.terms == terms and offer.price.rule.free:
            item = theirs.items[0]
            return Matched(TheirItem(item.id, item.price, item.product, 1, item.period), offer, offer.price.rule)
    raise Stays("It has nothing but metered prices, and ours are sold with a price that is not free.")


def _sold_with(shelf: Shelf, matched: Sequence[Matched]) -> list[Offer]:
    """The metered prices that are sold with these, whether or not they were counted there."""
    with_meter = {(each.offer.version_id, *each.offer.terms[:3], True) for each in matched}
    return [offer for _, offer in sorted(shelf.offers.items()) if (offer.version_id, *offer.terms) in with_meter]


def _check_together(matched: Sequence[Matched], metered: Sequence[Offer]) -> None:
    if len({each.offer.terms[1:3] for each in matched}) > 1:
        raise Stays("Its items are billed by different intervals.")
    if len({each.offer.price_id for each in matched}) < len(matched):
        raise Stays("Two of its prices are matched with one of ours: make them one item at Stripe.")
    versions = {each.offer.version_id for each in matched}
    if lonely := [offer for offer in metered if offer.version_id not in versions]:
        raise Stays(f"{lonely[0].target} is sold with its plan alone, and none of the other items is of that.")


def _granted(customer: TheirCustomer, theirs: TheirSubscription, matched: Sequence[Matched]) -> list[Granted]:
    """The discounts of a subscription: its own, else its customer's, and those of its items. Raises Stays."""
    whole = theirs.discounts or ((customer.discount,) if customer.discount else ())
    found = [Granted(discount, _limited(discount, matched)) for discount in whole]
    found += [Granted(discount, (each.offer.price_id,)) for each in matched for discount in each.item.discounts]
    for each in found:
        coupon = each.discount.coupon
        if coupon.percent is None and (coupon.fixed is None or coupon.fixed.currency != theirs.currency):
            raise Stays(
                f"Its coupon {coupon.id} can't be read, or is in another currency: remove it, or match by hand."
            )
    return [each for each in found if each.price_ids != ()]


def _limited(discount: TheirDiscount, matched: Sequence[Matched]) -> tuple[int, ...] | None:
    products = discount.coupon.products
    if products is None:
        return None
    return tuple(each.offer.price_id for each in matched if each.item.product in products)


def _kind(wanted: Sequence[Wanted]) -> Kind:
    audiences = {(each.offer.audience, each.offer.least is not None) for one in wanted for each in one.items}
    seated = any(audience is Audience.WORKSPACE or seats for audience, seats in audiences)
    return Kind.WORKSPACE if seated else Kind.PERSON


def _fitting(kind: Kind, wanted: Sequence[Wanted], left: list[Left]) -> list[Wanted]:
    """The subscriptions that an account of this kind may have, each plan once unless it is sold by the seat."""
    fitting, plans = [], set()
    for each in wanted:
        offers = [one.offer for one in each.items]
        if odd := [offer for offer in offers if offer.audience not in {Audience(kind.value), Audience.ANYONE}]:
            left.append(Left(each.theirs.id, f"{odd[0].target.plan} is not sold to a {kind}, which this customer is."))
        elif offers[0].least is None and offers[0].plan_id in plans:
            why = f"The customer has {offers[0].target.plan} twice, and a second one is not sold here."
            left.append(Left(each.theirs.id, why))
        else:
            fitting.append(each)
            plans.add(offers[0].plan_id)
    return fitting
