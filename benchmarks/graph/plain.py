"""The graph as a Python service usually has it: Strawberry's own application, SQLModel sessions, and data loaders.

python -m benchmarks.graph.plain PORT

It says what the other peers say, and is as bare: no limits, no authentication, no row-level security.
"""

import os
import sys
from base64 import urlsafe_b64encode
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any

import strawberry
import uvicorn
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession
from strawberry import ID
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader

from auth import tables as auth
from billing import catalog_tables
from billing import tables as billing
from payments import tables as payments
from seats import tables as seats

_PLACE = os.environ["DATABASE_URL"].partition("://")[2]
_ENGINE = create_async_engine(f"postgresql+asyncpg://{_PLACE}", pool_size=8)
session = async_sessionmaker(_ENGINE, class_=AsyncSession, expire_on_commit=False)

Info = strawberry.Info[dict[str, Any], None]


async def rows(statement: Any) -> Sequence[Any]:
    """What a statement finds, in a session of its own: fields resolve at the same time, and a session serves one."""
    async with session() as opened:
        return (await opened.exec(statement)).all()


async def by_id(table: Any, numbers: list[int]) -> list[Any]:
    found = {row.id: row for row in await rows(select(table).where(table.id.in_(numbers)))}
    return [found.get(number) for number in numbers]


async def by_parent(table: Any, column: Any, order: Any, numbers: list[int]) -> list[list[Any]]:
    found = defaultdict(list)
    for row in await rows(select(table).where(column.in_(numbers)).order_by(order)):
        found[getattr(row, column.key)].append(row)
    return [found[number] for number in numbers]


async def lines_of(invoices: list[tuple[int, int]]) -> list[list[billing.LineItem]]:
    found = defaultdict(list)
    accounts, numbers = zip(*invoices, strict=True)
    wanted = (col(billing.LineItem.account_id).in_(set(accounts)), col(billing.LineItem.invoice_id).in_(numbers))
    for row in await rows(select(billing.LineItem).where(*wanted).order_by(col(billing.LineItem.position))):
        found[row.account_id, row.invoice_id].append(row)
    return [found[invoice] for invoice in invoices]


def loaders() -> dict[str, DataLoader[Any, Any]]:
    """Those of one request."""
    method, version, price = payments.PaymentMethod, catalog_tables.PlanVersion, catalog_tables.Price
    return {
        "person": DataLoader(partial(by_id, auth.Person)),
        "plan": DataLoader(partial(by_id, catalog_tables.Plan)),
        "methods": DataLoader(partial(by_parent, method, method.account_id, method.id)),
        "lines": DataLoader(lines_of),
        "versions": DataLoader(partial(by_parent, version, version.plan_id, version.number)),
        "prices": DataLoader(partial(by_parent, price, price.plan_version_id, price.id)),
    }


class Plain(GraphQL[dict[str, Any], None]):
    """Strawberry's application, with who asks and loaders of their own."""

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        return {"person_id": int(request.headers["x-person"]), "response": response, **loaders()}


class Direction(Enum):
    """Which way."""

    ASC = "ASC"
    DESC = "DESC"


class InvoiceOrderField(Enum):
    """By what."""

    CREATED_AT = "created_at"


strawberry.enum(Direction)
strawberry.enum(InvoiceOrderField)


@strawberry.input
class InvoiceOrder:
    field: InvoiceOrderField
    direction: Direction


@strawberry.input
class AssignSeatInput:
    pool: ID
    email: str


@strawberry.type
class Money:
    minor: int
    currency: str

    @strawberry.field
    def text(self) -> str:
        digits = 0 if self.currency == "JPY" else 2
        return f"{self.minor / 10**digits:.{digits}f} {self.currency}"


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Person:
    id: ID
    name: str
    email: str

    @classmethod
    def of(cls, row: auth.Person) -> "Person":
        return cls(id=ID(str(row.id)), name=row.name, email=row.email)


@strawberry.type
class Price:
    key: str
    interval: str
    amount: Money

    @classmethod
    def of(cls, row: catalog_tables.Price) -> "Price":
        return cls(key=row.key, interval=row.interval.name, amount=Money(minor=row.amount_minor, currency=row.currency))


