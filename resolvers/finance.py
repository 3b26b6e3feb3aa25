"""The books as Finance reads them, and the statement that a customer gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import strawberry
from strawberry import ID

from auth.policy import Permission
from billing import books, ledger_queries, revenue_queries
from billing.ledger_queries import Balance
from kernel.errors import InvalidInput
from kernel.money import Money, exponent, total
from resolvers.info import Info

LONGEST_SCHEDULE = 800
LONGEST_OF_ALL = 92
CURRENCY = "An ISO 4217 code."


@dataclass(frozen=True, slots=True)
class Trial:
    """The trial balance of one currency."""

    currency: str
    at: datetime
    balances: list[Balance]

    @property
    def balanced(self) -> bool:
        """Whether all debits equal all credits."""
        return not total((balance.balance for balance in self.balances), self.currency)


async def trial_balance(
    info: Info,
    currency: Annotated[str, strawberry.argument(description=CURRENCY)],
    at: Annotated[datetime | None, strawberry.argument(description="As of when; now when left out.")] = None,
) -> Any:
    """Every ledger account over all customers, in one currency. For our own staff."""
    context = info.context
    context.insist_on_staff()
    exponent(currency)
    moment = at or context.work.now
    return Trial(currency, moment, await ledger_queries.trial_balance(context.work, currency, moment))


async def account_statement(
    info: Info,
    account: Annotated[ID, strawberry.argument(description="Whose.")],
    currency: Annotated[str, strawberry.argument(description=CURRENCY)],
    since: Annotated[datetime, strawberry.argument(description="From this instant on.")],
    until: Annotated[
        datetime | None, strawberry.argument(description="Before this instant; now when left out.")
    ] = None,
) -> Any:
    """What an account owed, what changed it, and what it owes, less its credit."""
    context = info.context
    found = await context.found("account", account)
    context.actor.require(Permission.SEE_INVOICES, found.id)
    exponent(currency)
    # What happened just now belongs to a statement that is asked for just now.
    end = until or context.work.now + timedelta(microseconds=1)
    return await ledger_queries.statement(context.work, found.id, currency, since, end)


async def revenue_schedule(
    info: Info,
    currency: Annotated[str, strawberry.argument(description=CURRENCY)],
    since: Annotated[date, strawberry.argument(description="The first day, where the account lives.")],
    until: Annotated[date, strawberry.argument(description="The last day: up to 800 of one account, or 92 of all.")],
    account: Annotated[ID | None, strawberry.argument(description="Whose invoices; everybody's when left out.")] = None,
    invoice: Annotated[ID | None, strawberry.argument(description="Only of this invoice.")] = None,
) -> Any:
    """What is earned on each day, and deferred at its end, after credit notes. For our own staff."""
    context = info.context
    context.insist_on_staff()
    most = LONGEST_SCHEDULE if account or invoice else LONGEST_OF_ALL
    if not 0 <= (until - since).days < most:
        raise InvalidInput(f"This schedule has 1 to {most} days, the last not before the first.")
    exponent(currency)
    named = await context.found("inv", invoice) if invoice else None
    found = await context.found("account", account) if account else None
    if named and found and named.account_id != found.id:
        raise InvalidInput("This invoice is another account's.")
    whose = found.id if found else named.account_id if named else None
    number = named.id if named else None
    return await revenue_queries.schedule(context.work, whose, currency, since, until, invoice_id=number)


async def credit_balance(
    info: Info,
    account: Annotated[ID, strawberry.argument(description="Whose.")],
    currency: Annotated[str, strawberry.argument(description=CURRENCY)],
) -> Any:
    """What an account has to its credit in a currency; invoices to come use it by themselves."""
    context = info.context
    found = await context.found("account", account)
    context.actor.require(Permission.SEE_INVOICES, found.id)
    exponent(currency)
    minor = await books.credit(context.work, found.id, currency)
    return Money(minor, currency)
