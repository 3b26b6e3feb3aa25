from __future__ import annotations

from pathlib import Path

import pytest

from billing.catalog_files import CatalogInvalid, read

PLAN = """\
key = "team"
audience = "workspace"
position = 25
name = { en = "Team" }

[description]
en = "For five to fifty people."

[[versions]]
number = 1
trial_days = 14
seats = { minimum = 5, maximum = 50 }

[versions.entitlements]
searches_a_day = 300
support = "email"

[[versions.prices]]
interval = "month"
model = "volume"
tiers = [
    { up_to = 9, unit = { USD = "25.00", JPY = "3800" } },
    { unit = { USD = "22.00", JPY = "3300" }, flat = { USD = "5.00", JPY = "700" } },
]

[[versions.prices]]
interval = "year"
model = "per_unit"
amount.USD = "250.00"
amount.JPY = "38000"

[[versions.prices]]
interval = "month"
model = "package"
meter = "exports"
size = 100
amount = { USD = "1.00", JPY = "150" }

[[versions.prices]]
interval = "year"
model = "percentage"
meter = "turnover"
percent = { USD = "2.9", JPY = "3" }
"""

NAME = '"{}" is not a name: use lower-case letters, digits and underscores, a letter first.'
ENTITLEMENT = '`{}` is true, false, a limit from 0 on, "unlimited" or a text;'
SEARCHES = ENTITLEMENT.format("searches_a_day")
DECIMALS = "`amount.{}`: This currency is written with {} decimals, as"
QUOTED = '`amount.USD`: Write "{}" as text, in quotes: a number with a point would be a float.'
BOUNDS = "`{}` lies between {} and 1,000,000,000,000,000; {} doesn't."

