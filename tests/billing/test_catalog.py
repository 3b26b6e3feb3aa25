from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings

from billing.catalog import Audience, Catalog, ListPrice, NoLongerSold, NotSold, Plan, in_order
from billing.catalog_files import read
from billing.entitlements import covers, held
from billing.pricing import Decrease, Model
from kernel.errors import NotFound
from kernel.money import Money
from kernel.time import Interval
from tests.billing.catalogs import CATALOG, catalogs, write

SOLD = read(CATALOG)


# The demo catalog


@pytest.mark.parametrize(
    ("plan", "month", "year"),
    [
        ("free", "0.00", None),
        ("pro", "20.00", "200.00"),
        ("max", "200.00", "2000.00"),
        ("enterprise_pro", "40.00", "400.00"),
        ("enterprise_max", "325.00", "3250.00"),
        ("api", "0.00", None),
    ],
)
def test_the_catalog_sells_what_the_product_sells(plan: str, month: str, year: str | None) -> None:
    assert SOLD.price(plan, Interval.MONTH, "USD").amount(1).text == f"{month} USD"
    if year:
        assert SOLD.price(plan, Interval.YEAR, "USD").amount(1).text == f"{year} USD"


def test_every_version_is_sold_in_four_currencies() -> None:
    sold_in = {
        (plan.key, version.number): _currencies(version.prices) for plan in SOLD.plans for version in plan.versions
    }

    assert set(sold_in.values()) == {("EUR", "GBP", "JPY", "USD")}


def test_every_plan_is_named_and_described_in_five_languages() -> None:
    spoken = {tuple(dict(text.texts)) for plan in SOLD.plans for text in (plan.name, plan.description)}

    assert spoken == {("de", "en", "es", "fr", "ja")}


def test_plans_stand_in_the_order_of_a_price_list() -> None:
    assert [plan.key for plan in SOLD.plans] == ["free", "pro", "enterprise_pro", "max", "enterprise_max", "api"]


@pytest.mark.parametrize(("seats", "minor"), [(1, 4_000), (249, 996_000), (250, 900_000), (1_000, 3_600_000)])
def test_from_250_seats_on_every_seat_costs_a_tenth_less(seats: int, minor: int) -> None:
    price = SOLD.price("enterprise_pro", Interval.MONTH, "USD")

    assert price.amount(seats) == Money(minor, "USD")
    assert price.decrease is Decrease.AT_RENEWAL


def test_tokens_are_priced_by_the_million() -> None:
    price = SOLD.price("api", Interval.MONTH, "JPY", meter="output_tokens")

    assert price.rule.tiers[0].unit == Fraction(2250, 1_000_000)
    assert price.amount(1_000_000) == Money(2250, "JPY")
    assert price.amount(1_500_000_000) == Money(2_250_000 + 900_000, "JPY")


def test_an_enterprise_seat_covers_the_consumer_plan_of_its_name() -> None:
    granted = {plan.key: plan.newest.entitlements for plan in SOLD.plans}

    assert covers(granted["enterprise_pro"], granted["pro"])
    assert covers(granted["enterprise_max"], granted["max"])
    assert not covers(granted["enterprise_pro"], granted["max"])
    assert held([granted["enterprise_pro"], granted["max"]])["single_sign_on"].amount == 1


# Looking up


def test_a_new_subscription_takes_the_newest_version_and_an_old_one_keeps_its_own() -> None:
    catalog = _two_versions(SOLD.plan("pro"))

    assert catalog.price("pro", Interval.MONTH, "USD").amount(1).text == "22.00 USD"
    assert catalog.price("pro", Interval.MONTH, "USD", version=1).amount(1).text == "20.00 USD"


def test_a_retired_plan_is_refused_to_a_new_subscription_and_not_to_an_old_one() -> None:
    catalog = Catalog((replace(SOLD.plan("pro"), archived=True),))

    with pytest.raises(NoLongerSold, match=r"Pro is not sold any more\."):
        catalog.price("pro", Interval.MONTH, "USD")
    assert catalog.price("pro", Interval.MONTH, "USD", version=1).amount(1).text == "20.00 USD"
    assert catalog.sold == ()


