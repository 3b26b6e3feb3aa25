"""Customers: who our accounts are at the rail, each once."""

from __future__ import annotations

from auth import queries as people
from kernel import ids
from kernel.work import Work
from payments import queries
from payments.rail.opening import Rail


async def ensure(work: Work, rail: Rail, account_id: int, *, urgent: bool) -> str:
    """The rail's id of an account's customer, who is made the first time. Opens transactions. Raises RailError."""
    async with work.transaction():
        await work.bind(account_id)
        customer = await queries.customer(work, account_id)
        account = await people.account(work, account_id)
    if customer.rail_id:
        return customer.rail_id
    made = await rail.customers.create(
        account.name,
        account.email,
        marks(rail, account_id),
        key=f"{rail.installation}-customer-{account_id}-{customer.made}",
        urgent=urgent,
    )
    async with work.transaction():
        await work.bind(account_id)
        known = await queries.customer(work, account_id)
        known.rail_id = known.rail_id or made.id
    return known.rail_id


async def forget(work: Work, account_id: int) -> None:
    """The customer is gone at the rail: the next one who needs it makes another."""
    known = await queries.customer(work, account_id)
    known.rail_id, known.made = None, known.made + 1


def marks(rail: Rail, account_id: int, **further: str) -> dict[str, str]:
    """The metadata of what we make at the rail: whose it is, and what of ours it stands for."""
    return {"gw_installation": rail.installation, "gw_account": ids.encode("account", account_id)} | further
