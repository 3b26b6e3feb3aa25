"""Bringing: a customer of Stripe Billing becomes an account of ours, in one transaction.

Whatever has come over is written down under its name there, which is unique: who
brings it again changes nothing. Until a subscription ends there its clock here is
held, so that the two never bill the same span.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from auth import operations as people
from auth import queries as accounts
from auth.tables import Account, Identity, Person
from billing import books, charging, events, fact_queries, ledger
from billing import queries as billing
from billing.facts import agreement, issued
from billing.importing import openings, queries
from billing.importing.agreeing import TRIALING, Agreed, agreed, within
from billing.importing.deciding import Decision, Wanted
from billing.importing.describing import name_of
from billing.importing.matching import Kind, Matching
from billing.states import SubscriptionState
from billing.subscriptions import AlreadySubscribed
from billing.tables import ImportedObject, SubscriptionClock
from kernel import ids
from kernel.errors import Conflict
from kernel.money import Money
from kernel.work import Work
from payments import methods as instruments
from payments import queries as payments
from payments.attempts import Presence
from payments.rail.values import Method

HELD = "Stripe still bills it: end it there, and import again"
"""Why the clock of a subscription stands still that came over and goes on there."""

_ROWS = 40


@dataclass(frozen=True, slots=True)
class Brought:
    """What came over, and what of it still has to end there."""

    account_id: int
    subscriptions: Mapping[str, int] = field(default_factory=dict)
    """The number of each, by what it is called there."""

    methods: int = 0
    credit: Sequence[Money] = ()


async def bring(work: Work, matching: Matching, decision: Decision, methods: Sequence[Method]) -> Brought:
    """Make of a customer an account with its payment methods, credit and subscriptions.

    Raises Conflict or AlreadySubscribed. Call it inside a transaction, as the owner of the tables. What is here
    already stays as it is.
    """
    customer = decision.customer
    await queries.take_turn(work, customer.id)
    await work.reserve(_ROWS + len(methods) + 2 * len(decision.credit))
    account, is_new = await _account(work, matching, decision)
    await billing.take_turn(work, account.id)
    if is_new:
        _write_down(work, account.id, customer.id, queries.CUSTOMER, account.id)
        await _known_at_rail(work, account.id, customer.id)
    kept = await _keep_methods(work, account.id, methods, customer.method)
    credit = [amount for amount in decision.credit if await _credit(work, account.id, customer.id, amount)]
    made = {}
    for wanted in decision.wanted:
        there = await queries.brought(work, wanted.theirs.id)
        made[wanted.theirs.id] = there.ours if there else await _begin(work, account, wanted)
    return Brought(account.id, made, kept, credit)


async def _begin(work: Work, account: Account, wanted: Wanted) -> int:
    """The facts of a subscription, the period that is paid there, and a clock that waits until it ends there.

    Raises AlreadySubscribed.
    """
    first = wanted.items[0].offer
    if first.least is None and await billing.running(work, account.id, first.plan_id):
        raise AlreadySubscribed(first.target.plan)
    await _reserve(work, wanted)
    terms = agreed(wanted, account.id, account.time_zone, work.new_id)
    subscription = terms.facts.subscription
    work.add(subscription)
    await work.flush()
    for item in terms.facts.items:
        work.add(item)
    await work.flush()
    held = None if wanted.ends else HELD
    work.add(
        SubscriptionClock(
            account_id=account.id, subscription_id=subscription.id, due_at=subscription.period_end, held=held
        )
    )
    facts = terms.facts
    for row in (*facts.cycles, *facts.steps, *facts.metered, *facts.discounts):
        work.add(row)
    _write_down(work, account.id, wanted.theirs.id, queries.SUBSCRIPTION, subscription.id)
    await work.flush()
    await _choose(work, account.id, subscription.id, wanted.theirs.method)
    work.emit(events.SubscriptionImported(account.id, subscription.id), subscription)
    await openings.open_period(work, account, terms, wanted)
    return subscription.id


async def ended_there(work: Work, account_id: int, subscription_id: int, wanted: Wanted | None) -> bool:
    """Let a subscription be billed here that ends there, or has ended; whether it was held for that.

    Periods that Stripe has begun since it came over are recorded as paid there. Call it inside a transaction.
    """
    clock = await fact_queries.clock(work, account_id, subscription_id, lock=True)
    if clock.held != HELD:
        return False
    account = await accounts.account(work, account_id)
    if wanted and wanted.theirs.status != TRIALING and wanted.period.end > clock.due_at:
        await _catch_up(work, account, clock, wanted)
    clock.held = None
    await work.flush()
    work.emit(events.SubscriptionReleased(account_id, subscription_id), before={"held": HELD}, after={"held": None})
    return True


async def _catch_up(work: Work, account: Account, clock: SubscriptionClock, wanted: Wanted) -> None:
    """Record the periods that have begun there since, and move into the last of them."""
    subscription = await billing.subscription(work, account.id, clock.subscription_id)
    facts = await fact_queries.facts(work, subscription)
    await _reserve(work, wanted)
    there = agreed(wanted, account.id, account.time_zone, work.new_id).there
    terms = Agreed(facts, replace(facts, prices={**facts.prices, **there.prices}))
    rows = await fact_queries.issued(work, account.id, subscription.id)
    await openings.open_period(work, account, terms, wanted, issued(rows))
    charging.advance(subscription, clock, agreement(facts), within(wanted.period, work.now))
    if subscription.state is SubscriptionState.TRIALING:
        subscription.state = SubscriptionState.ACTIVE
    await work.flush()


async def _reserve(work: Work, wanted: Wanted) -> None:
    """Have ids ready for every row of a subscription's facts: items with a step each, meters, and discounts."""
    await work.reserve(2 * len(wanted.items) + len(wanted.metered) + len(wanted.discounts) + _ROWS)


