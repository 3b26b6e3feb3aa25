"""What we ask about payment methods, payments and what the rail told us."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlmodel import col, select

from kernel.errors import NotFound
from kernel.work import Work
from payments.states import AttemptState, PartState
from payments.tables import Payment, PaymentAttempt, PaymentMethod, PaymentPart, PaymentSetup, RailCustomer

# Payment methods


async def method(work: Work, account_id: int, method_id: int) -> PaymentMethod:
    """A payment method, locked for a change. Raises NotFound."""
    mine = (col(PaymentMethod.account_id) == account_id, col(PaymentMethod.id) == method_id)
    found: PaymentMethod | None = await work.one(select(PaymentMethod).where(*mine).with_for_update())
    if found is None:
        raise NotFound
    return found


async def method_named(work: Work, account_id: int, rail_id: str) -> PaymentMethod | None:
    """The payment method that the rail calls so, locked for a change."""
    mine = (col(PaymentMethod.account_id) == account_id, col(PaymentMethod.rail_id) == rail_id)
    found: PaymentMethod | None = await work.one(select(PaymentMethod).where(*mine).with_for_update())
    return found


async def default_method(work: Work, account_id: int) -> PaymentMethod | None:
    """What an account is charged by unless another was chosen."""
    usable = (col(PaymentMethod.account_id) == account_id, col(PaymentMethod.detached_at).is_(None))
    found: PaymentMethod | None = await work.one(select(PaymentMethod).where(*usable, col(PaymentMethod.is_default)))
    return found


async def method_for(work: Work, account_id: int, subscription_id: int | None) -> PaymentMethod | None:
    """What is charged for a subscription: its own choice, or the account's default."""
    if subscription_id is None:
        return await default_method(work, account_id)
    rows = await work.fetch(
        "select m.id from payment_choice c join payment_method m on m.account_id = c.account_id"
        " and m.id = c.payment_method_id and m.detached_at is null"
        " where c.account_id = $1 and c.subscription_id = $2",
        account_id,
        subscription_id,
    )
    return await method(work, account_id, rows[0]["id"]) if rows else await default_method(work, account_id)


async def methods_of(work: Work, account_id: int) -> Sequence[PaymentMethod]:
    """The payment methods of an account that are not detached."""
    usable = (col(PaymentMethod.account_id) == account_id, col(PaymentMethod.detached_at).is_(None))
    found: Sequence[PaymentMethod] = await work.all(select(PaymentMethod).where(*usable).with_for_update())
    return found


async def choose(work: Work, account_id: int, subscription_id: int, method_id: int) -> None:
    """Pay a subscription with this method from now on."""
    await work.execute(
        "insert into payment_choice (account_id, subscription_id, payment_method_id) values ($1, $2, $3)"
        " on conflict (account_id, subscription_id) do update set payment_method_id = excluded.payment_method_id",
        account_id,
        subscription_id,
        method_id,
    )


async def forget_choices(work: Work, account_id: int, method_id: int) -> None:
    """No subscription is paid with this method any more."""
    await work.execute(
        "update payment_choice set payment_method_id = null where account_id = $1 and payment_method_id = $2",
        account_id,
        method_id,
    )


async def expiring(work: Work, month: str, most: int) -> list[tuple[int, int]]:
    """Account and number of the methods that work until before this month, and of which nobody was told."""
    rows = await work.fetch(
        "select account_id, id from payment_method where detached_at is null and expires_on < $1"
        " and warned_of is distinct from expires_on order by account_id, id limit $2",
        month,
        most,
    )
    return [(row["account_id"], row["id"]) for row in rows]


async def setup(work: Work, account_id: int, setup_id: int) -> PaymentSetup:
    """A setup, locked for a change. Raises NotFound."""
    mine = (col(PaymentSetup.account_id) == account_id, col(PaymentSetup.id) == setup_id)
    found: PaymentSetup | None = await work.one(select(PaymentSetup).where(*mine).with_for_update())
    if found is None:
        raise NotFound
    return found


