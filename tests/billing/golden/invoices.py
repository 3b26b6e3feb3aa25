"""Discounts, taxes and customer credit on an invoice."""

from __future__ import annotations

from fractions import Fraction

from billing import ledger
from billing.discounts import Discount, Offer, take
from billing.rating import true_up
from billing.tax import Rate, taxed
from kernel.money import Money, rounded, total
from tests.billing.golden import Case, rule
from tests.billing.world import instant, usd

SINCE = instant("2024-01-01")


def _after(amounts: list[Money], coupons: list[int]) -> list[Money]:
    """What fixed discounts take off each amount, one after another."""
    offers = [
        Offer(Discount(f"coupon {place}", SINCE, fixed=usd(coupon)), range(len(amounts)))
        for place, coupon in enumerate(coupons)
    ]
    return [total((part.amount for part in taken), "USD") for taken in take(amounts, offers)]


@rule("tax.mixed_rates_with_fixed_coupon_and_min_spend")
def an_invoice_of_everything(case: Case) -> None:
    given = case.given
    fees = {fee["id"]: (usd(fee["amount"]), Rate(Fraction(fee["tax"]))) for fee in given["fees"]}
    (short,) = [fee for fee in given["fees"] if "min_spend" in fee]
    missing = true_up(usd(short["min_spend"]), usd(short["amount"]))
    fees["true_up"] = (missing, Rate(Fraction(short["tax"])))

    coupons = _after([amount for amount, _ in fees.values()], [given["coupon_fixed"]])
    net = [(amount - coupon, rate) for (amount, rate), coupon in zip(fees.values(), coupons, strict=True)]
    groups = taxed(net)

    names = list(fees)
    parts = {
        names[place]: part.minor for group in groups for place, part in zip(group.places, group.parts, strict=True)
    }
    assert missing.minor == case.expect["true_up"]
    assert sum(amount.minor for amount, _ in fees.values()) == case.expect["fees_total"]
    assert dict(zip(names, [coupon.minor for coupon in coupons], strict=True)) == case.expect["coupon_split"]
    assert sum(coupon.minor for coupon in coupons) == case.expect["coupons"]
    assert parts == case.expect["taxes"]
    assert sum(amount.minor for amount, _ in net) == case.expect["subtotal"]
    assert sum(group.tax.minor for group in groups) == case.expect["tax"]
    assert sum((group.base + group.tax).minor for group in groups) == case.expect["total"]


@rule("coupon.larger_than_invoice", "coupon.multi_subscription_full_cover")
def coupons_beyond_the_invoice(case: Case) -> None:
    amounts = [usd(fee["amount"]) for fee in case.given["fees"]]
    rates = [Rate(Fraction(fee["tax"])) for fee in case.given["fees"]]

    coupons = _after(amounts, case.given["coupons_fixed"])

    net = [amount - coupon for amount, coupon in zip(amounts, coupons, strict=True)]
    groups = taxed(list(zip(net, rates, strict=True)))
    split = [coupon.minor for coupon in coupons]
    assert split == case.expect.get("coupon_split", split)
    assert sum(split) == case.expect.get("coupon_applied", sum(split))
    assert sum(group.tax.minor for group in groups) == case.expect["tax"]
    assert sum((group.base + group.tax).minor for group in groups) == case.expect["total"]


@rule("wallet.rounding.topup")
def credit_in_whole_units(case: Case) -> None:
    amount = rounded(Fraction(case.given["grant_credits"]) * Fraction(case.given["rate"]) * 100)

    entry = ledger.credit_granted(usd(amount), paid=True)

    assert amount == Fraction(case.expect["transaction_amount"]) * 100
    balance = ledger.balances(entry)[ledger.Account.CUSTOMER_CREDIT, "USD"]
    assert -balance.minor == Fraction(case.expect["balance"]) * 100


@rule("wallet.applied_capped_at_invoice_total")
def credit_pays_what_is_printed(case: Case) -> None:
    fees = [usd(rounded(Fraction(fee["precise"]))) for fee in case.given["fees"]]
    assert [fee.minor for fee in fees] == [fee["amount"] for fee in case.given["fees"]]
    (group,) = taxed([(fee, Rate(Fraction(case.given["tax_percent"]))) for fee in fees])

    applied = ledger.applicable_credit(group.base + group.tax, usd(1_000_000))

    assert group.base.minor == case.expect["fees_total"]
    assert group.tax.minor == case.expect["tax"]
    assert (group.base + group.tax).minor == case.expect["total"]
    assert applied.minor == case.expect["credits_applied"]


@rule("seats.preview_with_credit_balance")
def a_preview_with_credit(case: Case) -> None:
    owed = usd(case.given["proration_total"])

    due = owed - ledger.applicable_credit(owed, usd(case.given["credit_balance"]))

    assert due.minor == case.expect["amount_due"] == case.expect["charged"]
