"""Pricing a chunk: for each subscription that is due, the period that begins and what is billed for it.

It is billed as of the instant its period begins, also when that is long ago, so
that the invoice follows from facts dated before it. Most are plain: nothing has
happened in the period that ends, and it was billed whole. All others are given to
the timeline with all their facts and everything that was ever issued.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import asyncpg
import orjson
import structlog

from billing import knowledge, periods, timeline, usage_queries
from billing.bounds import Bounds, doubt
from billing.catalog import ListPrice
from billing.charging import gross
from billing.documents import rates
from billing.facts import Facts, agreement, issued
from billing.lines import Line
from billing.rating import rated
from billing.run import forms, queries, usage
from billing.run.chunks import Run
from billing.run.forms import Form, Terms, Words
from billing.run.rows import Begun, Renewal, Span
from billing.seller import seller
from billing.tables import LineItem
from billing.tax import Rate
from billing.usage_queries import Known
from billing.using import Stated, all_stated
from kernel.time import Anchor, Interval, Period

_NOTHING = Stated()
_INTERVALS: Mapping[str, Interval] = {each.value: each for each in Interval}
MOST_FORMS = 20_000
Made = TypeVar("Made", Renewal, Renewal | None)

log = structlog.get_logger("billing.run")


@dataclass(slots=True)
class Shelf:
    """What a worker keeps between chunks: prices, their meters, what they are called, and forms."""

    prices: dict[int, ListPrice] = field(default_factory=dict)
    meters: dict[str, Known] = field(default_factory=dict)
    names: dict[str, dict[int, str]] = field(default_factory=dict)
    words: dict[tuple[str, str, str | None, str], Words] = field(default_factory=dict)
    forms: dict[tuple[Any, ...], Form | None] = field(default_factory=dict)
    plain: dict[tuple[Terms, Interval], bool] = field(default_factory=dict)

    async def fill(self, connection: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> None:
        """Fetch what these subscriptions ask for and is not there yet: prices never change, but there are new ones."""
        if not {price for row in rows for _, price, _ in row["steps"] or () if price} <= self.prices.keys():
            self.prices = await queries.prices(connection)
            self.meters = await usage_queries.meters(connection.fetch)
            self.names.clear()
            self.words.clear()
        for locale in {row["locale"] for row in rows} - self.names.keys():
            self.names[locale] = await queries.names(connection, locale)


class Plain(NamedTuple):
    """What begins for a subscription to which nothing has happened: its items, their terms, and the period."""

    items: Sequence[int]
    terms: Terms
    period: Period


@dataclass(frozen=True, slots=True)
class Pricing:
    """How one worker prices the chunks of a run."""

    run: Run
    shelf: Shelf
    bounds: Bounds

    async def renewals(self, connection: asyncpg.Connection, locked: Sequence[asyncpg.Record]) -> list[Renewal]:
        """The renewal of each, in order. One that can't be priced is held with the reason; the others go on.

        One whose end has come begins no period, and is left to whoever ends it.
        """
        rows = [row for row in await queries.read(connection, locked) if not row["ends"]]
        await self.shelf.fill(connection, rows)
        plain = [row for row in rows if row["plain"]]
        used = await usage.plainly(connection, plain, self.shelf.prices, self.shelf.meters)
        done = [_tried(self._plainly, row, used.get(row["subscription_id"], _NOTHING)) for row in rows]
        rest = [row for row, made in zip(rows, done, strict=True) if made is None]
        others = await self._others(connection, rest) if rest else {}
        return [made or others[row["subscription_id"]] for row, made in zip(rows, done, strict=True)]

    def _plainly(self, due: asyncpg.Record, used: Stated | None) -> Renewal | None:
        """The renewal of a subscription to which nothing has happened; None for one that needs all its facts."""
        plain = self._plain(due) if due["plain"] else None
        if plain is None or used is None:
            return None
        form = self._form(plain, due)
        wanted = [(plain.items[place], price, quantity) for place, price, quantity in form.sold] if form else []
        if wanted != sorted(map(tuple, due["lines"] or ())):
            # The period that ends was billed in another way.
            return None
        period = Begun.of(plain.period)
        if used.usage:
            return self._metered(due, plain, period, form, used)
        if form is None:
            return Renewal(due, period)
        if due["limit_minor"] and form.total.minor > due["limit_minor"]:
            return None
        _, start, end = period
        return Renewal(due, period, form, [Span(item, start, start, end) for item, _, _ in wanted])

    def _plain(self, due: asyncpg.Record) -> Plain | None:
        """What begins, where the facts stand for a whole period; None where they have to be looked at."""
        items, terms = _terms(due["steps"])
        interval, known = _INTERVALS[due["interval"]], self.shelf.plain
        _, period = Anchor(due["anchor"], due["time_zone"]).period_at(due["due_at"], interval, due["count"])
        if (terms, interval) not in known:
            known[terms, interval] = forms.is_plain(terms, self.shelf.prices, interval)
        return Plain(items, terms, period) if period.start == due["due_at"] and known[terms, interval] else None

    def _form(self, plain: Plain, due: asyncpg.Record) -> Form | None:
        over, known = plain.period.end <= self.run.now, self.shelf.forms
        key = (plain.terms, over, due["currency"], due["country"], due["vat_id"], due["locale"])
        if key not in known:
            if len(known) >= MOST_FORMS:
                known.clear()
                self.shelf.plain.clear()
            known[key] = forms.plain(plain.terms, self.shelf.prices, self._words(due), over=over)
        return known[key]

    def _words(self, due: asyncpg.Record) -> Words:
        place = (due["currency"], due["country"], due["vat_id"], due["locale"])
        if place not in self.shelf.words:
            rate = seller().rate(due["country"], due["vat_id"], self.run.now)
            self.shelf.words[place] = Words.of(self.shelf.names[due["locale"]], rate, due["currency"])
        return self.shelf.words[place]

    def _metered(self, due: asyncpg.Record, plain: Plain, period: Begun, form: Form | None, stated: Stated) -> Renewal:
        """The same with the usage of the period that ends, nothing of which was billed before."""
        used = [line for one in stated.usage if (line := rated(one, (), due["period_start"]))]
        words = self._words(due)
        kept = orjson.dumps({str(due["subscription_id"]): {"seen": stated.seen}}).decode()
        pieces = [forms.piece(line, words, self.run.now) for line in used]
        spans = _spans(used)
        if form:
            pieces += form.pieces
            ahead = (period.start, period.start, period.end)
            spans += [Span(plain.items[each.sold[0]], *ahead) for each in form.pieces]
        if not pieces:
            return Renewal(due, period, known=kept)
        made = forms.assembled(pieces, words)
        held = doubt(made.total, len(pieces), due["line_minor"] or 0, due["limit_minor"], self.bounds)
        return Renewal(due, period, made, spans, held, kept)

    async def _others(self, connection: asyncpg.Connection, rest: Sequence[asyncpg.Record]) -> dict[int, Renewal]:
        keys = [(row["account_id"], row["subscription_id"]) for row in rest]
        facts = await queries.facts(connection, keys, self.shelf.prices)
        void = await queries.voided(connection, keys)
        lines = await queries.lines_since(connection, keys, self.run.now - timedelta(days=1))
        used = await all_stated(connection.fetch, [(facts[row["subscription_id"]][0], row["due_at"]) for row in rest])
        made = {}
        for row in rest:
            number = row["subscription_id"]
            known = _Known(*facts[number], void.get(number, ()), used[number], lines.get(number, 0))
            made[number] = _tried(self._whole, row, known)
        return made

    def _whole(self, due: asyncpg.Record, known: _Known) -> Renewal:
        """The renewal of any subscription: what should stand by all its facts, less all that was ever issued."""
        facts = replace(known.facts, paid_stays=due["ended_at"] is not None)
        agreed = replace(agreement(facts), usage=known.used.usage)
        recorded = [line for line in known.lines if line.invoice_id not in known.void]
        before = issued(recorded)
        lines = timeline.bill(agreed, before, now=due["due_at"])
        billed = list(zip(lines, rates(lines, before, self._words(due).rate), strict=True))
        over = due["ended_at"] is not None and due["ended_at"] <= due["due_at"]
        period = None if over else periods.span_at(agreed.cycles, due["due_at"])
        adjusted = {line.id: line.adjusted_minor for line in known.lines if line.adjusted_minor}
        kept = knowledge.kept(facts, due["due_at"], known.void, adjusted, known.used.seen)
        last = (line for line in recorded if line.billed_period and line.billed_period >= due["period_start"])
        made = self._made(due, period, billed, sum(map(gross, last)), known.recent)
        return made._replace(known=orjson.dumps(kept).decode())

    def _made(
        self,
        due: asyncpg.Record,
        period: Period | None,
        billed: Sequence[tuple[Line, Rate]],
        before: int,
        count: int,
    ) -> Renewal:
        """The renewal that bills these lines, held if they are hard to believe."""
        begun, lines = Begun.of(period) if period else None, [line for line, _ in billed]
        if not billed:
            return Renewal(due, begun)
        made = forms.form(lines, self._words(due), self.run.now, [rate for _, rate in billed])
        held = doubt(made.total, len(lines) + count, before, due["limit_minor"], self.bounds)
        return Renewal(due, begun, made, _spans(lines), held)


class _Known(NamedTuple):
    """All facts of a subscription, its lines of all times, void invoices, usage, and how many lines are of today."""

    facts: Facts
    lines: Sequence[LineItem]
    void: Sequence[int]
    used: Stated
    recent: int


def _tried(price: Callable[..., Made], due: asyncpg.Record, *known: Any) -> Made | Renewal:
    """What pricing gives; held where it fails, for whatever is wrong with one must not stop the others."""
    try:
        return price(due, *known)
    except Exception as fault:
        log.exception("a subscription can't be billed", subscription=due["subscription_id"])
        return Renewal(due, None, held=f"It can't be billed: {type(fault).__name__}.")


def _terms(steps: Sequence[Sequence[int]]) -> tuple[Sequence[int], Terms]:
    """The items that are there, and the price and quantity of each, from all their steps, which are long ago."""
    if len(steps) == 1 and steps[0][1] is not None:
        return (steps[0][0],), ((steps[0][1], steps[0][2]),)
    # Of several steps of an item the last one counts.
    last = {item: (price, quantity) for item, price, quantity in steps}
    items = sorted([item for item, (price, _) in last.items() if price is not None])
    return items, tuple([last[item] for item in items])


def _spans(lines: Sequence[Line]) -> list[Span]:
    told: dict[datetime, str] = {}

    def text(moment: datetime) -> str:
        # Lines share their instants, and it takes long to write one.
        return told.get(moment) or told.setdefault(moment, str(moment))

    return [Span(int(line.item), text(line.period), text(line.span.start), text(line.span.end)) for line in lines]
