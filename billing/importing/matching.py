"""Matching: which of our prices stands for each of theirs, and whatever else an admin says about an import."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from billing import catalog_rows
from billing.catalog import Audience, ListPrice
from billing.importing.costs import rule_of, same
from billing.pricing import PriceRule
from kernel.errors import InvalidInput
from payments.rail.billing_values import TheirPrice

_PARTS = 3


class Kind(StrEnum):
    """What a customer becomes."""

    PERSON = "person"
    """A person who pays for themselves."""

    WORKSPACE = "workspace"
    """A workspace, owned by whoever the customer's address is of."""


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One of our prices, as a file names it: "pro/1/month-usd" is the key of a plan, a version, and a price of it."""

    plan: str
    version: int
    price: str

    def __str__(self) -> str:
        return f"{self.plan}/{self.version}/{self.price}"

    @classmethod
    def read(cls, text: str) -> Target:
        """The price that a text names. Raises InvalidInput."""
        parts = text.split("/")
        if len(parts) != _PARTS or not parts[1].isdecimal():
            raise InvalidInput(f'"{text}" names no price: write plan, version and price, such as "pro/1/month-usd".')
        return cls(parts[0], int(parts[1]), parts[2])


@dataclass(frozen=True, slots=True)
class Offer:
    """One of our prices with its plan; the price's key is its number as text."""

    target: Target
    price_id: int
    plan_id: int
    version_id: int
    price: ListPrice
    audience: Audience
    name: str
    least: int | None
    """The fewest seats it is sold with; None where it is not sold by the seat."""

    most: int | None
    sold: bool
    """Whether it is of the version that is sold now."""

    @property
    def terms(self) -> tuple[str, str, int, bool]:
        """What has to be the same there: currency, interval, how many of those, and whether a meter counts."""
        return self.price.currency, self.price.interval.value, self.price.count, self.price.meter is not None


@dataclass(frozen=True, slots=True)
class Customer:
    """What the file says of one customer."""

    account: str | None = None
    """The account here that it is already."""

    kind: Kind | None = None
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    """What an admin says about an import; a price that stands for nothing is left where it is."""

    prices: Mapping[str, Target | None] = field(default_factory=dict)
    customers: Mapping[str, Customer] = field(default_factory=dict)
    time_zone: str = "UTC"
    country: str = "US"
    """Where customers are who don't say it."""

    issuer: str | None = None
    """Who signs people in, and under which key of a customer's metadata it names them."""

    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What seems to stand for one of their prices, and why."""

    price: TheirPrice
    target: Target | None
    says: str


def offers(shelf: catalog_rows.Shelf) -> dict[Target, Offer]:
    """Every price of ours, by what a file calls it."""
    plans = {plan.id: plan for plan in shelf.plans.values()}
    numbers = {version.id: number for (_, number), version in shelf.versions.items()}
    newest = {key: max(number for plan, number in shelf.versions if plan == key) for key in shelf.plans}
    found = {}
    for row in shelf.prices:
        plan, listed = plans[row.plan_id], catalog_rows.price_of(row)
        number = numbers[row.plan_version_id]
        seats = shelf.versions[plan.key, number].seats
        target = Target(plan.key, number, listed.key)
        found[target] = Offer(
            target=target,
            price_id=row.id,
            plan_id=row.plan_id,
            version_id=row.plan_version_id,
            price=listed,
            audience=Audience(plan.audience),
            name=plan.name["en"],
            least=(seats.get("minimum") or 1) if seats is not None else None,
            most=seats.get("maximum") if seats is not None else None,
            sold=plan.archived_at is None and number == newest[plan.key],
        )
    return found


def suggested(price: TheirPrice, known: Iterable[Offer]) -> Suggestion:
    """What of ours stands for a price of theirs: what costs the same, else what is called the same."""
    rule = rule_of(price)
    if price.interval is None:
        return Suggestion(price, None, "It is sold once, and not by a period.")
    if rule is None:
        return Suggestion(price, None, "It is priced in a way that ours can't be.")
    terms = (price.currency, price.interval, price.count, price.metered)
    alike = sorted((offer for offer in known if offer.terms == terms), key=lambda offer: _rank(offer, price))
    if not alike:
        return Suggestion(price, None, f"Nothing of ours is sold {_how(price)}.")
    for offer in alike:
        if same(offer.price.rule, rule):
            return Suggestion(price, offer.target, "Ours costs the same.")
    if _called(alike[0], price):
        return Suggestion(price, alike[0].target, f"Ours costs something else: {alike[0].price.says}.")
    return Suggestion(price, None, f"Nothing of ours costs the same {_how(price)}.")


def _rank(offer: Offer, price: TheirPrice) -> tuple[bool, bool, Target]:
    """What is called the same first, then what is sold now."""
    return not _called(offer, price), not offer.sold, offer.target


def _called(offer: Offer, price: TheirPrice) -> bool:
    titles = [part.strip().casefold() for part in price.name.split(",")]
    return bool({offer.name.casefold(), offer.target.plan.casefold()} & set(titles))


def _how(price: TheirPrice) -> str:
    every = price.interval if price.count == 1 else f"{price.count} {price.interval}s"
    return f"by the {every} in {price.currency}" + (" by a meter" if price.metered else "")


def said(price: TheirPrice, rule: PriceRule | None) -> str:
    """A price of theirs in a few words: "Pro: 20.00 USD each a month"."""
    if rule is None or price.interval is None:
        return f"{price.name}: in {price.currency}"
    return f"{price.name}: {ListPrice('', price.currency, rule).says.rpartition(' a ')[0]} {_every(price)}"


def _every(price: TheirPrice) -> str:
    return f"a {price.interval}" if price.count == 1 else f"every {price.count} {price.interval}s"


def used(suggestions: Sequence[Suggestion]) -> dict[str, Target | None]:
    """The targets of suggestions, by their price."""
    return {each.price.id: each.target for each in suggestions}
