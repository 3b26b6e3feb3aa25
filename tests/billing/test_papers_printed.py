"""What a reader of the printed file sees, and that the same sheet is the same file for ever."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from io import BytesIO

import pytest
from pypdf import PdfReader

from billing.states import InvoiceState
from billing.tax import REVERSE_CHARGE
from gateway.printing import Printer
from kernel.errors import TooComplex, Unavailable
from tests.billing.papering import credited, drawn, line, pages, printed, receipted, text

HOSTILE = (
    '#read("/etc/passwd")',
    '#import "@preview/example:0.1.0": *',
    "] #panic() [",
    "$ 1/0 $ *bold* _it_ `raw` <label> @ref",
    "\\ #sys.inputs /* comment // and ~",
    "</text><script>alert(1)</script>",
)


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        ("en", ["Invoice", "Bill to", "December 1, 2026", "€1,234.50", "Amount", "Page 1 of 1", "Germany"]),
        ("de", ["Rechnung", "Rechnung an", "1. Dezember 2026", "1.234,50 €", "Betrag", "Seite 1 von 1", "Deutschland"]),
        ("fr", ["Facture", "Facturé à", "1 décembre 2026", "234,50 €", "Montant", "Page 1 sur 1", "Allemagne"]),
        (
            "es",
            ["Factura", "Facturar a", "1 de diciembre de 2026", "1.234,50 €", "Importe", "Página 1 de 1", "Alemania"],
        ),
        ("ja", ["請求書", "請求先", "2026年12月1日", "€1,234.50", "金額", "1 / 1 ページ", "ドイツ"]),
    ],
)
async def test_it_reads_in_each_language(locale: str, told: list[str]) -> None:
    read = await text(drawn(line(1_234_50, percent="19"), locale=locale, tax_notes=[REVERSE_CHARGE]))

    assert [word for word in told if word not in read] == []
    assert {"SG-2026-000123", "Northwind", "DE136695976", "IE6388047V"} <= set(read.split())


async def test_japanese_names_and_long_words_are_printed() -> None:
    name = "株式会社髙島屋﨑デジタルソリューションズ"

    read = await text(
        drawn(line(24_000, "JPY", description="初心者ワークショップ、二席分"), locale="ja", billed_to={"name": name})
    )

    assert name in read
    assert "初心者ワークショップ、二席分" in read
    assert "￥24,000" in read


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_what_people_type_is_printed_literally(hostile: str) -> None:
    sheet = drawn(
        line(1, description=hostile), billed_to={"name": hostile, "address": {"lines": [hostile]}}, po_number=hostile
    )

    read = "".join((await text(sheet)).split())

    assert read.count("".join(hostile.split())) == 4
    assert "root:" not in read


async def test_a_script_that_we_have_no_letters_for_still_makes_a_file() -> None:
    read = await text(drawn(billed_to={"name": "مرحبا 한국 😀"}))

    assert "SG-2026-000123" in read


async def test_a_long_invoice_repeats_its_header_and_counts_its_pages() -> None:
    lines = [line(minor, "KWD", percent="5", description=f"Line {minor}") for minor in range(1_000, 1_060)]

    read = pages(await printed(drawn(*lines)))

    assert len(read) > 1
    for number, page in enumerate(read, 1):
        assert f"Page {number} of {len(read)}" in page
        assert "SG-2026-000123" in page
    headed = [page for page in read if "Line 1" in page]
    assert all("Description Quantity Unit price VAT Amount" in page for page in headed)
    assert " ".join(read).count("KWD 1.059") >= 1
    assert "Total (KWD)" in read[-1]


async def test_drafts_and_void_invoices_are_marked() -> None:
    draft = await text(drawn(state=InvoiceState.DRAFT, number=None, issued_at=None, due_at=None, locale="de"))
    void = await text(drawn(state=InvoiceState.VOID, due_at=None))

    assert "ENTWURF" in draft
    assert "VOID" in void
    assert "VOID" not in await text(drawn())


async def test_a_receipt_and_a_credit_note_are_printed_too() -> None:
    receipt = await text(receipted(line(100_00), paid_minor=100_00))
    note = await text(credited(line(100_00, percent="19"), 50_00, 9_50))

    assert "€100.00 paid on December 4, 2026" in receipt
    assert "Credit note" in note
    assert "Reason: Two seats stood empty." in note


# Files


async def test_two_presses_print_the_same_bytes() -> None:
    sheets = [
        drawn(line(1_234_50, percent="19"), locale=locale, state=state)
        for locale in ("en", "ja")
        for state in (InvoiceState.OPEN, InvoiceState.VOID)
    ]

    first, second = [[await printed(sheet) for sheet in sheets] for _ in range(2)]

    assert first == second
    assert len(set(first)) == len(sheets)


async def test_a_press_that_has_printed_much_prints_the_same_bytes_as_a_new_one() -> None:
    sheet, printer = drawn(), Printer()

    for minor in range(20):
        await printer.print(drawn(line(minor + 1)))
    last = await printer.print(sheet)
    await printer.close()

    assert last == await printed(sheet)


async def test_a_file_is_dated_and_titled_and_made_to_be_kept_and_read_aloud() -> None:
    reader = PdfReader(BytesIO(await printed(drawn(locale="de"))))

    assert reader.metadata is not None
    assert reader.metadata.title == "Rechnung · SG-2026-000123"
    assert reader.metadata.creation_date == drawn().made_at
    assert reader.root_object["/MarkInfo"]["/Marked"]
    assert str(reader.root_object["/Lang"]) == "de"
    claims = reader.root_object["/Metadata"].get_object().get_data()
    assert b"<pdfaid:part>2" in claims
    assert b"<pdfuaid:part>1" in claims


async def test_a_file_embeds_what_it_needs_of_the_fonts_and_no_more() -> None:
    assert len(await printed(drawn())) < 60_000


async def test_an_equal_sheet_has_an_equal_digest_and_any_other_another() -> None:
    sheet = drawn()

    assert sheet.digest("1") == drawn().digest("1")
    assert len({sheet.digest("1"), sheet.digest("2"), replace(sheet, footer="").digest("1")}) == 3


# Failures


async def test_a_sheet_that_takes_too_long_is_given_up_and_the_next_one_is_printed() -> None:
    printer = Printer(seconds=0)
    with pytest.raises(Unavailable):
        await printer.print(drawn())
    printer._seconds = 15

    assert await printer.print(drawn()) == await printed(drawn())
    await printer.close()


async def test_a_press_that_dies_is_replaced() -> None:
    printer = Printer()
    await printer.print(drawn())
    assert printer._press is not None

    os.kill(printer._press.pid, signal.SIGKILL)
    await printer._press.wait()

    assert await printer.print(drawn()) == await printed(drawn())
    await printer.close()


async def test_whoever_leaves_in_the_middle_leaves_no_answer_for_the_next_one() -> None:
    printer = Printer()
    left = asyncio.create_task(printer.print(drawn(line(1))))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left

    assert await printer.print(drawn()) == await printed(drawn())
    await printer.close()


async def test_a_sheet_of_absurd_length_is_refused() -> None:
    printer = Printer()

    with pytest.raises(TooComplex):
        await printer.print(replace(drawn(), footer="x" * 9_000_000))

    assert printer._press is None


async def test_only_so_many_wait_for_their_turn() -> None:
    printer = Printer()
    asked = [asyncio.create_task(printer.print(drawn())) for _ in range(55)]

    answers = await asyncio.gather(*asked, return_exceptions=True)
    await printer.close()

    assert sum(isinstance(answer, Unavailable) for answer in answers) == 5
    assert len({answer for answer in answers if isinstance(answer, bytes)}) == 1