async def customer(work: Work, account_id: int) -> RailCustomer:
    """Who an account is at the rail, written down the first time, and locked."""
    await work.execute(
        "insert into rail_customer (account_id, created_at) values ($1, $2) on conflict do nothing",
        account_id,
        work.now,
    )
    asked = select(RailCustomer).where(col(RailCustomer.account_id) == account_id).with_for_update()
    found: RailCustomer = await work.one(asked)
    return found


# Payments


async def payment(work: Work, account_id: int, payment_id: int) -> Payment:
    """A payment, locked for a change. Raises NotFound."""
    mine = (col(Payment.account_id) == account_id, col(Payment.id) == payment_id)
    found: Payment | None = await work.one(select(Payment).where(*mine).with_for_update())
    if found is None:
        raise NotFound
    return found


async def parts(work: Work, account_id: int, payment_id: int) -> Sequence[PaymentPart]:
    """The parts of a payment."""
    mine = (col(PaymentPart.account_id) == account_id, col(PaymentPart.payment_id) == payment_id)
    found: Sequence[PaymentPart] = await work.all(select(PaymentPart).where(*mine).order_by(col(PaymentPart.id)))
    return found


async def move_parts(work: Work, account_id: int, payment_id: int, to: PartState) -> None:
    """All parts of a payment that are not settled yet are in another state now."""
    mine = (col(PaymentPart.account_id) == account_id, col(PaymentPart.payment_id) == payment_id)
    unsettled = col(PaymentPart.state) != PartState.SETTLED
    await work.changed(update(PaymentPart).where(*mine, unsettled).values(state=to))


async def under_way(work: Work, account_id: int, invoice_ids: Sequence[int]) -> list[Payment]:
    """The payments that hold one of these invoices, or wait for it, locked."""
    rows = await work.fetch(
        "select distinct payment_id from payment_part where account_id = $1 and invoice_id = any($2::bigint[])"
        " and state in ('open', 'waiting')",
        account_id,
        list(invoice_ids),
    )
    return [await payment(work, account_id, row["payment_id"]) for row in rows]


async def attempts(work: Work, account_id: int, payment_id: int) -> Sequence[PaymentAttempt]:
    """The tries of a payment, oldest first."""
    mine = (col(PaymentAttempt.account_id) == account_id, col(PaymentAttempt.payment_id) == payment_id)
    found: Sequence[PaymentAttempt] = await work.all(
        select(PaymentAttempt).where(*mine).order_by(col(PaymentAttempt.number))
    )
    return found


async def last_answer(work: Work, account_id: int, method_id: int) -> PaymentAttempt | None:
    """The last try at a payment method that was answered."""
    mine = (col(PaymentAttempt.account_id) == account_id, col(PaymentAttempt.payment_method_id) == method_id)
    asked = select(PaymentAttempt).where(*mine, col(PaymentAttempt.answered_at).is_not(None))
    found: PaymentAttempt | None = await work.one(asked.order_by(col(PaymentAttempt.id).desc()).limit(1))
    return found


async def attempt_at_work(work: Work, account_id: int, payment_id: int) -> PaymentAttempt | None:
    """The try of a payment that is not answered yet."""
    mine = (col(PaymentAttempt.account_id) == account_id, col(PaymentAttempt.payment_id) == payment_id)
    asked = select(PaymentAttempt).where(*mine, col(PaymentAttempt.state) != AttemptState.ANSWERED)
    found: PaymentAttempt | None = await work.one(asked)
    return found


async def due(work: Work, now: datetime, most: int) -> list[tuple[int, int]]:
    """Account and number of the payments that want to be looked after, as the system sees them."""
    rows = await work.fetch(
        "select account_id, id from payment where next_at <= $1 order by next_at, account_id, id limit $2", now, most
    )
    return [(row["account_id"], row["id"]) for row in rows]


async def charged_by(work: Work, account_id: int, method_id: int) -> bool:
    """Whether a payment is under way whose outcome depends on this method."""
    rows = await work.fetch(
        "select from payment where account_id = $1 and payment_method_id = $2"
        " and state in ('created', 'unknown', 'requires_action', 'processing') limit 1",
        account_id,
        method_id,
    )
    return bool(rows)
