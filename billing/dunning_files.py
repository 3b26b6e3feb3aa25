"""Dunning schedules in a catalog folder: `dunning.toml`, one table a schedule, named as plans name it.

    [standard]
    hour = 9
    access = "14d"
    end_after = "21d"
    end = "canceled"
    schedule = { charge = ["1d", "3d", "5d"], remind = ["0d", "5d"] }
    technical = { charge = ["2h", "12h", "2d"], remind = ["2d"] }
    ask = { remind = ["0d", "7d"] }
    never = { remind = ["0d", "7d"] }
    sent = { remind = ["1d", "7d"] }

A delay is a number of days of the account's calendar, "3d", or of hours, "2h", after
the invoice was due. Without `access` the customer keeps it until the end. What is
written is described in `billing.dunning`.
"""

from __future__ import annotations

import re

from billing.dunning import CHARGING, STANDARD, Course, Delay, EndState, Schedule, Steps, delay
from billing.toml_page import Page

FILE = "dunning.toml"

_DELAY = re.compile(r"[0-9]{1,3}[dh]")
_LAST_HOUR = 23


def schedules(sheet: Page) -> tuple[Schedule, ...]:
    """The schedules of a file, in order of their keys."""
    keys = sorted(sheet.keys)
    for key in keys:
        sheet.check_word(key, key)
    return tuple(_schedule(key, table) for key in keys if (table := sheet.table(key, "a dunning schedule")))


def _schedule(key: str, table: Page) -> Schedule:
    hour = table.whole("hour")
    if hour is not None and hour > _LAST_HOUR:
        table.note("`hour` is an hour of the day, 0 to 23.", "hour")
    end_after = _delay(table, "end_after", required=True)
    end = table.choice("end", EndState, required=True) or STANDARD.end
    access = _delay(table, "access") if "access" in table else None
    courses = {course: _steps(course, found) for course in Course if (found := table.table(course, "a course"))}
    table.done()
    if not end_after.hours and not end_after.days:
        table.note("`end_after` leaves some time before it is given up.", "end_after")
    return Schedule(key, courses, end_after, end, access, STANDARD.hour if hour is None else hour)


def _steps(course: Course, table: Page) -> Steps:
    steps = Steps(_delays(table, "charge"), _delays(table, "remind"))
    if steps.charge and course not in CHARGING:
        table.note(f"`{course}` charges nothing by itself: leave `charge` out.", "charge")
    table.done()
    return steps


def _delay(table: Page, key: str, *, required: bool = False) -> Delay:
    written = table.text(key, required=required)
    if written is None or _DELAY.fullmatch(written):
        return delay(written or "1d")
    table.note(f'`{key}` is a delay, such as "3d" or "2h"; "{written}" isn\'t.', key)
    return Delay(days=1)


def _delays(table: Page, key: str) -> tuple[Delay, ...]:
    found = []
    for place, written in enumerate(table.plain_texts(key)):
        if _DELAY.fullmatch(written):
            found.append(delay(written))
        else:
            table.note(f'`{key}` is a list of delays, such as "3d" or "2h"; "{written}" isn\'t one.', key, place)
    return tuple(dict.fromkeys(found))
