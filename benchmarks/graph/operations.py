"""What is asked: the operations that clients ask most, and as whom."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg


@dataclass(frozen=True, slots=True)
class Operation:
    """A document, its variables, and the number and address of the person who asks it; a stranger has none.

    An id among the variables is its prefix and its number.
    """

    name: str
    document: str
    person: int
    asker: str
    variables: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


VIEWER = """query Viewer { viewer { person { id name email } account {
    id name paymentMethods { id kind brand last4 expiresOn isDefault }
    subscriptions(first: 1) { nodes { id state interval periodEnd plan { id key name } } } } } }"""
SEATS = """query Seats($workspace: ID!) { workspace(id: $workspace) {
    seats(first: 100) { pageInfo { hasNextPage endCursor }
        nodes { id state since person { id name email } plan { key name } } } } }"""
INVOICES = """query Invoices($account: ID!) { account(id: $account) {
    invoices(first: 50, orderBy: {field: CREATED_AT, direction: DESC}) { pageInfo { hasNextPage endCursor }
        nodes { id number state createdAt total { minor currency }
            lineItems { description quantity amount { minor currency } } } } } }"""
PLANS = """query Plans { plans { id key name description version { number
    prices(currency: "USD") { key interval amount { minor currency text } } } } }"""

_SEATED = """
select w.id, p.id, p.email from workspace w
join member m on m.account_id = w.id and m.role = 'owner' and m.state = 'active'
join person p on p.id = m.person_id order by (select count(*) from assignment a where a.account_id = w.id) desc limit 1
"""
_BILLED = """
select a.id, p.id, p.email from invoice i join account a on a.id = i.account_id join person p on p.id = a.person_id
where a.kind = 'person' group by a.id, p.id, p.email order by count(*) desc, a.id limit 1
"""


async def operations(connection: asyncpg.Connection) -> list[Operation]:
    """The operations, about the largest workspace and the customer with the most invoices."""
    ((workspace, *owner),) = await connection.fetch(_SEATED)
    ((account, *customer),) = await connection.fetch(_BILLED)
    # Plans are shown in the language of whoever asks, and peers know one language.
    await connection.execute("update person set locale = 'en' where id = any ($1)", [owner[0], customer[0]])
    return [
        Operation("a", VIEWER, *customer),
        Operation("b", SEATS, *owner, {"workspace": ("workspace", workspace)}),
        Operation("c", INVOICES, *customer, {"account": ("account", account)}),
        Operation("d", PLANS, *customer),
    ]


def by_a_stranger(operation: Operation) -> Operation:
    """The same, asked by nobody we know, who is answered from memory."""
    return replace(operation, name=f"{operation.name} cached", asker="")


async def enough(connection: asyncpg.Connection) -> None:
    """Let that customer have fifty invoices of three lines: as many as `seed --scale` gives nobody."""
    ((account, *_),) = await connection.fetch(_BILLED)
    await connection.execute(_MORE, account)


_MORE = """
with one as (select * from invoice where account_id = $1 and state = 'paid' order by created_at limit 1),
line as (select * from line_item where account_id = $1 and invoice_id = (select id from one) limit 1),
place as (select generate_series(1, 50 - (select count(*)::int from invoice where account_id = $1)) as n),
made as (
    insert into invoice select (jsonb_populate_record(null::invoice, to_jsonb(one) || jsonb_build_object(
        'id', 4000000000 + n, 'number', 'B-' || n, 'created_at', one.created_at + n * interval '1 hour'))).*
    from one, place returning account_id, id
)
insert into line_item select (jsonb_populate_record(null::line_item, to_jsonb(line) || jsonb_build_object(
    'id', 4100000000 + 3 * (made.id - 4000000000) + p, 'invoice_id', made.id, 'position', p))).*
from line, made, generate_series(1, 3) p
"""
