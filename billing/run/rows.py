"""Rows: a chunk of invoices on its way into the tables, as text that COPY reads.

Every row of a renewal is written here: its invoice and line items, the ledger's
entries, the audit records and the outbox. They are the rows that the same renewal
makes interactively, but for the audit's words, which name what matters and not
every column.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

import asyncpg
import structlog

from billing import ledger
from billing.run import chains
from billing.run.chains import End, Said
from billing.run.chunks import Run
from billing.run.forms import INVOICE, LINE, NULL, TRANSFER, Form, copied, escaped, transfers
from billing.seller import seller
from kernel.id_blocks import IdBlocks
from kernel.money import Money
from kernel.time import Period

_COLUMNS = {
    "line_item": (
        *("account_id", "id", "invoice_id", "subscription_id"),
        *("item_id", "billed_period", "period_start", "period_end", *LINE),
    ),
    "ledger_entry": ("account_id", "id", "at", "kind", "subject", "subject_id"),
    "ledger_transfer": ("account_id", "id", "entry_id", *TRANSFER),
    "outbox": ("id", "account_id", "at", "name", "payload", "request_id"),
    "invoice": (
        *("account_id", "id", "subscription_id", "number", "state", "issued_at", "due_at", "paid_at"),
        *("credit_minor", "held", "known", "period_start", "period_end", "collection", "net_days", "po_number"),
        *("billed_to", "locale", "created_at", "finalize_at", *INVOICE),
    ),
}


log = structlog.get_logger("billing.run")


class Span(NamedTuple):
    """What a line bills: its item, the start of its billing period, and its own start and end."""

    item: int
    period: str
    start: str
    end: str


class Begun(NamedTuple):
    """The period that a subscription moves into, and its two instants as text, which takes long to write."""

    span: Period
    start: str
    end: str

    @classmethod
    def of(cls, span: Period) -> Begun:
        """A period with its texts."""
        return cls(span, str(span.start), str(span.end))


class Renewal(NamedTuple):
    """One subscription and the period that begins for it."""

    due: asyncpg.Record
    period: Begun | None
    """The period it moves into; None when the subscription is over."""

    form: Form | None = None
    """What is billed; None for nothing."""

    spans: Sequence[Span] = ()
    """What each of its lines bills."""

    held: str | None = None
    """Why a person has to look at it first."""

    known: str = "{}"
    """What the invoice keeps of the facts it came from, as JSON; nothing where they are all dated before it."""

    @property
    def final(self) -> bool:
        """Whether its invoice gets a number at once, and not after the account's grace or when a person has looked."""
        return not self.held and not self.due["grace_hours"]


class Overtaken(Exception):  # noqa: N818 - nothing is wrong; it is done again
    """Somebody else told something of one of these accounts meanwhile, and may have the later place for it."""


async def write(
    connection: asyncpg.Connection,
    run: Run,
    blocks: IdBlocks,
    renewals: Sequence[Renewal],
    credit: dict[tuple[int, str], int],
    *,
    patient: bool = False,
) -> None:
    """Write everything about these renewals. Numbers and then the audit's heads come last: others wait for them.

    So all that can be said without a number is said before. Events belong behind the audit's heads, so that those of an
    account have their places in the order of commits. They are written before all the same, and heads are locked only
    as they move, which is as good where none has moved since the facts were read. Else it raises Overtaken; whoever is
    `patient` locks them first, and writes events at last.

    `credit` is what customers have, by account and currency; what is used is taken off.
    """
    patient = patient or any(renewal.due["chain"] is None for renewal in renewals)
    count = 16 * len(renewals) + sum(len(renewal.spans) for renewal in renewals)
    await blocks.reserve(connection, count)
    ids = blocks.draw(count)
    sheets = Sheets(run, ids, credit)
    for renewal in renewals:
        sheets.add(renewal)
    await _copy(connection, sheets, "line_item", "ledger_entry", "ledger_transfer", *(() if patient else ("outbox",)))
    sheets.number(await numbers(connection, run, len(sheets.unnumbered)))
    await _copy(connection, sheets, "invoice")
    accounts = list(dict.fromkeys([record[0] for record in sheets.said]))
    ends = await chains.heads(connection, accounts) if patient else _read(renewals)
    starts = {account: ends[account][0] for account in accounts}
    records = chains.grown(run, ids, sheets.said, ends)
    if not await chains.move(connection, starts, ends):
        raise Overtaken
    await copy(connection, "audit_record", chains.COLUMNS, records)
    if patient:
        await _copy(connection, sheets, "outbox")


def _read(renewals: Sequence[Renewal]) -> dict[int, End]:
    """Where each account's chain ended when its facts were read."""
    return {due["account_id"]: (due["chained"], due["chain"]) for due, *_ in renewals}