@strawberry.type
class PlanVersion:
    row: strawberry.Private[catalog_tables.PlanVersion]
    number: int

    @strawberry.field
    async def prices(self, info: Info, currency: str) -> list[Price]:
        found = await info.context["prices"].load(self.row.id)
        return [Price.of(row) for row in found if row.currency == currency]


@strawberry.type
class Plan:
    row: strawberry.Private[catalog_tables.Plan]
    id: ID
    key: str
    name: str
    description: str

    @strawberry.field
    async def version(self, info: Info) -> PlanVersion:
        newest = (await info.context["versions"].load(self.row.id))[-1]
        return PlanVersion(row=newest, number=newest.number)

    @classmethod
    def of(cls, row: catalog_tables.Plan) -> "Plan":
        return cls(row=row, id=ID(str(row.id)), key=row.key, name=row.name["en"], description=row.description["en"])


@strawberry.type
class PaymentMethod:
    id: ID
    kind: str
    brand: str
    last4: str
    expires_on: str | None
    is_default: bool

    @classmethod
    def of(cls, row: payments.PaymentMethod) -> "PaymentMethod":
        card = {"brand": row.brand, "last4": row.last4, "expires_on": row.expires_on}
        return cls(id=ID(str(row.id)), kind=row.kind.name, is_default=row.is_default, **card)


@strawberry.type
class Subscription:
    row: strawberry.Private[billing.Subscription]
    id: ID
    state: str
    interval: str
    period_end: datetime

    @strawberry.field
    async def plan(self, info: Info) -> Plan:
        return Plan.of(await info.context["plan"].load(self.row.plan_id))

    @classmethod
    def of(cls, row: billing.Subscription) -> "Subscription":
        state, interval = row.state.name, row.interval.name
        return cls(row=row, id=ID(str(row.id)), state=state, interval=interval, period_end=row.period_end)


@strawberry.type
class LineItem:
    description: str
    quantity: int
    amount: Money

    @classmethod
    def of(cls, row: billing.LineItem) -> "LineItem":
        amount = Money(minor=row.amount_minor, currency=row.currency)
        return cls(description=row.description, quantity=row.quantity, amount=amount)


@strawberry.type
class Invoice:
    row: strawberry.Private[billing.Invoice]
    id: ID
    number: str | None
    state: str
    created_at: datetime
    total: Money

    @strawberry.field
    async def line_items(self, info: Info) -> list[LineItem]:
        found = await info.context["lines"].load((self.row.account_id, self.row.id))
        return [LineItem.of(row) for row in found]

    @classmethod
    def of(cls, row: billing.Invoice) -> "Invoice":
        total = Money(minor=row.total_minor, currency=row.currency)
        shown = {"number": row.number, "state": row.state.name, "created_at": row.created_at, "total": total}
        return cls(row=row, id=ID(str(row.id)), **shown)


@strawberry.type
class Seat:
    row: strawberry.Private[seats.Assignment]
    id: ID
    state: str
    since: datetime
    email: str

    @strawberry.field
    async def person(self, info: Info) -> Person | None:
        number = self.row.person_id
        return Person.of(await info.context["person"].load(number)) if number else None

    @strawberry.field
    async def plan(self, info: Info) -> Plan:
        return Plan.of(await info.context["plan"].load(self.row.plan_id))

    @classmethod
    def of(cls, row: seats.Assignment) -> "Seat":
        return cls(row=row, id=ID(str(row.id)), state=row.state.name, since=row.since, email=row.email)


@strawberry.type
class SubscriptionConnection:
    nodes: list[Subscription]
    page_info: PageInfo


@strawberry.type
class InvoiceConnection:
    nodes: list[Invoice]
    page_info: PageInfo


@strawberry.type
class SeatConnection:
    nodes: list[Seat]
    page_info: PageInfo


def page(connection: Any, shown: Any, found: Sequence[Any], first: int) -> Any:
    nodes = [shown.of(row) for row in found[:first]]
    cursor = urlsafe_b64encode(str(found[len(nodes) - 1].id).encode()).decode() if nodes else None
    return connection(nodes=nodes, page_info=PageInfo(has_next_page=len(found) > first, end_cursor=cursor))


