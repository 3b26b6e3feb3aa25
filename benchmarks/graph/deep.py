"""(e), depth: pages of invoices from the beginning, the middle and the end of twelve million."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from benchmarks.graph.copying import copied
from benchmarks.graph.operations import Operation
from kernel import pages

INVOICES, LINES = 10_000_000_000, 20_000_000_000
"""From where on the numbers of these are counted, of which nobody else has one."""

DEPTHS = (0, 0.5, 0.99)
"""How far into a list is asked."""

_FIELDS = """pageInfo { hasNextPage endCursor } nodes { id number state createdAt total { minor currency }
    lineItems { description quantity amount { minor currency } } }"""
_WAY = "first: 50, after: $after, orderBy: {field: %s, direction: DESC}, filter: %s"
EVERYBODY = "query Deep($after: String) { invoices(" + _WAY + ") { " + _FIELDS + " } }"
ONE = (
    "query Deep($account: ID!, $after: String) { account(id: $account) { invoices(" + _WAY + ") { " + _FIELDS + " } } }"
)


@dataclass(frozen=True, slots=True)
class Way:
    """A list of invoices, everybody's or one customer's: narrowed, and ordered by a column, the last first."""

    says: str
    filter: str
    where: str
    every: bool = True
    column: str = "created_at"

    @property
    def shown(self) -> str:
        """What the graph calls the column."""
        return {"created_at": "CREATED_AT", "total_minor": "TOTAL"}[self.column]

    @property
    def document(self) -> str:
        return (EVERYBODY if self.every else ONE) % (self.shown, self.filter)

    @property
    def sealed(self) -> str:
        """The name of the list in its cursors."""
        return f"{'Invoices' if self.every else 'AccountInvoices'}:{self.shown}:1"


_PAID, _OPEN = ("{state: [PAID]}", "state = 'paid'"), ("{state: [OPEN]}", "state = 'open'")
_LOST = ("{state: [VOID, UNCOLLECTIBLE]}", "state in ('void', 'uncollectible')")
_EUROS = ('{state: [PAID], currency: "EUR"}', "state = 'paid' and currency = 'EUR'")
WAYS: Sequence[Way] = (
    Way("everybody's, paid in EUR", *_EUROS),
    Way("everybody's, open", *_OPEN),
    Way("everybody's, void or given up", *_LOST),
    Way("a customer's million, paid", *_PAID, every=False),
    Way("a customer's million, open", *_OPEN, every=False),
    Way("a customer's million, by total", *_PAID, every=False, column="total_minor"),
)

_STAFF = "insert into staff values ($1, 'finance') on conflict do nothing"
_SOMEBODY = """
select p.id, p.email from person p where p.id not in ($1, $2)
and not exists (select from member m where m.person_id = p.id) order by p.id limit 1
"""
_DICE = "((n * 2654435761) % 1000)"
"""From 0 to 999, and in no order."""


@dataclass(frozen=True, slots=True)
class Depth:
    """A page of one of these lists, and how far into it."""

    way: Way
    share: float
    operation: Operation


async def build(connection: asyncpg.Connection, invoices: Operation, many: int) -> None:
    """So many invoices over three years, all like one of the customer of (c), whose every twelfth is."""
    customer = invoices.variables["account"][1]
    template = await connection.fetchval(
        "select id from invoice where account_id = $1 and state = 'paid' order by id limit 1", customer
    )
    indexes = await connection.fetch(_INDEXES)
    for index in indexes:
        await connection.execute(f"drop index {index['name']}")
    await connection.execute(_PAYERS)
    payers = await connection.fetchval("select count(*) from payer")
    numbers = f"generate_series(1::bigint, {many}) n join payer p on p.place = n % {payers}"
    await copied(connection, "invoice", template, numbers, _of(customer, many))
    for index in indexes:
        await connection.execute(index["made"])
    await connection.execute("vacuum analyze invoice")


_PAYERS = """
create temp table payer as select id, currency, row_number() over (order by id) - 1 as place from account;
analyze payer
"""
_INDEXES = """
select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as made from pg_index i
where i.indrelid = 'invoice'::regclass and not exists (select from pg_constraint c where c.conindid = i.indexrelid)
"""


def _of(customer: int, many: int) -> dict[str, str]:
    """What invoice n has of its own, as SQL."""
    states = f"when {_DICE} < 5 then 'open' when {_DICE} = 5 then 'void' when {_DICE} = 6 then 'uncollectible'"
    made = f"now() - interval '3 years' + n * (interval '3 years' / {many})"
    return {
        "id": f"{INVOICES} + n",
        "account_id": f"case when n % 12 = 0 then {customer} else p.id end",
        "currency": "case when n % 12 = 0 then one.currency else p.currency end",
        "number": "'D-' || n",
        "state": f"case {states} else 'paid' end",
        "created_at": made,
        "paid_at": f"case when {_DICE} > 6 then {made} end",
        "subtotal_minor": f"one.subtotal_minor + {_DICE}",
        "total_minor": f"one.total_minor + {_DICE}",
    }


async def depths(connection: asyncpg.Connection, invoices: Operation, seats: Operation) -> list[Depth]:
    """Pages of every list, each of whose invoices has three lines as those of (c) do."""
    ((person, email),) = await connection.fetch(_SOMEBODY, invoices.person, seats.person)
    await connection.execute(_STAFF, person)
    account = invoices.variables["account"]
    line = await connection.fetchval("select id from line_item where account_id = $1 limit 1", account[1])
    found = []
    for way in WAYS:
        where = way.where if way.every else f"{way.where} and account_id = {account[1]}"
        length = await connection.fetchval(f"select count(*) from invoice where {where}")
        for share in DEPTHS:
            rows = f"from invoice where {where} order by {way.column} desc, id desc offset {int(length * share)}"
            place = await connection.fetchrow(f"select {way.column} as place, id {rows} limit 1")
            parent = 0 if way.every else account[1]
            after = {"after": pages.write(way.sealed, (place["place"], place["id"], parent)) if share else None}
            asked = Operation("e", way.document, person, email, after, {"seatgraph-reason": "measuring"})
            if not way.every:
                asked = Operation("e", way.document, invoices.person, invoices.asker, after | {"account": account})
            found.append(Depth(way, share, asked))
            await copied(connection, "line_item", line, _BARE.format(rows=rows), _LINE)
    await connection.execute("vacuum analyze line_item")
    return found


_BARE = """(select i.account_id, i.id from (select account_id, id {rows} limit 51) i where not exists (
    select from line_item l where l.account_id = i.account_id and l.invoice_id = i.id)) i
    cross join generate_series(1, 3) n"""
_LINE = {
    "account_id": "i.account_id",
    "invoice_id": "i.id",
    "id": f"{LINES} + 3 * (i.id - {INVOICES}) + n",
    "position": "n",
}