def test_a_price_that_is_not_on_the_list_is_refused_in_words() -> None:
    with pytest.raises(NotSold, match=r"Free is not sold by the year in USD\."):
        SOLD.price("free", Interval.YEAR, "USD")
    with pytest.raises(NotSold, match=r"Pro is not sold by the month in CHF\."):
        SOLD.price("pro", Interval.MONTH, "CHF")
    with pytest.raises(NotSold):
        SOLD.price("pro", Interval.MONTH, "USD", meter="searches")


def test_an_unknown_plan_or_version_is_not_found() -> None:
    with pytest.raises(NotFound):
        SOLD.plan("platinum")
    with pytest.raises(NotFound):
        SOLD.price("pro", Interval.MONTH, "USD", version=2)


def test_a_subscription_consists_of_the_plans_own_price_and_those_of_its_meters() -> None:
    prices = SOLD.prices("api", Interval.MONTH, "USD")

    assert [price.meter for price in prices] == [None, "input_tokens", "output_tokens", "searches"]
    assert [price.key for price in prices][:2] == ["month-usd", "month-usd-input_tokens"]


@pytest.mark.parametrize(("locale", "said"), [("ja", "プロ"), ("ja-JP", "プロ"), ("en-GB", "Pro"), ("sw", "Pro")])
def test_a_name_is_said_in_the_closest_language(locale: str, said: str) -> None:
    assert SOLD.plan("pro").name.said_in(locale) == said


def test_prices_are_told_in_one_line() -> None:
    told = [SOLD.price("pro", Interval.YEAR, "JPY"), SOLD.price("enterprise_max", Interval.MONTH, "GBP")]
    told.append(SOLD.price("api", Interval.MONTH, "USD", meter="searches"))

    assert [price.says for price in told] == [
        "30000 JPY a year",
        "volume 275.00 to 249, then 247.50 GBP a month",
        "graduated 0.00 to 1000, 0.005 to 1000000, then 0.004 USD of searches a month",
    ]


# A new plan is one file


def test_a_new_plan_is_one_file(tmp_path: Path) -> None:
    write(SOLD, tmp_path)
    (tmp_path / "team.toml").write_text(
        """
        key = "team"
        audience = "workspace"
        position = 25
        name.en = "Team"
        description.en = "For five to fifty people."

        [[versions]]
        number = 1
        seats = { minimum = 5, maximum = 50, decrease = "now" }
        entitlements = { pro_searches_a_day = 300 }

        [[versions.prices]]
        interval = "month"
        model = "per_unit"
        amount = { CHF = "25.00" }
        """
    )

    catalog = read(tmp_path)

    price = catalog.price("team", Interval.MONTH, "CHF")
    assert price.amount(7) == Money(175_00, "CHF")
    assert price.rule.model is Model.PER_UNIT
    assert price.decrease is Decrease.NOW
    assert catalog.plan("team").audience is Audience.WORKSPACE
    assert [plan.key for plan in catalog.plans][:3] == ["free", "pro", "team"]


@settings(max_examples=50, deadline=None)
@given(catalogs())
def test_any_catalog_that_is_written_and_read_again_equals_itself(catalog: Catalog) -> None:
    with TemporaryDirectory() as folder:
        write(catalog, Path(folder))

        assert read(Path(folder)) == catalog


def _currencies(prices: tuple[ListPrice, ...]) -> tuple[str, ...]:
    return tuple(sorted({price.currency for price in prices}))


def _two_versions(plan: Plan) -> Catalog:
    first = plan.newest
    dearer = tuple(_dearer(price) if price.key == "month-usd" else price for price in first.prices)
    return in_order([replace(plan, versions=(first, replace(first, number=2, prices=dearer)))])


def _dearer(price: ListPrice) -> ListPrice:
    tier = replace(price.rule.tiers[0], flat=Fraction(2200))
    return replace(price, rule=replace(price.rule, tiers=(tier,)))
