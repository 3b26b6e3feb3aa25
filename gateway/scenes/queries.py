"""What a scene asks: who and what is there already, and what everything is called in public."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlmodel import col, select

from auth.tables import Person
from billing.catalog_tables import Price
from billing.states import InvoiceState
from billing.tables import Invoice
from kernel.time import Interval
from kernel.work import Work
from payments.tables import PaymentMethod


class Named(NamedTuple):
    """A thing of an account: what it is, what it is called, and its number."""

    account_id: int
    kind: str
    name: str
    number: int


async def wait_for_turn(work: Work) -> None:
    """Let one scene be loaded after another, so that the second sees what the first made."""
    await work.execute("select pg_advisory_xact_lock(hashtext('scene'))")


async def people(work: Work, emails: Iterable[str]) -> dict[str, Person]:
    """Those who are there already, by address; of several the one who came first."""
    asked = select(Person).where(col(Person.lower_email).in_(sorted(emails)))
    found = await work.all(asked.order_by(col(Person.id).desc()))
    return {person.email.lower(): person for person in found}


async def workspace_of(work: Work, owner: str, name: str) -> int | None:
    """The first workspace of this name that a person of this address owns."""
    found = await work.fetch(
        "select w.id from workspace w join member m on m.account_id = w.id and m.role = 'owner' and m.state = 'active'"
        " join person p on p.id = m.person_id where p.lower_email = $1 and w.name = $2 order by w.id limit 1",
        owner,
        name,
    )
    return found[0]["id"] if found else None


async def price(work: Work, plan: str, interval: Interval, currency: str) -> Price | None:
    """The price that a plan is sold at now on these terms."""
    found = await work.fetch(
        "select price.id from price join plan_version version on version.id = price.plan_version_id"
        " join plan on plan.id = version.plan_id where plan.key = $1 and price.meter is null"
        " and price.interval = $2 and price.currency = $3 order by version.number desc limit 1",
        plan,
        interval.value,
        currency,
    )
    if not found:
        return None
    sold: Price = await work.one(select(Price).where(col(Price.id) == found[0]["id"]))
    return sold


async def open_invoices(work: Work, account_id: int, subscription_id: int) -> Sequence[Invoice]:
    """What was billed for a subscription and is owed, oldest first."""
    mine = (col(Invoice.account_id) == account_id, col(Invoice.subscription_id) == subscription_id)
    asked = select(Invoice).where(*mine, col(Invoice.state) == InvoiceState.OPEN)
    found: Sequence[Invoice] = await work.all(asked.order_by(col(Invoice.id)))
    return found


async def default_method(work: Work, account_id: int) -> PaymentMethod | None:
    """What an account pays with."""
    mine = (col(PaymentMethod.account_id) == account_id, col(PaymentMethod.detached_at).is_(None))
    found: PaymentMethod | None = await work.one(select(PaymentMethod).where(*mine, col(PaymentMethod.is_default)))
    return found


async def accounts(work: Work, emails: Sequence[str]) -> dict[str, tuple[int, int]]:
    """The number of a person and of their own account, by address; of several the one who came first."""
    found = await work.fetch(
        "select distinct on (p.lower_email) p.lower_email as email, p.id as person_id, a.id as account_id"
        " from person p join account a on a.person_id = p.id where p.lower_email = any($1::text[])"
        " order by p.lower_email, p.id",
        list(emails),
    )
    return {row["email"]: (row["person_id"], row["account_id"]) for row in found}


async def named(work: Work, account_ids: Sequence[int]) -> Iterator[Named]:
    """Everything of these accounts that has a name, in the order it was made."""
    rows = await work.fetch(_NAMED, list(account_ids))
    return (Named(row["account_id"], row["kind"], row["name"], row["id"]) for row in rows)


# Each kind is the prefix of its public id; what stands before the last slash of a name is the name's place.
_NAMED = """
    select * from (
        select s.account_id, 'sub' as kind, 'subscriptions/' || p.key as name, s.id
        from subscription s join plan p on p.id = s.plan_id
        union all select account_id, 'pm', 'payment_methods/' || last4, id from payment_method
        union all select account_id, 'inv', 'invoices/' || coalesce(number, 'draft'), id from invoice
        union all select account_id, 'key', 'keys/' || name, id from service_key
        union all select m.account_id, 'member', 'members/' || p.lower_email, m.id
        from member m join person p on p.id = m.person_id
        union all select account_id, 'invitation', 'invitations/' || email, id from invitation
        union all select account_id, 'pool', 'pools/' || name, id from license_pool
        union all select a.account_id, 'seat', 'pools/' || l.name || '/' || a.email, a.id
        from assignment a join license_pool l on l.account_id = a.account_id and l.id = a.pool_id
    ) as everything
    where account_id = any($1::bigint[]) order by id
"""
