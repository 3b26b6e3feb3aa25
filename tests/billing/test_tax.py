from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.tax import EXPORT, REVERSE_CHARGE, Party, Rate, applicable, credited, taxed, vat_id
from kernel.errors import InvalidInput
from kernel.money import Money
from tests.billing.stories import currencies
from tests.billing.world import usd

STANDARD = Rate(Fraction(19))
REDUCED = Rate(Fraction(7), "books")
GROSS = Rate(Fraction(19), inclusive=True)

percents = st.decimals("0", "40", places=2, allow_nan=False).map(Fraction)
rates = st.builds(Rate, percents, st.sampled_from(["standard", "books"]), st.booleans())
amounts = st.integers(-100_000, 100_000)


def test_tax_is_computed_on_the_sum_and_split_back_to_the_lines() -> None:
    (group,) = taxed([(usd(1), Rate(Fraction(40)))] * 8)

    assert (group.base, group.tax) == (usd(8), usd(3))
    assert [part.minor for part in group.parts] == [1, 1, 1, 0, 0, 0, 0, 0]


def test_an_inclusive_price_holds_its_tax() -> None:
    (group,) = taxed([(usd(119_00), GROSS)])

    assert (group.base, group.tax) == (usd(100_00), usd(19_00))


def test_an_inclusive_tax_is_the_gross_less_its_rounded_net() -> None:
    (group,) = taxed([(usd(1_03), Rate(Fraction(100), inclusive=True))])

    assert (group.base.minor, group.tax.minor) == (52, 51)


def test_each_rate_and_category_is_a_group_of_its_own() -> None:
    other = Rate(Fraction(19), "services")

    groups = taxed([(usd(100), STANDARD), (usd(200), REDUCED), (usd(300), STANDARD), (usd(400), other)])

    assert [(group.rate, group.places, group.base.minor) for group in groups] == [
        (STANDARD, (0, 2), 400),
        (REDUCED, (1,), 200),
        (other, (3,), 400),
    ]


def test_a_credit_and_a_charge_share_the_tax_of_their_difference() -> None:
    (group,) = taxed([(usd(-1_66), Rate(Fraction(20))), (usd(5_41), Rate(Fraction(20)))])

    assert group.tax == usd(75)
    assert group.parts == (usd(-33), usd(1_08))


def test_leftovers_go_to_the_largest_remainders() -> None:
    (group,) = taxed([(usd(14), Rate(Fraction(10))), (usd(16), Rate(Fraction(10)))])

    assert [part.minor for part in group.parts] == [1, 2]


def test_credits_of_all_lines_give_back_all_the_tax() -> None:
    (group,) = taxed([(usd(cents), Rate(Fraction(20))) for cents in (68_33, 68_33, 57_50, 85_00)])
    given_back, notes = usd(0), []
    for cents in (68_33, 57_50, 85_00, 68_33):
        notes.append(credited(group.rate, group.base, group.tax, before=given_back, credit=usd(cents)).minor)
        given_back += usd(cents)

    assert notes == [13_67, 11_50, 17_00, 13_66]


def test_recorded_tax_is_given_back_even_where_we_would_compute_another() -> None:
    notes = [
        credited(STANDARD, usd(100_00), usd(18_99), before=usd(before), credit=usd(50_00)).minor
        for before in (0, 50_00)
    ]
    more = credited(STANDARD, usd(100_00), usd(19_01), before=usd(0), credit=usd(100_00))

    assert notes == [9_50, 9_49]
    assert more == usd(19_01)


def test_a_negative_rate_is_refused() -> None:
    with pytest.raises(InvalidInput, match="percent"):
        Rate(Fraction(-1))


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("DE 136 695 976", "DE136695976"),
        ("de136695976", "DE136695976"),
        ("NL4495445B01", "NL004495445B01"),
        ("EL 094259216", "EL094259216"),
        ("XI 980 7806 84", "XI980780684"),
        ("GB 980 7806 84", "GB980780684"),
        ("CHE-116.281.710 MWST", "CHE116281710MWST"),
        ("NO 995 525 828 MVA", "NO995525828MVA"),
    ],
)
def test_a_vat_id_is_checked_and_written_plainly(written: str, plain: str) -> None:
    assert vat_id(written) == plain


