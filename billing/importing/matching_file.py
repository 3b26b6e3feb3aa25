"""The file of an import: written as a proposal, edited by an admin, and read back with every mistake at its line.

time_zone = "UTC"       # of customers that say no other below
country = "US"          # of customers that have no address

[prices]
# Pro: 20.00 USD each a month; 12 subscriptions. Ours costs the same.
"price_1" = "pro/1/month-usd"

[identity]              # who signs people in, and where a customer's metadata names them
issuer = "https://id.example.com"
metadata = "user"

[customers."cus_1"]
kind = "workspace"
time_zone = "Europe/Berlin"
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from billing.importing.costs import rule_of
from billing.importing.matching import Customer, Kind, Matching, Suggestion, Target, said
from billing.terms import Terms, checked
from billing.toml_page import Page, page
from kernel.errors import InvalidInput
from kernel.time import zone

_HEAD = """\
# Which of our prices stands for each of theirs, as "plan/version/price". Where "" does, its subscriptions are left
# where they are. Compare what the next invoices would come to before you import for real.
time_zone = "UTC"
country = "US"

[prices]
"""


def written(suggestions: Sequence[Suggestion], counts: Mapping[str, int]) -> str:
    """The text of a proposal; `counts` says how many subscriptions have each price."""
    return _HEAD + "".join(_entry(each, counts.get(each.price.id, 0)) for each in suggestions)


def read(file: Path, known: Collection[Target]) -> Matching:
    """What a file says. Raises InvalidInput with each mistake on a line: file, line and reason."""
    sheet = page(file, "an import")
    zone_name, country = sheet.text("time_zone") or "UTC", sheet.text("country") or "US"
    _check_zone(sheet, zone_name)
    _check_country(sheet, country)
    prices, customers = sheet.table("prices", "the prices"), sheet.table("customers", "the customers")
    identity = sheet.table("identity", "the identity")
    matching = Matching(
        _prices(prices, known) if prices else {},
        _customers(customers) if customers else {},
        zone_name,
        country,
        identity.text("issuer", required=True) if identity else None,
        identity.text("metadata", required=True) if identity else None,
    )
    if identity:
        identity.done()
    sheet.done()
    if sheet.sheet.mistakes:
        raise InvalidInput("\n".join(str(mistake) for mistake in sorted(sheet.sheet.mistakes)))
    return matching


def _entry(suggestion: Suggestion, count: int) -> str:
    price, target = suggestion.price, suggestion.target
    many = "1 subscription" if count == 1 else f"{count:,} subscriptions"
    told = " ".join(f"{said(price, rule_of(price))}; {many}. {suggestion.says}".split())
    return f"# {told}\n{json.dumps(price.id)} = {json.dumps(str(target) if target else '')}\n"


def _prices(table: Page, known: Collection[Target]) -> dict[str, Target | None]:
    found: dict[str, Target | None] = {}
    for key in table.keys:
        text = table.text(key)
        if text is None or not text.strip():
            found[key] = None
            continue
        try:
            found[key] = Target.read(text.strip())
        except InvalidInput as mistake:
            table.note(mistake.message, key)
            continue
        if found[key] not in known:
            table.note(f'"{text}" is no price of ours; `seatgraph catalog plan` tells what is not applied yet.', key)
    return found


def _customers(table: Page) -> dict[str, Customer]:
    found = {}
    for key in table.keys:
        told = table.table(key, "a customer")
        if told:
            zone_name = told.text("time_zone")
            if zone_name is not None:
                _check_zone(told, zone_name)
            found[key] = Customer(told.text("account"), told.choice("kind", Kind), zone_name)
            told.done()
    return found


def _check_zone(table: Page, name: str) -> None:
    try:
        zone(name)
    except InvalidInput as mistake:
        table.note(mistake.message, "time_zone")


def _check_country(table: Page, country: str) -> None:
    try:
        checked(Terms(country=country), country)
    except InvalidInput as mistake:
        table.note(mistake.message, "country")
