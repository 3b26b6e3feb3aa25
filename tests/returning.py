"""Payments that were really made at the sandbox, so that they can be given back and disputed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from auth.policy import Desk
from billing import receiving
from gateway.worker import Worker
from kernel import ids
from kernel.money import Money
from kernel.work import Work
from payments import customers
from payments.disputes import DisputeState, internal
from payments.rail.intents import body_of
from payments.states import PartState, PaymentSource, PaymentState, RefundCause, RefundState
from payments.tables import Dispute, DisputeEvidence, FraudWarning, Payment, PaymentPart, Refund
from tests.paying import card, customer, rail_of, together
from tests.scene import Somebody
from tests.scenery import Scene


@dataclass(frozen=True, slots=True)
class Paid:
    """An invoice and the payment that has paid it."""

    invoice: str
    payment: str
    finance: Somebody


@asynccontextmanager
async def system(scene: Scene) -> AsyncIterator[Work]:
    """A unit of work as the worker has it, in a transaction on the account."""
    door = scene.world.app.state.door
    work = Work(door.engine, await scene.world.now(), ids=door.blocks, sees={"staff": "on"})
    try:
        async with work.transaction():
            await work.bind(scene.number)
            yield work
    finally:
        await work.close()


async def billed(scene: Scene, finance: Somebody, *amounts_minor: int, currency: str = "USD") -> str:
    """A final one-off invoice with a line of each amount."""
    lines = [{"description": f"Workshop {amount}", "unitMinor": amount} for amount in amounts_minor]
    asked = {"account": scene.account, "currency": currency, "lines": lines, "finalize": True}
    made = await scene.world.change("createOneOffInvoice", finance, shows_="id", reason_="Because.", **asked)
    return str(made.data["createOneOffInvoice"]["id"])


async def paid(
    scene: Scene,
    *amounts_minor: int,
    token: str = "pm_card_visa",
    source: PaymentSource = PaymentSource.RAIL,
) -> Paid:
    """An invoice that was paid: charged at the sandbox, and in the books."""
    amounts = amounts_minor or (4_000,)
    finance = await scene.world.person("finance", desk=Desk.FINANCE)
    invoice = await billed(scene, finance, *amounts)
    number, amount = ids.decode("inv", invoice), Money(sum(amounts), "USD")
    row = Payment(
        account_id=scene.number,
        id=scene.world.number(),
        invoice_id=number,
        state=PaymentState.SUCCEEDED,
        source=source,
        currency="USD",
        amount_minor=amount.minor,
        created_at=await scene.world.now(),
        settled_at=await scene.world.now(),
        ip="203.0.113.7",
        device="Firefox",
    )
    if source is PaymentSource.RAIL:
        # What is charged now moves now at the sandbox, too.
        await together(scene.world)
        row.payment_method_id = ids.decode("pm", await card(scene, token))
        row.rail_id, row.charge = await _charged(scene, row, amount)
    part = PaymentPart(
        account_id=scene.number,
        id=scene.world.number(),
        payment_id=row.id,
        invoice_id=number,
        currency="USD",
        amount_minor=amount.minor,
        applied_minor=amount.minor,
        state=PartState.SETTLED,
    )
    payment = ids.encode("pay", row.id)
    await scene.world.put(row)
    await scene.world.put(part)
    async with system(scene) as work:
        await receiving.receive(work, scene.number, number, amount)
    return Paid(invoice, payment, finance)


async def found(scene: Scene, of: Paid, amount_minor: int = 1_000) -> str:
    """A refund of a payment that was made at Stripe itself, and arrived."""
    now = await scene.world.now()
    row = Refund(
        account_id=scene.number,
        id=scene.world.number(),
        payment_id=ids.decode("pay", of.payment),
        invoice_id=ids.decode("inv", of.invoice),
        state=RefundState.SUCCEEDED,
        currency="USD",
        amount_minor=amount_minor,
        cause=RefundCause.REQUESTED_BY_CUSTOMER,
        reason="It was made at Stripe itself.",
        created_at=now,
        sent_at=now,
        settled_at=now,
        rail_id=f"re_{scene.world.number()}",
    )
    await scene.world.put(row)
    return ids.encode("refund", row.id)


async def warned(scene: Scene, payment: str) -> str:
    """A warning that a payment is fraud."""
    row = FraudWarning(
        account_id=scene.number,
        id=scene.world.number(),
        payment_id=ids.decode("pay", payment),
        rail_id=f"issfr_{scene.world.number()}",
        charge="ch_1",
        kind="made_with_stolen_card",
        warned_at=await scene.world.now(),
    )
    await scene.world.put(row)
    return ids.encode("warning", row.id)


async def _charged(scene: Scene, row: Payment, amount: Money) -> tuple[str, str | None]:
    rail = rail_of(scene.world)
    marks = customers.marks(rail, scene.number, gw_payment=ids.encode("pay", row.id))
    made = await rail.intents.create(
        body_of(amount, await customer(scene), marks, "Test"), key=f"i{row.id}", urgent=True
    )
    method = await scene.world.value("select rail_id from payment_method where id = $1", row.payment_method_id)
    done = await rail.intents.confirm(made.id, method, key=f"c{row.id}", off_session=True, urgent=True)
    assert done.status == "succeeded"
    return done.id, done.charge


async def working(scene: Scene, later: Any = None) -> None:
    """Let a worker with a rail do what is due, until nothing is."""
    world = scene.world
    door = world.app.state.door
    if later:
        await world.advance(later)
    worker = Worker(world.url, door.engine, door.clock, door.blocks, rail_of(world))
    for _ in range(200):
        if not await worker.turn():
            return
    raise AssertionError("the worker never comes to rest")


async def booked(scene: Scene, invoice: str) -> list[tuple[str, str, str, int]]:
    """What was booked for an invoice after it was paid: kind, debit, credit and minor units."""
    rows = await scene.world.rows(
        "select e.kind, t.debit, t.credit, t.amount_minor from ledger_entry e join ledger_transfer t"
        " on t.account_id = e.account_id and t.entry_id = e.id where e.subject_id = $1 order by e.id, t.id",
        ids.decode("inv", invoice),
    )
    return [tuple(row) for row in rows if row["kind"] not in {"invoice_finalized", "payment_received"}]


async def disputed(scene: Scene, payment: str | None = None) -> str:
    """A dispute that the rail doesn't know, of a payment or of a new one."""
    now, number = await scene.world.now(), scene.world.number()
    if payment is None:
        payment = await scene.payment(await scene.invoice())
    due = now + timedelta(days=9)
    row = Dispute(
        account_id=scene.number,
        id=number,
        payment_id=ids.decode("pay", payment),
        rail_id=f"du_{number}",
        charge=f"ch_{number}",
        state=DisputeState.NEEDS_RESPONSE,
        seen={"needs_response": int(now.timestamp())},
        reason="fraudulent",
        network="visa",
        currency="USD",
        amount_minor=4_000,
        opened_at=now,
        due_at=due,
        answer_by=internal(due, now),
        movements=[],
    )
    await scene.world.put(row)
    return ids.encode("dispute", number)


async def staged(scene: Scene, dispute: str) -> None:
    """Evidence for a dispute that was staged."""
    now = await scene.world.now()
    row = DisputeEvidence(
        account_id=scene.number,
        id=scene.world.number(),
        dispute_id=ids.decode("dispute", dispute),
        stage="dispute",
        texts={"product_description": "Workshop"},
        made_at=now,
        sent_at=now,
    )
    await scene.world.put(row)
