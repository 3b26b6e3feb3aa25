"""What is given back: for an unused span, on a credit note, as a refund."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

from billing import ledger
from billing.agreement import Agreement
from billing.corrections import Book, corrected
from billing.lines import Issued, Kind, Line
from billing.periods import anniversary, calendar, changed
from billing.proration import Proration
from billing.tax import Rate, credited, taxed
from kernel.time import Interval, Period
from tests.billing.golden import CASES, Case, rule
from tests.billing.golden.changes import of_kind, told
from tests.billing.world import Books, flat, instant, minor, nets, span, usd


def _paid(case: Case) -> Books:
    """A plan that was billed for its period, and what was changed before."""
    given = told(case)
    whole = span(*given["period"])
    books = Books(Agreement((anniversary(whole.start, Interval.MONTH),)))
    books.change("plan", whole.start, flat(minor(given["old"])))
    return books


@rule("credit.mid_cycle_downgrade")
def a_downgrade(case: Case) -> None:
    lines = _paid(case).change("plan", instant(case.given["change_on"]), flat(minor(case.given["new"])))

    assert nets(lines) == [minor(case.expect["repair"]), minor(case.expect["new_charge"])]
    assert -sum(nets(lines)) == minor(case.expect["account_credit"])


@rule("credit.second_change_next_day")
def a_change_of_a_changed_plan(case: Case) -> None:
    """The credit is a share of what the second plan was recorded at."""
    earlier = CASES[case.given["given_case"]].given
    books = _paid(CASES[case.given["given_case"]])
    books.change("plan", instant(earlier["change_on"]), flat(minor(earlier["new"])))

    lines = books.change("plan", instant(case.given["change_on"]), flat(minor(case.given["new"])))

    assert nets(lines) == [minor(case.expect["repair"]), minor(case.expect["new_charge"])]
    assert sum(nets(lines)) == minor(case.expect["account_credit_used"])


@rule("credit.bounded_by_remaining_after_adjustment")
def a_credit_after_an_adjustment(case: Case) -> None:
    books = _paid(case)
    (entry,) = books.issued
    books.issued = [replace(entry, adjusted=usd(-minor(case.given["item_adjustment"])))]

    lines = books.change("plan", instant(case.given["change_on"]), flat(minor(case.given["new"])))

    assert nets(lines) == [minor(case.expect["repair"]), minor(case.expect["new_charge"])]
    assert -sum(nets(lines)) == minor(case.expect["account_credit"])


@rule("credit.annual_to_monthly_same_day")
def another_interval_on_the_first_day(case: Case) -> None:
    given, moment = case.given, instant(case.given["change_on"])
    old = flat(minor(given["old"]), interval=Interval(given["old_interval"]))
    new = flat(minor(given["new"]), interval=Interval(given["new_interval"]))
    books = Books(Agreement((anniversary(moment, old.interval),)))
    books.change("plan", moment, old)
    books.agreement = replace(books.agreement, cycles=changed(books.agreement.cycles, moment, old, new))

    lines = books.change("plan", moment, new)

    assert sorted(nets(lines)) == [minor(case.expect["repair"]), minor(case.expect["new_charge"])]
    assert -sum(nets(lines)) == minor(case.expect["account_credit"])


@rule("cancel.annual_after_30_days")
def an_end_after_a_month_of_a_year(case: Case) -> None:
    given = case.given
    whole, end = span(*given["period"]), instant(given["cancel_on"])
    books = Books(Agreement((anniversary(whole.start, Interval.YEAR),)))
    books.change("plan", whole.start, flat(minor(given["plan"])))
    books.agreement = replace(books.agreement, ended_at=end)

    lines = books.run(end)

    assert nets(lines) == [minor(case.expect["repair"])]
    assert books.net == minor(case.expect["kept"])


@rule("credit.cap")
def a_credit_is_capped(case: Case) -> None:
    """Half of the charge is unused; what was given back before leaves only so much."""
    given = case.given
    january = span("2024-01-01", "2024-01-03")
    charge = Line(
        Kind.CHARGE, "plan", "flat", 1, None, january.start, january, usd(given["originally_paid"]), formula=""
    )
    book = Book(Issued(1, charge, usd(given["credits_already_given"])))
    unused = Fraction(given["potential_credit"], given["originally_paid"])
    kept = Period(january.start, january.start + timedelta(days=2) * unused.numerator / unused.denominator)

    lines = corrected(book, [kept], "UTC")

    assert -sum(nets(lines)) == case.expect["credit"]


@rule("termination.refund_limited_to_paid")
def a_refund_of_what_was_paid(case: Case) -> None:
    """The story's used value, tax included, is 6000; of the credit, what was not paid in money stays credit."""
    given_back = usd(case.expect["credit_note_total"])

    refund = ledger.refundable(given_back, paid=usd(case.given["paid_before"]), used=usd(6000))

    assert refund.minor == case.expect["refund"]
    assert (given_back - refund).minor == case.expect["credit"]


# Credit notes and their tax


@rule("credit_note.rounding.weekly_odd_tax")
def a_week_ended_on_its_first_day(case: Case) -> None:
    """By day: the first day is used, six of seven are not."""
    invoice, start = case.given["invoice"], instant(case.given["start"])
    books = Books(Agreement((calendar(start, Interval.WEEK),)))
    (charge,) = books.change("plan", start, flat(invoice["fee"], proration=Proration.DAY))
    rate = Rate(Fraction(invoice["tax_percent"]))
    (group,) = taxed([(charge.net, rate)])
    assert (charge.net.minor, group.tax.minor) == (invoice["fee"], invoice["tax"])
    books.agreement = replace(books.agreement, ended_at=start + timedelta(hours=1))

    (credit,) = books.run(start + timedelta(hours=1))

    tax = credited(rate, charge.net, group.tax, before=usd(0), credit=-credit.net)
    assert of_kind([credit], Kind.CREDIT) == [-case.expect["subtotal"]]
    assert tax.minor == case.expect["tax"]
    assert (-credit.net + tax).minor == case.expect["total"]


@rule("credit_note.partial_then_remaining")
def two_notes_for_one_invoice(case: Case) -> None:
    invoice = case.given["invoice"]
    notes = [note["item"] for note in case.given["credit_notes"]]

    taxes = _taxes(invoice["fee"], invoice["tax"], invoice["tax_percent"], notes)

    assert taxes == [case.expect[key]["tax"] for key in ("first", "second")]
    totals = [note + tax for note, tax in zip(notes, taxes, strict=True)]
    assert totals == [case.expect[key]["total"] for key in ("first", "second")]
    assert sum(totals) == case.expect["sum"] == invoice["total"]


@rule("credit_note.sum_never_exceeds_invoice")
def notes_sum_to_the_invoice(case: Case) -> None:
    invoice, notes = case.given["invoice"], case.given["credit_notes_in_order"]
    rate = Rate(Fraction(invoice["tax_percent"]))
    (group,) = taxed([(usd(fee), rate) for fee in invoice["fees"]])

    taxes = _taxes(group.base.minor, group.tax.minor, invoice["tax_percent"], notes)

    totals = [note + tax for note, tax in zip(notes, taxes, strict=True)]
    assert totals == case.expect["credit_totals"]
    assert sum(totals) == case.expect["sum"] == (group.base + group.tax).minor


def _taxes(charged: int, tax: int, percent: str, notes: list[int]) -> list[int]:
    return [
        credited(
            Rate(Fraction(percent)), usd(charged), usd(tax), before=usd(sum(notes[:place])), credit=usd(note)
        ).minor
        for place, note in enumerate(notes)
    ]
