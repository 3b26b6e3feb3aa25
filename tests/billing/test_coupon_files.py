"""Coupons in a catalog folder, and what is told of mistakes in them."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from shutil import copy

import pytest

from billing import catalog_files, coupon_files
from billing.coupon_terms import ListedCode, ListedCoupon
from billing.localized import Localized
from tests.billing.catalogs import CATALOG

GOOD = """
[spring]
name = { en = "Spring", de = "Frühling" }
percent = "12.5"
periods = 3
plans = ["pro", "free"]

[spring.codes.SPRING26]
most = 1_000
first_time = true
expires = 2026-06-01T02:00:00+02:00

[thanks]
name = { en = "Thank you" }
amount = { USD = "5.00", JPY = "700" }
codes.THANKS = {}
"""


def _read(folder: Path, text: str) -> tuple[ListedCoupon, ...]:
    for plan in ("free.toml", "pro.toml"):
        copy(CATALOG / plan, folder)
    (folder / coupon_files.FILE).write_text(text)
    return catalog_files.read(folder).coupons


def test_a_coupon_says_what_it_takes_off_and_which_codes_grant_it(tmp_path: Path) -> None:
    spring, thanks = _read(tmp_path, GOOD)

    code = ListedCode("SPRING26", 1000, first_time=True, expires_at=datetime(2026, 6, 1, tzinfo=UTC))
    name = Localized((("de", "Frühling"), ("en", "Spring")))
    assert spring == ListedCoupon("spring", name, Fraction("12.5"), None, 3, ("free", "pro"), (code,))
    assert str(spring) == "12.5 percent off free, pro for 3 periods, with SPRING26"
    assert str(code) == "1,000 times, for new customers, until 2026-06-01 00:00 UTC"
    assert thanks.amounts == (("JPY", 700), ("USD", 500))
    assert str(thanks) == "700 JPY or 5.00 USD off every plan for good, with THANKS"
    assert str(thanks.codes[0]) == "for everybody"


def test_a_folder_without_the_file_has_no_coupons(tmp_path: Path) -> None:
    copy(CATALOG / "pro.toml", tmp_path)

    assert catalog_files.read(tmp_path).coupons == ()


@pytest.mark.parametrize(
    ("was", "becomes", "mistake"),
    [
        ('name = { en = "Thank you" }', "", "`name` is missing: a coupon needs one."),
        ('{ en = "Thank you" }', '{ de = "Danke" }', "`name` has no English text"),
        ('percent = "12.5"', "", "A coupon is either a"),
        (
            'percent = "12.5"',
            'percent = "5"\namount = { USD = "1.00" }',
            "A coupon is either a",
        ),
        ('"12.5"', "12.5", "`percent` is text, not a number with a fraction."),
        ('"12.5"', '"101"', '`percent`: A percentage is from 0 to 100, as "2.9"; "101" isn\'t.'),
        ('"12.5"', '"-5"', '`percent`: A percentage is from 0 to 100, as "2.9"; "-5" isn\'t.'),
        ('"12.5"', '"0"', "`percent` takes nothing off: leave the coupon out."),
        ('"5.00"', '"5"', "`amount.USD`: This currency is written with 2 decimals"),
        ('"5.00"', '"0.00"', "`amount` takes something off in every currency."),
        ("USD =", "USX =", "`amount.USX`:"),
        ("periods = 3", "periods = 0", "`periods` lies between 1 and"),
        ("periods = 3", "periods = 3_000_000_000", "`periods` is at most 2,147,483,647"),
        ('"free"]', '"gold"]', '"gold" is not a plan of this folder.'),
        ('["pro", "free"]', "[]", "`plans` names no plan: leave it out for all of them."),
        ("SPRING26", "spring26", '"spring26" is not a code: use 3 to 50 capital letters'),
        ("most = 1_000", "most = 0", "`most` lies between 1 and"),
        ("most = 1_000", "least = 1_000", "`least` is not a key of a code."),
        ("first_time = true", 'first_time = "yes"', "`first_time` is true or false, not text."),
        ("2026-06-01T02:00:00+02:00", "2026-06-01T02:00:00", "`expires` says its distance from UTC"),
        (
            "2026-06-01T02:00:00+02:00",
            "2026-06-01",
            "`expires` is an instant, such as 2026",
        ),
        ("codes.THANKS", "codes.SPRING26", '"SPRING26" is a code of spring already.'),
        ("[thanks]", '["Merci bien"]', '"Merci bien" is not a name'),
        ("periods = 3", "period = 3", "`period` is not a key of a coupon. Did you mean `periods`?"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(tmp_path: Path, was: str, becomes: str, mistake: str) -> None:
    assert GOOD.count(was) == 1

    with pytest.raises(catalog_files.CatalogInvalid) as refused:
        _read(tmp_path, GOOD.replace(was, becomes))

    (told,) = refused.value.problems
    assert mistake in told.reason
    assert told.file.endswith(coupon_files.FILE)


def test_the_mistake_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(catalog_files.CatalogInvalid) as refused:
        _read(tmp_path, GOOD.replace("most = 1_000", "most = 0"))

    assert [mistake.line for mistake in refused.value.problems] == [9]


def test_a_plan_with_a_mistake_is_not_missed_by_coupons_too(tmp_path: Path) -> None:
    for plan in ("free.toml", "pro.toml"):
        copy(CATALOG / plan, tmp_path)
    (tmp_path / "pro.toml").write_text("key = 1")
    (tmp_path / coupon_files.FILE).write_text(GOOD)

    with pytest.raises(catalog_files.CatalogInvalid) as refused:
        catalog_files.read(tmp_path)

    assert {mistake.file.rpartition("/")[2] for mistake in refused.value.problems} == {"pro.toml"}