async def _account(work: Work, matching: Matching, decision: Decision) -> tuple[Account, bool]:
    """The account of a customer, made now unless it is here; whether the customer is new. Raises Conflict."""
    customer = decision.customer
    if known := await queries.brought(work, customer.id):
        return await accounts.account(work, known.account_id), False
    number = await queries.account_of(work, customer.id)
    if number is None and decision.says.account:
        number = ids.decode("account", decision.says.account)
    account = await (_opened(work, matching, decision) if number is None else accounts.account(work, number))
    other = await queries.pays_at_rail(work, account.id)
    if other not in {None, customer.id}:
        raise Conflict(f"The account of {customer.id} is {other} at Stripe already: it can't be two customers there.")
    return account, True


async def _opened(work: Work, matching: Matching, decision: Decision) -> Account:
    """An account of the customer's own; that of a person who was here before stays as it is."""
    person_id, account, is_new = await _person(work, matching, decision)
    if decision.kind is Kind.WORKSPACE:
        made = await people.create_workspace(work, work.new_id(), person_id, name_of(decision.customer), account)
        account, is_new = await accounts.account(work, made.id), True
    if is_new:
        told = {"currency": decision.currency, "time_zone": decision.time_zone}
        for name, value in {**told, "email": decision.customer.email.lower(), **decision.columns}.items():
            setattr(account, name, value)
        await work.flush()
    return account


async def _person(work: Work, matching: Matching, decision: Decision) -> tuple[int, Account, bool]:
    """Whoever signs in for the customer, with the account that is their own; whether they are new."""
    customer = decision.customer
    subject = customer.metadata.get(matching.subject) if matching.subject else None
    if subject and matching.issuer and (known := await queries.person_known(work, matching.issuer, subject)):
        return known, await accounts.own_account(work, known), False
    person = Person(
        id=work.new_id(),
        email=customer.email.lower(),
        name=name_of(customer),
        time_zone=decision.time_zone,
        locale=decision.columns.get("locale", "en"),
        created_at=work.now,
    )
    work.add(person)
    await work.flush()
    if subject and matching.issuer:
        work.add(Identity(issuer=matching.issuer, subject=subject, person_id=person.id, created_at=work.now))
    account = await people.open_account(work, person)
    await work.flush()
    return person.id, account, True


async def _keep_methods(work: Work, account_id: int, methods: Sequence[Method], default: str | None) -> int:
    kept = 0
    for method in sorted(methods, key=lambda each: each.id != default):
        if await payments.method_named(work, account_id, method.id) is None:
            await instruments.save(work, account_id, method, Presence(), default=method.id == default)
            kept += 1
    return kept


async def _known_at_rail(work: Work, account_id: int, customer: str) -> None:
    """Charge the account as the customer that it is there."""
    row = await payments.customer(work, account_id)
    row.rail_id = row.rail_id or customer
    await work.flush()


async def _choose(work: Work, account_id: int, subscription_id: int, method: str | None) -> None:
    known = await payments.method_named(work, account_id, method) if method else None
    if known and not known.is_default:
        await payments.choose(work, account_id, subscription_id, known.id)


async def _credit(work: Work, account_id: int, customer: str, amount: Money) -> bool:
    """Book what a customer has in credit there, once for each currency; whether it was new."""
    name = f"{customer}:{amount.currency}"
    if await queries.brought(work, name):
        return False
    entry = books.book(
        work, account_id, "credit_brought", ledger.credit_brought(amount), subject="account", subject_id=account_id
    )
    assert entry, "an amount above zero moves"
    _write_down(work, account_id, name, queries.CREDIT, entry.id)
    await work.flush()
    told = {"kind": entry.kind, "transfers": [{"currency": amount.currency, "amount_minor": amount.minor}]}
    work.emit(events.CreditGranted(account_id, entry.id), after=told)
    return True


def _write_down(work: Work, account_id: int, rail_id: str, kind: str, ours: int) -> None:
    work.add(ImportedObject(account_id=account_id, rail_id=rail_id, kind=kind, ours=ours, imported_at=work.now))