async def _copy(connection: asyncpg.Connection, sheets: Sheets, *tables: str) -> None:
    for table in tables:
        await copy(connection, table, _COLUMNS[table], sheets.rows[table])


class Unnumbered(NamedTuple):
    """An invoice that waits for its number."""

    head: str
    """Its row before the number."""

    tail: str
    """Its row after the number."""

    place: int
    """At which place the audit says it."""

    said: Said
    """What the audit says of it, up to the number."""

    rest: str
    """What the audit says after the number."""


class Sheets:
    """The rows of a chunk, by table."""

    def __init__(self, run: Run, ids: Iterator[int], credit: dict[tuple[int, str], int]) -> None:
        self.rows: dict[str, list[str]] = {table: [] for table in _COLUMNS}
        self.said: list[Said] = []
        """What the audit says of all that was added, in that order."""

        self.unnumbered: list[Unnumbered] = []
        self._run, self._name, self._now = run, run.name, run.now.isoformat()
        self._later: dict[int, str] = {}
        self._take, self._credit = ids.__next__, credit

    def add(self, renewal: Renewal) -> None:
        """Write a renewal, but for the number of its invoice."""
        account, subscription = renewal.due["account_id"], renewal.due["subscription_id"]
        if renewal.form:
            self._bill(renewal, renewal.form, account, subscription)
        if renewal.period:
            self._tell("subscription.renewed", account, "subscription", subscription)
            self.said.append(_renewed(renewal, renewal.period, account, subscription))
        if renewal.held:
            self._tell("subscription.held", account, "subscription", subscription)
            self.said.append(_held(renewal, account, subscription))
            log.error("a subscription waits for a person", subscription=subscription, reason=renewal.held)

    def number(self, first: int) -> None:
        """Number the invoices, from here on."""
        series, rows, every = f"{seller().prefix}-{self._run.now.year}-", self.rows["invoice"], self.said
        for number, (head, tail, place, said, rest) in enumerate(self.unnumbered, first):
            text = f"{series}{number:06}"
            rows.append(f"{head}{text}{tail}")
            every[place] = (*said[:-1], f'{said[-1]}"{text}"{rest}')

    def _bill(self, renewal: Renewal, form: Form, account: int, subscription: int) -> None:
        """Write an invoice, its lines, and what follows for the books."""
        final, used, invoice = renewal.final, 0, self._take()
        self._lines(renewal, form, f"\t{invoice}\t{subscription}\t", account)
        self._tell("invoice.finalized" if final else "invoice.drafted", account, "invoice", invoice)
        if final:
            self._book(account, invoice, "invoice_finalized", form.transfers)
            used = self._settle(account, invoice, form.total)
        state = "draft" if not final else "paid" if used == form.total.minor else "open"
        if state == "paid":
            self._tell("invoice.paid", account, "invoice", invoice)
        self._invoice(renewal, form, (account, invoice, subscription), state, used)

    def _lines(self, renewal: Renewal, form: Form, whose: str, account: int) -> None:
        rows, take = self.rows["line_item"], self._take
        for text, (item, period, start, end) in zip(form.lines, renewal.spans, strict=True):
            rows.append(f"{account}\t{take()}{whose}{item}\t{period}\t{start}\t{end}\t{text}")

    def _settle(self, account: int, invoice: int, owed: Money) -> int:
        """Pay an invoice with the customer's credit, or add a negative one to it; how much was used, in minor units."""
        place = (account, owed.currency)
        if owed.minor < 0:
            self._book(account, invoice, "credit_granted", transfers(ledger.reversal(ledger.credit_applied(-owed))))
            self._credit[place] = self._credit.get(place, 0) - owed.minor
            return owed.minor
        if not self._credit.get(place):
            return 0
        used = ledger.applicable_credit(owed, Money(self._credit[place], owed.currency))
        self._book(account, invoice, "credit_applied", transfers(ledger.credit_applied(used)))
        self._credit[place] -= used.minor
        return used.minor

    def _book(self, account: int, invoice: int, kind: str, moved: Sequence[str]) -> None:
        if not moved:
            return
        rows, take = self.rows, self._take
        entry = take()
        rows["ledger_entry"].append(f"{account}\t{entry}\t{self._now}\t{kind}\tinvoice\t{invoice}")
        for transfer in moved:
            rows["ledger_transfer"].append(f"{account}\t{take()}\t{entry}\t{transfer}")

    def _tell(self, name: str, account: int, subject: str, number: int) -> None:
        self.rows["outbox"].append(
            f"{self._take()}\t{account}\t{self._now}\t{name}"
            f'\t{{"account_id":{account},"{subject}":{number}}}\t{self._name}'
        )

    def _invoice(self, renewal: Renewal, form: Form, ids: tuple[int, int, int], state: str, used: int) -> None:
        due, (account, invoice, subscription) = renewal.due, ids
        final = state != "draft"
        start, end = _reach(renewal.spans)
        head = f"{account}\t{invoice}\t{subscription}\t"
        tail = (
            f"\t{state}\t{self._dated(due, state)}\t{used}\t{_kept(renewal)}\t{start}\t{end}"
            f"\t{_addressed(due)}\t{_ended(renewal)}\t{self._in(due['grace_hours'])}\t{form.invoice}"
        )
        before = f'{{"credit_minor":{used},"currency":"{form.total.currency}","number":'
        after = (
            f',"period_end":"{end}","period_start":"{start}","state":"{state}",'
            f'"subscription_id":{subscription},"total_minor":{form.total.minor}}}'
        )
        if final:
            said = (account, "invoice.finalized", "invoice", invoice, "null", before)
            self.unnumbered.append(Unnumbered(head, tail, len(self.said), said, after))
        else:
            said = (account, "invoice.drafted", "invoice", invoice, "null", f"{before}null{after}")
            self.rows["invoice"].append(f"{head}{NULL}{tail}")
        self.said.append(said)
        if state == "paid":
            self.said.append((account, "invoice.paid", "invoice", invoice, "null", "null"))

    def _dated(self, due: asyncpg.Record, state: str) -> str:
        """When it is issued, due and paid; a draft isn't yet."""
        if state == "draft":
            return f"{NULL}\t{NULL}\t{NULL}"
        paid = self._now if state == "paid" else NULL
        return f"{self._now}\t{self._in(24 * due['net_days'])}\t{paid}"

    def _in(self, hours: int) -> str:
        """The instant so many hours from now."""
        return self._later.get(hours) or self._later.setdefault(hours, str(self._run.now + timedelta(hours=hours)))


