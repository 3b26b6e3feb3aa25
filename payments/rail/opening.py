"""Opening the rail: Stripe, or the sandbox that plays it, by nothing but settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from payments.rail.balance import Balance
from payments.rail.billing import Billing
from payments.rail.disputes import Disputes
from payments.rail.fraud import Fraud
from payments.rail.happenings import Happenings
from payments.rail.hooks import Hooks
from payments.rail.intents import Intents
from payments.rail.invoices import Invoices
from payments.rail.line import Line
from payments.rail.methods import Customers, Methods
from payments.rail.refunds import Refunds
from payments.rail.turns import LIVE, OURS, SANDBOX, Limits, Turns

SANDBOX_KEY = "sk_test_ours"
"""What the sandbox that comes with the product takes for a key."""


@dataclass(frozen=True, slots=True)
class Rail:
    """Everything we ask of the rail, by noun."""

    line: Line
    customers: Customers
    methods: Methods
    intents: Intents
    balance: Balance
    refunds: Refunds
    disputes: Disputes
    fraud: Fraud
    hooks: Hooks
    billing: Billing
    invoices: Invoices
    happenings: Happenings
    installation: str
    """What every object we make is marked with, so that two installations on one Stripe account are told apart."""


@asynccontextmanager
async def opened(
    key: str, turns: Turns, installation: str, *, api: str | None = None, files: str | None = None
) -> AsyncIterator[Rail]:
    """The rail, for as long as it is needed."""
    line = Line(key, turns, api=api, files=files)
    try:
        yield Rail(
            line=line,
            customers=Customers(line),
            methods=Methods(line),
            intents=Intents(line),
            balance=Balance(line),
            refunds=Refunds(line),
            disputes=Disputes(line),
            fraud=Fraud(line),
            hooks=Hooks(line),
            billing=Billing(line),
            invoices=Invoices(line),
            happenings=Happenings(line),
            installation=installation,
        )
    finally:
        await line.close()


def limits(key: str) -> Limits:
    """How many calls a key may make in a second."""
    if key == SANDBOX_KEY:
        return OURS
    return LIVE if key.startswith(("sk_live_", "rk_live_")) else SANDBOX
