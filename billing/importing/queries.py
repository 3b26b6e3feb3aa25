"""What an import asks: what came over before, and whose identity is known."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import col, select

from auth.tables import Identity
from billing.tables import ImportedObject
from kernel.work import Work

SUBSCRIPTION = "subscription"
CUSTOMER = "customer"
CREDIT = "credit"
INVOICE = "invoice"


async def known(work: Work) -> Mapping[str, ImportedObject]:
    """Everything that came over, by what it is called there, as the owner of the tables sees it."""
    return {row.rail_id: row for row in await work.all(select(ImportedObject))}


async def take_turn(work: Work, customer: str) -> None:
    """Let nobody else bring this customer over until the transaction ends."""
    await work.execute("select pg_advisory_xact_lock(hashtextextended('import', hashtext($1)))", customer)


async def brought(work: Work, rail_id: str) -> ImportedObject | None:
    """What something there is here; None for what has not come over."""
    found: ImportedObject | None = await work.one(select(ImportedObject).where(col(ImportedObject.rail_id) == rail_id))
    return found


async def account_of(work: Work, customer: str) -> int | None:
    """The account that is a customer at the rail already, because it pays through it."""
    rows = await work.fetch("select account_id from rail_customer where rail_id = $1", customer)
    return rows[0]["account_id"] if rows else None


async def person_known(work: Work, issuer: str, subject: str) -> int | None:
    """The number of the person whom an issuer calls so."""
    asked = select(Identity).where(col(Identity.issuer) == issuer, col(Identity.subject) == subject)
    found: Identity | None = await work.one(asked)
    return found.person_id if found else None


async def pays_at_rail(work: Work, account_id: int) -> str | None:
    """Who an account is at the rail."""
    rows = await work.fetch("select rail_id from rail_customer where account_id = $1", account_id)
    return rows[0]["rail_id"] if rows else None