async def numbers(connection: asyncpg.Connection, run: Run, count: int) -> int:
    """The first of so many invoice numbers in a row; whoever wants the next waits for our commit.

    Workers of runs wait for each other elsewhere, so that a customer who waits for a number never waits for two chunks.
    """
    if not count:
        return 0
    last: int = await connection.fetchval(
        "with turn as materialized (select pg_advisory_xact_lock(hashtext('billing run numbers')))"
        " insert into number_series as series (entity, kind, year, last) select $1, 'invoice', $2, $3 from turn"
        " on conflict (entity, kind, year) do update set last = series.last + excluded.last returning last",
        seller().prefix,
        run.now.year,
        count,
    )
    return last - count + 1


async def copy(connection: asyncpg.Connection, table: str, columns: Sequence[str], rows: Sequence[str]) -> None:
    """Write rows of text."""

    async def source() -> AsyncIterator[bytes]:
        # What is no file is sent at once, without a thread that reads it.
        yield ("\n".join(rows) + "\n").encode()

    if rows:
        await connection.copy_to_table(table, source=source(), columns=columns, format="text")


def _ended(renewal: Renewal) -> str:
    """When the period ended that a renewal ends, which nearly always is when the next one begins."""
    due_at, period = renewal.due["due_at"], renewal.period
    return period.start if period and period.span.start == due_at else str(due_at)


def _renewed(renewal: Renewal, period: Begun, account: int, subscription: int) -> Said:
    before = f'{{"period_end":"{_ended(renewal)}","period_start":"{renewal.due["period_start"]}"}}'
    after = f'{{"period_end":"{period.end}","period_start":"{period.start}"}}'
    return account, "subscription.renewed", "subscription", subscription, before, after


def _held(renewal: Renewal, account: int, subscription: int) -> Said:
    after = json.dumps({"held": renewal.held}, separators=(",", ":"))
    return account, "subscription.held", "subscription", subscription, '{"held":null}', after


def _reach(spans: Sequence[Span]) -> tuple[str, str]:
    """From the first start to the last end."""
    if len(spans) == 1:
        return spans[0].start, spans[0].end
    return min([span.start for span in spans]), max([span.end for span in spans])


def _kept(renewal: Renewal) -> str:
    """Why an invoice is held, and what it keeps of the facts."""
    if renewal.held is None and renewal.known == "{}":
        return f"{NULL}\t{{}}"
    return copied(renewal.held, renewal.known)


def _addressed(due: asyncpg.Record) -> str:
    """How an invoice is collected, and to whom it goes."""
    number = due["po_number"]
    return (
        f"{due['collection']}\t{due['net_days']}\t{NULL if number is None else escaped(number)}"
        f"\t{escaped(due['billed_to'])}\t{escaped(due['locale'])}"
    )
