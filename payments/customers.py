"""Customers: who our accounts are at the rail, each once.

What is asked for is committed first, so that whoever follows after a lost answer
sends the very same. Where the key answers no more, or only fails, the customer is
looked for by our mark before another one is asked for.
"""

from __future__ import annotations

from datetime import timedelta

from auth import queries as people
from kernel import ids
from kernel.work import Work
from payments import queries
from payments.keys import KEYS_LIVE, PATIENT
from payments.rail.errors import Refused, Unknown
from payments.rail.opening import Rail
from payments.rail.values import Customer
from payments.tables import RailCustomer

_CLOCKS = timedelta(hours=1)
"""By how much the rail's clock may be behind ours."""


async def ensure(work: Work, rail: Rail, account_id: int, *, urgent: bool) -> str:
    """The rail's id of an account's customer, who is made the first time. Opens transactions. Raises RailError."""
    asked = await _asked(work, rail, account_id)
    if asked.rail_id is None and _doubtful(work, asked):
        asked = await _looked_for(work, rail, asked, urgent=urgent)
    return asked.rail_id or await _keep(work, account_id, await _made(work, rail, asked, urgent=urgent))


async def forget(work: Work, account_id: int) -> None:
    """The customer is gone at the rail: the next one who needs it makes another."""
    known = await queries.customer(work, account_id)
    _ask_anew(known)
    known.rail_id = None


def marks(rail: Rail, account_id: int, **further: str) -> dict[str, str]:
    """The metadata of what we make at the rail: whose it is, and what of ours it stands for."""
    return {"gw_installation": rail.installation, "gw_account": ids.encode("account", account_id)} | further


async def _asked(work: Work, rail: Rail, account_id: int) -> RailCustomer:
    """Who an account is at the rail, or what the rail is asked for from now on."""
    async with work.transaction():
        await work.bind(account_id)
        customer = await queries.customer(work, account_id)
        if customer.rail_id is None and customer.requested_at is None:
            account = await people.account(work, account_id)
            ours = {"name": account.name, "email": account.email, "metadata": marks(rail, account_id)}
            customer.request, customer.requested_at = ours, work.now
    return customer


def _doubtful(work: Work, asked: RailCustomer) -> bool:
    """Whether a customer may have come to be of which the key tells nothing any more."""
    assert asked.requested_at, "who is not known was asked for"
    return work.now - asked.requested_at >= KEYS_LIVE or asked.looks >= PATIENT


async def _looked_for(work: Work, rail: Rail, asked: RailCustomer, *, urgent: bool) -> RailCustomer:
    """The customer that bears our mark; if there is none, what is asked for next, by another key."""
    assert asked.request, "who is not known was asked for"
    assert asked.requested_at, "and when"
    ours, since = asked.request["metadata"], asked.requested_at - _CLOCKS
    found = await rail.customers.marked(ours, email=asked.request["email"], since=since, urgent=urgent)
    async with work.transaction():
        await work.bind(asked.account_id)
        known = await queries.customer(work, asked.account_id)
        if known.rail_id is None and found:
            known.rail_id = found.id
        elif known.rail_id is None and known.made == asked.made:
            _ask_anew(known)
    return await _asked(work, rail, asked.account_id)


async def _made(work: Work, rail: Rail, asked: RailCustomer, *, urgent: bool) -> Customer:
    assert asked.request, "who is not known was asked for"
    key = f"{rail.installation}-customer-{asked.account_id}-{asked.made}"
    try:
        return await rail.customers.create(**asked.request, key=key, urgent=urgent)
    except (Unknown, Refused) as error:
        async with work.transaction():
            await work.bind(asked.account_id)
            known = await queries.customer(work, asked.account_id)
            # What was refused is refused again, until it is asked for in other words.
            known.looks = PATIENT if isinstance(error, Refused) else known.looks + 1
        raise


async def _keep(work: Work, account_id: int, made: Customer) -> str:
    async with work.transaction():
        await work.bind(account_id)
        known = await queries.customer(work, account_id)
        known.rail_id = known.rail_id or made.id
    return known.rail_id


def _ask_anew(known: RailCustomer) -> None:
    known.made, known.requested_at, known.looks = known.made + 1, None, 0
