"""Copying: a scale goes into PostgreSQL by COPY, in one transaction, some thousand accounts at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

import asyncpg

from billing import catalog_queries
from billing.seller import seller
from gateway.scaling.accounts import PER_SEAT, SLOTS, Register, Spine, seated
from gateway.scaling.invoices import MOST, Invoices, Row, Shelf, offers
from gateway.scaling.traits import EVERY, MONTHS, WANTED, Calendar, Traits, address, traits_at
from gateway.seeding import stocked
from kernel import database
from kernel.errors import Conflict, InvalidInput
from kernel.id_blocks import IdBlocks
from kernel.work import Work

FEWEST = 2 * EVERY
CHUNK = 2_000
SEED = 1

Progress = Callable[[int, int], object]
"""Told how much is done, and of how much."""


class AlreadyScaled(Conflict):
    """A database is scaled once."""


@dataclass(slots=True)
class Scaled:
    """What was put into a database, and how long that took."""

    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0

    @property
    def total(self) -> int:
        """The rows of all tables together."""
        return sum(self.rows.values())

    @property
    def says(self) -> str:
        """All of it in one sentence."""
        rate = round(self.total / self.seconds)
        return f"{self.total:,} rows in {self.seconds:.1f} seconds, {rate:,} a second."


async def scale(
    url: str, count: int, now: datetime, progress: Progress | None = None, *, seed: int = SEED, chunk: int = CHUNK
) -> Scaled:
    """Fill a database with so many accounts, all or none, and let PostgreSQL count what is where.

    One in fifty is a workspace's, and one workspace has 10,000 seats. The same count and
    seed make the same accounts; `chunk` of them are held in memory at a time. Raises
    InvalidInput for very few, AlreadyScaled, and Conflict where the catalog lacks a price.
    """
    if count < FEWEST:
        raise InvalidInput(f"A scale has {FEWEST} accounts or more.")
    await stocked(url, now)
    shelf = await _shelf(url, now)
    began, scaled = monotonic(), Scaled()
    async with database.connected(url) as connection:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(hashtext('scale'))")
            if await connection.fetchval("select exists (select from person where lower_email = $1)", address(0)):
                raise AlreadyScaled("This database was scaled before, and that is done once: take a new one.")
            await _Copy(connection, scaled, progress, count, seed, chunk).run(now, shelf)
        await connection.execute(f"analyze {', '.join(_COLUMNS)}")
    scaled.seconds = monotonic() - began
    return scaled


async def _shelf(url: str, now: datetime) -> Shelf:
    """What is sold now. Raises Conflict where something is missing that accounts of a scale buy."""
    engine = database.engine(url, role=None, pool_size=0)
    work = Work(engine, now, ids=IdBlocks())
    try:
        found = offers(await catalog_queries.shelf(work))
    finally:
        await work.close()
        await engine.dispose()
    for plan, interval, currency in sorted(WANTED - found.keys()):
        raise Conflict(f"The catalog sells no {plan} by the {interval.value} in {currency}, and a scale needs it.")
    return found


@dataclass(slots=True)
class _Copy:
    """One scale on its way."""

    connection: asyncpg.Connection
    scaled: Scaled
    progress: Progress | None
    count: int
    seed: int
    chunk: int
    blocks: IdBlocks = field(default_factory=IdBlocks)
    done: int = 0

    async def run(self, now: datetime, shelf: Shelf) -> None:
        """Accounts, then the seats that some hold of others, then invoices by month, so that numbers follow time."""
        calendar, spine = Calendar.until(now), await self._spine()
        people = self.count - self.count // EVERY
        for chunk in self._chunks():
            register = Register(calendar, shelf, spine, people, self.blocks.take)
            for traits in chunk:
                register.open(traits)
            await self._copy(register.rows, len(chunk))
        for chunk in self._chunks():
            register = Register(calendar, shelf, spine, people, self.blocks.take)
            await self._reserve(sum(PER_SEAT * seated(traits, people) for traits in chunk))
            for traits in chunk:
                if traits.is_workspace:
                    register.seat(traits)
            await self._copy(register.rows, len(chunk))
        lasts = await self._lasts({first.year for first in calendar.firsts[:MONTHS]})
        for month in range(MONTHS):
            for chunk in self._chunks():
                written = Invoices(calendar, shelf, self.blocks.take, lasts)
                await self._reserve(MOST * len(chunk))
                for traits in chunk:
                    written.bill(traits, spine.payer(traits.place), month)
                await self._copy(written.rows, len(chunk))
        for year, last in lasts.items():
            await self.connection.execute(
                "update number_series set last = $3 where entity = $1 and kind = 'invoice' and year = $2",
                seller().prefix,
                year,
                last,
            )

    async def _lasts(self, years: Iterable[int]) -> dict[int, int]:
        """How far the series of each year has come; nobody else counts on until the transaction ends."""
        return {
            year: await self.connection.fetchval(
                "insert into number_series as series (entity, kind, year, last) values ($1, 'invoice', $2, 0)"
                " on conflict (entity, kind, year) do update set last = series.last returning last",
                seller().prefix,
                year,
            )
            for year in sorted(years)
        }

    def _chunks(self) -> Iterator[Sequence[Traits]]:
        for start in range(0, self.count, self.chunk):
            places = range(start, min(start + self.chunk, self.count))
            yield [traits_at(place, self.count, self.seed) for place in places]

    async def _spine(self) -> Spine:
        """The blocks of numbers that belong to accounts; they need not follow one another."""
        wanted = -(-self.count * SLOTS // 1_024)
        taken = await self.connection.fetch("select nextval('id_block') as block from generate_series(1, $1)", wanted)
        return Spine([row["block"] for row in taken])

    async def _reserve(self, count: int) -> None:
        await self.blocks.reserve(self.connection, count)

    async def _copy(self, written: Mapping[str, Sequence[Row]], accounts: int) -> None:
        """Rows of some accounts, parents first."""
        for table, columns in _COLUMNS.items():
            if rows := written.get(table):
                await self.connection.copy_records_to_table(table, records=rows, columns=columns)
                self.scaled.rows[table] = self.scaled.rows.get(table, 0) + len(rows)
        self.done += accounts
        if self.progress:
            self.progress(self.done, self.count * (2 + MONTHS))


def _named(columns: str) -> Sequence[str]:
    return columns.split()


_COLUMNS = {
    "person": _named("id email email_verified name locale time_zone epoch created_at"),
    "identity": _named("issuer subject person_id created_at"),
    "account": _named("id kind person_id name email currency country locale time_zone created_at"),
    "workspace": _named("id name sso_enforced created_at"),
    "member": _named("account_id id person_id role state joined_at removed_at"),
    "subscription": _named(
        "account_id id plan_id plan_version_id state currency interval anchor time_zone period_start period_end"
        " trial_end cancel_at cancel_reason ended_at created_at"
    ),
    "subscription_item": _named("account_id id subscription_id plan_id price_id quantity created_at ended_at"),
    "item_step": _named("account_id id subscription_id item_id at price_id quantity"),
    "subscription_cycle": _named("account_id id subscription_id since anchor time_zone interval count"),
    "subscription_clock": _named("account_id subscription_id due_at held"),
    "payment_method": _named("account_id id kind brand last4 expires_on is_default rail_id created_at detached_at"),
    "license_pool": _named(
        "account_id id name plan_id subscription_id subscription_item_id purchased assigned created_at closed_at"
    ),
    "assignment": _named(
        "account_id id pool_id plan_id email person_id person_key state source since suspended_at released_at"
        " release_reason"
    ),
    "invitation": _named("account_id id email role state invited_by created_at expires_at answered_at token_hash"),
    "audit_record": _named(
        "account_id seq id at action subject subject_id before after actor person_id impersonator_id token ip"
        " request_id reason hash"
    ),
    "audit_head": _named("account_id seq hash"),
    "invoice": _named(
        "account_id id subscription_id number state currency subtotal_minor tax_minor total_minor paid_minor"
        " period_start period_end created_at issued_at due_at paid_at collection net_days billed_to locale tax_notes"
    ),
    "line_item": _named(
        "account_id id invoice_id position description plan_id price_id quantity currency amount_minor"
        " period_start period_end tax_minor tax_percent tax_category tax_inclusive"
        " kind subscription_id item_id billed_period formula proration"
    ),
    "payment": _named(
        "account_id id invoice_id payment_method_id state currency amount_minor decline_code created_at settled_at"
    ),
    "ledger_entry": _named("account_id id at kind subject subject_id"),
    "ledger_transfer": _named("account_id id entry_id debit credit currency amount_minor"),
}
"""What is written of each table, parents before children."""
