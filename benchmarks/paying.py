"""Payments and webhooks, measured beside the bare SDK and a bare insert in the same run.

    python benchmarks/paying.py                400 payments, 2,000 webhooks
    python benchmarks/paying.py --payments 1000 --webhooks 5000

The sandbox is a process of its own, and so is PostgreSQL. A worker pursues payments that
begin by themselves, four at once: each is an intent that is made, committed and confirmed.
The floor is the bare SDK, which makes and confirms as many intents, four at once, and
writes nothing down. Then events are posted at the door of the application, eight at once,
and applied by the worker; the floor of those is their insert, by the driver alone. CPU is
that of this process, which plays no rail and keeps no books. fsync is on.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from socket import socket
from statistics import quantiles
from tempfile import mkdtemp
from time import perf_counter, process_time
from typing import Any

import alone  # noqa: F401 - `seats` is a package here
import asyncpg
import httpx2

from billing import paying
from gateway.app import build
from gateway.logs import configure_logging
from gateway.settings import Settings
from gateway.worker import Worker
from kernel import database, postgres
from kernel.clock import SystemClock
from kernel.id_blocks import IdBlocks
from kernel.work import Work
from payments import queries
from payments.attempts import Presence
from payments.rail.opening import SANDBOX_KEY, Rail, opened
from payments.rail.turns import OURS, SharedTurns
from payments.states import PaymentMethodKind
from payments.tables import PaymentMethod, RailCustomer

ACCOUNTS = 50
SECRET = "whsec_of_a_benchmark"
SETTINGS = {
    "SEATGRAPH_ENV": "test",
    "SEATGRAPH_SECRET": "as long as a secret has to be, and no longer",
    "STRIPE_WEBHOOK_SECRETS": SECRET,
}
FILL = f"""
insert into account (id, kind, name, email, currency, country, locale, time_zone, created_at)
select n, 'workspace', 'Acme ' || n, n || '@example.test', 'USD', 'US', 'en', 'UTC', now()
from generate_series(1, {ACCOUNTS}) n;
insert into invoice (account_id, id, number, state, currency, subtotal_minor, total_minor, tax_minor, paid_minor,
                     period_start, period_end, created_at, issued_at, due_at)
select 1 + n % {ACCOUNTS}, 1000 + n, 'B-' || n, 'open', 'USD', 4000, 4000, 0, 0,
       now(), now(), now(), now(), now()
