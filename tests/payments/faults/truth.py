"""Truth: what has to hold after any mishap, read from the books of both sides.

The sandbox keeps its books in the same database, so one look sees what was charged
there and what is written here. Nothing of the product is asked but `verify`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway import verification
from kernel import ids
from payments.rail.currencies import received
from tests.scenery import Scene, World

Body = Mapping[str, Any]

WATCH = """
    create schema faults;
    create table faults.early (charge text);
    create function faults.watch() returns trigger language plpgsql as $$
    begin
        if not exists (select from public.payment where rail_id = new.body ->> 'payment_intent') then
            insert into faults.early values (new.id);
        end if;
        return new;
    end $$;
    create trigger watch after insert on sandbox.object for each row when (new.kind = 'charge')
        execute function faults.watch();
"""
"""Notes every charge of an intent whose id is not committed here yet."""


@dataclass(frozen=True, slots=True)
class Books:
    """What the sandbox knows, by kind, and our payments."""

    objects: Mapping[str, list[Body]]
    payments: Mapping[int, Any]
    parts: Mapping[int, list[Any]]

    def of(self, kind: str) -> list[Body]:
        """All objects of a kind."""
        return self.objects.get(kind, [])


async def wrongs(world: World) -> list[str]:
    """Everything that is not as it has to be, each in a sentence; nothing, if all is well."""
    books = await _books(world)
    found = [*_charges(books), *_orphans(books), *_customers(books)]
    found += [wrong async for wrong in _committed_first(world)]
    found += [wrong async for wrong in _refunds(world, books)]
    found += [wrong async for wrong in _money(world, books)]
    return found + [wrong async for wrong in _verified(world)]


async def unpaid(scene: Scene) -> int:
    """How many invoices of an account are not paid."""
    asked = "select count(*) from invoice where state = 'open' and account_id = $1"
    return int(await scene.world.value(asked, scene.number))


async def _books(world: World) -> Books:
    objects = defaultdict(list)
    for row in await world.rows("select kind, body::text from sandbox.object order by seq"):
        objects[row["kind"]].append(_read(row["body"]))
    parts = defaultdict(list)
    for row in await world.rows("select payment_id, invoice_id, amount_minor from payment_part"):
        parts[row["payment_id"]].append(row)
    payments = await world.rows("select id, rail_id, state, charge, amount_minor from payment where source = 'rail'")
    return Books(objects, {row["id"]: row for row in payments}, parts)


def _read(text: str) -> Body:
    body: Body = orjson.loads(text)
    return body


def _meant(body: Body, mark: str, kind: str) -> int:
    return ids.decode(kind, body["metadata"][mark])


def _charges(books: Books) -> Iterator[str]:
    """Each payment is charged at most once, each invoice for what it is at most, and no charge is forgotten."""
    intents = {intent["id"]: intent for intent in books.of("payment_intent")}
    charged = Counter[int]()
    for charge in books.of("charge"):
        if charge["status"] != "succeeded":
            continue
        number = _meant(intents[charge["payment_intent"]], "gw_payment", "pay")
        payment = books.payments[number]
        charged[number] += 1
        if payment["state"] != "succeeded":
            yield f"lost: {charge['id']} went through, and payment {number} is {payment['state']}"
        if received(charge["amount"], charge["currency"]).minor != payment["amount_minor"]:
            yield f"amount: {charge['id']} is of another amount than payment {number}"
    invoices = Counter[int]()
    for number, payment in books.payments.items():
        if charged[number] > 1:
            yield f"double: payment {number} was charged {charged[number]} times"
        if payment["state"] == "succeeded" and not charged[number]:
            yield f"invented: payment {number} succeeded, and nothing was charged"
        for part in books.parts[number]:
            invoices[part["invoice_id"]] += bool(charged[number])
    yield from (
        f"double: invoice {number} was charged {times} times" for number, times in invoices.items() if times > 1
    )


def _orphans(books: Books) -> Iterator[str]:
    """Nothing bears our mark at the rail that we don't know, unless it is given up there."""
    known = {payment["rail_id"] for payment in books.payments.values()}
    for intent in books.of("payment_intent"):
        if intent["id"] not in known and intent["status"] != "canceled":
            yield f"orphan: no payment knows {intent['id']}, made for {intent['metadata'].get('gw_payment')}"


