"""Changes of the catalog: every way in which two catalogs differ, each told in one sentence.

Some can't be applied, because they would break what a version promised to those
who hold it. They are told alike, and refused together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

from billing.catalog import ListPrice, Plan, Seats, Version
from billing.dunning import Schedule
from billing.entitlements import Entitlement
from billing.localized import Localized
from billing.metering import Meter

Value = str | int | Localized | Seats | None


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two catalogs, in the plan of a key."""

    sentence: ClassVar[str] = ""
    """The fields in braces are filled in; so is the number of the version after this one, as {next}."""

    plan: str

    @property
    def says(self) -> str:
        """The difference in one sentence."""
        told = {field.name: _said(getattr(self, field.name)) for field in fields(self)}
        return self.sentence.format(**told, next=(self.number or 0) + 1)

    @property
    def number(self) -> int | None:
        """The number of the version that differs; None where the whole plan does."""
        return getattr(self, "version", None)


class Refusal(Change):
    """A difference that can't be applied."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PlanAdded(Change):
    """A plan that was not sold before."""

    sentence = "{plan} is a new plan, {added}."
    added: Plan


@dataclass(frozen=True, slots=True)
class PlanRetired(Change):
    """A plan that is not sold any more. Subscriptions to it stay."""

    sentence = "{plan} is not sold any more; who has it keeps it."


@dataclass(frozen=True, slots=True)
class PlanRevived(Change):
    """A plan that is sold again."""

    sentence = "{plan} is sold again."


@dataclass(frozen=True, slots=True)
class PlanChanged(Change):
    """Another name, description, audience or position of a plan."""

    sentence = "{plan}: {field} was {before} and becomes {after}."
    field: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class VersionAdded(Change):
    """A new edition, which new subscriptions take from now on."""

    sentence = "{plan}: version {version} is new, {added}; who has another keeps it."
    version: int
    added: Version


@dataclass(frozen=True, slots=True)
class VersionChanged(Change):
    """Another trial, or other bounds for seats, for whoever buys from now on."""

    sentence = "{plan} version {version}: {field} was {before} and becomes {after}."
    version: int
    field: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class PriceAdded(Change):
    """A version is sold in another currency, by another interval or meter too."""

    sentence = "{plan} version {version}: price {added.key} is new, {added}."
    version: int
    added: ListPrice


@dataclass(frozen=True, slots=True)
class EntitlementAdded(Change):
    """A version lets all its holders do something more."""

    sentence = "{plan} version {version}: {added.feature} is new for all who have it, {added}."
    version: int
    added: Entitlement


@dataclass(frozen=True, slots=True)
class EntitlementChanged(Change):
    """A version opens a feature further to all its holders, or says it in other words."""

    sentence = "{plan} version {version}: {after.feature} was {before} and becomes {after} for all who have it."
    version: int
    before: Entitlement
    after: Entitlement


@dataclass(frozen=True, slots=True)
class MeterAdded(Change):
    """Something that was not counted before."""

    sentence = "{plan} is a new meter, a {added}."
    added: Meter


@dataclass(frozen=True, slots=True)
class ScheduleAdded(Change):
    """A dunning schedule that plans may follow."""

    sentence = "{plan} is a new dunning schedule: {added}."
    added: Schedule


@dataclass(frozen=True, slots=True)
class ScheduleChanged(Change):
    """Other steps for whatever follows a dunning schedule, from the next one on."""

    sentence = "{plan}: the dunning schedule was {before} and becomes {after}; its next steps follow it."
    before: Schedule
    after: Schedule


# What can't be applied


@dataclass(frozen=True, slots=True)
class MeterImmutable(Refusal):
    """Another way to count, under the name of a meter that invoices were computed by."""

    sentence = "{plan} is a {before} and can't become a {after}: give the new meter another name."
    before: Meter
    after: Meter


@dataclass(frozen=True, slots=True)
class VersionRemoved(Refusal):
    """A version that was sold, and is in no file."""

    sentence = "{plan} version {version} was sold and can't be removed: put it back, and make a version {next}."
    version: int


@dataclass(frozen=True, slots=True)
class PriceImmutable(Refusal):
    """Another amount or rule under the key of a price that was sold."""

    sentence = "{plan} version {version}: price {price} is {before} and can't become {after}: make a version {next}."
    version: int
    price: str
    before: ListPrice
    after: ListPrice


@dataclass(frozen=True, slots=True)
class PriceRemoved(Refusal):
    """A price that was sold, and is in no file."""

    sentence = (
        "{plan} version {version}: price {removed.key} was sold and can't be removed: make a version {next} without it."
    )
    version: int
    removed: ListPrice


@dataclass(frozen=True, slots=True)
class EntitlementWithdrawn(Refusal):
    """Less of a feature than the holders of a version were promised."""

    sentence = (
        "{plan} version {version}: {before.feature} was promised as {before} and can't become {after}: "
        "make a version {next}."
    )
    version: int
    before: Entitlement
    after: Entitlement | None


class CatalogRefused(Exception):  # noqa: N818 - what became of the catalog
    """The wanted catalog would break what was promised: every reason, one a line."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("\n".join(refusal.says for refusal in refusals))
        self.refusals = list(refusals)


def check(changes: Iterable[Change]) -> None:
    """Refuse changes that can't be applied. Raises CatalogRefused with all of them."""
    refusals = [change for change in changes if isinstance(change, Refusal)]
    if refusals:
        raise CatalogRefused(refusals)


def _said(value: object) -> object:
    """A field as a sentence tells it."""
    match value:
        case None:
            return "nothing"
        case Plan():
            return _offer(value.newest)
        case Version():
            return _offer(value)
        case Seats():
            return f"{value.minimum:,} to {value.maximum:,}" if value.maximum else f"{value.minimum:,} or more"
        case _:
            return value


def _offer(version: Version) -> str:
    first, more = version.prices[0], len(version.prices) - 1
    return f"{first} and {more} more prices" if more else f"{first}"