@strawberry.type
class Account:
    row: strawberry.Private[auth.Account]
    id: ID
    name: str

    @strawberry.field
    async def payment_methods(self, info: Info) -> list[PaymentMethod]:
        found = await info.context["methods"].load(self.row.id)
        return [PaymentMethod.of(row) for row in found if row.detached_at is None]

    @strawberry.field
    async def subscriptions(self, first: int) -> SubscriptionConnection:
        table = billing.Subscription
        wanted = select(table).where(table.account_id == self.row.id).order_by(col(table.created_at), col(table.id))
        return page(SubscriptionConnection, Subscription, await rows(wanted.limit(first + 1)), first)

    @strawberry.field
    async def invoices(self, first: int, order_by: InvoiceOrder) -> InvoiceConnection:
        table = billing.Invoice
        columns = [getattr(table, order_by.field.value), col(table.id)]
        places = [column.desc() if order_by.direction is Direction.DESC else column for column in columns]
        wanted = select(table).where(table.account_id == self.row.id).order_by(*places)
        return page(InvoiceConnection, Invoice, await rows(wanted.limit(first + 1)), first)

    @classmethod
    def of(cls, row: auth.Account) -> "Account":
        return cls(row=row, id=ID(str(row.id)), name=row.name)


@strawberry.type
class Workspace:
    id: ID

    @strawberry.field
    async def seats(self, first: int) -> SeatConnection:
        table = seats.Assignment
        wanted = select(table).where(table.account_id == int(self.id)).order_by(col(table.since), col(table.id))
        return page(SeatConnection, Seat, await rows(wanted.limit(first + 1)), first)


@strawberry.type
class Viewer:
    @strawberry.field
    async def person(self, info: Info) -> Person | None:
        found = await info.context["person"].load(info.context["person_id"])
        return Person.of(found) if found else None

    @strawberry.field
    async def account(self, info: Info) -> Account | None:
        table = auth.Account
        found = await rows(select(table).where(table.person_id == info.context["person_id"]))
        return Account.of(found[0]) if found else None


@strawberry.type
class PoolExhausted:
    message: str


@strawberry.type
class Query:
    @strawberry.field
    def viewer(self) -> Viewer:
        return Viewer()

    @strawberry.field
    async def account(self, id: ID) -> Account | None:
        found = await rows(select(auth.Account).where(auth.Account.id == int(id)))
        return Account.of(found[0]) if found else None

    @strawberry.field
    async def workspace(self, id: ID) -> Workspace | None:
        found = await rows(select(auth.Workspace).where(auth.Workspace.id == int(id)))
        return Workspace(id=id) if found else None

    @strawberry.field
    async def plans(self) -> list[Plan]:
        table = catalog_tables.Plan
        offered = select(table).where(col(table.archived_at).is_(None))
        return [Plan.of(row) for row in await rows(offered.order_by(col(table.position), col(table.id)))]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def assign_seat(self, input: AssignSeatInput) -> Seat | PoolExhausted:
        pool, person = seats.LicensePool, auth.Person
        room = (pool.id == int(input.pool), pool.assigned + pool.set_apart < pool.purchased)
        async with session() as opened, opened.begin():
            taking = update(pool).where(*room).values(assigned=pool.assigned + 1).returning(pool)
            taken = (await opened.exec(taking)).scalar_one_or_none()
            if taken is None:
                return PoolExhausted(message="All seats are taken. Release one, or buy more.")
            seated = (await opened.exec(select(person).where(person.lower_email == input.email.lower()))).one()
            number = (await opened.exec(select(func.nextval("measured_seat")))).one()
            seat = seats.Assignment(
                account_id=taken.account_id,
                id=number,
                pool_id=taken.id,
                plan_id=taken.plan_id,
                email=seated.email,
                person_id=seated.id,
                person_key=str(seated.id),
                state=seats.SeatState.ACTIVE,
                source=seats.SeatSource.MANUAL,
                since=datetime.now().astimezone(),
            )
            opened.add(seat)
        return Seat.of(seat)


if __name__ == "__main__":
    uvicorn.run(
        Plain(strawberry.Schema(Query, Mutation), graphql_ide=None),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
    )
