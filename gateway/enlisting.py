"""Enlisting: what the people of a scene pay with, known at the sandbox that plays Stripe.

A scene knows an instrument by its kind and its last digits. The sandbox is given one
under the same id, which behaves as Stripe's test instrument with these digits does:
so what a scene began goes on by itself, and is paid or declined. Stripe itself is
told nothing of a scene.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx2

from gateway.installation import Say
from gateway.rails import rail
from gateway.settings import Settings
from kernel import database
from kernel.audit import Origin
from kernel.errors import Unavailable
from kernel.id_blocks import IdBlocks
from kernel.work import Work
from payments import customers, methods, queries
from payments.rail.errors import RailError
from payments.rail.opening import Rail
from payments.rail.values import Method
from payments.tables import PaymentMethod

PREFIX = "pm_scene_"
"""By which the id of a scene's instrument begins."""

_PATIENCE = 10


async def enlist(settings: Settings, url: str, now: datetime, tell: Say) -> None:
    """Make the instruments of scenes known at the sandbox, each once; nothing happens where Stripe itself is used."""
    if settings.stripe_key:
        return
    async with _work(url, now) as work:
        strangers = await _strangers(work)
        if not strangers:
            return
        tell("Telling the Stripe sandbox what they pay with.")
        try:
            async with rail(settings, url) as paying:
                assert paying, "without a key somebody plays, except in production, which has no scenes"
                async with httpx2.AsyncClient(trust_env=False, timeout=_PATIENCE) as client:
                    for account_id, method_id in strangers:
                        await _introduce(work, paying, client, account_id, method_id)
        except (RailError, httpx2.HTTPError, Unavailable) as error:
            tell(f"It was not told everything, and is at the next start: {type(error).__name__}.")


async def _strangers(work: Work) -> list[tuple[int, int]]:
    """Account and number of the instruments of scenes that the sandbox was not told of."""
    rows = await work.fetch(
        "select account_id, id from payment_method where starts_with(rail_id, $1) and fingerprint is null"
        " and detached_at is null and kind in ('card', 'sepa_debit', 'us_bank_account') order by account_id, id",
        PREFIX,
    )
    await work.rest()
    return [(row["account_id"], row["id"]) for row in rows]


async def _introduce(work: Work, paying: Rail, client: httpx2.AsyncClient, account_id: int, method_id: int) -> None:
    customer = await customers.ensure(work, paying, account_id, urgent=True)
    async with work.transaction():
        await work.bind(account_id)
        asked = _shown(await queries.method(work, account_id, method_id), customer)
    answer = await client.post(f"{paying.line.address}/_sandbox/payment_methods", json=asked)
    answer.raise_for_status()
    async with work.transaction():
        await work.bind(account_id)
        method, told = await queries.method(work, account_id, method_id), Method.from_body(answer.json())
        # It goes on looking as the scene says.
        await methods.update(work, method, Method(told.id, told.kind, fingerprint=told.fingerprint))


def _shown(method: PaymentMethod, customer: str) -> dict[str, Any]:
    """An instrument as the sandbox is told of it."""
    year, _, month = (method.expires_on or "").partition("-")
    until = {"exp_year": int(year), "exp_month": int(month)} if month else {}
    told = {"id": method.rail_id, "customer": customer, "type": method.kind.value}
    return told | {"brand": method.brand, "last4": method.last4} | until


@asynccontextmanager
async def _work(url: str, now: datetime) -> AsyncIterator[Work]:
    owner = database.engine(url, role=None, pool_size=0)
    work = Work(owner, now, ids=IdBlocks(), origin=Origin(request_id="seed", reason="What scenes pay with."))
    try:
        yield work
    finally:
        await work.close()
        await owner.dispose()
