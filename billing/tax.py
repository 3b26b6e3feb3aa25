"""Tax: computed for each rate and category on the whole invoice, then split back to its lines.

An exclusive price gets its tax on top; an inclusive one holds it already. What
lies in one group is rounded once, so the taxes of an invoice are those a person
computes from its totals, and the parts on its lines always sum to them. Rates
are given; which of them applies is decided from where seller and buyer are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from stdnum import get_cc_module
from stdnum.eu import vat
from stdnum.exceptions import ValidationError

from kernel.errors import InvalidInput
from kernel.money import Money, total

_EUROPEAN_UNION = vat.MEMBER_STATES - {"xi"}

REVERSE_CHARGE = "Reverse charge: the recipient accounts for the VAT (Article 196, Directive 2006/112/EC)."
EXPORT = "Outside the scope of VAT: the recipient is established outside the European Union."


@dataclass(frozen=True, slots=True)
class Rate:
    """A tax on a category of goods, in percent; where none is due, `reason` says why, in print."""

    percent: Fraction
    category: str = "standard"
    inclusive: bool = False
    reason: str = ""

    def __post_init__(self) -> None:
        if self.percent < 0:
            raise InvalidInput("percent: must not be negative.")

    def alike(self, other: Rate) -> bool:
        """Whether both take the same, whatever they print."""
        mine, its = ((one.percent, one.category, one.inclusive) for one in (self, other))
        return mine == its

    @property
    def share(self) -> Fraction:
        """How much of an amount the tax is, exactly: of an exclusive one on top of it, of an inclusive one inside."""
        return self.percent / (100 + self.percent if self.inclusive else 100)


@dataclass(frozen=True, slots=True)
class Group:
    """The lines of one rate: what they sum to before tax, the tax, and each line's part of it."""

    rate: Rate
    places: tuple[int, ...]
    base: Money
    tax: Money
    parts: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class Party:
    """A seller or a buyer: an ISO country code, and the VAT id of a business."""

    country: str
    vat_id: str | None = None


def taxed(lines: Sequence[tuple[Money, Rate]]) -> list[Group]:
    """The tax of an invoice's lines, after discounts, by rate in order of appearance."""
    groups: dict[Rate, list[int]] = {}
    for place, (_, rate) in enumerate(lines):
        groups.setdefault(rate, []).append(place)
    return [_grouped(rate, places, [lines[place][0] for place in places]) for rate, places in groups.items()]


def apiece(lines: Sequence[tuple[Money, Rate]], currency: str) -> list[Money]:
    """The tax on each line, after discounts; it is rounded once for each rate."""
    taxes = [Money(0, currency)] * len(lines)
    for group in taxed(lines):
        for place, part in zip(group.places, group.parts, strict=True):
            taxes[place] = part
    return taxes


def parts(rate: Rate, amounts: Sequence[Money], currency: str) -> list[Money]:
    """The tax on each of these amounts, which all have one rate; it is rounded once for all of them."""
    share = rate.share
    return _split(_tax(total(amounts, currency), share, inclusive=rate.inclusive), amounts, share)


def credited(rate: Rate, charged: Money, tax: Money, *, before: Money, credit: Money) -> Money:
    """The tax that a credit of `credit` gives back, after credits of `before` on the same group.

    `charged` and `tax` are what was recorded: when all of it is credited, all
    of the tax is, to the last unit.
    """
    return _given_back(rate, charged, tax, before + credit) - _given_back(rate, charged, tax, before)


def vat_id(written: str) -> str:
    """A VAT id in its plain form: "DE136695976". Raises InvalidInput; whether it is in use is not asked.

    The country is the prefix. Besides the European Union's, those of countries
    that print the prefix are known: CHE, GB, NO.
    """
    try:
        text = "".join(written.split()).upper()
        if text[:2].lower() in vat.MEMBER_STATES | {"el"}:
            return vat.validate(text)
        if text[:2] in {"CH", "GB", "NO"}:
            module = get_cc_module(text[:2].lower(), "vat")
            assert module is not None, f"python-stdnum knows VAT ids of {text[:2]}"
            number = module.validate(text)
            return number if number.startswith(text[:2]) else text[:2] + number
    except ValidationError:
        pass
    raise InvalidInput(f"{written!r} is not a VAT id, such as 'DE136695976'.")


def applicable(rate: Rate, seller: Party, buyer: Party) -> Rate:
    """The rate as it applies between the two, when the seller's country is in the European Union.

    A business elsewhere in the Union, shown by its VAT id, accounts for the tax
    itself. Everybody else pays the given rate, which is that of the buyer's
    country; outside the Union it may be zero. Raises InvalidInput for a bad VAT id.
    """
    here, there = seller.country.lower(), buyer.country.lower()
    if here not in _EUROPEAN_UNION or here == there:
        return rate
    if there not in _EUROPEAN_UNION:
        return rate if rate.percent else Rate(Fraction(0), rate.category, rate.inclusive, EXPORT)
    if buyer.vat_id and _country_of(vat_id(buyer.vat_id)) == there:
        return Rate(Fraction(0), rate.category, rate.inclusive, REVERSE_CHARGE)
    return rate


def _country_of(plain_id: str) -> str:
    prefix = plain_id[:2].lower()
    return "gr" if prefix == "el" else prefix


def _grouped(rate: Rate, places: Sequence[int], amounts: Sequence[Money]) -> Group:
    charged = total(amounts, amounts[0].currency)
    tax = _tax(charged, rate.share, inclusive=rate.inclusive)
    split = _split(tax, amounts, rate.share)
    return Group(rate, tuple(places), charged - tax if rate.inclusive else charged, tax, tuple(split))


def _tax(charged: Money, share: Fraction, *, inclusive: bool) -> Money:
    """The tax of a group, rounded once: on top, or what remains of the gross without its rounded net."""
    return charged - charged.times(1 - share) if inclusive else charged.times(share)


def _given_back(rate: Rate, charged: Money, tax: Money, credit: Money) -> Money:
    return tax if credit == charged else min(tax, _tax(credit, rate.share, inclusive=rate.inclusive))


def _split(tax: Money, amounts: Sequence[Money], share: Fraction) -> list[Money]:
    """The tax on each amount, which may differ in sign: whole parts next to the exact ones, that sum to the tax.

    Leftover units go to the largest remainders; the split of -x mirrors that of x.
    """
    sign = -1 if sum(amount.minor for amount in amounts) < 0 else 1
    parts, rests = [], []
    for amount in amounts:
        part, rest = divmod(sign * amount.minor * share.numerator, share.denominator)
        parts.append(part)
        rests.append(rest)
    left = sign * tax.minor - sum(parts)
    for place in sorted(range(len(parts)), key=lambda place: -rests[place])[:left]:
        parts[place] += 1
    return [Money(sign * part, tax.currency) for part in parts]