# What stands in the plan, what stands in its place, and the line and the beginning of the reason that are told.
MISTAKES = [
    # Words and kinds
    ('key = "team"', "", 1, "`key` is missing: a plan needs one."),
    ('"team"', '"Team Plan"', 1, NAME.format("Team Plan")),
    ('"workspace"', '"everybody"', 2, '`audience` is one of person, workspace, anyone; "everybody" isn\'t.'),
    ('"workspace"', "[1]", 2, "`audience` is text, not a list of tables."),
    ("25\n", "2.5\n", 3, "`position` is a whole number, not a number with a fraction."),
    ("25\n", "true\n", 3, "`position` is a whole number, not true or false."),
    ("25\n", "2026-01-01\n", 3, "`position` is a whole number, not a date or time."),
    ("25\n", "-1\n", 3, BOUNDS.format("position", 0, -1)),
    ("position", "positon", 3, "`positon` is not a key of a plan. Did you mean `position`?"),
    ('model = "per_unit"', 'colour = "red"\nmodel = "per_unit"', 28, "`colour` is not a key of a per_unit price."),
    # Languages
    ('{ en = "Team" }', '{ de = "Team" }', 4, "`name` has no English text, `en`, for whoever speaks none of its "),
    ('{ en = "Team" }', '{ en = "" }', 4, "`name.en` is a text that says something."),
    ('{ en = "Team" }', "{ en = 7 }", 4, "`name.en` is a text that says something."),
    ('en = "For', 'xx = "x"\nen = "For', 7, '"xx" is not a locale, such as "de" or "pt-BR".'),
    ('en = "For', 'pt_BR = "x"\nen = "For', 7, '"pt_BR" is not a locale, such as "de" or "pt-BR".'),
    # Versions
    ("number = 1", "number = 2", 10, "Versions are numbered 1, 2, 3 without gaps: this one is 1, not 2."),
    ("number = 1", "", 9, "`number` is missing: a version needs one."),
    ("maximum = 50", "maximum = 4", 12, "`maximum` is not less than the minimum, 5."),
    ("maximum = 50", 'decrease = "soon"', 12, '`decrease` is one of at_renewal, now; "soon" isn\'t.'),
    ("seats = {", "seat = {", 12, "`seat` is not a key of a version. Did you mean `seats`?"),
    ('"workspace"', '"person"', 12, 'Seats are for workspaces: the audience is "workspace", not "person".'),
    # Entitlements
    ("300", "-1", 15, f"{SEARCHES} this is -1"),
    ("300", "1.5", 15, f"{SEARCHES} this is a number with"),
    ("300", '" "', 15, f"{SEARCHES} this is empty"),
    ("300", "{ a = 1 }", 15, f"{SEARCHES} this is a table"),
    ("searches_a_day", '"Searches a day"', 15, NAME.format("Searches a day")),
    # Amounts
    ('"250.00"', "250.00", 29, QUOTED.format("250.00")),
    ('"250.00"', "inf", 29, QUOTED.format("Infinity")),
    ('"250.00"', "250", 29, "`amount.USD`: This is a decimal number as text, in quotes, not a whole number."),
    ('"250.00"', '"-250.00"', 29, '`amount.USD`: "-250.00" is negative, and nothing costs less than nothing.'),
    ('"250.00"', '"250"', 29, DECIMALS.format("USD", "2")),
    ('"250.00"', '"2,500.00"', 29, DECIMALS.format("USD", "2")),
    ('"250.00"', '"\u0661\u0660.\u0660\u0660"', 29, DECIMALS.format("USD", "2")),
    ('"38000"', '"38000.00"', 30, DECIMALS.format("JPY", "no")),
    ("amount.USD", "amount.usd", 29, '`amount.usd`: "usd" is not an ISO 4217 currency code, such as "USD".'),
    ("amount.USD", "amount.XYZ", 29, "`amount.XYZ`: 'XYZ' is not an ISO 4217 currency code."),
    ("amount.USD", "amount.XAU", 29, "`amount.XAU`: XAU has no minor unit and can't be billed in."),
    ('"2.9"', '"2.9%"', 43, '`percent.USD`: A percentage is from 0 to 100, as "2.9"; "2.9%" isn\'t.'),
    ('"2.9"', '"100.1"', 43, '`percent.USD`: A percentage is from 0 to 100, as "2.9"; "100.1" isn\'t.'),
    ('{ USD = "1.00", JPY = "150" }', "{}", 37, "`amount` names no currency."),
    ('{ USD = "1.00", JPY = "150" }', '"1.00"', 37, "`amount` is a table, not text."),
    ('amount.JPY = "38000"', "", 26, "This price lacks JPY, in which the version is sold elsewhere."),
    ('amount.JPY = "38000"', 'amount.JPY = "1"\nminimum.USD = "1.00"', 31, "`minimum` lacks JPY, which the price has "),
    (
        'amount.JPY = "38000"',
        'amount.JPY = "1"\nminimum = { USD = "2.00", JPY = "1" }\nmaximum = { USD = "1.00", JPY = "1" }',
        32,
        "`maximum.USD` is less than the minimum.",
    ),
    # Models
    ('"per_unit"', '"per_seat"', 28, "`model` is one of flat, per_unit, graduated, volume, package, percentage; "),
    ('"per_unit"', '"flat"', 28, "This version is sold by the seat, and a flat price counts none."),
    ('model = "per_unit"', "", 26, "`model` is missing: a price needs one."),
    (
        '"year"\nmodel = "per',
        '"decade"\nmodel = "per',
        27,
        '`interval` is one of day, week, month, year; "decade" isn\'t.',
    ),
    ('"year"\nmodel = "per', '"month"\nmodel = "per', 26, 'This version has a price "month-usd" already.'),
    ('meter = "turnover"', "", 39, "`meter` is missing: a percentage price needs one."),
    (
        'meter = "exports"',
        'meter = "exports"\nproration = "day"',
        36,
        "Usage is billed in arrears and never prorated, so ",
    ),
    ("size = 100", "", 32, "`size` is missing: a package price needs one."),
    ("size = 100", "size = 0", 36, BOUNDS.format("size", 1, 0)),
    ('amount.USD = "250.00"', 'per = 12\namount.USD = "250.00"', 29, "`per` is 1, 10, 100 and so on, so that"),
    # Tiers
    ("{ up_to = 9, unit", "{ unit", 22, "Every tier but the last says how far it goes, with `up_to`."),
    (
        '{ unit = { USD = "22',
        '{ up_to = 99, unit = { USD = "22',
        23,
        "The last tier has no `up_to`: it holds for every quantity",
    ),
    (
        "    { up_to = 9, unit",
        '    { up_to = 9, unit = { USD = "1.00", JPY = "1" } },\n    { up_to = 9, unit',
        23,
        "`up_to` is more than 9, ",
    ),
    ("up_to = 9", "up_to = 0", 22, BOUNDS.format("up_to", 1, 0)),
    ("up_to = 9", 'up_to = "9"', 22, "`up_to` is a whole number, not text."),
    (', JPY = "3800"', "", 22, "`unit` lacks JPY, which the price has elsewhere."),
    (', JPY = "700"', "", 23, "`flat` lacks JPY, which the price has elsewhere."),
    ("{ up_to = 9, unit", '"x", { up_to = 9, unit', 22, "`tiers` is a list of tables, and holds text."),
    ("up_to = 9", "upto = 9", 22, "`upto` is not a key of a tier. Did you mean `up_to`?"),
    # Syntax
    ("position = 25", "position = ", 3, "Invalid value."),
    ("position = 25", 'key = "twice"', 3, "Cannot overwrite a value."),
    ('JPY = "3" }', 'JPY = "3"', 43, "Unclosed inline table."),
    ("25\n", "9" * 5000 + "\n", 1, "This is TOML beyond all measure: a number too long, or tables too deep."),
]