async def _committed_first(world: World) -> AsyncIterator[str]:
    for row in await world.rows("select charge from faults.early"):
        yield f"early: {row['charge']} was made before its intent's id was committed"


async def _refunds(world: World, books: Books) -> AsyncIterator[str]:
    """What went back is what was promised, once each, and never more than came."""
    rows = await world.rows("select id, rail_id, state, amount_minor from refund")
    ours = {row["id"]: row for row in rows}
    back, made = Counter[str](), Counter[int]()
    for refund in books.of("refund"):
        if refund["status"] in {"failed", "canceled"}:
            continue
        number = _meant(refund, "gw_refund", "refund")
        made[number] += 1
        back[refund["charge"]] += refund["amount"]
        if ours[number]["rail_id"] != refund["id"] or ours[number]["state"] in {"failed", "canceled"}:
            yield f"orphan: {refund['id']} went back, and refund {number} is {ours[number]['state']}"
    yield_ = [f"double: refund {number} went back {times} times" for number, times in made.items() if times > 1]
    yield_ += [
        f"invented: refund {row['id']} is {row['state']}, and nothing went back"
        for row in rows
        if row["state"] in {"succeeded", "pending"} and row["rail_id"] and not made[row["id"]]
    ]
    taken = Counter[str]()
    for dispute in books.of("dispute"):
        taken[dispute["charge"]] -= sum(move["amount"] for move in dispute["balance_transactions"])
    yield_ += [
        f"too much: {charge['id']} brought {charge['amount']}, and {back[charge['id']]} and a dispute of "
        f"{taken[charge['id']]} went back"
        for charge in books.of("charge")
        if back[charge["id"]] + max(taken[charge["id"]], 0) > charge["amount"]
    ]
    for wrong in yield_:
        yield wrong


async def _money(world: World, books: Books) -> AsyncIterator[str]:
    """Cash in the ledger is the sum of the balance transactions, and so are fees, to the minor unit."""
    cash, fees = Counter[str](), Counter[str]()
    for moved in books.of("balance_transaction"):
        if moved["type"] in {"payout", "payout_failure"}:
            continue
        currency = moved["currency"].upper()
        fee = received(moved["fee"], currency).minor
        # A fee with parts of a unit is told to the nearest, and what is left follows from it.
        cash[currency] += received(moved["amount"], currency).minor - fee
        fees[currency] += fee
    for account, theirs in (("cash", cash), ("fees", fees)):
        ours = {
            row["currency"]: row["minor"]
            for row in await world.rows(
                "select currency, sum(case when debit = $1 then amount_minor when credit = $1 then -amount_minor"
                " else 0 end)::bigint as minor from ledger_transfer group by currency",
                account,
            )
        }
        for currency in sorted(theirs.keys() | ours.keys()):
            if theirs[currency] != ours.get(currency, 0):
                yield f"ledger: {account} is {ours.get(currency, 0)} {currency}, and {theirs[currency]} at the rail"


def _customers(books: Books) -> Iterator[str]:
    """An account is one customer."""
    made = Counter(
        customer["metadata"].get("gw_account") for customer in books.of("customer") if "metadata" in customer
    )
    for account, times in made.items():
        if account and times > 1:
            yield f"orphan: account {account} is {times} customers"


async def _verified(world: World) -> AsyncIterator[str]:
    """Every invariant of the product."""
    for check in (await verification.report(world.url))["checks"]:
        for breach in check["broken"]:
            yield f"verify: {check['name']} {breach['row']} {breach['reason']}"
