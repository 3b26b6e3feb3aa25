"""Meters in a catalog folder: `meters.toml`, one table a meter, named as prices name it.

    [searches]
    aggregation = "sum"

    [output_tokens]
    aggregation = "sum"
    value = "tokens"
    group_by = ["model"]

    [active_people]
    aggregation = "unique"
    distinct = "person"

`aggregation` is sum, count, max, last, unique or weighted. `value` names the property
that holds the quantity, where an event's own `quantity` isn't it; `distinct` the one
whose different values a unique count counts; `group_by` those that people want to see
usage by. A meter that only prices name sums quantities.
"""

from __future__ import annotations

from billing.metering import Meter
from billing.rating import Aggregation
from billing.toml_page import Page

FILE = "meters.toml"


def meters(sheet: Page) -> tuple[Meter, ...]:
    """The meters of a file, in order of their keys."""
    keys = sorted(sheet.keys)
    found = [_meter(key, table) for key in keys if (table := sheet.table(key, "a meter"))]
    for meter in found:
        sheet.check_word(meter.key, meter.key)
    return tuple(found)


def _meter(key: str, table: Page) -> Meter:
    aggregation = table.choice("aggregation", Aggregation, required=True) or Aggregation.SUM
    value, distinct = table.word("value", required=False), table.word("distinct", required=False)
    group_by = tuple(table.texts("group_by"))
    if (distinct is not None) != (aggregation is Aggregation.UNIQUE):
        table.note("A unique count, and no other, says with `distinct` which property it counts the values of.")
    if value is not None and aggregation in {Aggregation.UNIQUE, Aggregation.COUNT}:
        table.note(f"A meter that takes a {aggregation} has no `value`: it counts, whatever the quantity.", "value")
    table.done()
    return Meter(key, aggregation, value, distinct, group_by)
