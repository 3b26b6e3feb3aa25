"""Numbers of invoices: a series for each year, counted without a gap, such as SG-2026-000123."""

from __future__ import annotations

import asyncpg

from kernel.work import Work

SERIES = "SG"
_DIGITS = 6


def number(year: int, place: int) -> str:
    """The number at a place of a year's series, counted from 1."""
    return f"{SERIES}-{year}-{place:0{_DIGITS}}"


async def last(source: Work | asyncpg.Connection, year: int) -> int:
    """How far a year's series has come; nobody else counts on until the transaction ends."""
    await source.execute("select pg_advisory_xact_lock(hashtext('invoice_number'))")
    found = await source.fetch(
        "select max(split_part(number, '-', 3)::bigint) as last from invoice where number like $1",
        f"{SERIES}-{year}-%",
    )
    return found[0]["last"] or 0
