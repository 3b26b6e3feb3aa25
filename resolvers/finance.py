"""The books as Finance reads them, and the statement that a customer gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

import strawberry
from strawberry import ID

from auth import queries as people
from auth.policy import Permission
from billing import books, invoice_queries, ledger_queries, recognition
from billing.ledger_queries import Balance
from kernel.errors import Forbidden, InvalidInput, Unauthenticated
from kernel.money import Money, exponent, total
from resolvers.info import Context, Info

LONGEST_SCHEDULE = 800
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
    _only_staff(context)
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
    account: Annotated[ID, strawberry.argument(description="Whose invoices.")],
    currency: Annotated[str, strawberry.argument(description=CURRENCY)],
    since: Annotated[date, strawberry.argument(description="The first day, where the account lives.")],
    until: Annotated[date, strawberry.argument(description="The last day: up to 800 days.")],
    invoice: Annotated[ID | None, strawberry.argument(description="Only of this invoice.")] = None,
) -> Any:
    """What is earned on each day, and deferred at its end, after credit notes. For our own staff."""
    context = info.context
    _only_staff(context)
    if not 0 <= (until - since).days < LONGEST_SCHEDULE:
        raise InvalidInput(f"A schedule has 1 to {LONGEST_SCHEDULE} days, the last not before the first.")
    exponent(currency)
    found = await context.found("account", account)
    number = (await context.found("inv", invoice)).id if invoice else None
    row = await people.account(context.work, found.id)
    first = datetime.combine(since, time(), UTC)
    # What ended before is earned already, and so is neither earned nor deferred in the schedule.
    lines = await invoice_queries.billed(context.work, row.id, currency, first, number)
    return list(recognition.schedule(lines, since, until, currency, row.time_zone))


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


def _only_staff(context: Context) -> None:
    if context.actor.desk:
        return
    if context.actor.person_id is None and context.actor.key_id is None:
        raise Unauthenticated("Sign in first: send a bearer token.")
    raise Forbidden("The books are for our own staff. Your statement is `accountStatement`.")