@pytest.mark.parametrize("written", ["", "DE136695977", "136695976", "US123456789", "EU372000041", "DE", "GB1", "XX1"])
def test_what_is_no_vat_id_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput, match="is not a VAT id"):
        vat_id(written)


def test_a_business_elsewhere_in_the_union_accounts_for_the_tax_itself() -> None:
    rate = applicable(Rate(Fraction(21), "standard"), Party("DE"), Party("NL", "NL4495445B01"))

    assert rate == Rate(Fraction(0), reason=REVERSE_CHARGE)
    assert taxed([(usd(100_00), rate)])[0].tax == usd(0)


def test_greece_has_two_codes() -> None:
    assert applicable(STANDARD, Party("DE"), Party("GR", "EL094259216")).reason == REVERSE_CHARGE


@pytest.mark.parametrize(
    ("seller", "buyer"),
    [
        (Party("DE"), Party("DE", "DE136695976")),
        (Party("DE"), Party("NL")),
        (Party("DE"), Party("NL", "DE136695976")),
        (Party("US"), Party("NL", "NL4495445B01")),
        (Party("GB"), Party("NL", "NL4495445B01")),
        (Party("DE"), Party("US")),
    ],
)
def test_everybody_else_pays_the_given_rate(seller: Party, buyer: Party) -> None:
    assert applicable(STANDARD, seller, buyer) == STANDARD


def test_outside_the_union_no_tax_is_due_for_the_reason_that_is_printed() -> None:
    assert applicable(Rate(Fraction(0)), Party("DE"), Party("US")) == Rate(Fraction(0), reason=EXPORT)
    assert applicable(Rate(Fraction(0)), Party("DE"), Party("GB")).reason == EXPORT


def test_a_bad_vat_id_is_refused_where_it_would_matter() -> None:
    with pytest.raises(InvalidInput, match="is not a VAT id"):
        applicable(STANDARD, Party("DE"), Party("NL", "NL1"))


@given(st.lists(st.tuples(amounts, rates), min_size=1, max_size=8), currencies)
def test_taxes_of_lines_sum_to_those_of_groups(lines: list[tuple[int, Rate]], currency: str) -> None:
    groups = taxed([(Money(amount, currency), rate) for amount, rate in lines])

    for group in groups:
        charged = sum(lines[place][0] for place in group.places)
        exact = charged * group.rate.share
        assert sum(part.minor for part in group.parts) == group.tax.minor
        assert abs(group.tax.minor - exact) <= Fraction(1, 2)
        assert group.base.minor + (group.tax.minor if group.rate.inclusive else 0) == charged
        for place, part in zip(group.places, group.parts, strict=True):
            assert abs(part.minor - lines[place][0] * group.rate.share) < 1
    assert sorted(place for group in groups for place in group.places) == list(range(len(lines)))


@given(st.lists(amounts, min_size=1, max_size=8), percents, st.booleans())
def test_the_tax_of_a_credit_mirrors_that_of_the_charge(values: list[int], percent: Fraction, inclusive: bool) -> None:
    rate = Rate(percent, inclusive=inclusive)

    (charge,) = taxed([(usd(value), rate) for value in values])
    (credit,) = taxed([(usd(-value), rate) for value in values])

    assert (credit.base, credit.tax) == (-charge.base, -charge.tax)
    assert sum(values) == 0 or list(credit.parts) == [-part for part in charge.parts]


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=6), percents, st.booleans())
def test_credits_never_give_back_more_tax_than_was_charged(
    values: list[int], percent: Fraction, inclusive: bool
) -> None:
    rate = Rate(percent, inclusive=inclusive)
    (group,) = taxed([(usd(value), rate) for value in values])
    charged, before, back = usd(sum(values)), usd(0), usd(0)

    for value in values:
        tax = credited(rate, charged, group.tax, before=before, credit=usd(value))
        before, back = before + usd(value), back + tax
        assert tax.minor >= 0
        assert back <= group.tax

    assert back == group.tax