def test_the_plan_without_a_mistake_is_read(tmp_path: Path) -> None:
    (tmp_path / "team.toml").write_text(PLAN)

    assert len(read(tmp_path).plan("team").newest.prices) == 8


@pytest.mark.parametrize(("right", "wrong", "line", "reason"), MISTAKES)
def test_a_mistake_is_told_with_its_file_line_and_reason(
    tmp_path: Path, right: str, wrong: str, line: int, reason: str
) -> None:
    file = tmp_path / "team.toml"
    file.write_text(PLAN.replace(right, wrong, 1))

    with pytest.raises(CatalogInvalid) as refusal:
        read(tmp_path)

    told = [(mistake.file, mistake.line, mistake.reason[: len(reason)]) for mistake in refusal.value.problems]
    assert told.count((str(file), line, reason)) == 1, refusal.value
    assert len(told) <= 3, refusal.value


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(PLAN.replace("250.00", "-1.00").replace('"email"', "1.5").replace("14", '"14"'))
    (tmp_path / "b.toml").write_text("key =\n")
    (tmp_path / "c.toml").write_bytes(b'key = "c"\naudience = "\xff"\n')

    with pytest.raises(CatalogInvalid) as refusal:
        read(tmp_path)

    assert str(refusal.value).splitlines() == [
        f"{tmp_path}/a.toml:11: `trial_days` is a whole number, not text.",
        f"{tmp_path}/a.toml:16: {ENTITLEMENT.format('support')} this is a number with a fraction.",
        f'{tmp_path}/a.toml:29: `amount.USD`: "-1.00" is negative, and nothing costs less than nothing.',
        f"{tmp_path}/b.toml:1: Invalid value.",
        f"{tmp_path}/c.toml:2: This is not UTF-8 text.",
    ]


def test_two_files_with_one_plan_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(PLAN)
    (tmp_path / "b.toml").write_text("# Another comment.\n" + PLAN)

    with pytest.raises(CatalogInvalid) as refusal:
        read(tmp_path)

    assert str(refusal.value) == f'{tmp_path}/b.toml:2: "team" is the key of {tmp_path}/a.toml already.'


def test_a_feature_is_of_one_kind_everywhere(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(PLAN)
    (tmp_path / "b.toml").write_text(PLAN.replace('"team"', '"crew"').replace("= 300", "= true"))

    with pytest.raises(CatalogInvalid) as refusal:
        read(tmp_path)

    assert (
        str(refusal.value)
        == f"{tmp_path}/b.toml:15: `searches_a_day` is a flag here, and a limit in {tmp_path}/a.toml."
    )


def test_a_plan_that_counts_seats_says_how_many(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(PLAN.replace("seats = { minimum = 5, maximum = 50 }\n", ""))

    with pytest.raises(CatalogInvalid) as refusal:
        read(tmp_path)

    assert [(mistake.line, mistake.reason) for mistake in refusal.value.problems] == [
        (19, "A volume price needs a `meter` that counts, or the version its `seats`."),
        (27, "A per_unit price needs a `meter` that counts, or the version its `seats`."),
    ]


def test_a_metered_price_never_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        PLAN.replace('meter = "turnover"', 'meter = "turnover"').replace(
            'interval = "year"\nmodel = "percentage"', 'interval = "week"\nmodel = "percentage"'
        )
    )

    with pytest.raises(CatalogInvalid) as refusal:
        read(tmp_path)

    (mistake,) = refusal.value.problems
    assert (mistake.line, mistake.reason) == (
        39,
        "A metered price stands beside a price of the plan's own by the same interval, even one of nothing.",
    )


def test_an_empty_or_missing_folder_is_no_catalog(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CatalogInvalid, match="No plan is here"):
            read(folder)


def test_a_plan_without_versions_or_prices_sells_nothing(tmp_path: Path) -> None:
    head = PLAN[: PLAN.index("[[versions]]")]
    (tmp_path / "a.toml").write_text(head.replace("team", "a") + "[[versions]]\nnumber = 1\n")
    (tmp_path / "b.toml").write_text("versions = []\n" + head.replace("team", "b"))

    with pytest.raises(CatalogInvalid) as refusal:
        read(tmp_path)

    assert str(refusal.value).splitlines() == [
        f"{tmp_path}/a.toml:9: `prices` is missing: a version needs one.",
        f"{tmp_path}/b.toml:1: `versions` is empty.",
    ]