from generate_series(1, $COUNT) n;
select setval('id_block', 1000);
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the wall and of this process, and of each single act on the wall."""

    wall: float
    cpu: float
    each: list[float]


async def measured(acts: Iterable[Callable[[], Awaitable[Any]]], at_once: int) -> Cost:
    waiting, each = list(acts)[::-1], list[float]()

    async def hand() -> None:
        while waiting:
            act, begun = waiting.pop(), perf_counter()
            await act()
            each.append(perf_counter() - begun)

    began, spent = perf_counter(), process_time()
    await asyncio.gather(*(hand() for _ in range(at_once)))
    return Cost(perf_counter() - began, process_time() - spent, each)


async def cards(url: str, rail: Rail) -> None:
    """Give every account a customer and a card."""
    engine, blocks = database.engine(url, role=None), IdBlocks()
    work = Work(engine, datetime.now(UTC), ids=blocks)
    for account in range(1, ACCOUNTS + 1):
        made = await rail.customers.create("Acme", "a@example.test", {}, key=f"c{account}", urgent=True)
        owner: Any = {"customer": made.id}
        known = (await rail.line.v1.payment_methods.attach_async("pm_card_visa", owner)).to_dict()
        async with work.transaction():
            await work.bind(account)
            work.add(RailCustomer(account_id=account, rail_id=made.id, created_at=work.now))
            card = PaymentMethod(account_id=account, id=work.new_id(), kind=PaymentMethodKind.CARD, brand="visa")
            card.last4, card.is_default, card.rail_id, card.created_at = "4242", True, known["id"], work.now
            card.fingerprint = f"f{account}"
            work.add(card)
    await work.close()
    await engine.dispose()


async def begun(url: str, count: int) -> None:
    """Decide the payments, which the worker then pursues."""
    engine, blocks = database.engine(url), IdBlocks()
    work = Work(engine, datetime.now(UTC), ids=blocks, sees={"staff": "on"})
    for number in range(1, count + 1):
        account = 1 + number % ACCOUNTS
        async with work.transaction():
            await work.bind(account)
            method = await queries.default_method(work, account)
            by_itself = Presence(off_session=True)
            await paying.pay(work, account, [1000 + number], method=method, amount_minor=None, presence=by_itself)
    await work.close()
    await engine.dispose()


async def ours(url: str, rail: Rail, count: int) -> Cost:
    engine = database.engine(url)
    worker = Worker(url, engine, SystemClock(), IdBlocks(), rail)
    now = datetime.now(UTC) + timedelta(seconds=1)
    began, spent = perf_counter(), process_time()
    while await worker.pay(now):
        pass
    cost = Cost(perf_counter() - began, process_time() - spent, [])
    await engine.dispose()
    async with database.connected(url) as owner:
        paid = await owner.fetchval("select count(*) from payment where state = 'succeeded'")
    assert paid == count, f"{paid} of {count} payments succeeded"
    return cost


async def bare(url: str, rail: Rail, count: int) -> Cost:
    async with database.connected(url) as owner:
        rows = await owner.fetch(
            "select c.rail_id as customer, m.rail_id as card"
            " from rail_customer c join payment_method m using (account_id)"
        )
    service = rail.line.v1.payment_intents

    def act(number: int) -> Callable[[], Awaitable[Any]]:
        row = rows[number % ACCOUNTS]

        async def pay() -> None:
            body: Any = {"amount": 4000, "currency": "usd", "customer": row["customer"], "metadata": {}}
            made = await service.create_async(body | {"automatic_payment_methods": {"enabled": True}})
            given: Any = {"payment_method": row["card"], "off_session": True}
            await service.confirm_async(made.id, given)

        return pay

    return await measured([act(number) for number in range(count)], 4)


def an_event(number: int, intent: str) -> bytes:
    about = {"id": intent, "object": "payment_intent", "amount": 4000, "currency": "usd", "status": "succeeded"}
    about |= {"amount_received": 4000, "metadata": {}, "latest_charge": f"ch_{number}", "description": "x" * 1_500}
    told = {"id": f"evt_{number}", "object": "event", "type": "payment_intent.succeeded", "livemode": False}
    told |= {"created": int(time.time()), "api_version": "2026-10-28.endive", "data": {"object": about}}
    return json.dumps(told).encode()


async def webhooks(url: str, api: str, events: list[bytes]) -> Cost:
    app = build(Settings.model_validate(SETTINGS | {"STRIPE_API_BASE": api}), url, None, working=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://door.test") as client,
    ):

        def act(body: bytes) -> Callable[[], Awaitable[Any]]:
            async def post() -> None:
                seconds = int(time.time())
                signed = hmac.new(SECRET.encode(), f"{seconds}.".encode() + body, sha256).hexdigest()
                headers = {"stripe-signature": f"t={seconds},v1={signed}"}
                answer = await client.post("/webhooks/stripe", content=body, headers=headers)
                assert answer.status_code == 200, answer.text

            return post

        await measured([act(body) for body in events[:50]], 8)
        return await measured([act(body) for body in events[50:]], 8)


async def applied(url: str, rail: Rail, count: int) -> Cost:
    engine = database.engine(url)
    worker = Worker(url, engine, SystemClock(), IdBlocks(), rail)
    now = datetime.now(UTC) + timedelta(seconds=1)
    began, spent = perf_counter(), process_time()
    while await worker.hear(now):
        pass
    cost = Cost(perf_counter() - began, process_time() - spent, [])
    await engine.dispose()
    async with database.connected(url) as owner:
        done = await owner.fetchval("select count(*) from rail_event where outcome = 'applied'")
    assert done >= count, f"{done} of {count} events were applied"
    return cost


async def inserted(url: str, events: list[bytes]) -> Cost:
    pool: asyncpg.Pool = await database.pool(url, role=None, size=8)

    def act(number: int, body: bytes) -> Callable[[], Awaitable[Any]]:
        return lambda: pool.execute(
            "insert into bare (id, body) values ($1, $2::text::jsonb) on conflict do nothing",
            str(number),
            body.decode(),
        )

    await pool.execute("create table bare (id text primary key, body jsonb not null)")
    cost = await measured([act(number, body) for number, body in enumerate(events)], 8)
    await pool.close()
    return cost


async def compare(server: str, api: str, count: int, posts: int) -> None:
    await database.create(server, "payments")
    url = database.within(server, "payments")
    await database.migrate(url)
    async with database.connected(url) as owner:
        await owner.execute(FILL.replace("$COUNT", str(count)))
    turns = await database.pool(url, size=2)
    async with opened(SANDBOX_KEY, SharedTurns(turns, OURS), "benchmark", api=api) as rail:
        await cards(url, rail)
        await begun(url, count)
        floor, paid = await bare(url, rail, count), await ours(url, rail, count)
        for name, cost in (("bare SDK", floor), ("worker", paid)):
            told = f"{count / cost.wall:>8,.0f} payments/s{cost.cpu / count * 1e3:>8.1f} ms CPU of it here"
            print(f"{name:14}{told}{cost.cpu / floor.cpu:>8.2f} of the bare SDK")
        async with database.connected(url) as owner:
            intents = [row["rail_id"] for row in await owner.fetch("select rail_id from payment order by id")]
        events = [an_event(number, intents[number % count]) for number in range(posts + 50)]
        least, heard = await inserted(url, events), await webhooks(url, api, events)
        done = await applied(url, rail, posts)
    await turns.close()
    for name, cost in (("bare insert", least), ("webhook", heard)):
        cuts = quantiles(cost.each, n=100)
        told = f"{posts / cost.wall:>8,.0f} deliveries/s{cost.cpu / posts * 1e3:>8.2f} ms CPU of it here"
        print(f"{name:14}{told}{cuts[49] * 1e3:>8.1f} ms p50{cuts[98] * 1e3:>8.1f} ms p99")
    print(f"{'applied':14}{posts / done.wall:>8,.0f} events/s{done.cpu / posts * 1e3:>12.2f} ms CPU of it here")


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--payments", type=int, default=400)
    told.add_argument("--webhooks", type=int, default=2_000)
    asked = told.parse_args()
    home = Path(mkdtemp(prefix="seatgraph-benchmark-"))
    configure_logging(production=True, stream=(home / "log").open("w"))
    server = postgres.started(home / "ours")
    played = play(home)
    try:
        asyncio.run(compare(server, played.address, asked.payments, asked.webhooks))
    finally:
        played.process.terminate()
        played.process.wait()
        postgres.stop(home / "ours")
        shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Played:
    process: subprocess.Popen[bytes]
    address: str


def play(home: Path) -> Played:
    """The sandbox in a process of its own, with a database of its own."""
    with socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    command = [sys.executable, "-m", "gateway", "sandbox", "serve", "--port", str(port)]
    log = (home / "sandbox").open("wb")
    told = os.environ | {"SEATGRAPH_HOME": str(home / "rail")}
    process = subprocess.Popen(command, env=told, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            httpx2.get(f"{address}/_sandbox/clock", timeout=5, trust_env=False).raise_for_status()
        except httpx2.HTTPError:
            time.sleep(0.1)
        else:
            return Played(process, address)
    process.kill()
    raise SystemExit((home / "sandbox").read_text())


if __name__ == "__main__":
    main()
