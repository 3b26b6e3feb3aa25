# ruff: noqa: RUF001 - signs and dashes are those that readers of five languages write
"""What stands on an invoice, a receipt and a credit note, in which words, and what adds up."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.charging import RESTORED, UNUSED
from billing.paper import drawing
from billing.paper.drawing import Payment
from billing.paper.seated import MOST, Sat
from billing.paper.sheet import Headline, Sheet
from billing.paper.writing import LANGUAGES, LONGEST, _words, hand, plain
from billing.seller import read, seller
from billing.states import Collection, InvoiceState, LineKind
from billing.tax import EXPORT, REVERSE_CHARGE
from kernel.money import Money
from kernel.time import Period
from tests.billing.papering import END, NOW, billed, credited, drawn, line, receipted

UTC_ZONE = ZoneInfo("UTC")


def sums(sheet: Sheet) -> list[tuple[str, str]]:
    return [(each.label, each.amount.replace("\u00a0", " ")) for each in sheet.sums]


# Words


def test_five_languages_are_spoken() -> None:
    assert {"en", "de", "fr", "es", "ja"} <= LANGUAGES


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_every_word_with_the_same_places_to_fill_in(language: str) -> None:
    english, words = _words("en"), _words(language)

    assert words.keys() == english.keys()
    assert {key: places(words[key]) for key in english} == {key: places(english[key]) for key in english}


def places(told: object) -> set[str]:
    return set(re.findall(r"\{\w+\}", str(told)))


@pytest.mark.parametrize(
    ("locale", "language", "territory"),
    [
        *(("de-AT", "de", "AT"), ("de_CH", "de", "CH"), ("fr-XX", "fr", None), ("ja", "ja", None)),
        *(("pt-BR", "en", None), ("nonsense", "en", None), ("", "en", None), ("zh-Hant-TW", "en", None)),
    ],
)
def test_an_unknown_locale_falls_back_to_its_language_and_then_to_english(
    locale: str, language: str, territory: str | None
) -> None:
    found = hand(locale, UTC_ZONE).locale

    assert (found.language, found.territory) == (language, territory)


@pytest.mark.parametrize(
    ("locale", "euros", "yen", "dinars"),
    [
        ("en", "-€1,234.50", "¥1,234", "KWD 1.234"),
        ("de", "-1.234,50 €", "1.234 ¥", "1,234 KWD"),
        ("fr", "-1\u202f234,50 €", "1\u202f234 JPY", "1,234 KWD"),
        ("es", "-1.234,50 €", "1.234 JPY", "1,234 KWD"),
        ("ja", "-€1,234.50", "￥1,234", "KWD 1.234"),
    ],
)
def test_amounts_are_written_as_the_reader_does(locale: str, euros: str, yen: str, dinars: str) -> None:
    writes = hand(locale, UTC_ZONE)

    told = [writes.money(Money(minor, code)) for minor, code in ((-123450, "EUR"), (1234, "JPY"), (1234, "KWD"))]

    assert [each.replace("\u00a0", " ") for each in told] == [euros, yen, dinars]


@given(
    st.sampled_from(sorted(LANGUAGES)),
    st.sampled_from(["EUR", "USD", "JPY", "KWD", "CLF", "HUF", "ISK"]),
    st.integers(-(10**14), 10**14),
)
def test_no_digit_of_an_amount_is_lost_in_any_language(language: str, currency: str, minor: int) -> None:
    told = hand(language, UTC_ZONE).money(Money(minor, currency))

    assert int("".join(filter(str.isdigit, told))) == abs(minor)
    assert told.count("-") == (minor < 0)


def test_one_unit_may_cost_less_than_a_minor_unit() -> None:
    assert hand("de", UTC_ZONE).unit(Decimal("0.0002"), "EUR") == "0,0002\u00a0€"


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        ("en", "Dec 15, 2026 – Jan 14, 2027"),
        ("de", "15. Dez. 2026 – 14. Jan. 2027"),
        ("fr", "15 déc. 2026 – 14 janv. 2027"),
        ("es", "15 dic 2026 – 14 ene 2027"),
        ("ja", "2026年12月15日～2027年1月14日"),
    ],
)
def test_a_span_names_its_first_and_its_last_day(locale: str, told: str) -> None:
    span = Period(datetime(2026, 12, 15, tzinfo=UTC), datetime(2027, 1, 15, tzinfo=UTC))

    assert hand(locale, UTC_ZONE).span(span) == told


def test_no_day_is_told_twice_by_spans_that_follow_each_other() -> None:
    writes, noon = hand("en", UTC_ZONE), timedelta(hours=12)
    bounds = [datetime(2026, month, 20, tzinfo=UTC) + noon for month in (10, 11, 12)]

    told = [writes.span(Period(*pair)) for pair in pairwise(bounds)]

    assert told == ["Oct 20 – Nov 19, 2026", "Nov 20 – Dec 19, 2026"]


def test_a_span_within_a_day_is_that_day() -> None:
    span = Period(NOW, NOW + timedelta(hours=1))

    told = [hand(language, UTC_ZONE).span(span) for language in ("en", "de", "ja")]

    assert told == ["Dec 1, 2026", "1. Dez. 2026", "2026年12月1日"]
    assert hand("en", UTC_ZONE).span(Period(NOW, NOW)) == "Dec 1, 2026"


def test_a_date_is_the_one_where_the_account_lives() -> None:
    moment = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)

    told = [hand("en", ZoneInfo(name)).day(moment) for name in ("UTC", "Asia/Tokyo")]

    assert told == ["December 31, 2026", "January 1, 2027"]


@given(st.text(max_size=2 * LONGEST))
def test_a_text_of_anybodys_is_one_line_of_a_bounded_length(text: str) -> None:
    told = plain(text)

    assert len(told) <= LONGEST * 2
    assert told.isprintable() or "\u200b" in told or not told.isascii()
    assert not set(told) & set("\r\n\t\x00\u202e\u2066")


def test_a_long_run_without_a_blank_can_break() -> None:
    assert all("\u200b" in plain(run) for run in ("x-" * 40, "C" * 40, "xkcd" * 20, "ab" * 60))
    assert "\u200b" not in plain("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft")


# Invoices


def test_an_invoice_says_who_what_and_when() -> None:
    sheet = drawn(po_number="PO-77")

    assert sheet.seller.name == "Seatgraph Ireland Ltd"
    assert sheet.buyer.name == "Northwind Labs"
    assert sheet.buyer.lines == ["Germany", "VAT ID DE136695976"]
    assert sheet.facts == [
        ("Invoice number", "SG-2026-000123"),
        ("Date of issue", "December 1, 2026"),
        ("Due", "December 31, 2026"),
        ("Terms", "Net 30 days"),
        ("PO number", "PO-77"),
        ("Service period", "Dec 1 – 31, 2026"),
    ]
    assert sheet.headline == Headline("€1,234.50", "due December 31, 2026")


def test_an_address_is_written_as_its_country_does() -> None:
    address = {"line1": "1 Main Street", "line2": "", "city": "Springfield", "state": "IL", "postal_code": "62701"}

    american = drawn(billed_to={"name": "Acme", "address": address, "country": "US"})
    german = drawn(billed_to={"name": "Acme", "address": address | {"state": ""}, "country": "DE"}, locale="de")

    assert american.buyer.lines == ["1 Main Street", "Springfield IL 62701", "United States"]
    assert german.buyer.lines == ["1 Main Street", "62701 Springfield", "Deutschland"]


def test_lines_sum_to_the_subtotal_and_with_each_tax_to_the_total() -> None:
    lines = [line(100_00, percent="19"), line(50_00, percent="7"), line(-20_00, percent="19")]

    assert sums(drawn(*lines)) == [
        ("Subtotal", "€130.00"),
        ("VAT 19% on €80.00", "€15.20"),
        ("VAT 7% on €50.00", "€3.50"),
        ("Total (EUR)", "€148.70"),
    ]


def test_taxes_inside_of_prices_stand_below_the_total() -> None:
    sheet = drawn(line(24_000, "JPY", percent="10", inclusive=True), locale="ja")

    assert sums(sheet) == [("合計（JPY）", "￥24,000"), ("うち消費税 10%（対象額 ￥21,818）", "￥2,182")]
    assert sheet.rows[0].cells[-1] == "￥24,000"


def test_a_tax_rate_may_have_decimals() -> None:
    assert drawn(line(100_00, percent="77/10"), locale="de").rows[0].cells[2] == "7,7\u00a0%"
    assert hand("en", UTC_ZONE).percent(Fraction("8.875")) == "8.875%"


@pytest.mark.parametrize(
    ("locale", "reverse", "export"),
    [
        ("en", "Reverse charge", "Outside the scope of VAT"),
        ("de", "Steuerschuldnerschaft des Leistungsempfängers", "Nicht im Inland steuerbare Leistung"),
        ("fr", "Autoliquidation", "Hors du champ d’application de la TVA"),
        ("es", "Inversión del sujeto pasivo", "Operación no sujeta al IVA"),
        ("ja", "リバースチャージ", "付加価値税の課税対象外"),
    ],
)
def test_why_no_tax_is_charged_is_printed_in_the_readers_language(locale: str, reverse: str, export: str) -> None:
    sheet = drawn(locale=locale, tax_notes=[REVERSE_CHARGE, EXPORT, "Kept as it was."])

    assert [note.startswith(told) for note, told in zip(sheet.notes, (reverse, export, "Kept"), strict=True)] == [
        True
    ] * 3


def test_credit_that_was_used_leaves_the_rest_to_pay() -> None:
    sheet = drawn(line(100_00), credit_minor=30_00)

    assert sums(sheet)[-2:] == [("Credit used", "-€30.00"), ("Amount due", "€70.00")]
    assert sheet.headline.amount == "€70.00"


def test_what_credit_pays_in_full_asks_for_nothing() -> None:
    assert drawn(line(100_00), credit_minor=100_00).headline == Headline("€0.00", "nothing to pay")


def test_an_invoice_below_zero_is_in_the_customers_favor() -> None:
    sheet = drawn(line(-40_00), credit_minor=-40_00)

    assert sheet.headline == Headline("€40.00", "in your favor")
    assert sums(sheet)[-2:] == [("Added to your credit", "€40.00"), ("Amount due", "€0.00")]


def test_a_line_says_how_much_of_what_and_how_it_was_computed() -> None:
    plainly = line(240_00, quantity=12, formula="12 × 20.00")
    climbing = line(36_61, quantity=15, above=10, formula="((15 × 18.50) − (10 × 20.00)) × 445540/2678400 s")

    rows = drawn(plainly, climbing, locale="de").rows

    assert rows[0].cells[:2] == ["12", "20,00\u00a0€"]
    assert rows[0].notes == ["1.–31. Dez. 2026"]
    assert rows[1].cells[:2] == ["5", ""]
    assert rows[1].notes[-1] == "((15 × 18,50) − (10 × 20,00)) × 445540/2678400 s"


def test_a_lump_sum_for_several_has_no_price_of_one() -> None:
    lump = line(240_00, quantity=2, formula="240.00 EUR")

    assert drawn(lump).rows[0].cells == ["2", "", "0%", "€240.00"]
    assert drawn(line(240_00)).rows[0].cells == ["1", "€240.00", "0%", "€240.00"]


def test_a_line_of_seats_says_who_sat_there_and_when() -> None:
    sat = [
        Sat(1, "ada@example.test", NOW - timedelta(days=40)),
        Sat(2, "bob@example.test", NOW, NOW + timedelta(days=12)),
        Sat(3, "cy@example.test", NOW, END),
    ]

    assert _people(sat) == [
        "3 people",
        "ada@example.test since Oct 22, 2026",
        "bob@example.test Dec 1 – 12, 2026",
        "cy@example.test",
    ]
    assert _people(sat[:1], locale="de") == ["1 Person", "ada@example.test seit 22. Okt. 2026"]
    assert _people(sat[:2], locale="ja")[:2] == ["2名", "ada@example.test 2026年10月22日から"]


def test_whoever_may_not_know_who_sat_there_reads_how_many() -> None:
    assert _people([Sat(1, None, NOW), Sat(2, None, NOW), Sat(3, None, NOW)], locale="fr") == ["3 personnes"]


def test_who_sat_there_twice_is_one_person() -> None:
    twice = [
        Sat(1, "ada@example.test", NOW, NOW + timedelta(days=2)),
        Sat(1, "ada@example.test", NOW + timedelta(days=5)),
    ]

    assert _people(twice) == [
        "1 person",
        "ada@example.test Dec 1 – 2, 2026",
        "ada@example.test since Dec 6, 2026",
    ]


@pytest.mark.parametrize("locale", sorted(LANGUAGES))
def test_many_people_are_a_short_note(locale: str) -> None:
    told = _people([Sat(number, f"person.{number}@example.test", NOW) for number in range(10_000)], locale=locale)

    assert len(told) == MOST + 2
    assert re.sub("[^0-9]", "", told[-1]) == "9990"


def _people(sat: list[Sat], locale: str = "en") -> list[str]:
    """What a line of seats says of who sat there, below its span."""
    seats = line(240_00, quantity=12, formula="12 × 20.00")
    found = drawing.invoice(hand(locale, ZoneInfo("UTC")), seller(), billed(seats), [seats], {seats.id: sat})
    return [note.replace("\u2009", " ").replace("\u200b", "") for note in found.rows[0].notes[1:]]


def test_a_discount_stands_beside_the_line_it_is_taken_off() -> None:
    row = drawn(line(100_00, discount_minor=10_00)).rows[0]

    assert (row.notes[-1], row.cells[-1]) == ("Discount -€10.00", "€90.00")


def test_what_is_given_back_is_said_in_the_readers_language() -> None:
    back = line(-5_00, description="Pro × 3" + UNUSED, kind=LineKind.CREDIT, formula="10.00 EUR charged × 15/30 days")
    again = line(5_00, description="Pro × 3" + RESTORED, kind=LineKind.RESTORED)

    rows = drawn(back, again, locale="de").rows

    assert [row.description for row in rows] == ["Pro × 3, nicht genutzte Zeit", "Pro × 3, doch genutzt"]
    assert rows[0].notes[-1] == "10,00 EUR berechnet × 15/30 Tage"


@pytest.mark.parametrize(
    ("columns", "terms"),
    [
        ({"collection": Collection.CHARGE_AUTOMATICALLY}, "Charged automatically"),
        ({"net_days": 0}, "Due on receipt"),
        ({"net_days": 14}, "Net 14 days"),
    ],
)
def test_terms_say_how_it_is_paid(columns: dict[str, object], terms: str) -> None:
    assert ("Terms", terms) in drawn(**columns).facts


def test_what_is_charged_by_itself_asks_nobody_to_pay() -> None:
    sheet = drawn(collection=Collection.CHARGE_AUTOMATICALLY, net_days=0)

    assert sheet.headline == Headline("€1,234.50", "charged automatically")
    assert "Due" not in dict(sheet.facts)


def test_a_draft_says_so_and_is_not_final() -> None:
    sheet = drawn(state=InvoiceState.DRAFT, number=None, issued_at=None, due_at=None)

    assert (sheet.watermark, sheet.final, sheet.name) == ("DRAFT", False, "draft")
    assert sheet.headline.words == "draft, nothing to pay yet"
    assert [name for name, _ in sheet.facts] == ["Terms", "Service period"]


def test_a_void_invoice_asks_for_nothing() -> None:
    sheet = drawn(state=InvoiceState.VOID, due_at=None, locale="de")

    assert (sheet.watermark, sheet.headline.words) == ("STORNIERT", "storniert, nichts zu zahlen")


@pytest.mark.parametrize(
    "columns", [{"state": InvoiceState.PAID, "paid_minor": 123450, "paid_at": NOW}, {"credited_minor": 5}]
)
def test_what_became_of_an_invoice_changes_nothing_on_it(columns: dict[str, object]) -> None:
    assert drawn(**columns).json == drawn().json


# Receipts and credit notes


def test_a_receipt_says_what_was_paid_when_and_how() -> None:
    at = NOW + timedelta(days=3)
    payments = [Payment("Visa •••• 4242", at, Money(89_00, "EUR"))]

    sheet = receipted(line(100_00, percent="19"), payments=payments, paid_minor=89_00, credit_minor=30_00)

    assert sheet.headline == Headline("€89.00", "paid on December 4, 2026")
    assert ("Date paid", "December 4, 2026") in sheet.facts
    assert sums(sheet)[-2:] == [("Credit used", "-€30.00"), ("Amount paid", "€89.00")]
    assert sheet.payments == [["Visa •••• 4242", "December 4, 2026", "€89.00"]]
    assert (sheet.settled, sheet.name) == (True, "SG-2026-000123-receipt")


def test_a_receipt_without_known_payments_has_no_list_of_them() -> None:
    sheet = receipted(line(100_00), paid_minor=60_00, credited_minor=50_00, returned_minor=10_00)

    assert (sheet.payments, sheet.payment_columns) == ([], [])
    assert sums(sheet)[-2:] == [("Credit notes", "-€40.00"), ("Amount paid", "€60.00")]


def test_a_credit_note_names_its_invoice_and_where_the_money_goes() -> None:
    sheet = credited(line(200_00, percent="19"), 100_00, 19_00, returned=40_00)

    assert sheet.facts[0] == ("Credit note number", "SG-CN-2026-000007")
    assert ("Invoice number", "SG-2026-000123") in sheet.facts
    assert sheet.subject == "Reason: Two seats stood empty."
    assert sums(sheet) == [
        ("Subtotal", "€100.00"),
        ("VAT 19% on €100.00", "€19.00"),
        ("Total (EUR)", "€119.00"),
        ("Taken off what is owed", "€79.00"),
        ("Added to your credit", "€40.00"),
    ]


# The seller


FORMER = """
name = "New Ltd"
prefix = "SG"
address = ["2 New Street"]
country = "IE"
vat_id = "IE6388047V"

[[former]]
until = 2026-06-01
name = "Middle Ltd"

[[former]]
until = 2025-06-01
name = "Old Ltd"
address = ["1 Old Street"]
vat_id = ""
"""


@pytest.mark.parametrize(
    ("year", "name", "street", "vat_id"),
    [
        (2024, "Old Ltd", "1 Old Street", None),
        (2026, "Middle Ltd", "2 New Street", "IE6388047V"),
        (2027, "New Ltd", "2 New Street", "IE6388047V"),
    ],
)
def test_a_document_shows_the_seller_as_it_was_then(year: int, name: str, street: str, vat_id: str | None) -> None:
    then = read(FORMER).as_of(datetime(year, 1, 1, tzinfo=UTC))

    assert (then.name, then.address, then.vat_id) == (name, (street,), vat_id)


def test_a_seller_that_never_moved_is_the_same_at_all_times() -> None:
    assert seller().as_of(datetime(1999, 1, 1, tzinfo=UTC)) is seller()
