"""Catalog files: `catalog/*.toml`, one a plan, read strictly and all at once.

    key = "pro"
    audience = "person"
    position = 20
    name = { en = "Pro", de = "Pro" }
    description = { en = "For people who ask every day.", de = "Für alle, die täglich fragen." }

`meters.toml` beside them says what is counted (`billing.meter_files`),
`dunning.toml` what follows an unpaid invoice (`billing.dunning_files`), and
`coupons.toml` what codes grant (`billing.coupon_files`).
Then come its versions (`billing.catalog_versions`) and their prices
(`billing.price_blocks`). What the keys mean is said in `billing.catalog`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from billing import coupon_files, dunning_files, meter_files
from billing.catalog import Audience, Catalog, Plan, in_order
from billing.catalog_versions import version
from billing.dunning import STANDARD, Schedule
from billing.toml_localized import localized
from billing.toml_page import Mistake, Page, page

_BESIDE = {
    meter_files.FILE: "the meters",
    dunning_files.FILE: "the dunning schedules",
    coupon_files.FILE: "the coupons",
}

_Sheets = Sequence[tuple[Page, Plan]]


class CatalogInvalid(Exception):  # noqa: N818 - what the catalog is
    """The files hold mistakes: each with its file, its line and its reason, one a line."""

    def __init__(self, problems: Sequence[Mistake]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)


def read(folder: Path) -> Catalog:
    """The catalog that a folder holds. Raises CatalogInvalid with every mistake in every file."""
    pages = [page(file, "a plan") for file in sorted(folder.glob("*.toml")) if file.name not in _BESIDE]
    counted, dunned, granted = (_beside(folder, *named) for named in _BESIDE.items())
    meters = [meter for sheet in _sound(counted) for meter in meter_files.meters(sheet)]
    schedules = [one for sheet in _sound(dunned) for one in dunning_files.schedules(sheet)]
    sheets = [(sheet, _plan(sheet)) for sheet in _sound(pages)]
    _check_keys(sheets)
    _check_features(sheets)
    if _sound(dunned) == dunned:
        _check_dunning(sheets, schedules)
    plans = {plan.key for _, plan in sheets} if _sound(pages) == pages else None
    coupons = [coupon for sheet in _sound(granted) for coupon in coupon_files.coupons(sheet, plans)]
    mistakes = [mistake for sheet in [*pages, *counted, *dunned, *granted] for mistake in sheet.sheet.mistakes]
    if not pages:
        mistakes = [Mistake(str(folder), 1, "No plan is here: the folder is missing, or holds no .toml file.")]
    if mistakes:
        raise CatalogInvalid(sorted(mistakes))
    return in_order([plan for _, plan in sheets], meters, schedules, coupons)


def _beside(folder: Path, name: str, what: str) -> list[Page]:
    """A file beside the plans, if it is there."""
    return [page(file, what) for file in [folder / name] if file.exists()]


def _sound(pages: Sequence[Page]) -> list[Page]:
    """The files without a mistake so far."""
    return [sheet for sheet in pages if not sheet.sheet.mistakes]


def _plan(sheet: Page) -> Plan:
    key = sheet.word("key") or ""
    audience = sheet.choice("audience", Audience, required=True)
    position = sheet.whole("position") or 0
    dunning = sheet.word("dunning", required=False) or STANDARD.key
    name, description = localized(sheet, "name"), localized(sheet, "description")
    editions = enumerate(sheet.tables("versions", "a version"), 1)
    versions = tuple(version(edition, number, audience) for number, edition in editions)
    sheet.done()
    return Plan(key, audience or Audience.ANYONE, name, description, versions, position, dunning=dunning)


# What must be true of all files together


def _check_keys(sheets: _Sheets) -> None:
    known: dict[str, str] = {}
    for sheet, plan in sheets:
        if plan.key and plan.key in known:
            sheet.note(f'"{plan.key}" is the key of {known[plan.key]} already.', "key")
        known.setdefault(plan.key, sheet.sheet.file)


def _check_dunning(sheets: _Sheets, schedules: Sequence[Schedule]) -> None:
    known = {STANDARD.key, *(schedule.key for schedule in schedules)}
    for sheet, plan in sheets:
        if plan.dunning not in known:
            sheet.note(f'"{plan.dunning}" is not a schedule of {dunning_files.FILE}.', "dunning")


def _check_features(sheets: _Sheets) -> None:
    known: dict[str, tuple[str, str]] = {}
    for sheet, plan in sheets:
        for place, edition in enumerate(plan.versions):
            for granted in edition.entitlements:
                kind, file = known.setdefault(granted.feature, (granted.kind, sheet.sheet.file))
                if kind != granted.kind:
                    reason = f"`{granted.feature}` is a {granted.kind} here, and a {kind} in {file}."
                    sheet.note(reason, "versions", place, "entitlements", granted.feature)
