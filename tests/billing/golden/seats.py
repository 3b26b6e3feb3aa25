"""More seats and fewer."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from billing.agreement import Agreement
from billing.discounts import Discount
from billing.periods import anniversary, renewal
from billing.proration import Proration
from kernel.time import Interval
from tests.billing.golden import Case, rule
from tests.billing.golden.periods import on_day_of_month
from tests.billing.world import Books, instant, minor, nets, per_unit, usd

START = instant("2024-01-01")


def _books() -> Books:
    return Books(Agreement((anniversary(START, Interval.MONTH),)))


@rule("seats.increase_not_prorated", "seats.down_then_up_same_period", "seats.increase_at_next_period")
def seats_without_proration(case: Case) -> None:
    given = case.given
    price = per_unit(given["unit_amount"], proration=Proration.NONE)
    books = _books()
    books.change("seats", START, price, given["seats"])

    bills = []
    for change in given.get("changes", [given.get("change")]):
        day = START + timedelta(days=change.get("day", 1) - 1)
        moment = renewal(books.agreement.cycles, day) if change.get("when") == "next_period" else day
        bills.append(books.change("seats", moment, price, change["to"]))

    amounts = [sum(nets(lines)) for lines in bills]
    if "next_period_units" in case.expect:
        assert case.expect["mid_period_invoices"] == 0
        assert amounts == [case.expect["next_period_units"] * given["unit_amount"]]
    else:
        assert amounts == case.expect.get("adjustments", [case.expect.get("adjustment_invoice")])
        assert books.net == case.expect.get("total_for_period", books.net)


@rule("seats.quantity_change_at_boundary")
def a_quantity_at_the_boundary(case: Case) -> None:
    given = case.given
    change = instant(given["change"]["on"])
    start = change.replace(month=change.month - 1)
    price = per_unit(minor(given["unit"]))
    books = Books(Agreement((on_day_of_month(given["bill_cycle_day"], start),)))

    first = books.change("seats", start, price, given["quantity"])
    second = books.change("seats", change, price, given["change"]["to"])

    assert nets(first) == [minor(case.expect["first"])]
    assert nets(second) == [minor(case.expect["second"])]


@rule("seats.decrease_deferred")
def fewer_seats_wait_for_renewal(case: Case) -> None:
    """What would fall below nothing is refused where seats are given back, and so is no fact here."""
    given = case.given
    price, moment = per_unit(given["unit"]), START + timedelta(days=15)
    books = _books()
    quantity = given["seats"]
    invoices = [books.change("seats", START, price, quantity)]
    for event in given["events"]:
        if quantity + event["delta"] >= 0:
            quantity += event["delta"]
            moment += timedelta(seconds=1)
            invoices.append(books.change("seats", moment, price, quantity))
    counts = [len([lines for lines in invoices[:upto] if lines]) for upto in (2, 3)]
    paid = {entry.line.quantity for entry in books.issued}

    renewed = books.run(renewal(books.agreement.cycles, moment))

    assert max(paid) == case.expect["after_first"] == case.expect["after_second_now"]
    assert counts == [case.expect["invoices_after_first"]] * 2
    assert case.expect["second_invoice"] is None
    assert quantity == case.expect["next_period_seats"]
    assert nets(renewed) == [case.expect["next_period_seats"] * given["unit"]]
    assert len([lines for lines in (*invoices, renewed) if lines]) == case.expect["invoices_after_cycle"]


@rule("seats.pending_until_paid")
def seats_wait_for_no_payment(case: Case) -> None:
    """The peer keeps seats back until they are paid; by our law (21) they are there as soon as they are bought.

    A payment changes nothing then, and in the end both have the same seats: none is lost.
    """
    given = case.given
    price, moment, quantity = per_unit(1000), START + timedelta(days=15), given["seats"]
    books = _books()
    books.change("seats", START, price, quantity)
    counts, early = [], 0

    for event in given["events"]:
        if event.get("mode") == "on_invoice_paid":
            early += event["delta"]
        if event.get("paid"):
            early = 0
        else:
            quantity += event["delta"]
            moment += timedelta(days=1)
            assert sum(nets(books.change("seats", moment, price, quantity))) > 0
        counts.append(quantity - early)
    renewed = books.run(renewal(books.agreement.cycles, moment))

    assert counts == case.expect["counts"], "without what is there before it is paid, the peer's figures"
    assert [line.quantity for line in renewed] == [quantity] == case.expect["counts"][-1:]


@rule("seats.fixed_discount_not_scaled")
def a_fixed_discount_is_spent_once(case: Case) -> None:
    given = case.given
    price = per_unit(given["unit"])
    discount = Discount("ten off", START, fixed=usd(given["fixed_discount"]))
    books = Books(Agreement((anniversary(START, Interval.MONTH),), discounts=(discount,)))
    books.change("seats", START, price, given["seats"])
    left = Fraction(given["remaining"])
    moment = START + timedelta(days=31) * (left.denominator - left.numerator) / left.denominator

    lines = books.change("seats", moment, price, given["to"])

    assert nets(lines) == [case.expect["proration"]]
